"""Transports that play a script: what each request is answered with, written beforehand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeAlias

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.time import ManualClock

__all__ = ["AsyncScriptedTransport", "ScriptedTransport", "Step"]

Step: TypeAlias = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]
"""A response, an error to raise, or a function of the request that does either."""


class _Script:
    """What both colours share: the script, and a record of what was done."""

    def __init__(self, steps: Iterable[Step] = (), *, jitter: float = 0.5) -> None:
        self._steps = deque(steps)
        self._jitter = jitter
        self.clock = ManualClock()
        self.requests: list[HttpRequest] = []
        self.deadlines: list[float] = []
        self.slept: list[timedelta] = []

    def jitter(self) -> float:
        """Give the same number each time."""
        return self._jitter

    def _play(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self.requests.append(request)
        self.deadlines.append(deadline)
        if not self._steps:
            raise AssertionError(f"the script has no step for {request.path}")
        step = self._steps.popleft()
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, HttpResponse) else step(request)

    def _sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        self.clock.advance(duration)

    @property
    def is_played(self) -> bool:
        """Whether every step was used."""
        return not self._steps


class ScriptedTransport(_Script):
    """A sync transport that answers by a script; sleeping moves its clock.

    Args:
        steps: One for each request, in order. A request beyond them is an `AssertionError`.
        jitter: What every wait is drawn with, from 0 up to 1.
    """

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Play the next step."""
        return self._play(request, deadline)

    def sleep(self, duration: timedelta) -> None:
        """Move the clock."""
        self._sleep(duration)


class AsyncScriptedTransport(_Script):
    """`ScriptedTransport`, awaited."""

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Play the next step."""
        return self._play(request, deadline)

    async def sleep(self, duration: timedelta) -> None:
        """Move the clock."""
        self._sleep(duration)
