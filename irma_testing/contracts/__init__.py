"""What transports and signers must pass, as pytest classes to subclass.

    class TestMyTransport(TransportContract):
        def make_transport(self):
            return MyTransport()

    class TestMySigner(SignerContract):
        verifying_key = PUBLIC_KEY_PEM

        def make_signer(self):
            return MySigner(...)

See `docs/how-to/write-a-transport.md` and `docs/how-to/write-a-signing-scheme.md`. `VERSION` is
raised when a test is added that something might fail which passed before.
"""

from typing import Final

from irma_testing.contracts.signer import AsyncSignerContract, SignerContract
from irma_testing.contracts.transport import AsyncTransportContract, TransportContract

__all__ = [
    "VERSION",
    "AsyncSignerContract",
    "AsyncTransportContract",
    "SignerContract",
    "TransportContract",
]

VERSION: Final = 1
