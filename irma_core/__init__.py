"""IRMA (Yivi) for the website's side: ask people to prove things about themselves.

The front door: what an application needs, by one import. `Requestor` starts sessions and turns
their results into answers; the request classes say what is asked; `errors` has the whole error
tree. Those who bring an HTTP stack of their own find the rest in `protocol` and `flows`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irma_core.async_requestor import AsyncRequestor
    from irma_core.callbacks.delivery import SessionOutcome
    from irma_core.errors import (
        AnswerError,
        HandleError,
        HandleExpiredError,
        HandleUsedError,
        IrmaError,
        JwtError,
        NobodyAnsweredError,
        RequestJwtError,
        ResultJwtError,
        ServerRefusedError,
        SessionCancelledError,
        SessionGoneError,
        SessionMayExistError,
        SessionTimedOutError,
    )
    from irma_core.handles import Binding, HandleSealer
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
    from irma_core.requestor import Requestor
    from irma_core.trust.authentication import (
        HmacAuthentication,
        NoAuthentication,
        PublicKeyAuthentication,
        TokenAuthentication,
    )
    from irma_core.trust.gateway_settings import (
        GatewayAssertion,
        GatewayAuthentication,
        GatewaySecret,
    )
    from irma_core.trust.keys import PublicKey, SharedKey
    from irma_core.trust.request_jwt import (
        VerifiedRequest,
        sign_session_request,
        verify_session_request_jwt,
    )
    from irma_core.trust.result_jwt import verify_getproof_jwt, verify_result_jwt
    from irma_core.trust.sealing import Sealer, new_sealing_key
    from irma_core.trust.server_keys import FetchedServerKey
    from irma_core.trust.signing import AsyncSigner, HmacSigner, RsaSigner, Signer
    from irma_core.web.receivers import (
        AsyncCallbackReceiver,
        AsyncNextSessionReceiver,
        CallbackReceiver,
        NextSessionReceiver,
    )
    from irma_core.wire.read_requests import read_request
else:
    # Loaded on first use, so that `import irma_core` is light. A module `__getattr__` that type
    # checkers could see would make them accept any misspelt name.
    from importlib import import_module

    _ROOMS = {
        "async_requestor": "AsyncRequestor",
        "errors": (
            "AnswerError HandleError HandleExpiredError HandleUsedError "
            "IrmaError JwtError NobodyAnsweredError RequestJwtError ResultJwtError "
            "ServerRefusedError SessionCancelledError "
            "SessionGoneError SessionMayExistError SessionTimedOutError"
        ),
        "callbacks.delivery": "SessionOutcome",
        "models.answers": "Answer AnsweredSlot Evidence",
        "models.condiscon": "AttributeRequest Con ConDisCon DisCon all_of any_of optional",
        "models.credentials": "CredentialRequest",
        "models.disclosed": "AttributeBasedSignature DisclosedAttribute",
        "models.pointers": "SessionPointer",
        "models.remote_errors": "RemoteError",
        "models.results": "SessionResult",
        "models.risks": "Risk",
        "models.session_requests": (
            "DisclosureRequest ExtendedRequest IssuanceRequest NextSession "
            "RevocationRequest SignatureRequest"
        ),
        "models.sessions": (
            "FrontendOptions FrontendRequest PairingMethod SessionPackage StartedSession"
        ),
        "models.statuses": "AttributeProofStatus ProofStatus SessionStatus SessionType",
        "models.tokens": "FrontendAuthorization RequestorToken",
        "wire.read_requests": "read_request",
        "requestor": "Requestor",
        "trust.authentication": (
            "HmacAuthentication NoAuthentication PublicKeyAuthentication TokenAuthentication"
        ),
        "trust.gateway_settings": "GatewayAssertion GatewayAuthentication GatewaySecret",
        "handles": "Binding HandleSealer",
        "trust.keys": "PublicKey SharedKey",
        "trust.request_jwt": "VerifiedRequest sign_session_request verify_session_request_jwt",
        "trust.result_jwt": "verify_getproof_jwt verify_result_jwt",
        "trust.server_keys": "FetchedServerKey",
        "trust.sealing": "Sealer new_sealing_key",
        "trust.signing": "AsyncSigner HmacSigner RsaSigner Signer",
        "web.receivers": (
            "AsyncCallbackReceiver AsyncNextSessionReceiver CallbackReceiver NextSessionReceiver"
        ),
    }

    def __getattr__(name):
        for room, names in _ROOMS.items():
            if name in names.split():
                value = getattr(import_module(f"irma_core.{room}"), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module 'irma_core' has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "Answer",
    "AnswerError",
    "AnsweredSlot",
    "AsyncCallbackReceiver",
    "AsyncNextSessionReceiver",
    "AsyncRequestor",
    "AsyncSigner",
    "AttributeBasedSignature",
    "AttributeProofStatus",
    "AttributeRequest",
    "Binding",
    "CallbackReceiver",
    "Con",
    "ConDisCon",
    "CredentialRequest",
    "DisCon",
    "DisclosedAttribute",
    "DisclosureRequest",
    "Evidence",
    "ExtendedRequest",
    "FetchedServerKey",
    "FrontendAuthorization",
    "FrontendOptions",
    "FrontendRequest",
    "GatewayAssertion",
    "GatewayAuthentication",
    "GatewaySecret",
    "HandleError",
    "HandleExpiredError",
    "HandleSealer",
    "HandleUsedError",
    "HmacAuthentication",
    "HmacSigner",
    "IrmaError",
    "IssuanceRequest",
    "JwtError",
    "NextSession",
    "NextSessionReceiver",
    "NoAuthentication",
    "NobodyAnsweredError",
    "PairingMethod",
    "ProofStatus",
    "PublicKey",
    "PublicKeyAuthentication",
    "RemoteError",
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
    "TokenAuthentication",
    "VerifiedRequest",
    "all_of",
    "any_of",
    "new_sealing_key",
    "optional",
    "read_request",
    "sign_session_request",
    "verify_getproof_jwt",
    "verify_result_jwt",
    "verify_session_request_jwt",
]
