"""What is done when the caller stops waiting for a session that still runs.

Nobody would read what a person discloses from then on, so the session is cancelled at the server.
Belongs here: those last calls, which take a few seconds at most. Does not belong here: when the
caller stops (`watch`, `chains`), or an end that the caller has heard of.
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
from irma_core.flows.session_calls import cancel_session_flow, get_answer_flow
from irma_core.models.answers import Answer
from irma_core.models.sessions import SessionWithRequest
from irma_core.models.tokens import RequestorToken

__all__ = ["cancelled_flow", "given_up_flow", "last_deadline"]

_LAST_CALLS_WITHIN: Final = timedelta(seconds=5)
"""A server that tells a callback page of the end takes up to 4.2 s."""

_NO_ANSWER: Final = (
    SessionCancelledError,
    SessionGoneError,
    SessionNotFinishedError,
    SessionTimedOutError,
)
"""What a session that was given up says, if nobody answered it."""


def last_deadline(context: RequestorContext) -> float:
    """Return when the last calls of a wait must be over, on the monotonic clock.

    That may be later than the caller's timeout, by a few seconds.
    """
    return context.deadline(min(_LAST_CALLS_WITHIN, context.call_timeout))


def cancelled_flow(context: RequestorContext, token: RequestorToken) -> Flow[None]:
    """Try to cancel a session; a failure is not raised, as the caller has another error to raise.

    A session that could not be cancelled ends by the server's time-out.
    """
    with suppress(Exception):
        yield from cancel_session_flow(context, token, last_deadline(context))


def given_up_flow(
    context: RequestorContext, session: SessionWithRequest, error: BaseException
) -> Flow[Answer | None]:
    """Cancel a session that the caller stops waiting for.

    Args:
        context: The requestor's.
        session: The session.
        error: Why the caller stops.

    Returns:
        The answer, if the session ended before it could be cancelled; else None. Where the program
        was interrupted the answer is not asked for.

    Raises:
        AnswerError: The session ended before it could be cancelled, with a proof that does not
            count.
        ResultJwtError: Likewise, with a signed result that is refused.
    """
    deadline = last_deadline(context)
    yield from cancelled_flow(context, session.token)
    if not isinstance(error, IrmaError):
        return None
    # The server says the same whether it cancelled the session or had nothing left to cancel.
    try:
        return (yield from get_answer_flow(context, session, deadline))
    except (AnswerError, ResultJwtError) as end:
        if isinstance(end, _NO_ANSWER):
            return None
        raise
    except Exception:  # noqa: BLE001  # the caller raises what came first
        return None
