"""A text that one fetches and many use: the server's key, the token of a gateway.

A requestor is shared by threads or tasks, so many may find at once that the text is missing or too
old. Then one of them fetches it, which is a *flight*, and hands what it fetched to all that wait
for it, whether or not the text may be used again later. There is nothing to lock with in the core,
and no need: `dict.setdefault` is one step for threads as for tasks, and a waiting call looks again
from time to time.

What is kept changes, and so is no setting; it is in the wiring all the same, since the flows of one
requestor, and no others, share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from os import (
    getpid,
)  # the number alone: a thread that fetches does not live on in a forked process
from typing import Final, final

import attrs

from irma_core.errors import DeadlineError, IrmaError
from irma_core.flows.effects import Flow, Sleep
from irma_core.models.hidden import Hidden, hide_secret
from irma_core.protocol.transport import Clock

__all__ = ["CachedValue", "SingleFlight", "fetch_once_flow"]

_LOOK_AGAIN: Final = 0.05
"""Seconds: well below the time of the call to a server that is waited for."""


@final
@attrs.frozen(eq=False)
class CachedValue:
    """What a fetch brought.

    Args:
        text: The key or token.
        until: When it is to be used no more, on the monotonic clock; infinity for no such time.
        is_replacement: Whether it was fetched because another one turned out to be of no use.
    """

    _text: Hidden[str] = attrs.field(alias="text", converter=hide_secret, repr=False)
    until: float
    is_replacement: bool = attrs.field(default=False, kw_only=True)

    @property
    def text(self) -> str:
        """The key or token."""
        return self._text.reveal()


@final
@attrs.define(eq=False)
class _Flight:
    """One fetch.

    Args:
        ends: When it is over at the latest, on the monotonic clock.
        is_over: Whether it is.
        fetched: What it brought.
        failure: Why it brought nothing.
    """

    ends: float
    is_over: bool = False
    fetched: CachedValue | None = None
    failure: IrmaError | None = None


@final
class SingleFlight:
    """What was fetched and may still be used, and the flight that is under way."""

    def __init__(self) -> None:
        self.fetched: CachedValue | None = None
        self._replaced_at = -math.inf
        self._flights: dict[int, _Flight] = {}

    @property
    def is_being_fetched(self) -> bool:
        """Whether a flight is under way in this process."""
        return getpid() in self._flights

    def at_hand(self, now: float) -> CachedValue | None:
        """Return what may still be used, or None."""
        fetched = self.fetched
        return fetched if fetched is not None and fetched.until > now else None

    def forget(self, fetched: CachedValue) -> None:
        """Keep this no longer; what another flight brought since stays."""
        if self.fetched is fetched:
            self.fetched = None

    def may_replace(self, fetched: CachedValue, now: float, interval: float) -> bool:
        """Return whether something other than this is there, or may be fetched.

        Args:
            fetched: What turned out to be of no use.
            now: The time on the monotonic clock.
            interval: Seconds since the last replacement came. A fetch that failed replaced nothing.
        """
        is_on_its_way = self.fetched is not fetched or self.is_being_fetched
        return is_on_its_way or now - self._replaced_at >= interval

    def joined(self, own: _Flight, now: float) -> _Flight:
        """Return the flight that is under way, which is the caller's own if there was none."""
        process = getpid()
        flight = self._flights.setdefault(process, own)
        if flight is own or flight.ends > now:
            return flight
        # Its thread is lost. Should two see that at once, then both fetch, which does no harm.
        self._flights[process] = own
        return own

    def keep(self, fetched: CachedValue, now: float) -> None:
        """Keep what a flight brought."""
        self.fetched = fetched
        if fetched.is_replacement:
            self._replaced_at = now

    def end(self, flight: _Flight) -> None:
        """End the caller's own flight, if it has begun."""
        flight.is_over = True
        process = getpid()
        if self._flights.get(process) is flight:
            self._flights.pop(process, None)


def fetch_once_flow(
    kept: SingleFlight,
    clock: Clock,
    fetch: Callable[[], Flow[CachedValue]],
    deadline: float,
    *,
    other_than: CachedValue | None = None,
) -> Flow[CachedValue]:
    """Return what is kept; fetch it first if nothing is, or wait for the call that does.

    Args:
        kept: Where it is kept.
        clock: The transport's.
        fetch: Gets another one.
        deadline: By when it must be there, on the monotonic clock.
        other_than: What turned out to be of no use.

    Raises:
        DeadlineError: The time was up, before a fetch or while another call fetched it.
        IrmaError: What `fetch` raises; also to those who waited for it.
    """
    while True:
        now, before = clock.monotonic(), kept.fetched
        found = kept.at_hand(now)
        if found is not None and found is not other_than:
            return found
        if now >= deadline:
            raise DeadlineError("the time was up before this could be fetched")
        own = _Flight(deadline)
        try:
            flight = kept.joined(own, now)
            # If what is kept has changed, another flight has landed since the first line.
            if flight is own and kept.fetched is before:
                own.fetched = yield from fetch()
                kept.keep(own.fetched, clock.monotonic())
                return own.fetched
        except DeadlineError:
            raise  # of this call alone: those who wait may have more time
        except IrmaError as error:
            own.failure = error
            raise
        finally:
            kept.end(own)
        if flight is not own:
            yield from _landed_flow(flight, clock, deadline)
            if flight.fetched is not None and flight.fetched is not other_than:
                return flight.fetched


def _landed_flow(flight: _Flight, clock: Clock, deadline: float) -> Flow[None]:
    """Wait until another's flight is over, or lost."""
    while not flight.is_over and (now := clock.monotonic()) < flight.ends:
        if now >= deadline:
            raise DeadlineError("the time was up while another call fetched what this one needs")
        yield from Sleep(timedelta(seconds=min(_LOOK_AGAIN, deadline - now)))
    if flight.failure is not None:
        # A copy without a cause: the failure itself has the frames of the other call's application.
        raise copy(flight.failure)
