"""The calls to the server for a started session, one flow each.

Each flow raises `SessionGoneError` if the server does not know the session. The session was
started, so the server must have forgotten it.
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
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.flows.exchange import Prepared, exchange_flow, post_flow
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
    "check_has_request",
    "check_health_flow",
    "complete_pairing_flow",
    "get_public_key_flow",
    "get_result_jwt_flow",
    "get_status_flow",
    "get_unchecked_result_flow",
    "set_pairing_flow",
    "with_session_gone",
]


ParsedT = TypeVar("ParsedT")
Session: TypeAlias = SessionWithRequest | RequestorToken
"""Identifies a session in calls that do not need its request."""


def get_status_flow(context: RequestorContext, session: Session) -> Flow[SessionStatus]:
    """Ask the server for the status of a session, and return it."""
    token = _token_of(session)
    request = build_status_request(context.server, token)
    parse = with_session_gone(token, parse_status_response)
    return exchange_flow(context, request, parse, context.deadline())


def get_unchecked_result_flow(
    context: RequestorContext, session: Session, deadline: float = math.inf
) -> Flow[SessionResult]:
    """Ask the server for the result of a session, and return it whatever the session's status.

    `deadline`, on the monotonic clock, applies if it is earlier than the call's own deadline.
    """
    token = _token_of(session)
    request = build_result_request(context.server, token)
    parse = with_session_gone(token, parse_result_response)
    return exchange_flow(context, request, parse, min(context.deadline(), deadline))


def get_result_jwt_flow(
    context: RequestorContext, session: Session, deadline: float = math.inf
) -> Flow[str]:
    """Ask the server for the result as a JWT, whatever the status; return the JWT unverified."""
    token = _token_of(session)
    request = build_result_jwt_request(context.server, token)
    parse = with_session_gone(token, parse_result_jwt_response)
    return exchange_flow(context, request, parse, min(context.deadline(), deadline))


def cancel_session_flow(
    context: RequestorContext, session: Session, deadline: float = math.inf
) -> Flow[None]:
    """Cancel a session; if it has ended, this does nothing."""
    token = _token_of(session)
    parse = with_session_gone(token, parse_cancel_response)
    return exchange_flow(
        context,
        build_cancel_request(context.server, token),
        parse,
        min(context.deadline(), deadline),
        parse_repeated=_parse_repeated_cancel,
    )


def check_has_request(session: object) -> None:
    """Check that the argument is a session with its request.

    Raises:
        UsageError: The argument is something else, for example a token.
    """
    check_instance(
        session,
        (StartedSession, SessionReference),
        "session",
        "a StartedSession, which contains its request; for a token alone use get_unchecked_result",
    )


def _token_of(session: Session) -> RequestorToken:
    if isinstance(session, StartedSession | SessionReference):
        return session.token
    expected = "a StartedSession or a RequestorToken"
    return check_instance(session, RequestorToken, "session", expected)


def with_session_gone(
    token: RequestorToken, parse: Callable[[HttpResponse], ParsedT]
) -> Callable[[HttpResponse], ParsedT]:
    """Wrap `parse` to raise `SessionGoneError` if the server does not know the session."""

    def parse_of_session(response: HttpResponse) -> ParsedT:
        try:
            return parse(response)
        except ServerRefusedError as error:
            if error.code == SESSION_UNKNOWN:
                raise SessionGoneError(token.fingerprint) from error
            raise

    return parse_of_session


def _parse_repeated_cancel(response: HttpResponse) -> None:
    # An earlier attempt may have cancelled the session, and the server may have forgotten it.
    try:
        parse_cancel_response(response)
    except ServerRefusedError as error:
        if error.code != SESSION_UNKNOWN:
            raise


def get_public_key_flow(context: RequestorContext) -> Flow[str]:
    """Ask the server for the public key that verifies its signatures, and return it as PEM."""
    request = build_public_key_request(context.server)
    return exchange_flow(context, request, parse_public_key_response, context.deadline())


def check_health_flow(context: RequestorContext) -> Flow[None]:
    """Check that the server is up."""
    request = build_health_request(context.server)
    return exchange_flow(context, request, parse_health_response, context.deadline())


_POINTER_URL: Final = "session pointer's URL"


def set_pairing_flow(
    context: RequestorContext, session: StartedSession, method: PairingMethod
) -> Flow[FrontendOptions]:
    """Turn pairing on or off, which is possible only before an app has connected.

    Raises:
        SessionGoneError: The server no longer knows the session.
        IrmaError: `post_flow` raised it.
    """
    check_instance(method, PairingMethod, "method", "a PairingMethod")
    url, authorization = _frontend(context, session)

    def prepare(_now: datetime) -> Prepared:
        return build_pairing_request(url, authorization, method)

    parse = with_session_gone(session.token, parse_pairing_response)
    return post_flow(context, prepare, parse, context.deadline())


def complete_pairing_flow(context: RequestorContext, session: StartedSession) -> Flow[None]:
    """Confirm that the person entered the right code. The status must be `PAIRING`.

    Raises:
        SessionGoneError: The server no longer knows the session.
        IrmaError: `post_flow` raised it.
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
            "session has no frontend request: servers older than 0.8 do not support pairing"
        )
    url = session.pointer.url
    if not leads_to_frontend(url, context.server, context.frontend):
        known = "the frontend_url" if context.frontend is not None else "the base URL's host"
        origin = _origin(url)
        raise ConfigurationError(
            f"the session pointer leads to {origin}, not to {known}; if your server's setting "
            f"`url` begins with {origin}, pass that setting as frontend_url"
        )
    is_proxied = context.is_proxied
    parsed = ServerUrl.parse(url, allow=context.allow, what=_POINTER_URL, is_proxied=is_proxied)
    return parsed, session.frontend_request.authorization


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
