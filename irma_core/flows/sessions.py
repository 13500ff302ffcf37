"""What can be asked of a session that was started, one call each.

Where the server does not know the session, that is `SessionGoneError` in all of them: it was there
when it was started.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from irma_core.errors import (
    ServerRefusedError,
    SessionGoneError,
    SessionNotFinishedError,
)
from irma_core.flows.effects import Flow, Sleep
from irma_core.flows.exchange import exchange_flow
from irma_core.flows.published import is_published_final_flow, published_result_flow
from irma_core.flows.server_key import verified_result_flow
from irma_core.flows.wiring import Wiring
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance
from irma_core.models.remote_errors import SESSION_UNKNOWN
from irma_core.models.results import SessionResult
from irma_core.models.sessions import AskedSession, KeptSession, StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.endpoints import (
    build_cancel_request,
    build_result_jwt_request,
    build_result_request,
    build_status_request,
    parse_cancel_response,
    parse_result_jwt_response,
    parse_result_response,
    parse_status_response,
)
from irma_core.protocol.messages import HttpResponse

__all__ = [
    "Session",
    "cancel_session_flow",
    "check_asked",
    "get_answer_flow",
    "get_result_jwt_flow",
    "get_status_flow",
    "get_unchecked_result_flow",
    "of_known_session",
]

ParsedT = TypeVar("ParsedT")
Session: TypeAlias = AskedSession | RequestorToken
"""What names a session where nothing is compared with what was asked in it."""


def get_status_flow(wiring: Wiring, session: Session) -> Flow[SessionStatus]:
    """Ask how far the session is."""
    token = _token_of(session)
    request = build_status_request(wiring.server, token)
    parse = of_known_session(token, parse_status_response)
    return exchange_flow(wiring, request, parse, wiring.deadline())


def get_unchecked_result_flow(
    wiring: Wiring, session: Session, deadline: float = math.inf
) -> Flow[SessionResult]:
    """Ask what the server says of the session, at any status.

    `deadline` is that of a longer story, on the monotonic clock; else the call's own.
    """
    token = _token_of(session)
    request = build_result_request(wiring.server, token)
    parse = of_known_session(token, parse_result_response)
    return exchange_flow(wiring, request, parse, min(wiring.deadline(), deadline))


def get_answer_flow(
    wiring: Wiring, session: AskedSession, deadline: float = math.inf
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
    deadline = min(wiring.deadline(), deadline)
    published = yield from published_result_flow(wiring, session.token, deadline)
    if published is not None:
        return published.answer_to(session)
    while True:
        if wiring.takes_signed_results:
            jwt = yield from get_result_jwt_flow(wiring, session, deadline)
            result = yield from verified_result_flow(wiring, jwt, deadline=deadline)
        else:
            result = yield from get_unchecked_result_flow(wiring, session, deadline)
        try:
            return result.answer_to(session)
        except SessionNotFinishedError:
            # The callback, which may be published, comes before the server stores the end.
            if wiring.seconds_left(deadline) <= wiring.poll_interval.total_seconds():
                raise
            if not (yield from is_published_final_flow(wiring, session.token, deadline)):
                raise
        yield from Sleep(wiring.poll_interval)


def get_result_jwt_flow(wiring: Wiring, session: Session, deadline: float = math.inf) -> Flow[str]:
    """Ask for the result as a JWT, at any status; it is not verified. `deadline` as above."""
    token = _token_of(session)
    request = build_result_jwt_request(wiring.server, token)
    parse = of_known_session(token, parse_result_jwt_response)
    return exchange_flow(wiring, request, parse, min(wiring.deadline(), deadline))


def cancel_session_flow(wiring: Wiring, session: Session, deadline: float = math.inf) -> Flow[None]:
    """Cancel the session; one that has ended stays as it is. `deadline` as above."""
    token = _token_of(session)
    parse = of_known_session(token, parse_cancel_response)
    return exchange_flow(
        wiring,
        build_cancel_request(wiring.server, token),
        parse,
        min(wiring.deadline(), deadline),
        parse_repeated=_parse_repeated_cancel,
    )


def check_asked(session: object) -> None:
    """Check that this is a session that knows what was asked in it.

    Raises:
        UsageError: It is something else, a token for instance.
    """
    check_instance(
        session,
        (StartedSession, KeptSession),
        "session",
        "a StartedSession, which knows what was asked; for a token alone there is "
        "get_unchecked_result",
    )


def _token_of(session: Session) -> RequestorToken:
    if isinstance(session, StartedSession | KeptSession):
        return session.token
    expected = "a StartedSession, or a RequestorToken made of its text"
    return check_instance(session, RequestorToken, "session", expected)


def of_known_session(
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
