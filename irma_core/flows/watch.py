"""Watching a session: its statuses as they change, once each, until one is final.

A watch is a frozen state, and `next_status_flow` takes it one status further. Belongs here: polling
(a status is asked for again and again; a poll that fails is no end). Does not belong here: what is
true of a session when it ends (`sessions`).
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import final

import attrs

from irma_core.errors import (
    DeadlineError,
    ServerRefusedError,
    SessionTimedOutError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.flows.effects import Flow, Send, Sleep
from irma_core.flows.sessions import get_answer_flow, of_known_session
from irma_core.flows.wiring import Wiring
from irma_core.models.answers import Answer
from irma_core.models.sessions import StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.protocol.endpoints import build_status_request, parse_status_response
from irma_core.protocol.policy import is_transient

__all__ = ["WatchState", "begin_watch", "next_status_flow", "wait_for_answer_flow"]

_TIME_WAS_UP = "the session did not end in the time given to the watch"


@final
@attrs.frozen
class WatchState:
    """Where a watch is.

    Args:
        session: The session watched.
        deadline: When it gives up, on the monotonic clock; infinity for never.
        last: The last status that was told.
        next_poll: When the status is to be asked for, on the monotonic clock.
    """

    session: StartedSession
    deadline: float
    last: SessionStatus | None = attrs.field(default=None, kw_only=True)
    next_poll: float = attrs.field(default=-math.inf, kw_only=True)

    @property
    def is_over(self) -> bool:
        """Whether the last status that was told is final."""
        return self.last is not None and self.last.is_final


def begin_watch(wiring: Wiring, session: StartedSession, timeout: timedelta | None) -> WatchState:
    """Begin to watch; the time runs from now."""
    return WatchState(session, math.inf if timeout is None else wiring.deadline(timeout))


def next_status_flow(wiring: Wiring, state: WatchState) -> Flow[tuple[SessionStatus, WatchState]]:
    """Wait for a status that was not told yet; give it, and the state to go on from.

    Raises:
        DeadlineError: The time was up.
        SessionGoneError: The server no longer knows the session.
        IrmaError: The server refused, or could not be reached up to the deadline.
    """
    request = build_status_request(wiring.server, state.session.token)
    parse = of_known_session(state.session.token, parse_status_response)
    failure: Exception | None = None
    while True:
        pause = min(state.next_poll, state.deadline) - wiring.clock.monotonic()
        if pause > 0:
            yield from Sleep(timedelta(seconds=pause))
        if wiring.seconds_left(state.deadline) <= 0:
            raise failure or DeadlineError(_TIME_WAS_UP)
        next_poll = wiring.clock.monotonic() + wiring.poll_interval.total_seconds()
        state = attrs.evolve(state, next_poll=next_poll)
        try:
            status = parse((yield from Send(request, wiring.try_deadline(state.deadline))))
        except (TransportError, ServerRefusedError, UnexpectedResponseError) as error:
            if not is_transient(error):
                raise
            if (
                failure is None
                and isinstance(error, TransportTimeoutError)
                and wiring.seconds_left(state.deadline) <= 0
            ):
                # The watch's own end cut the question short: that says nothing of the server.
                raise DeadlineError(_TIME_WAS_UP) from error
            failure = error
            continue
        failure = None
        if state.last is None or state.last.may_become(status):
            return status, attrs.evolve(state, last=status)


def wait_for_answer_flow(
    wiring: Wiring, session: StartedSession, timeout: timedelta
) -> Flow[Answer]:
    """Watch until the session ends, then make the answer.

    Raises:
        DeadlineError: The time was up.
        AnswerError: One of its subclasses: there is no answer.
        IrmaError: The server refused, or could not be reached up to the deadline.
    """
    state = begin_watch(wiring, session, timeout)
    while not state.is_over:
        _status, state = yield from next_status_flow(wiring, state)
    if state.last is SessionStatus.TIMEOUT:
        # The server may forget a timed-out session at any time: there is nothing left to ask.
        raise SessionTimedOutError(session.token.fingerprint)
    return (yield from get_answer_flow(wiring, session, state.deadline))
