"""The state of a watch, which also says when to ask the server next. Nothing here waits."""

from __future__ import annotations

import math
from typing import final

import attrs

from irma_core.models.sessions import SessionWithRequest
from irma_core.models.statuses import SessionStatus
from irma_core.protocol.endpoints import parse_status_event
from irma_core.protocol.sse import EventStreamDecoder
from irma_core.protocol.transport import AsyncByteStream, ByteStream
from irma_core.value_object import ValueObject

__all__ = ["Subscription", "WatchState"]

# The server's first bytes arrive about 200 ms after the subscription. If none have arrived by this
# time, a proxy is holding the stream back. The watch polls, and the stream may still start.
_FIRST_BYTE_TIMEOUT = 2.0
# A stream that has sent bytes may then send nothing for minutes. Either nothing happens in the
# session, or the connection is dead.
_SAFETY_POLL_INTERVAL = 30.0
# The waits are spread over 5 to 15 s, so that not all watches return to the backend at the same
# time.
_BACKEND_RETRY_INTERVAL = 10.0
# Proxies cut idle streams. One new subscription is worth a try; after that, polling is just as
# good.
_MAX_SUBSCRIPTIONS = 2


@final
@attrs.frozen(eq=False, repr=False)
class Subscription(ValueObject):
    """An open event stream.

    Args:
        stream: The stream, in the driver's mode.
        decoder: Decodes the stream; it holds the unfinished event.
        since: When the subscription was requested, on the monotonic clock.
        has_spoken: Whether any byte has arrived. Bytes that yield no event count too, because the
            decoder drops the server's first event, which has no data.
        is_confirmed: Whether the status has been polled since the subscription. The stream does not
            report changes from before the subscription.
    """

    stream: ByteStream | AsyncByteStream
    decoder: EventStreamDecoder
    since: float = attrs.field(kw_only=True)
    has_spoken: bool = attrs.field(default=False, kw_only=True)
    is_confirmed: bool = attrs.field(default=False, kw_only=True)


