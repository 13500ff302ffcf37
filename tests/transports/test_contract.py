"""The library's transports pass the public contract."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, TCPConnector

from irma_testing.contracts import AsyncTransportContract, TransportContract
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport


class TestUrllib3(TransportContract):
    """`Urllib3Transport` passes the sync contract."""

    def make_transport(self) -> Urllib3Transport:
        return Urllib3Transport()


class TestAiohttp(AsyncTransportContract):
    """`AiohttpTransport` passes the async contract."""

    def make_transport(self) -> AiohttpTransport:
        return AiohttpTransport()


class TestAiohttpOnASession(AsyncTransportContract):
    """`AiohttpTransport` on an application's session passes the async contract."""

    @asynccontextmanager
    async def make_transport(self) -> AsyncGenerator[AiohttpTransport]:
        connector = TCPConnector(limit=0, keepalive_timeout=1.5)
        async with (
            ClientSession(connector=connector) as session,
            AiohttpTransport(session) as transport,
        ):
            yield transport
