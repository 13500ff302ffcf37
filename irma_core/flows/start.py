"""Starting a session, and revoking a credential: the two calls that show who asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from irma_core.errors import SessionMayExistError, TransportError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.flows.exchange import Prepared, ToSign, post_flow
from irma_core.models.arguments import check_instance
from irma_core.models.risks import resolve_request
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


def start_session_flow(
    context: RequestorContext, request: SessionRequest | ExtendedRequest | str
) -> Flow[StartedSession]:
    """Start a session.

    Args:
        context: The requestor's.
        request: What to ask; a text is a session request JWT that is sent as it is.

    Raises:
        RequestError: The request is wrong, also at this time only.
        ConfigurationError: It takes a risk that is not allowed.
        ServerRefusedError: The server refused.
        RedirectError: The base URL is another one.
        SessionMayExistError: Nobody here can know whether a session was made.
        TransportError: The wire failed before a byte was sent.
        DeadlineError: The time was up before a byte was sent.
        SigningError: The signer failed.
    """
    if isinstance(request, str):
        text = request.strip()  # a file ends with a newline
        asked, jwt = request_in_jwt(text), text
    else:
        asked, jwt = as_extended(request), None
    check_storable(asked)

    def prepare(now: datetime) -> Prepared:
        ready = resolve_request(asked, now, context.allow)
        if jwt is not None:
            return build_start_jwt_request(context.server, jwt)
        return _authenticated(context, ready, now)

    try:
        package = yield from post_flow(context, prepare, parse_start_response, context.deadline())
    except TransportError as error:
        if error.request_sent:
            raise SessionMayExistError(error.reason) from error
        raise
    if package.pointer.type is not asked.request.session_type:
        raise SessionMayExistError("the server started another kind of session than asked for")
    return StartedSession(asked, package, started_at=utc_now(context.clock))


def revoke_flow(context: RequestorContext, request: RevocationRequest) -> Flow[None]:
    """Revoke a credential.

    Raises:
        ServerRefusedError: The server refused.
        RedirectError: The base URL is another one.
        UnexpectedResponseError: The response is none of an IRMA server's.
        TransportError: The wire failed; with `request_sent` it may be revoked.
        DeadlineError: The time was up before a byte was sent.
        SigningError: The signer failed.
    """
    check_instance(request, RevocationRequest, "request", "a RevocationRequest")
    prepare: Callable[[datetime], Prepared] = partial(_authenticated, context, request)
    return post_flow(context, prepare, parse_revocation_response, context.deadline())


def _authenticated(
    context: RequestorContext, request: ExtendedRequest | RevocationRequest, now: datetime
) -> Prepared:
    how = context.authentication
    if isinstance(how, HmacAuthentication | PublicKeyAuthentication):
        jwt = unsigned_request_jwt(request, name=how.name, algorithm=how.signer.algorithm, now=now)
        build = (
            build_revocation_jwt_request
            if isinstance(request, RevocationRequest)
            else build_start_jwt_request
        )
        return ToSign(how.signer, jwt, partial(build, context.server))
    authorization = how.reveal() if isinstance(how, TokenAuthentication) else None
    if isinstance(request, RevocationRequest):
        return build_revocation_request(context.server, request, authorization=authorization)
    return build_start_request(context.server, request, authorization=authorization)
