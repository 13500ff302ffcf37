"""A status backend that follows a script on the transport's clock, one class for each mode."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeAlias

from irma_core import RequestorToken
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import ManualClock

__all__ = ["AsyncScriptedBackend", "ScriptedBackend", "ScriptedEnd"]

ScriptedEnd: TypeAlias = PublishedEnd | timedelta | Exception | object
"""A published end, the time that passes before the next step, None for a call that returns no end,
an exception, or any other wrong result."""


class _Script:
    """A script for `wait`, which returns no end when the steps are used up.

    Args:
        steps: The steps.
        waits: Whether `wait` may take as long as its timeout; otherwise it returns at once.
    """

    def __init__(self, steps: Iterable[ScriptedEnd] = (), *, waits: bool = True) -> None:
        self.clock = ManualClock()
        self.timeouts: list[timedelta] = []
        self._steps = deque(steps)
        self._waits = waits

    def _next(self, timeout: timedelta) -> Any:
        self.timeouts.append(timeout)
        if not self._waits:
            timeout = timedelta(0)
        while self._steps:
            step = self._steps.popleft()
            if not isinstance(step, timedelta):
                if step is None:
                    break
                if isinstance(step, Exception):
                    raise step
                return step
            if step > timeout:
                self._steps.appendleft(step - timeout)
                break
            self.clock.advance(step)
            timeout -= step
        self.clock.advance(timeout)
        return None


class ScriptedBackend(_Script):
    """A scripted `StatusBackend`."""

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        raise AssertionError("a watch must not publish")

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        return self._next(timeout)  # type: ignore[no-any-return]  # wrong results too

    def close(self) -> None:
        raise AssertionError("only the owner may close it")


class AsyncScriptedBackend(_Script):
    """A scripted `AsyncStatusBackend`."""

    async def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        raise AssertionError("a watch must not publish")

    async def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        return self._next(timeout)  # type: ignore[no-any-return]  # wrong results too

    async def aclose(self) -> None:
        raise AssertionError("only the owner may close it")
