"""Actions that are planned for a time on one clock.

No thread runs them. Instead, every call to the server first runs the actions that are due.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import TypeAlias, final

from irma_core.protocol.transport import Clock
from irma_testing.memory.nesting import Nesting
from irma_testing.time import ManualClock

__all__ = ["Timeline"]

_Action: TypeAlias = Callable[[], object]


@final
class Timeline:
    """Planned actions, ordered by the monotonic time at which each one is due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, _Action]] = []
        self._numbers = count()
        self._lock = threading.Lock()
        self._running = Nesting()

    def at(self, moment: float, action: _Action) -> None:
        """Plan an action for a time; a time in the past counts as now."""
        with self._lock:
            heapq.heappush(self._due, (moment, next(self._numbers), action))

    def after(self, seconds: float, action: _Action) -> None:
        """Plan an action for some seconds from now."""
        self.at(self._clock.monotonic() + seconds, action)

    def catch_up(self) -> None:
        """Run the actions that are due, in order. When called within an action, do nothing.

        If a due action plans another for the current time, the new one waits for the next call, so
        an action may plan itself again.
        """
        if self._running.depth:
            return
        now, first_new = self._clock.monotonic(), next(self._numbers)
        with self._running.deeper():
            while (action := self._take(now, first_new)) is not None:
                action()

    @property
    def is_due(self) -> bool:
        """Whether `catch_up` would run an action."""
        with self._lock:
            return bool(self._due) and self._due[0][0] <= self._clock.monotonic()

    def pass_time(self, clock: ManualClock, duration: timedelta, until: Callable[[], bool]) -> None:
        """Run each action when it is due, until `duration` has passed or `until()` returns true."""
        end = clock.monotonic() + duration.total_seconds()
        self.catch_up()
        while (
            not until()
            and (moment := self._next_after(clock.monotonic())) is not None
            and moment <= end
        ):
            _advance(clock, moment - clock.monotonic())
            self.catch_up()
        if not until() and (left := end - clock.monotonic()) > 0:
            _advance(clock, left)

    def _take(self, now: float, first_new: int) -> _Action | None:
        with self._lock:
            if not self._due:
                return None
            moment, number, action = self._due[0]
            if moment > now or (moment == now and number > first_new):
                return None
            heapq.heappop(self._due)
            return action

    def _next_after(self, now: float) -> float | None:
        with self._lock:
            return min((moment for moment, _, _ in self._due if moment > now), default=None)


def _advance(clock: ManualClock, seconds: float) -> None:
    # Round up to whole microseconds: if rounded down, the clock might never reach the planned time.
    clock.advance(timedelta(microseconds=math.ceil(seconds * 1_000_000)))
