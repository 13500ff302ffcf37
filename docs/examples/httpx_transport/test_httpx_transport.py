from httpx_transport import HttpxTransport

from irma_testing.contracts import AsyncTransportContract


class TestHttpx(AsyncTransportContract):
    def make_transport(self) -> HttpxTransport:
        return HttpxTransport()
