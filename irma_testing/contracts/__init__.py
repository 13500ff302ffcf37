"""Pytest classes that test the parts and web adapters that you write; subclass them.

    class TestMyTransport(TransportContract):
        def make_transport(self):
            return MyTransport()

    class TestMySigner(SignerContract):
        verifying_key = PUBLIC_KEY_PEM

        def make_signer(self):
            return MySigner(...)

    class TestMyStatusBackend(StatusBackendContract):
        def make_status_backend(self):
            return MyStatusBackend(...)

    class TestMyStore(StoreContract):
        def make_store(self):
            return MyStore(...)

    class TestMyWebAdapter(WebAdapterContract):
        def make_application(self, site):
            parts = site.parts()
            return wsgi(my_application(parts.sessions, site.login))

See `write-a-transport.md`, `write-a-signing-scheme.md`, `write-a-status-backend.md` and
`write-a-store.md` in `docs/how-to`. `VERSION` increases when a new test may fail for a part that
has passed until now.
"""

from importlib.util import find_spec
from typing import Final

if find_spec("pytest") is None:
    raise ImportError(
        "the contracts need pytest: pip install 'irma-backend[testing]'", name="pytest"
    )

from irma_testing.contracts.signer import AsyncSignerContract, SignerContract
from irma_testing.contracts.status_backend import (
    AsyncStatusBackendContract,
    StatusBackendContract,
)
from irma_testing.contracts.store import AsyncStoreContract, StoreContract
from irma_testing.contracts.transport import AsyncTransportContract, TransportContract
from irma_testing.contracts.web_adapter import WebAdapterContract

__all__ = [
    "VERSION",
    "AsyncSignerContract",
    "AsyncStatusBackendContract",
    "AsyncStoreContract",
    "AsyncTransportContract",
    "SignerContract",
    "StatusBackendContract",
    "StoreContract",
    "TransportContract",
    "WebAdapterContract",
]

VERSION: Final = 1
