"""Wrap the flows that start and end a session, so that the observer is notified.

Without an observer, a flow is returned unchanged, so it costs nothing extra.
"""

from __future__ import annotations

from datetime import timedelta

from irma_core.errors import (
    GatewayError,
    IrmaError,
    JwtError,
    NobodyAnsweredError,
    NotWhatWasAskedError,
    PostRefusedError,
    ProofNotValidError,
    ServerRefusedError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
    UnexpectedResponseError,
    UsageError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from irma_core.models.answers import Answer
from irma_core.models.events import (
    CallRetried,
    RefusedBy,
    SessionAnswered,
    SessionFailed,
    SessionRefused,
    SessionStarted,
)
from irma_core.models.sessions import SessionWithRequest, StartedSession
from irma_core.protocol.transport import utc_now

__all__ = ["error_code", "notify_of_retry", "observed_answer", "observed_start"]


def observed_start(context: RequestorContext, flow: Flow[StartedSession]) -> Flow[StartedSession]:
    """Wrap a flow that starts a session, so that the observer is notified."""
    return flow if context.observer is None else _observed_start_flow(context, flow)


def observed_answer(
    context: RequestorContext, session: SessionWithRequest, flow: Flow[Answer]
) -> Flow[Answer]:
    """Wrap a flow that gets an answer, so that the observer is notified.

    The observer is not notified while the session is still running.
    """
    return flow if context.observer is None else _observed_answer_flow(context, session, flow)


def notify_of_retry(
    context: RequestorContext, call: str, error: IrmaError, wait: timedelta
) -> None:
    """Notify the observer that a call will be retried after a wait."""
    context.notify(CallRetried(call, type(error).__name__, error_code(error), wait))


def error_code(error: IrmaError) -> str:
    """Return an error's code if it comes from a fixed set; otherwise an empty string."""
    code: str | None = None
    match error:
        case ServerRefusedError():
            # A code without a description is unknown, and may quote what was sent.
            code = error.code if error.description else f"HTTP {error.http_status}"
        case UnexpectedResponseError():
            code = f"HTTP {error.http_status}"
        case ProofNotValidError():
            code = error.proof_status
        case SessionCancelledError() | GatewayError() | JwtError() | PostRefusedError():
            code = error.code
        case _:
            pass
    return code or ""


def _observed_start_flow(
    context: RequestorContext, flow: Flow[StartedSession]
) -> Flow[StartedSession]:
    try:
        session = yield from flow
    except IrmaError as error:
        context.notify(SessionFailed("", type(error).__name__, error_code(error)))
        raise
    type_ = session.request.request.session_type
    context.notify(SessionStarted(session.token.fingerprint, type_))
    return session


def _observed_answer_flow(
    context: RequestorContext, session: SessionWithRequest, flow: Flow[Answer]
) -> Flow[Answer]:
    try:
        answer = yield from flow
    except (SessionNotFinishedError, UsageError):
        raise
    except IrmaError as error:
        _notify_of_end(context, session, error)
        raise
    context.notify(SessionAnswered(session.token.fingerprint, _duration(context, session)))
    return answer


def _notify_of_end(
    context: RequestorContext, session: SessionWithRequest, error: IrmaError
) -> None:
    name, code = type(error).__name__, error_code(error)
    by, fingerprint = _refused_by(error), session.token.fingerprint
    if by is None:
        context.notify(SessionFailed(fingerprint, name, code))
    else:
        duration = _duration(context, session)
        context.notify(SessionRefused(fingerprint, by, name, code, duration))


def _refused_by(error: IrmaError) -> RefusedBy | None:
    match error:
        case SessionCancelledError():
            return RefusedBy.PERSON
        case SessionTimedOutError() | NobodyAnsweredError():
            return RefusedBy.TIMEOUT
        case ProofNotValidError() | NotWhatWasAskedError():
            return RefusedBy.PROOF
        case _:
            return None


def _duration(context: RequestorContext, session: SessionWithRequest) -> timedelta | None:
    if isinstance(session, StartedSession):
        return utc_now(context.clock) - session.started_at
    return None
