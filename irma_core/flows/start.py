"""Start a session, and revoke a credential: the two calls that authenticate the requestor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from irma_core.errors import SessionMayExistError, TransportError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.flows.exchange import Prepared, ToSign, post_flow
from irma_core.flows.observing import observed_start
from irma_core.models.arguments import check_instance
from irma_core.models.risks import resolve_for
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
    as_extended,
)
from irma_core.models.sessions import StartedSession
from irma_core.protocol.endpoints import (
    build_revocation_jwt_request,
    build_revocation_request,
    build_start_jwt_request,
    build_start_request,
    parse_revocation_response,
    parse_start_response,
)
from irma_core.protocol.transport import utc_now
from irma_core.trust.authentication import (
    HmacAuthentication,
    PublicKeyAuthentication,
    TokenAuthentication,
)
from irma_core.trust.request_jwt import request_in_jwt, unsigned_request_jwt
from irma_core.wire.stored_requests import check_storable

__all__ = ["revoke_flow", "start_session_flow"]

_SIGNED: Final = (HmacAuthentication, PublicKeyAuthentication)


def start_session_flow(
    context: RequestorContext, request: SessionRequest | ExtendedRequest | str
) -> Flow[StartedSession]:
    """Start a session.

    Args:
        context: The requestor's context.
        request: The request. A string is a session request JWT, which is sent unchanged.

    Raises:
        RequestError: The request is invalid, or a credential would already have expired when it was
            issued.
        ConfigurationError: The request needs a `Risk` that is not allowed.
        ServerRefusedError: The server refused.
        RedirectError: The server redirected the call to another base URL.
        SessionMayExistError: It is unknown whether the server started a session.
        TransportError: The network failed before anything was sent.
        DeadlineError: The deadline passed before anything was sent.
        SigningError: The signer failed.
    """
    return observed_start(context, _start_session_flow(context, request))


def _start_session_flow(
    context: RequestorContext, request: SessionRequest | ExtendedRequest | str
) -> Flow[StartedSession]:
    if isinstance(request, str):
        jwt = request.strip()  # a JWT from a file ends with a newline
        extended = request_in_jwt(jwt)
    else:
        extended, jwt = as_extended(request), None
    check_storable(extended)

    def prepare(now: datetime) -> Prepared:
        resolved = resolve_for(extended, now, context.allow)
        if jwt is not None:
            return build_start_jwt_request(context.server, jwt)
        return _authenticated(context, resolved, now)

    try:
        package = yield from post_flow(context, prepare, parse_start_response, context.deadline())
    except TransportError as error:
        if error.request_sent:
            raise SessionMayExistError(error.reason) from error
        raise
    if package.pointer.type is not extended.request.session_type:
        raise SessionMayExistError(
            "the server started a different type of session from the one requested"
        )
    return StartedSession(extended, package, started_at=utc_now(context.clock))


def revoke_flow(context: RequestorContext, request: RevocationRequest) -> Flow[None]:
    """Revoke a credential.

    Raises:
        ServerRefusedError: The server refused.
        RedirectError: The server redirected the call to another base URL.
        UnexpectedResponseError: The response is not from an IRMA server.
        TransportError: The network failed; if `request_sent`, the credential may have been revoked.
        DeadlineError: The deadline passed before anything was sent.
        SigningError: The signer failed.
    """
    check_instance(request, RevocationRequest, "request", "a RevocationRequest")
    prepare: Callable[[datetime], Prepared] = partial(_authenticated, context, request)
    return post_flow(context, prepare, parse_revocation_response, context.deadline())


def _authenticated(
    context: RequestorContext, request: ExtendedRequest | RevocationRequest, now: datetime
) -> Prepared:
    authentication = context.authentication
    if isinstance(authentication, _SIGNED):
        jwt = unsigned_request_jwt(
            request,
            name=authentication.name,
            algorithm=authentication.signer.algorithm,
            now=now,
        )
        build = (
            build_revocation_jwt_request
            if isinstance(request, RevocationRequest)
            else build_start_jwt_request
        )
        return ToSign(authentication.signer, jwt, partial(build, context.server))
    authorization = None
    if isinstance(authentication, TokenAuthentication):
        authorization = authentication.reveal()
    if isinstance(request, RevocationRequest):
        return build_revocation_request(context.server, request, authorization=authorization)
    return build_start_request(context.server, request, authorization=authorization)
