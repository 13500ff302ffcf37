"""Watch a session: return each new status once, until one is final.

A watch is a frozen state; `next_status_flow` advances the watch by one status. There are three ways
to learn a status, and a watch uses one at a time:

* The status backend, if there is one. The watch looks for a published end, polls the server once,
  and then waits for the backend, with a poll now and then. While the backend fails, the watch uses
  the other ways, and tries the backend again from time to time.
* Events, if the server has them. The watch subscribes, and then polls once, because the stream does
  not report changes from before the subscription. Then it reads the stream, and polls now and then
  in case a proxy holds the stream back.
* Polls, if the server has no events or the stream has broken twice.

A poll that fails does not end the watch. `watch_state` decides when to poll.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import timedelta

from irma_core.errors import (
    IrmaError,
    NobodyAnsweredError,
    ServerRefusedError,
    SessionGoneError,
    SessionNotFinishedError,
    SessionTimedOutError,
    SigningError,
    StatusBackendError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.flows.cancellation import abandon_session_flow, cleanup_deadline
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import (
    CloseStream,
    Flow,
    OpenStream,
    ReadStream,
    Send,
    Sleep,
    wait_for_end,
)
from irma_core.flows.observing import notify_of_retry, observed_answer
from irma_core.flows.session_answers import unobserved_answer_flow
from irma_core.flows.session_calls import check_has_request, with_session_gone
from irma_core.flows.watch_state import Subscription, WatchState
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_flag, check_timeout
from irma_core.models.events import WatchFellBack, WatchSource
from irma_core.models.sessions import SessionWithRequest
from irma_core.models.statuses import SessionStatus
from irma_core.protocol.endpoints import (
    build_status_events_request,
    build_status_request,
    is_event_stream,
    parse_status_response,
)
from irma_core.protocol.policy import is_passing_status, is_transient, retry_after
from irma_core.protocol.sse import EventStreamDecoder
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.transport import ReadOutcome, utc_now

__all__ = ["begin_watch", "next_status_flow", "wait_for_answer_flow"]

_POLL_FAILURES = (TransportError, ServerRefusedError, UnexpectedResponseError, SigningError)
_STREAM_HEAD_TIMEOUT = 2.0
"""In seconds. The server sends the head at once; if the head is late, a proxy holds it back."""


def begin_watch(
    context: RequestorContext, session: SessionWithRequest, timeout: timedelta | None
) -> WatchState:
    """Return the first state of a watch, whose timeout begins now.

    Raises:
        UsageError: The session is not a `SessionWithRequest`, or the timeout is not a `timedelta`.
    """
    check_has_request(session)
    if timeout is not None:
        check_timeout(timeout, "timeout")
    deadline = math.inf if timeout is None else context.deadline(timeout)
    return WatchState(
        session,
        deadline,
        poll_interval=context.poll_interval.total_seconds(),
        retry_backend_at=math.inf if context.status_backend is None else context.clock.monotonic(),
    )


def next_status_flow(
    context: RequestorContext, state: WatchState
) -> Flow[tuple[SessionStatus, WatchState]]:
    """Wait for the next status; return it and the state after it.

    Raises:
        NobodyAnsweredError: The timeout expired.
        SessionGoneError: The server no longer knows the session.
        IrmaError: The server refused, or could not be reached before the deadline.
    """
    failure: IrmaError | None = None
    backend = context.status_backend
    while True:
        status, state = state.next_status()
        if status is not None:
            return status, state
        now = context.clock.monotonic()
        if now >= state.deadline:
            raise failure or NobodyAnsweredError(state.session.token.fingerprint)
        if backend is not None and now >= state.retry_backend_at:
            state = yield from _wait_on_backend_flow(context, state, backend, timedelta(0))
        elif now >= state.next_poll:
            state, failure = yield from _poll_flow(context, state, now, failure)
        elif backend is not None and state.uses_backend:
            timeout = timedelta(seconds=state.wakes_at - now)
            state = yield from _wait_on_backend_flow(context, state, backend, timeout)
        elif state.subscription is not None:
            state = yield from _read_events_flow(context, state, state.subscription)
        elif state.subscriptions_left:
            state = yield from _subscribe_flow(context, state, now)
        else:
            yield from Sleep(timedelta(seconds=state.wakes_at - now))


def wait_for_answer_flow(
    context: RequestorContext,
    session: SessionWithRequest,
    timeout: timedelta,
    *,
    keep_session: bool = False,
) -> Flow[Answer]:
    """Watch until the session ends, then return the answer.

    If the wait ends before the session does, the session is cancelled unless `keep_session` is
    true. If the status backend reports an end that the server does not confirm, the wait ends
    early.

    Raises:
        NobodyAnsweredError: The timeout expired.
        AnswerError: There is no answer, for some other reason; the subclass says which.
        IrmaError: The server refused, or could not be reached before the deadline.
    """
    waiting = _wait_for_answer_flow(context, session, timeout, keep_session=keep_session)
    return observed_answer(context, session, waiting)


def _wait_for_answer_flow(
    context: RequestorContext,
    session: SessionWithRequest,
    timeout: timedelta,
    *,
    keep_session: bool,
) -> Flow[Answer]:
    check_flag(keep_session, "keep_session")
    state = begin_watch(context, session, check_timeout(timeout, "timeout"))
    try:
        while not state.is_over:
            _status, state = yield from next_status_flow(context, state)
    except (GeneratorExit, SessionGoneError):
        raise  # a destroyed flow cannot send anything; a session that is gone needs no cancelling
    except BaseException as error:
        answer = None
        if not keep_session:
            answer = yield from abandon_session_flow(context, session, error)
        if answer is None:
            raise
        return answer
    try:
        return (yield from _answer_after_end_flow(context, session, state))
    except SessionNotFinishedError as error:
        # The status backend reported an end that the server does not confirm. The session is still
        # open, so the wait ends early.
        answer = None
        if not keep_session:
            answer = yield from abandon_session_flow(context, session, error)
        if answer is None:
            raise
        return answer


def _answer_after_end_flow(
    context: RequestorContext, session: SessionWithRequest, state: WatchState
) -> Flow[Answer]:
    """Return the answer of a session whose watch has ended."""
    # The answer is fetched even if the session ended at the last moment.
    deadline = max(state.deadline, cleanup_deadline(context))
    if state.last is not SessionStatus.TIMEOUT:
        return (yield from _answer_flow(context, session, deadline))
    if context.status_backend is not None:
        # A status backend alone is not enough: confirm with the server. If the server no longer
        # knows the session, it did time out.
        with suppress(SessionGoneError):
            return (yield from _answer_flow(context, session, deadline))
    # The server may forget a timed-out session at any time, so it is not asked.
    raise SessionTimedOutError(session.token.fingerprint)


def _answer_flow(
    context: RequestorContext, session: SessionWithRequest, deadline: float
) -> Flow[Answer]:
    """Ask for the answer; after transient failures, ask again until the deadline.

    Asking again is safe, because the server keeps the result.
    """
    while True:
        try:
            return (yield from unobserved_answer_flow(context, session, deadline))
        except _POLL_FAILURES as error:
            is_over = context.seconds_left(deadline) <= context.poll_interval.total_seconds()
            if is_over or not is_transient(error):
                raise
        yield from Sleep(context.poll_interval)


def _wait_on_backend_flow(
    context: RequestorContext,
    state: WatchState,
    backend: StatusBackend | AsyncStatusBackend,
    timeout: timedelta,
) -> Flow[WatchState]:
    """Wait until the status backend returns the session's end, at most for `timeout`.

    Return the next state of the watch. A timeout of zero only checks whether the backend works.
    """
    # A backend that takes much longer than its timeout counts as failed.
    latest = (
        context.clock.monotonic() + timeout.total_seconds() + context.try_timeout.total_seconds()
    )
    deadline = min(state.deadline, latest)
    try:
        end = yield from wait_for_end(backend, state.session.token, timeout, deadline)
    except StatusBackendError:
        if state.uses_backend or state.is_new:
            _notify_of_fall_back(context, state, WatchSource.STATUS_BACKEND, "failed")
        return state.on_backend_failed(context.clock.monotonic(), context.jitter())
    now = context.clock.monotonic()
    if not state.uses_backend:
        if state.subscription is not None:
            yield from CloseStream(state.subscription.stream)
        state = state.on_backend_available(now)
    if end is not None:
        return state.on_end_published(end.status)
    if now < state.wakes_at:
        # The backend returned early. Without a pause, this would become a busy loop.
        pause = min(context.poll_interval, timedelta(seconds=state.wakes_at - now))
        yield from Sleep(pause)
    return state


def _poll_flow(
    context: RequestorContext, state: WatchState, now: float, previous: IrmaError | None
) -> Flow[tuple[WatchState, IrmaError | None]]:
    """Ask the server for the status once; return a transient failure instead of raising it.

    The caller raises the failure if it lasts until the deadline.
    """
    token = state.session.token
    request = build_status_request(context.server, token)
    wait = timedelta(0)
    try:
        response = yield from Send(request, context.try_deadline(state.deadline))
        wait = retry_after(response, utc_now(context.clock))
        status = with_session_gone(token, parse_status_response)(response)
    except _POLL_FAILURES as error:
        if not is_transient(error):
            raise
        if (
            previous is None
            and isinstance(error, TransportTimeoutError)
            and context.seconds_left(state.deadline) <= 0
        ):
            # The watch's own deadline cut the poll short, so the server is not to blame.
            raise NobodyAnsweredError(token.fingerprint) from error
        failed = state.on_poll_failed(now, wait.total_seconds())
        if previous is None:
            notify_of_retry(
                context, request.label, error, timedelta(seconds=failed.next_poll - now)
            )
        return failed, error
    return state.on_status(status, now), None


def _subscribe_flow(context: RequestorContext, state: WatchState, now: float) -> Flow[WatchState]:
    """Subscribe to the server's events, if the server sends them."""
    request = build_status_events_request(context.server, state.session.token)
    try:
        stream = yield from OpenStream(request, min(state.deadline, now + _STREAM_HEAD_TIMEOUT))
    except TransportTimeoutError:
        _notify_of_fall_back(context, state, WatchSource.EVENTS, "late")
        return state.on_no_events(context.clock.monotonic())
    except (TransportError, SigningError):
        return _after_broken_stream(context, state)
    opened = context.clock.monotonic()
    if is_event_stream(stream.status, stream.headers):
        subscription = Subscription(stream, EventStreamDecoder(), since=now)
        return state.on_subscribed(subscription, opened)
    yield from CloseStream(stream)
    if is_passing_status(stream.status):
        return _after_broken_stream(context, state)
    _notify_of_fall_back(context, state, WatchSource.EVENTS, "unsupported")
    return state.on_no_events(opened)


def _read_events_flow(
    context: RequestorContext, state: WatchState, subscription: Subscription
) -> Flow[WatchState]:
    """Read the event stream until bytes arrive or the watch must do something else."""
    try:
        data = yield from ReadStream(subscription.stream, state.wakes_at)
        if isinstance(data, bytes):
            return state.on_bytes(subscription, data, context.clock.monotonic())
    except (TransportError, UnexpectedResponseError):
        pass
    else:
        if data is ReadOutcome.IDLE:
            return state
    # The stream may have ended before it reported the last change, so the status is polled next.
    yield from CloseStream(subscription.stream)
    return _after_broken_stream(context, state)


def _after_broken_stream(context: RequestorContext, state: WatchState) -> WatchState:
    broken = state.on_stream_broken(context.clock.monotonic())
    if not broken.subscriptions_left:
        _notify_of_fall_back(context, state, WatchSource.EVENTS, "broken")
    return broken


def _notify_of_fall_back(
    context: RequestorContext, state: WatchState, source: WatchSource, reason: str
) -> None:
    context.notify(WatchFellBack(state.session.token.fingerprint, source, reason))
