"""What can be asked of a session that was started, one call each.

Where the server does not know the session, that is `SessionGoneError` in all of them: it was there
when it was started.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from irma_core.errors import (
    ConfigurationError,
    ServerRefusedError,
    SessionGoneError,
    SessionNotFinishedError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep
from irma_core.flows.exchange import Prepared, exchange_flow, post_flow
from irma_core.flows.signed_results import (
    is_published_final_flow,
    published_result_flow,
    verified_result_flow,
)
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance
from irma_core.models.remote_errors import SESSION_UNKNOWN
from irma_core.models.results import SessionResult
from irma_core.models.sessions import (
    FrontendOptions,
    PairingMethod,
    SessionReference,
    SessionWithRequest,
    StartedSession,
)
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import FrontendAuthorization, RequestorToken
from irma_core.protocol.endpoints import (
    build_cancel_request,
    build_complete_pairing_request,
    build_health_request,
    build_pairing_request,
    build_public_key_request,
    build_result_jwt_request,
    build_result_request,
    build_status_request,
    parse_cancel_response,
    parse_complete_pairing_response,
    parse_health_response,
    parse_pairing_response,
    parse_public_key_response,
    parse_result_jwt_response,
    parse_result_response,
    parse_status_response,
)
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.server_url import ServerUrl, leads_to_frontend

__all__ = [
    "Session",
    "cancel_session_flow",
    "check_asked",
    "check_health_flow",
    "complete_pairing_flow",
    "get_answer_flow",
    "get_public_key_flow",
    "get_result_jwt_flow",
    "get_status_flow",
    "get_unchecked_result_flow",
    "set_pairing_flow",
    "with_session_gone",
]


ParsedT = TypeVar("ParsedT")
Session: TypeAlias = SessionWithRequest | RequestorToken
"""What names a session where nothing is compared with what was asked in it."""


def get_status_flow(context: RequestorContext, session: Session) -> Flow[SessionStatus]:
    """Ask how far the session is."""
    token = _token_of(session)
    request = build_status_request(context.server, token)
    parse = with_session_gone(token, parse_status_response)
    return exchange_flow(context, request, parse, context.deadline())


def get_unchecked_result_flow(
    context: RequestorContext, session: Session, deadline: float = math.inf
) -> Flow[SessionResult]:
    """Ask what the server says of the session, at any status.

    `deadline` is that of a longer story, on the monotonic clock; else the call's own.
    """
    token = _token_of(session)
    request = build_result_request(context.server, token)
    parse = with_session_gone(token, parse_result_response)
    return exchange_flow(context, request, parse, min(context.deadline(), deadline))


def get_answer_flow(
    context: RequestorContext, session: SessionWithRequest, deadline: float = math.inf
) -> Flow[Answer]:
    """Ask for the result, and make the answer of it after every check.

    With a server key, given or to be fetched, it is the signed result that is asked for, and
    verified: first the one that was published, where there is a status backend.

    Raises:
        UsageError: The session is a token, or no session at all.
        ResultJwtError: The signed result is refused.
        AnswerError: One of its subclasses: there is no answer.
    """
    check_asked(session)
    deadline = min(context.deadline(), deadline)
    published = yield from published_result_flow(context, session.token, deadline)
    if published is not None:
        return published.answer_to(session)
    while True:
        if context.takes_signed_results:
            jwt = yield from get_result_jwt_flow(context, session, deadline)
            result = yield from verified_result_flow(context, jwt, deadline=deadline)
        else:
            result = yield from get_unchecked_result_flow(context, session, deadline)
        try:
            return result.answer_to(session)
        except SessionNotFinishedError:
            # The callback, which may be published, comes before the server stores the end.
            if context.seconds_left(deadline) <= context.poll_interval.total_seconds():
                raise
            if not (yield from is_published_final_flow(context, session.token, deadline)):
                raise
        yield from Sleep(context.poll_interval)


def get_result_jwt_flow(
    context: RequestorContext, session: Session, deadline: float = math.inf
) -> Flow[str]:
    """Ask for the result as a JWT, at any status; it is not verified. `deadline` as above."""
    token = _token_of(session)
    request = build_result_jwt_request(context.server, token)
    parse = with_session_gone(token, parse_result_jwt_response)
    return exchange_flow(context, request, parse, min(context.deadline(), deadline))


def cancel_session_flow(
    context: RequestorContext, session: Session, deadline: float = math.inf
) -> Flow[None]:
    """Cancel the session; one that has ended stays as it is. `deadline` as above."""
    token = _token_of(session)
    parse = with_session_gone(token, parse_cancel_response)
    return exchange_flow(
        context,
        build_cancel_request(context.server, token),
        parse,
        min(context.deadline(), deadline),
        parse_repeated=_parse_repeated_cancel,
    )


def check_asked(session: object) -> None:
    """Check that this is a session that knows what was asked in it.

    Raises:
        UsageError: It is something else, a token for instance.
    """
    check_instance(
        session,
        (StartedSession, SessionReference),
        "session",
        "a StartedSession, which knows what was asked; for a token alone there is "
        "get_unchecked_result",
    )


def _token_of(session: Session) -> RequestorToken:
    if isinstance(session, StartedSession | SessionReference):
        return session.token
    expected = "a StartedSession, or a RequestorToken made of its text"
    return check_instance(session, RequestorToken, "session", expected)


def with_session_gone(
    token: RequestorToken, parse: Callable[[HttpResponse], ParsedT]
) -> Callable[[HttpResponse], ParsedT]:
    """Make a parse function say that a session is gone where the server does not know it."""

    def parse_of_session(response: HttpResponse) -> ParsedT:
        try:
            return parse(response)
        except ServerRefusedError as error:
            if error.code == SESSION_UNKNOWN:
                raise SessionGoneError(token.fingerprint) from error
            raise

    return parse_of_session


def _parse_repeated_cancel(response: HttpResponse) -> None:
    # An earlier try may have reached the server, and the session been forgotten since.
    try:
        parse_cancel_response(response)
    except ServerRefusedError as error:
        if error.code != SESSION_UNKNOWN:
            raise


def get_public_key_flow(context: RequestorContext) -> Flow[str]:
    """Ask for the key that the server signs results with: PEM."""
    request = build_public_key_request(context.server)
    return exchange_flow(context, request, parse_public_key_response, context.deadline())


def check_health_flow(context: RequestorContext) -> Flow[None]:
    """Ask whether the server is up."""
    request = build_health_request(context.server)
    return exchange_flow(context, request, parse_health_response, context.deadline())


_POINTER: Final = "session pointer's URL"


def set_pairing_flow(
    context: RequestorContext, session: StartedSession, method: PairingMethod
) -> Flow[FrontendOptions]:
    """Switch pairing on or off; only before an app has connected.

    Raises:
        SessionGoneError: The server no longer knows the session.
        IrmaError: What `post_flow` raises.
    """
    check_instance(method, PairingMethod, "method", "a PairingMethod")
    url, authorization = _frontend(context, session)

    def prepare(_now: datetime) -> Prepared:
        return build_pairing_request(url, authorization, method)

    parse = with_session_gone(session.token, parse_pairing_response)
    return post_flow(context, prepare, parse, context.deadline())


def complete_pairing_flow(context: RequestorContext, session: StartedSession) -> Flow[None]:
    """Say that the person typed the right code; only while the status is `PAIRING`.

    Raises:
        SessionGoneError: The server no longer knows the session.
        IrmaError: What `post_flow` raises.
    """
    url, authorization = _frontend(context, session)

    def prepare(_now: datetime) -> Prepared:
        return build_complete_pairing_request(url, authorization)

    parse = with_session_gone(session.token, parse_complete_pairing_response)
    return post_flow(context, prepare, parse, context.deadline())


def _frontend(
    context: RequestorContext, session: StartedSession
) -> tuple[ServerUrl, FrontendAuthorization]:
    check_instance(session, StartedSession, "session", "a StartedSession")
    if session.frontend_request is None:
        raise ConfigurationError(
            "session: the server gave no frontend request: before 0.8 it has no pairing"
        )
    url = session.pointer.url
    if not leads_to_frontend(url, context.server, context.frontend):
        known = "the frontend_url" if context.frontend is not None else "the base URL's host"
        raise ConfigurationError(
            f"the session pointer, which the server made, does not lead to {known}: it leads to "
            f"{_origin(url)}. If that is where your server's setting `url` points, give it as "
            "frontend_url"
        )
    is_proxied = context.is_proxied
    where = ServerUrl.parse(url, allow=context.allow, what=_POINTER, is_proxied=is_proxied)
    return where, session.frontend_request.authorization


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
