"""The interfaces of transports, stores, status backends, signers, observers and plugins.

Authors of transports, stores and the like import from this module. Applications import from
`irma_core`. Errors are in `irma_core.errors`. Importing this module loads no plugin machinery: only
a module that uses `hookimpl` needs pluggy.
"""

from irma_core.models.events import (
    CallbackDelivered,
    CallRetried,
    Event,
    HandleRefused,
    NextSessionChosen,
    PostRefused,
    RefusedBy,
    SessionAnswered,
    SessionFailed,
    SessionRefused,
    SessionStarted,
    WatchFellBack,
    WatchSource,
    WebRefused,
)
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
from irma_core.protocol.known_schemes import KnownSchemes
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.observers import Observer
from irma_core.protocol.signature_verifiers import SignatureVerifier
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
    "CallRetried",
    "CallbackDelivered",
    "Clock",
    "Event",
    "FactoryContext",
    "FrozenMapping",
    "HandleRefused",
    "HttpRequest",
    "HttpResponse",
    "Jitter",
    "KnownSchemes",
    "Mode",
    "NextSessionChosen",
    "Observer",
    "PluginUri",
    "PostRefused",
    "PublishedEnd",
    "ReadOutcome",
    "RefusedBy",
    "RequestorToken",
    "Secret",
    "SessionAnswered",
    "SessionFailed",
    "SessionRefused",
    "SessionStarted",
    "SessionStatus",
    "SignatureVerifier",
    "Signer",
    "SignerFactory",
    "StatusBackend",
    "StatusBackendFactory",
    "Store",
    "StoreFactory",
    "Transport",
    "WatchFellBack",
    "WatchSource",
    "WebRefused",
    "boundary",
    "hookimpl",
]
