"""Single flight: one caller fetches a value, and concurrent callers wait for it.

The values are the server's public key and the access token for a gateway. Threads or tasks share a
requestor, so several of them may find at the same time that the value is missing or stale. One of
them fetches the value and passes it to all waiting callers, even if it cannot be cached. The core
needs no locks: `dict.setdefault` is atomic for threads and tasks, and a waiting call looks again
every 50 ms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from os import getpid
from typing import Final, final

import attrs

from irma_core.errors import DeadlineError, IrmaError
from irma_core.flows.effects import Flow, Sleep
from irma_core.models.holders import Hidden, hide_secret
from irma_core.protocol.transport import Clock

__all__ = ["CachedValue", "SingleFlight", "fetch_once_flow"]

_POLL_INTERVAL: Final = 0.05
"""In seconds: much shorter than a request for the value takes."""


@final
@attrs.frozen(eq=False)
class CachedValue:
    """A fetched public key or gateway token.

    Args:
        text: The key or token.
        until: When the value becomes stale, on the monotonic clock; infinity for never.
        is_refresh: Whether it was fetched because the server rejected the previous value.
    """

    _text: Hidden[str] = attrs.field(alias="text", converter=hide_secret, repr=False)
    until: float
    is_refresh: bool = attrs.field(default=False, kw_only=True)

    @property
    def text(self) -> str:
        """The key or token."""
        return self._text.reveal()


@final
@attrs.define(eq=False)
class _Flight:
    """One fetch of a value, for which other callers may wait.

    Args:
        ends: When the fetch must be over, on the monotonic clock.
        is_over: Whether the fetch is over.
        value: The fetched value, if the fetch has succeeded.
        failure: The error, if the fetch has failed.
    """

    ends: float
    is_over: bool = False
    value: CachedValue | None = None
    failure: IrmaError | None = None


@final
class SingleFlight:
    """Holds the cached value and, in each process, the fetch in progress."""

    def __init__(self) -> None:
        self.value: CachedValue | None = None
        self._refreshed_at = -math.inf
        # One for each process: after a fork, the thread that fetches does not exist in the child.
        self._flights: dict[int, _Flight] = {}

    @property
    def is_being_fetched(self) -> bool:
        """Whether a fetch is in progress in this process."""
        return getpid() in self._flights

    def fresh(self, now: float) -> CachedValue | None:
        """Return the cached value; None if there is none, or if it is stale."""
        value = self.value
        return value if value is not None and value.until > now else None

    def forget(self, value: CachedValue) -> None:
        """Remove this value from the cache, unless a newer one has replaced it."""
        if self.value is value:
            self.value = None

    def may_refresh(self, rejected: CachedValue, now: float, interval: float) -> bool:
        """Return whether the caller may ask for a value to replace the rejected one.

        The caller may do so if the rejected value is no longer cached, if a fetch is in progress,
        or if the last refresh was at least `interval` ago.

        Args:
            rejected: The value that was rejected.
            now: The time on the monotonic clock.
            interval: The minimum number of seconds between two refreshes. A failed fetch does not
                count as a refresh.
        """
        is_available = self.value is not rejected or self.is_being_fetched
        return is_available or now - self._refreshed_at >= interval

    def join(self, own: _Flight, now: float) -> _Flight:
        """Return the fetch in progress; if there is none, start `own`."""
        process = getpid()
        flight = self._flights.setdefault(process, own)
        if flight is own or flight.ends > now:
            return flight
        # The thread of that flight is lost. If two callers see this at the same time, both fetch,
        # which does no harm.
        self._flights[process] = own
        return own

    def store(self, value: CachedValue, now: float) -> None:
        """Cache a fetched value."""
        self.value = value
        if value.is_refresh:
            self.note_refresh(now)

    def note_refresh(self, now: float) -> None:
        """Record that a rejected value was replaced at the time `now`."""
        self._refreshed_at = now

    def end(self, flight: _Flight) -> None:
        """Mark the fetch `flight` as over, so that its waiters stop and another fetch can begin."""
        flight.is_over = True
        process = getpid()
        if self._flights.get(process) is flight:
            self._flights.pop(process, None)


def fetch_once_flow(
    cache: SingleFlight,
    clock: Clock,
    fetch: Callable[[], Flow[CachedValue]],
    deadline: float,
    *,
    rejected: CachedValue | None = None,
) -> Flow[CachedValue]:
    """Return the cached value; if it is missing, fetch it or wait for a call that is fetching it.

    Args:
        cache: The cache.
        clock: The transport's clock.
        fetch: Fetches a value.
        deadline: When the value must be available, on the monotonic clock.
        rejected: A value that the server or the gateway has rejected, so that this flow must not
            return it again.

    Raises:
        DeadlineError: The deadline passed before this call could fetch the value, or while another
            call was fetching it.
        IrmaError: `fetch` raised it, in this call or in the call that this one waited for.
    """
    while True:
        now, before = clock.monotonic(), cache.value
        value = cache.fresh(now)
        if value is not None and value is not rejected:
            return value
        if now >= deadline:
            raise DeadlineError("the deadline passed before the key or token could be fetched")
        own = _Flight(deadline)
        try:
            flight = cache.join(own, now)
            # If the cached value has changed, another flight has ended since the first line.
            if flight is own and cache.value is before:
                own.value = yield from fetch()
                cache.store(own.value, clock.monotonic())
                return own.value
        except DeadlineError:
            raise  # this concerns only this call: the waiting calls may have more time
        except IrmaError as error:
            own.failure = error
            raise
        finally:
            cache.end(own)
        if flight is not own:
            yield from _wait_flow(flight, clock, deadline)
            if flight.value is not None and flight.value is not rejected:
                return flight.value


def _wait_flow(flight: _Flight, clock: Clock, deadline: float) -> Flow[None]:
    """Wait until another call's fetch ends or times out; raise the fetch's error if it failed."""
    while not flight.is_over and (now := clock.monotonic()) < flight.ends:
        if now >= deadline:
            raise DeadlineError("the deadline passed while another call fetched the key or token")
        yield from Sleep(timedelta(seconds=min(_POLL_INTERVAL, deadline - now)))
    if flight.failure is not None:
        # A copy without a traceback. The original's traceback has frames of the application that
        # made the other call.
        raise copy(flight.failure)
