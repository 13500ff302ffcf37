"""A status backend that plays a script by the transport's clock, in two modes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeAlias

from irma_core import RequestorToken, SessionStatus
from irma_core.protocol.status_backends import Idle
from irma_core.protocol.transport import ReadOutcome
from irma_testing import ManualClock

__all__ = ["AsyncScriptedBackend", "Play", "ScriptedBackend"]

Play: TypeAlias = SessionStatus | timedelta | Exception | object
"""A status to tell, a time that passes before the next step, a call without news, an error, or what
is no status."""


class _Script:
    def __init__(
        self,
        steps: Iterable[Play] = (),
        *,
        result: str | Exception | None = None,
        waits: bool = True,
    ) -> None:
        self.clock = ManualClock()
        self.calls: list[tuple[SessionStatus | None, timedelta]] = []
        self._steps = deque(steps)
        self._result = result
        self._waits = waits

    def _play(self, after: SessionStatus | None, within: timedelta) -> Any:
        self.calls.append((after, within))
        if not self._waits:
            within = timedelta(0)
        while self._steps:
            step = self._steps.popleft()
            if not isinstance(step, timedelta):
                if step is ReadOutcome.IDLE:
                    break
                if isinstance(step, Exception):
                    raise step
                return step
            if step > within:
                self._steps.appendleft(step - within)
                break
            self.clock.advance(step)
            within -= step
        self.clock.advance(within)
        return ReadOutcome.IDLE

    def _published(self) -> Any:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


class ScriptedBackend(_Script):
    """Tells by the script; afterwards it is quiet for ever.

    Args:
        steps: What is told, call by call.
        result: The signed result that was published, or the error of asking for it.
        waits: Whether it keeps to `within`; else it only looks.
    """

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        return self._play(after, within)  # type: ignore[no-any-return]  # nonsense too

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        raise AssertionError("watches publish nothing")

    def published_result(self, token: RequestorToken) -> str | None:
        return self._published()  # type: ignore[no-any-return]  # nonsense too

    def close(self) -> None:
        raise AssertionError("who made it closes it")


class AsyncScriptedBackend(_Script):
    """The same, awaited."""

    async def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        return self._play(after, within)  # type: ignore[no-any-return]  # nonsense too

    async def publish(
        self, token: RequestorToken, status: SessionStatus, result_jwt: str | None
    ) -> None:
        raise AssertionError("watches publish nothing")

    async def published_result(self, token: RequestorToken) -> str | None:
        return self._published()  # type: ignore[no-any-return]  # nonsense too

    async def aclose(self) -> None:
        raise AssertionError("who made it closes it")
