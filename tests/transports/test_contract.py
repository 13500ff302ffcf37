"""The public contract, passed by the transports that come with the library."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, TCPConnector

from irma_testing.contracts import AsyncTransportContract, TransportContract
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport


class TestUrllib3(TransportContract):
    """The sync contract."""

    def make_transport(self) -> Urllib3Transport:
        return Urllib3Transport()


class TestAiohttp(AsyncTransportContract):
    """The async contract."""

    def make_transport(self) -> AiohttpTransport:
        return AiohttpTransport()


class TestAiohttpOnASession(AsyncTransportContract):
    """The same on the connector of an application's session."""

    @asynccontextmanager
    async def make_transport(self) -> AsyncGenerator[AiohttpTransport]:
        connector = TCPConnector(limit=0, keepalive_timeout=1.5)
        async with (
            ClientSession(connector=connector) as session,
            AiohttpTransport(session) as transport,
        ):
            yield transport
