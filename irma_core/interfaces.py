"""The one door for authors of transports, stores, status backends, signers and plugins.

Applications import from `irma_core`, and errors are in `irma_core.errors`. Importing this module
loads no plugin machinery: only a module that uses `hookimpl` needs pluggy.
"""

from irma_core.models.holders import FrozenMapping
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.plugins.hookspecs import (
    FactoryContext,
    Mode,
    PluginUri,
    Secret,
    SignerFactory,
    StatusBackendFactory,
    StoreFactory,
    hookimpl,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import AsyncStatusBackend, PublishedEnd, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import (
    AsyncByteStream,
    AsyncTransport,
    ByteStream,
    Clock,
    Jitter,
    ReadOutcome,
    Transport,
)
from irma_core.tracebacks import boundary
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = [
    "AsyncByteStream",
    "AsyncSigner",
    "AsyncStatusBackend",
    "AsyncStore",
    "AsyncTransport",
    "ByteStream",
    "Clock",
    "FactoryContext",
    "FrozenMapping",
    "HttpRequest",
    "HttpResponse",
    "Jitter",
    "Mode",
    "PluginUri",
    "PublishedEnd",
    "ReadOutcome",
    "RequestorToken",
    "Secret",
    "SessionStatus",
    "Signer",
    "SignerFactory",
    "StatusBackend",
    "StatusBackendFactory",
    "Store",
    "StoreFactory",
    "Transport",
    "boundary",
    "hookimpl",
]
