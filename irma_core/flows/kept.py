"""A text that one fetches and many use: the server's key, the token of a gateway.

A requestor is shared by threads or tasks, so many may find at once that the text is missing or too
old. Then one of them fetches it, which is a *flight*, and the others wait for what comes of that
one. There is nothing to lock with in the core, and no need: `dict.setdefault` is one step for
threads as for tasks, and who waits looks again from time to time.

What is kept changes, and so is no setting; it is in the wiring all the same, since the flows of one
requestor, and no others, share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Final, final

import attrs

from irma_core.errors import DeadlineError, IrmaError
from irma_core.flows.effects import Flow, Sleep
from irma_core.protocol.transport import Clock

__all__ = ["Fetched", "Kept", "kept_flow"]

_LOOK_AGAIN: Final = 0.05
"""Seconds: well below the time of the call to a server that is waited for."""


@final
@attrs.frozen(eq=False)
class Fetched:
    """What a fetch brought.

    Args:
        text: The key or token.
        until: When it is to be used no more, on the monotonic clock; infinity for no such time.
    """

    text: str = attrs.field(repr=False)
    until: float


@final
@attrs.define(eq=False)
class _Flight:
    """One fetch.

    Args:
        ends: When it is over at the latest, on the monotonic clock.
        is_over: Whether it is.
        failure: Why it brought nothing.
    """

    ends: float
    is_over: bool = False
    failure: IrmaError | None = None


@final
class Kept:
    """What is at hand, if anything is, and the flight that is under way."""

    def __init__(self) -> None:
        self.fetched: Fetched | None = None
        self._replaced_at = -math.inf
        self._flights: dict[str, _Flight] = {}

    @property
    def is_being_fetched(self) -> bool:
        """Whether a flight is under way."""
        return bool(self._flights)

    def at_hand(self, now: float) -> Fetched | None:
        """Give what may still be used."""
        fetched = self.fetched
        return fetched if fetched is not None and fetched.until > now else None

    def may_replace(self, fetched: Fetched, now: float, interval: float) -> bool:
        """Tell whether something other than this is there, or may be fetched.

        Args:
            fetched: What turned out to be of no use.
            now: The time on the monotonic clock.
            interval: Seconds since the last flight for that reason, whatever came of it.
        """
        is_on_its_way = self.fetched is not fetched or self.is_being_fetched
        return is_on_its_way or now - self._replaced_at >= interval

    def joined(self, own: _Flight, now: float) -> _Flight:
        """Give the flight that is under way, which is one's own where there was none."""
        flight = self._flights.setdefault("", own)
        if flight is own or flight.ends > now:
            return flight
        # Its thread is lost. Should two see that at once, then both fetch, which does no harm.
        self._flights[""] = own
        return own

    def replacing(self, now: float) -> None:
        """Note that a flight begins for something other than what is at hand."""
        self._replaced_at = now

    def end(self, flight: _Flight) -> None:
        """End one's own flight."""
        flight.is_over = True
        if self._flights.get("") is flight:
            self._flights.pop("", None)


def kept_flow(
    kept: Kept,
    clock: Clock,
    fetch: Callable[[], Flow[Fetched]],
    deadline: float,
    *,
    other_than: Fetched | None = None,
) -> Flow[Fetched]:
    """Give what is at hand; fetch it first, or wait for who does, if nothing is.

    Args:
        kept: Where it is kept.
        clock: The transport's.
        fetch: Gets another one.
        deadline: By when it must be there, on the monotonic clock.
        other_than: What turned out to be of no use.

    Raises:
        DeadlineError: The time was up while another call fetched it.
        IrmaError: What `fetch` raises; also to those who waited for it.
    """
    while True:
        now, before = clock.monotonic(), kept.fetched
        found = kept.at_hand(now)
        if found is not None and found is not other_than:
            return found
        own = _Flight(deadline)
        flight = kept.joined(own, now)
        if flight is not own:
            yield from _landed_flow(flight, clock, deadline)
            continue
        try:
            # Else another flight has landed since the first line.
            if kept.fetched is before:
                if other_than is not None:
                    kept.replacing(now)
                kept.fetched = fetched = yield from fetch()
                return fetched
        except DeadlineError:
            raise  # of this call alone: those who wait may have more time
        except IrmaError as error:
            own.failure = error
            raise
        finally:
            kept.end(own)


def _landed_flow(flight: _Flight, clock: Clock, deadline: float) -> Flow[None]:
    """Wait until another's flight is over, or lost."""
    while not flight.is_over and (now := clock.monotonic()) < flight.ends:
        if now >= deadline:
            raise DeadlineError("the time was up while another call fetched what this one needs")
        yield from Sleep(timedelta(seconds=min(_LOOK_AGAIN, deadline - now)))
    if flight.failure is not None:
        # A copy: each who raises it adds a traceback.
        raise copy(flight.failure) from flight.failure
