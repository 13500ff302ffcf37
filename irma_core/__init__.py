"""IRMA (Yivi) for websites: ask people to prove things about themselves.

This package exports what an application needs. `Requestor` starts sessions and turns their results
into answers; the request classes describe what to ask; `errors` defines all error classes. Programs
that use another HTTP stack build on `protocol` and `flows`.
"""

# This import must stay cheap. So cattrs, cryptography, Authlib and asyncio are imported on first
# use. Patterns that few calls need are strings, which `re` compiles on first use. `ValueObject` has
# the methods that attrs would otherwise generate and compile for each class.

from irma_core.async_requestor import AsyncRequestor
from irma_core.callbacks.chains import ChainStep
from irma_core.callbacks.delivery import SessionOutcome
from irma_core.callbacks.kept_posts import KeptInStore
from irma_core.callbacks.replays import ReplayedCallback
from irma_core.errors import (
    AnswerError,
    HandleError,
    HandleExpiredError,
    HandleUsedError,
    IrmaError,
    JwtError,
    LoginRefusedError,
    NobodyAnsweredError,
    OtherPersonError,
    RequestJwtError,
    ResultJwtError,
    ServerRefusedError,
    SessionCancelledError,
    SessionGoneError,
    SessionMayExistError,
    SessionTimedOutError,
)
from irma_core.gateway.gateway_settings import (
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
)
from irma_core.handles import AsyncHandles, Binding, Handles
from irma_core.models.answers import Answer, AnsweredSlot, Evidence
from irma_core.models.condiscon import (
    AttributeRequest,
    Con,
    ConDisCon,
    DisCon,
    all_of,
    any_of,
    optional,
)
from irma_core.models.credentials import CredentialRequest
from irma_core.models.disclosed import AttributeBasedSignature, DisclosedAttribute
from irma_core.models.pointers import SessionPointer
from irma_core.models.remote_errors import RemoteError
from irma_core.models.results import SessionResult
from irma_core.models.risks import Risk
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    RevocationRequest,
    SignatureRequest,
)
from irma_core.models.sessions import (
    FrontendOptions,
    FrontendRequest,
    PairingMethod,
    SessionPackage,
    StartedSession,
)
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.models.verified_signatures import VerifiedSignature
from irma_core.requestor import Requestor
from irma_core.trust.authentication import (
    HmacAuthentication,
    NoAuthentication,
    PublicKeyAuthentication,
    TokenAuthentication,
)
from irma_core.trust.keys import PublicKey, SharedKey
from irma_core.trust.request_jwt import (
    VerifiedRequest,
    sign_session_request,
    verify_session_request_jwt,
)
from irma_core.trust.result_jwt import verify_result_jwt
from irma_core.trust.sealing import Sealer, new_sealing_key
from irma_core.trust.server_keys import FetchedServerKey
from irma_core.trust.signing import AsyncSigner, HmacSigner, RsaSigner, Signer
from irma_core.web.login_policy import check_same_person, pseudonym, verified_email
from irma_core.web.next_receivers import AsyncNextSessionReceiver, NextSessionReceiver
from irma_core.web.next_urls import same_site_url
from irma_core.web.proofs import Proof
from irma_core.web.questions import Question
from irma_core.web.receivers import (
    AsyncCallbackReceiver,
    AsyncStaticSessionReceiver,
    CallbackReceiver,
    StaticSessionReceiver,
)
from irma_core.web.web_answers import Finished, WebAnswer
from irma_core.web.web_messages import WebReply, WebRequest
from irma_core.web.web_sessions import AsyncWebSessions, WebSessions
from irma_core.wire.read_requests import read_request
from irma_core.wire.stored_requests import dump_started_session, load_started_session

__all__ = [
    "Answer",
    "AnswerError",
    "AnsweredSlot",
    "AsyncCallbackReceiver",
    "AsyncHandles",
    "AsyncNextSessionReceiver",
    "AsyncRequestor",
    "AsyncSigner",
    "AsyncStaticSessionReceiver",
    "AsyncWebSessions",
    "AttributeBasedSignature",
    "AttributeProofStatus",
    "AttributeRequest",
    "Binding",
    "CallbackReceiver",
    "ChainStep",
    "Con",
    "ConDisCon",
    "CredentialRequest",
    "DisCon",
    "DisclosedAttribute",
    "DisclosureRequest",
    "Evidence",
    "ExtendedRequest",
    "FetchedServerKey",
    "Finished",
    "FrontendAuthorization",
    "FrontendOptions",
    "FrontendRequest",
    "GatewayAssertion",
    "GatewayAuthentication",
    "GatewaySecret",
    "HandleError",
    "HandleExpiredError",
    "HandleUsedError",
    "Handles",
    "HmacAuthentication",
    "HmacSigner",
    "IrmaError",
    "IssuanceRequest",
    "JwtError",
    "KeptInStore",
    "LoginRefusedError",
    "NextSession",
    "NextSessionReceiver",
    "NoAuthentication",
    "NobodyAnsweredError",
    "OtherPersonError",
    "PairingMethod",
    "Proof",
    "ProofStatus",
    "PublicKey",
    "PublicKeyAuthentication",
    "Question",
    "RemoteError",
    "ReplayedCallback",
    "RequestJwtError",
    "Requestor",
    "RequestorToken",
    "ResultJwtError",
    "RevocationRequest",
    "Risk",
    "RsaSigner",
    "Sealer",
    "ServerRefusedError",
    "SessionCancelledError",
    "SessionGoneError",
    "SessionMayExistError",
    "SessionOutcome",
    "SessionPackage",
    "SessionPointer",
    "SessionResult",
    "SessionStatus",
    "SessionTimedOutError",
    "SessionType",
    "SharedKey",
    "SignatureRequest",
    "Signer",
    "StartedSession",
    "StaticSessionReceiver",
    "TokenAuthentication",
    "VerifiedRequest",
    "VerifiedSignature",
    "WebAnswer",
    "WebReply",
    "WebRequest",
    "WebSessions",
    "all_of",
    "any_of",
    "check_same_person",
    "dump_started_session",
    "load_started_session",
    "new_sealing_key",
    "optional",
    "pseudonym",
    "read_request",
    "same_site_url",
    "sign_session_request",
    "verified_email",
    "verify_result_jwt",
    "verify_session_request_jwt",
]
