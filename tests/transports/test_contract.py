"""The public contract, passed by the transports that come with the library."""

from __future__ import annotations

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