@final
@attrs.frozen(eq=False, repr=False)
class WatchState(ValueObject):
    """The state of a watch. All points in time are on the monotonic clock.

    Args:
        session: The session.
        deadline: When the watch gives up; infinity for never.
        poll_interval: Seconds between two polls while there are no events.
        last: The last status that was returned.
        pending: Statuses that have been received but not yet processed.
        next_poll: When to poll the status; infinity before the first subscription.
        subscription: The event stream, if one is open.
        subscriptions_left: How many more times to subscribe.
        uses_backend: Whether the watch waits for the status backend.
        retry_backend_at: When to try the status backend next; infinity while the watch uses it, or
            if there is none.
    """

    session: SessionWithRequest
    deadline: float
    poll_interval: float = attrs.field(kw_only=True)
    last: SessionStatus | None = attrs.field(default=None, kw_only=True)
    pending: tuple[SessionStatus, ...] = attrs.field(default=(), kw_only=True)
    next_poll: float = attrs.field(default=math.inf, kw_only=True)
    subscription: Subscription | None = attrs.field(default=None, kw_only=True)
    subscriptions_left: int = attrs.field(default=_MAX_SUBSCRIPTIONS, kw_only=True)
    uses_backend: bool = attrs.field(default=False, kw_only=True)
    retry_backend_at: float = attrs.field(default=math.inf, kw_only=True)

    @property
    def is_over(self) -> bool:
        """Whether the last returned status is final."""
        return self.last is not None and self.last.is_final

    @property
    def is_new(self) -> bool:
        """Whether the watch has not asked for a status yet."""
        return self.next_poll == math.inf and self.last is None

    @property
    def wakes_at(self) -> float:
        """When the watch must stop waiting and do something else; infinity for never."""
        return min(self.next_poll, self.deadline, self.retry_backend_at)

    def next_status(self) -> tuple[SessionStatus | None, WatchState]:
        """Return the next status and the state after it. Drop repeated and older statuses."""
        for index, status in enumerate(self.pending):
            if self.last is None or self.last.may_become(status):
                rest = self.pending[index + 1 :]
                return status, attrs.evolve(self, last=status, pending=rest)
        return None, attrs.evolve(self, pending=()) if self.pending else self

    def on_status(self, status: SessionStatus, now: float) -> WatchState:
        """Return the state after a poll that returned this status."""
        subscription = self.subscription
        if self.uses_backend:
            next_poll = now + _SAFETY_POLL_INTERVAL
        elif subscription is None:
            next_poll = now + self.poll_interval
        elif subscription.has_spoken:
            next_poll = now + _SAFETY_POLL_INTERVAL
        else:
            next_poll = max(now + self.poll_interval, subscription.since + _FIRST_BYTE_TIMEOUT)
        return attrs.evolve(
            self,
            pending=(*self.pending, status),
            next_poll=next_poll,
            subscription=subscription and attrs.evolve(subscription, is_confirmed=True),
        )

    def on_poll_failed(self, now: float, retry_after: float) -> WatchState:
        """Return the state after a failed poll.

        `retry_after` is the wait that the server asked for, in seconds.
        """
        wait = max(self.poll_interval, min(retry_after, _SAFETY_POLL_INTERVAL))
        return attrs.evolve(self, next_poll=now + wait)

    def on_subscribed(self, subscription: Subscription, now: float) -> WatchState:
        """Return the state after an event stream has been opened.

        In this state the watch polls next, because the stream does not report changes from before
        the subscription.
        """
        return attrs.evolve(self, subscription=subscription, next_poll=now)

    def on_bytes(self, subscription: Subscription, data: bytes, now: float) -> WatchState:
        """Return the state after bytes from the event stream have arrived.

        Raises:
            EventTooLargeError: An event is over the decoder's limit.
            UnexpectedResponseError: An event contains no status.
        """
        events = subscription.decoder.feed(data)
        statuses = tuple(parse_status_event(event) for event in events if event.type == "message")
        next_poll = now + _SAFETY_POLL_INTERVAL if subscription.is_confirmed else self.next_poll
        return attrs.evolve(
            self,
            pending=(*self.pending, *statuses),
            next_poll=next_poll,
            subscription=attrs.evolve(subscription, has_spoken=True),
        )

    def on_stream_broken(self, now: float) -> WatchState:
        """Return the state after the event stream has ended or could not be opened."""
        left = self.subscriptions_left - 1
        return attrs.evolve(self, subscription=None, subscriptions_left=left, next_poll=now)

    def on_no_events(self, now: float) -> WatchState:
        """Return the state for a server without events, in which the watch polls until the end."""
        return attrs.evolve(self, subscriptions_left=0, next_poll=now)

    def on_backend_available(self, now: float) -> WatchState:
        """Return the state after a call has shown that the status backend works.

        In this state the watch polls the server once, and then waits for the backend. The poll is
        needed because an end that came while the backend failed may never have been published.
        """
        return attrs.evolve(
            self, subscription=None, uses_backend=True, retry_backend_at=math.inf, next_poll=now
        )

    def on_end_published(self, status: SessionStatus) -> WatchState:
        """Return the state after the status backend has returned this final status."""
        return attrs.evolve(self, pending=(*self.pending, status))

    def on_backend_failed(self, now: float, jitter: float) -> WatchState:
        """Return the state after a failure of the status backend.

        In this state, the watch relies on events and polling until it tries the backend again.
        """
        next_poll = self.next_poll
        if self.uses_backend:
            next_poll = math.inf if self.subscriptions_left else now
        return attrs.evolve(
            self,
            uses_backend=False,
            retry_backend_at=now + _BACKEND_RETRY_INTERVAL * (0.5 + jitter),
            next_poll=next_poll,
        )
