"""What transports must pass, as pytest classes to subclass; see `docs/how-to/write-a-transport.md`.

    class TestMyTransport(TransportContract):
        def make_transport(self):
            return MyTransport()

`VERSION` is raised when a test is added that a transport might fail which passed before.
"""

from typing import Final

from irma_testing.contracts.transport import AsyncTransportContract, TransportContract

__all__ = ["VERSION", "AsyncTransportContract", "TransportContract"]

VERSION: Final = 1
