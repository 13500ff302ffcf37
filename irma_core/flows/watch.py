"""Watching a session: its statuses as they change, once each, until one is final.

A watch is a frozen state, and `next_status_flow` takes it one status further. Statuses are learnt
in ways that complete each other, one after the other and never at the same time:

* by a status backend, where there is one: look at what it keeps, ask the server once, then wait on
  the backend, and ask now and then. While it fails there are the ways below, and it is looked at
  from time to time;
* by events, where the server has them: subscribe, then ask the status once, since a change before
  the subscription is never told; then listen, and ask now and then in case the stream is held back;
* by asking again and again, where it has none, or where the stream broke twice.

A question that fails is no end. Belongs here: the order of those steps. Does not belong here: when
to ask next (`watch_state`), what is true of a session when it ends (`sessions`).
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
    SessionTimedOutError,
    SigningError,
    StatusBackendError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import (
    CloseStream,
    Flow,
    OpenStream,
    ReadStream,
    Send,
    Sleep,
    next_status,
)
from irma_core.flows.giving_up import given_up_flow, last_deadline
from irma_core.flows.session_calls import check_asked, get_answer_flow, with_session_gone
from irma_core.flows.watch_state import Subscription, WatchState
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_flag, check_timeout
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

_QUESTION_FAILED = (TransportError, ServerRefusedError, UnexpectedResponseError, SigningError)
_STREAM_HEAD_TIMEOUT = 2.0
"""Seconds for a stream's head. The server sends it at once: who holds it back is a proxy."""


def begin_watch(
    context: RequestorContext, session: SessionWithRequest, timeout: timedelta | None
) -> WatchState:
    """Begin to watch; the time runs from now.

    Raises:
        UsageError: The session is a token or no session, or the timeout is not a `timedelta`.
    """
    check_asked(session)
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
    """Wait for a status that was not told yet; give it, and the state to go on from.

    Raises:
        NobodyAnsweredError: The time was up.
        SessionGoneError: The server no longer knows the session.
        IrmaError: The server refused, or could not be reached up to the deadline.
    """
    failure: IrmaError | None = None
    backend = context.status_backend
    while True:
        status, state = state.next_heard()
        if status is not None:
            return status, state
        now = context.clock.monotonic()
        if now >= state.deadline:
            raise failure or NobodyAnsweredError(state.session.token.fingerprint)
        if backend is not None and now >= state.retry_backend_at:
            state = yield from _hear_backend_flow(context, state, backend, timedelta(0))
        elif now >= state.next_poll:
            state, failure = yield from _ask_flow(context, state, now, failure)
        elif backend is not None and state.uses_backend:
            within = timedelta(seconds=state.wakes_at - now)
            state = yield from _hear_backend_flow(context, state, backend, within)
        elif state.subscription is not None:
            state = yield from _listen_flow(context, state, state.subscription)
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
    """Watch until the session ends, then make the answer.

    A wait that ends before the session does cancels it, unless `keep_session` is true.

    Raises:
        NobodyAnsweredError: The time was up.
        AnswerError: Another of its subclasses: there is no answer.
        IrmaError: The server refused, or could not be reached up to the deadline.
    """
    check_flag(keep_session, "keep_session")
    state = begin_watch(context, session, check_timeout(timeout, "timeout"))
    try:
        while not state.is_over:
            _status, state = yield from next_status_flow(context, state)
    except (GeneratorExit, SessionGoneError):
        raise  # nothing can be sent any more; or there is nothing to cancel
    except BaseException as error:
        answer = None
        if not keep_session:
            answer = yield from given_up_flow(context, session, error)
        if answer is None:
            raise
        return answer
    # An end that was heard at the last moment still gives its answer.
    deadline = max(state.deadline, last_deadline(context))
    if state.last is not SessionStatus.TIMEOUT:
        return (yield from _answer_flow(context, session, deadline))
    if context.status_backend is not None:
        # Nobody else's word is taken for an end: but a session that is gone now has timed out.
        with suppress(SessionGoneError):
            return (yield from _answer_flow(context, session, deadline))
    # The server may forget a timed-out session at any time: there is nothing left to ask.
    raise SessionTimedOutError(session.token.fingerprint)


