"""Where a watch is, and when it must ask next: pure transitions, without a step of their own.

Belongs here: what each thing that happens to a watch changes. Does not belong here: the steps
themselves (`watch`).
"""

from __future__ import annotations

import math
from typing import final

import attrs

from irma_core.models.sessions import SessionWithRequest
from irma_core.models.statuses import SessionStatus
from irma_core.protocol.endpoints import parse_status_event
from irma_core.protocol.sse import EventStreamDecoder
from irma_core.protocol.transport import AsyncByteStream, ByteStream

__all__ = ["Subscription", "WatchState"]

# The server's first bytes come some 200 ms after a subscription. A stream without any by then is
# held back by a proxy: ask as if there were none, while it may still come to life.
_FIRST_BYTE_WITHIN = 2.0
# A stream that has spoken may be silent for minutes, since the session is; or dead.
_SAFETY_POLL = 30.0
# A status backend that failed is tried again after some 10 s, spread so that not all come at once.
_BACKEND_AGAIN = 10.0
# Proxies cut streams that are quiet: one more try, then asking is as good.
_SUBSCRIPTIONS = 2


@final
@attrs.frozen
class Subscription:
    """An event stream that is open.

    Args:
        stream: Its bytes; of the driver's mode.
        decoder: What makes events of them; it keeps the unfinished one.
        since: When it was asked for, on the monotonic clock.
        has_spoken: Whether a byte of it has come. Bytes are the sign of life: the server's first
            event has no data, so that a decoder drops it.
        is_confirmed: Whether the status was asked since: what changed before is never told.
    """

    stream: ByteStream | AsyncByteStream
    decoder: EventStreamDecoder
    since: float = attrs.field(kw_only=True)
    has_spoken: bool = attrs.field(default=False, kw_only=True)
    is_confirmed: bool = attrs.field(default=False, kw_only=True)


@final
@attrs.frozen
class WatchState:
    """Where a watch is; all points in time are on the monotonic clock.

    Args:
        session: The session watched.
        deadline: When it gives up; infinity for never.
        poll_interval: Seconds between two questions where there are no events.
        last: The last status that was told.
        heard: Statuses that were learnt and not looked at yet.
        next_poll: When the status is to be asked for; infinity before the first subscription.
        subscription: The event stream, while one is open.
        subscriptions_left: How often to subscribe still.
        uses_backend: Whether the status backend is what it waits on.
        retry_backend_at: When to look at the status backend, where it does not wait on it; infinity
            where there is none.
    """

    session: SessionWithRequest
    deadline: float
    poll_interval: float = attrs.field(kw_only=True)
    last: SessionStatus | None = attrs.field(default=None, kw_only=True)
    heard: tuple[SessionStatus, ...] = attrs.field(default=(), kw_only=True)
    next_poll: float = attrs.field(default=math.inf, kw_only=True)
    subscription: Subscription | None = attrs.field(default=None, kw_only=True)
    subscriptions_left: int = attrs.field(default=_SUBSCRIPTIONS, kw_only=True)
    uses_backend: bool = attrs.field(default=False, kw_only=True)
    retry_backend_at: float = attrs.field(default=math.inf, kw_only=True)

    @property
    def is_over(self) -> bool:
        """Whether the last status that was told is final."""
        return self.last is not None and self.last.is_final

    @property
    def wakes_at(self) -> float:
        """When something else is to be done than to wait; infinity for never."""
        return min(self.next_poll, self.deadline, self.retry_backend_at)

    def next_heard(self) -> tuple[SessionStatus | None, WatchState]:
        """Give the next status to tell, if any; one that was told, or runs back, is dropped."""
        for index, status in enumerate(self.heard):
            if self.last is None or self.last.may_become(status):
                rest = self.heard[index + 1 :]
                return status, attrs.evolve(self, last=status, heard=rest)
        return None, attrs.evolve(self, heard=()) if self.heard else self

    def asked(self, status: SessionStatus, now: float) -> WatchState:
        """The server told the status."""
        subscription = self.subscription
        if self.uses_backend:
            next_poll = now + _SAFETY_POLL
        elif subscription is None:
            next_poll = now + self.poll_interval
        elif subscription.has_spoken:
            next_poll = now + _SAFETY_POLL
        else:
            next_poll = max(now + self.poll_interval, subscription.since + _FIRST_BYTE_WITHIN)
        return attrs.evolve(
            self,
            heard=(*self.heard, status),
            next_poll=next_poll,
            subscription=subscription and attrs.evolve(subscription, is_confirmed=True),
        )

    def on_poll_failed(self, now: float, asked_to_wait: float) -> WatchState:
        """The server could not be asked; it may have said for how many seconds to wait."""
        wait = max(self.poll_interval, min(asked_to_wait, _SAFETY_POLL))
        return attrs.evolve(self, next_poll=now + wait)

    def subscribed(self, subscription: Subscription, now: float) -> WatchState:
        """The stream's head has come: only now the status that is asked for misses nothing."""
        return attrs.evolve(self, subscription=subscription, next_poll=now)

    def on_no_events(self, now: float) -> WatchState:
        """There are no events: ask, from now to the end."""
        return attrs.evolve(self, subscriptions_left=0, next_poll=now)

    def broken(self, now: float) -> WatchState:
        """The stream ended, or could not be opened."""
        left = self.subscriptions_left - 1
        return attrs.evolve(self, subscription=None, subscriptions_left=left, next_poll=now)

    def accepts(self, told: object) -> bool:
        """Whether this is a status, and one that can come next."""
        return isinstance(told, SessionStatus) and (self.last is None or self.last.may_become(told))

    def backend_works(self, now: float) -> WatchState:
        """The status backend can be looked at: wait on it, once the server was asked.

        What happened while it failed may never have been published.
        """
        return attrs.evolve(
            self, subscription=None, uses_backend=True, retry_backend_at=math.inf, next_poll=now
        )

    def backend_told(self, status: SessionStatus) -> WatchState:
        """The status backend told a status."""
        return attrs.evolve(self, heard=(*self.heard, status))

    def backend_failed(self, now: float, chance: float) -> WatchState:
        """The status backend failed: for a while there are the server's own ways."""
        next_poll = self.next_poll
        if self.uses_backend:
            next_poll = math.inf if self.subscriptions_left else now
        return attrs.evolve(
            self,
            uses_backend=False,
            retry_backend_at=now + _BACKEND_AGAIN * (0.5 + chance),
            next_poll=next_poll,
        )

    def heard_bytes(self, subscription: Subscription, data: bytes, now: float) -> WatchState:
        """Bytes of the stream have come.

        Raises:
            EventTooLargeError: An event is over the limit.
            UnexpectedResponseError: An event tells no status.
        """
        events = subscription.decoder.feed(data)
        told = tuple(parse_status_event(event) for event in events if event.type == "message")
        next_poll = now + _SAFETY_POLL if subscription.is_confirmed else self.next_poll
        return attrs.evolve(
            self,
            heard=(*self.heard, *told),
            next_poll=next_poll,
            subscription=attrs.evolve(subscription, has_spoken=True),
        )
