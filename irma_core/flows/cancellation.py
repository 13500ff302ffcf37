"""Cancel a session that the caller no longer waits for.

Without this, the person could still disclose attributes that the caller would never read. The calls
to the server take a few seconds at most.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from irma_core.errors import (
    AnswerError,
    IrmaError,
    ResultJwtError,
    SessionCancelledError,
    SessionGoneError,
    SessionNotFinishedError,
    SessionTimedOutError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.flows.session_answers import unobserved_answer_flow
from irma_core.flows.session_calls import cancel_session_flow
from irma_core.models.answers import Answer
from irma_core.models.sessions import SessionWithRequest
from irma_core.models.tokens import RequestorToken

__all__ = ["abandon_session_flow", "cleanup_deadline", "try_cancel_flow"]

_CLEANUP_TIMEOUT: Final = timedelta(seconds=5)
"""The time limit for cancelling. A server that posts to a callback page before it responds may take
up to 4.2 s."""

_UNANSWERED: Final = (
    SessionCancelledError,
    SessionGoneError,
    SessionNotFinishedError,
    SessionTimedOutError,
)
"""The errors that mean that nobody answered the session before it was cancelled."""


def cleanup_deadline(context: RequestorContext) -> float:
    """Return the deadline, on the monotonic clock, for cancelling the session after a wait.

    This deadline may be a few seconds later than the caller's timeout.
    """
    return context.deadline(min(_CLEANUP_TIMEOUT, context.call_timeout))


def try_cancel_flow(context: RequestorContext, token: RequestorToken) -> Flow[None]:
    """Cancel a session; ignore a failure, because the caller has another error to raise.

    A session that could not be cancelled ends when the server's timeout expires.
    """
    with suppress(Exception):
        yield from cancel_session_flow(context, token, cleanup_deadline(context))


def abandon_session_flow(
    context: RequestorContext, session: SessionWithRequest, error: BaseException
) -> Flow[Answer | None]:
    """Cancel a session that the caller no longer waits for.

    Args:
        context: The requestor's context.
        session: The session.
        error: The error or interruption that made the caller stop waiting.

    Returns:
        The answer, if the session ended before it could be cancelled; otherwise None. After an
        interruption of the program, the flow does not ask for the answer.

    Raises:
        AnswerError: The session ended before it could be cancelled, and its proof was rejected.
        ResultJwtError: The session ended before it could be cancelled, with a signed result that
            was rejected.
    """
    deadline = cleanup_deadline(context)
    yield from try_cancel_flow(context, session.token)
    if not isinstance(error, IrmaError):
        return None
    # The server sends the same reply whether it cancelled the session or the session had ended.
    try:
        return (yield from unobserved_answer_flow(context, session, deadline))
    except (AnswerError, ResultJwtError) as end:
        if isinstance(end, _UNANSWERED):
            return None
        raise
    except Exception:  # noqa: BLE001  # the caller raises the first error
        return None