def _answer_flow(
    context: RequestorContext, session: SessionWithRequest, deadline: float
) -> Flow[Answer]:
    """Ask for the answer until the deadline: the person has disclosed, and the server keeps it."""
    while True:
        try:
            return (yield from get_answer_flow(context, session, deadline))
        except _QUESTION_FAILED as error:
            is_over = context.seconds_left(deadline) <= context.poll_interval.total_seconds()
            if is_over or not is_transient(error):
                raise
        yield from Sleep(context.poll_interval)


def _hear_backend_flow(
    context: RequestorContext,
    state: WatchState,
    backend: StatusBackend | AsyncStatusBackend,
    within: timedelta,
) -> Flow[WatchState]:
    """Hear what the status backend tells; one that was not waited on before is looked at first."""
    told: object = None
    # One that takes longer than it was asked to has failed; the server's own ways do not wait.
    longest = (
        context.clock.monotonic() + within.total_seconds() + context.try_timeout.total_seconds()
    )
    by = min(state.deadline, longest)
    with suppress(StatusBackendError):
        told = yield from next_status(backend, state.session.token, state.last, within, by)
    now = context.clock.monotonic()
    if told is not ReadOutcome.IDLE and not state.accepts(told):
        # What cannot be true is no better than a failure.
        return state.backend_failed(now, context.jitter())
    if not state.uses_backend:
        if state.subscription is not None:
            yield from CloseStream(state.subscription.stream)
        state = state.backend_works(now)
    if isinstance(told, SessionStatus):
        return state.backend_told(told)
    if now < state.wakes_at:
        # It does not wait by itself: without a pause it would be asked without end.
        pause = min(context.poll_interval, timedelta(seconds=state.wakes_at - now))
        yield from Sleep(pause)
    return state


def _ask_flow(
    context: RequestorContext, state: WatchState, now: float, earlier: IrmaError | None
) -> Flow[tuple[WatchState, IrmaError | None]]:
    """Ask the status; a failure that passes is given, to be raised if it lasts to the deadline."""
    token = state.session.token
    request = build_status_request(context.server, token)
    asked_to_wait = timedelta(0)
    try:
        response = yield from Send(request, context.try_deadline(state.deadline))
        asked_to_wait = retry_after(response, utc_now(context.clock))
        status = with_session_gone(token, parse_status_response)(response)
    except _QUESTION_FAILED as error:
        if not is_transient(error):
            raise
        if (
            earlier is None
            and isinstance(error, TransportTimeoutError)
            and context.seconds_left(state.deadline) <= 0
        ):
            # The watch's own end cut the question short: that says nothing of the server.
            raise NobodyAnsweredError(token.fingerprint) from error
        return state.on_poll_failed(now, asked_to_wait.total_seconds()), error
    return state.asked(status, now), None


def _subscribe_flow(context: RequestorContext, state: WatchState, now: float) -> Flow[WatchState]:
    """Ask for events; where they cannot be had, what follows is polling."""
    request = build_status_events_request(context.server, state.session.token)
    try:
        stream = yield from OpenStream(request, min(state.deadline, now + _STREAM_HEAD_TIMEOUT))
    except TransportTimeoutError:
        return state.on_no_events(context.clock.monotonic())
    except (TransportError, SigningError):
        return state.broken(context.clock.monotonic())
    opened = context.clock.monotonic()
    if is_event_stream(stream.status, stream.headers):
        return state.subscribed(Subscription(stream, EventStreamDecoder(), since=now), opened)
    yield from CloseStream(stream)
    if is_passing_status(stream.status):
        return state.broken(opened)
    return state.on_no_events(opened)


def _listen_flow(
    context: RequestorContext, state: WatchState, subscription: Subscription
) -> Flow[WatchState]:
    """Listen until something comes, or it is time to ask."""
    try:
        heard = yield from ReadStream(subscription.stream, state.wakes_at)
        if isinstance(heard, bytes):
            return state.heard_bytes(subscription, heard, context.clock.monotonic())
    except (TransportError, UnexpectedResponseError):
        pass
    else:
        if heard is ReadOutcome.IDLE:
            return state
    # Also a clean end may have a change before it that was never told: the status is asked first.
    yield from CloseStream(subscription.stream)
    return state.broken(context.clock.monotonic())
