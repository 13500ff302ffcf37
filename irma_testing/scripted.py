"""Transports that play a script: what each request is answered with, written beforehand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeAlias, final

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import AsyncByteStream, ByteStream, Silence
from irma_core.tracebacks import boundary
from irma_testing.time import ManualClock

__all__ = ["AsyncScriptedTransport", "ScriptedStream", "ScriptedTransport", "Step"]

Step: TypeAlias = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]
"""A response, an error to raise, or a function of the request that does either."""


@final
@boundary
class ScriptedStream:
    """A stream that plays a script; after its last step it is quiet for ever.

    Args:
        steps: Bytes that come, a time that passes before the next step, the end, or an error.
        status: The HTTP status.
        headers: The response's.
    """

    def __init__(
        self,
        steps: Iterable[bytes | timedelta | Silence | BaseException] = (),
        *,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream"),),
    ) -> None:
        self.status = status
        self.headers = headers
        self.is_closed = False
        self._steps = deque(steps)

    def play(self, clock: ManualClock, deadline: float) -> bytes | Silence:
        """Play the next step, and move the clock up to it, or to the deadline."""
        while self._steps:
            step = self._steps.popleft()
            if isinstance(step, timedelta):
                left = timedelta(seconds=deadline - clock.monotonic())
                if step > left:
                    self._steps.appendleft(step - left)
                    break
                clock.advance(step)
            elif isinstance(step, BaseException):
                raise step
            else:
                return step
        clock.advance(timedelta(seconds=max(deadline - clock.monotonic(), 0)))
        return Silence.QUIET


@final
class _SyncStream:
    """A scripted stream, as a sync transport gives it."""

    def __init__(self, script: ScriptedStream, clock: ManualClock) -> None:
        self._script, self._clock = script, clock
        self.status, self.headers = script.status, script.headers

    def read(self, deadline: float) -> bytes | Silence:
        return self._script.play(self._clock, deadline)

    def close(self) -> None:
        self._script.is_closed = True


@final
class _AsyncStream:
    """The same, awaited."""

    def __init__(self, script: ScriptedStream, clock: ManualClock) -> None:
        self._script, self._clock = script, clock
        self.status, self.headers = script.status, script.headers

    async def read(self, deadline: float) -> bytes | Silence:
        return self._script.play(self._clock, deadline)

    async def aclose(self) -> None:
        self._script.is_closed = True


@boundary
class _Script:
    """What both colours share: the script, and a record of what was done."""

    def __init__(
        self,
        steps: Iterable[Step] = (),
        *,
        streams: Iterable[ScriptedStream | Exception] = (),
        jitter: float = 0.5,
    ) -> None:
        self._steps = deque(steps)
        self._streams = deque(streams)
        self._jitter = jitter
        self.clock = ManualClock()
        self.requests: list[HttpRequest] = []
        self.subscriptions: list[HttpRequest] = []
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

    def _open(self, request: HttpRequest) -> ScriptedStream:
        self.subscriptions.append(request)
        stream = self._streams.popleft() if self._streams else ScriptedStream(status=500)
        if isinstance(stream, Exception):
            raise stream
        return stream

    def _sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        self.clock.advance(duration)

    @property
    def is_played(self) -> bool:
        """Whether every step was used."""
        return not self._steps


@boundary
class ScriptedTransport(_Script):
    """A sync transport that answers by a script; sleeping moves its clock.

    Args:
        steps: One for each request, in order. A request beyond them is an `AssertionError`.
        streams: One for each stream that is opened, or the error of opening it. Beyond them the
            server has no streams: it answers 500.
        jitter: What every wait is drawn with, from 0 up to 1.
    """

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Play the next step."""
        return self._play(request, deadline)

    def open_stream(self, request: HttpRequest, deadline: float) -> ByteStream:  # noqa: ARG002
        """Give the next stream."""
        return _SyncStream(self._open(request), self.clock)

    def sleep(self, duration: timedelta) -> None:
        """Move the clock."""
        self._sleep(duration)


@boundary
class AsyncScriptedTransport(_Script):
    """`ScriptedTransport`, awaited."""

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Play the next step."""
        return self._play(request, deadline)

    async def open_stream(
        self,
        request: HttpRequest,
        deadline: float,  # noqa: ARG002
    ) -> AsyncByteStream:
        """Give the next stream."""
        return _AsyncStream(self._open(request), self.clock)

    async def sleep(self, duration: timedelta) -> None:
        """Move the clock."""
        self._sleep(duration)
