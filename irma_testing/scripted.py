"""Transports that answer each request with the next step of a script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeAlias, final

from irma_core.errors import UsageError
from irma_core.models.arguments import check_deadline, check_instance
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import AsyncByteStream, ByteStream, ReadOutcome
from irma_core.tracebacks import boundary
from irma_testing.arguments import check_duration, check_items, is_function
from irma_testing.time import ManualClock

__all__ = ["AsyncScriptedTransport", "ScriptedStream", "ScriptedTransport", "Step"]

Step: TypeAlias = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]
"""A response, an error to raise, or a function that takes the request and returns or raises one."""


_PAIR = 2


@final
@boundary
class ScriptedStream:
    """A stream that follows a script. After the last step it stays idle.

    Args:
        steps: Each step is bytes to return, a duration that passes before the next step, the end of
            the stream, or an error to raise.
        status: The HTTP status.
        headers: The HTTP headers.

    Raises:
        UsageError: An argument has the wrong type.
    """

    def __init__(
        self,
        steps: Iterable[bytes | timedelta | ReadOutcome | BaseException] = (),
        *,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream"),),
    ) -> None:
        if isinstance(status, bool):
            raise UsageError("status: must be a whole number")
        self.status = check_instance(status, int, "status", "a whole number")
        self.headers = check_items(headers, tuple, "headers", "pairs of a name and a value")
        if not all(
            len(pair) == _PAIR and all(type(each) is str for each in pair) for pair in headers
        ):
            raise UsageError("headers: must be pairs of two strings, a name and a value")
        self.is_closed = False
        kinds = (bytes, timedelta, ReadOutcome, BaseException)
        expected = "bytes, timedeltas, ReadOutcome values and errors"
        self._steps: deque[bytes | timedelta | ReadOutcome | BaseException] = deque(
            check_items(steps, kinds, "steps", expected)
        )

    def next_step(self, clock: ManualClock, deadline: float) -> bytes | ReadOutcome:
        """Move the clock to the next step or to the deadline; return the step, or `IDLE`.

        Raises:
            UsageError: An argument has the wrong type.
        """
        check_instance(clock, ManualClock, "clock", "a ManualClock")
        check_deadline(deadline)
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
        return ReadOutcome.IDLE


@final
class _SyncStream:
    """A scripted stream of a sync transport."""

    def __init__(self, script: ScriptedStream, clock: ManualClock) -> None:
        self._script, self._clock = script, clock
        self.status, self.headers = script.status, script.headers

    def read(self, deadline: float) -> bytes | ReadOutcome:
        return self._script.next_step(self._clock, deadline)

    def close(self) -> None:
        self._script.is_closed = True


@final
class _AsyncStream:
    """A scripted stream of an async transport."""

    def __init__(self, script: ScriptedStream, clock: ManualClock) -> None:
        self._script, self._clock = script, clock
        self.status, self.headers = script.status, script.headers

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        return self._script.next_step(self._clock, deadline)

    async def aclose(self) -> None:
        self._script.is_closed = True


@boundary
class _Script:
    """The part that sync and async transports share: the script, and a record of the calls."""

    def __init__(
        self,
        steps: Iterable[Step] = (),
        *,
        streams: Iterable[ScriptedStream | Exception] = (),
        jitter: float = 0.5,
    ) -> None:
        expected = "HttpResponse objects, errors and functions"
        self._steps: deque[Step] = deque(check_items(steps, object, "steps", expected))
        if not all(
            isinstance(step, HttpResponse | Exception) or is_function(step) for step in self._steps
        ):
            raise UsageError(f"steps: must be a list of {expected}")
        self._streams: deque[ScriptedStream | Exception] = deque(
            check_items(
                streams, (ScriptedStream, Exception), "streams", "ScriptedStream objects and errors"
            )
        )
        share: object = jitter
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise UsageError("jitter: must be a number in [0, 1)")
        self._jitter = jitter
        self.clock = ManualClock()
        self.requests: list[HttpRequest] = []
        self.subscriptions: list[HttpRequest] = []
        self.deadlines: list[float] = []
        self.slept: list[timedelta] = []

    def jitter(self) -> float:
        """Return the script's jitter, which is the same number for every wait."""
        return self._jitter

    def _respond(self, request: HttpRequest, deadline: float) -> HttpResponse:
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        check_deadline(deadline)
        self.requests.append(request)
        self.deadlines.append(deadline)
        if not self._steps:
            raise AssertionError(f"the script has no step for {request.label}")
        step = self._steps.popleft()
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, HttpResponse) else step(request)

    def _open(self, request: HttpRequest, deadline: float) -> ScriptedStream:
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        check_deadline(deadline)
        self.subscriptions.append(request)
        stream = self._streams.popleft() if self._streams else ScriptedStream(status=500)
        if isinstance(stream, Exception):
            raise stream
        return stream

    def _sleep(self, duration: timedelta) -> None:
        check_duration(duration, "duration")
        self.slept.append(duration)
        self.clock.advance(duration)

    @property
    def is_complete(self) -> bool:
        """Whether every step has been used."""
        return not self._steps


@boundary
class ScriptedTransport(_Script):
    """A sync transport that follows a script; sleeping moves its clock.

    Args:
        steps: The responses, in order. A request after the last one raises `AssertionError`.
        streams: The streams, in order, or the errors to raise when they are opened. After the last
            one, opening another stream returns one with the status 500.
        jitter: The jitter of every wait: at least 0 and below 1.

    Raises:
        UsageError: An argument has the wrong type.
    """

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Return the response of the next step, or raise its error."""
        return self._respond(request, deadline)

    def open_stream(self, request: HttpRequest, deadline: float) -> ByteStream:
        """Return the next stream, or raise its error."""
        return _SyncStream(self._open(request, deadline), self.clock)

    def sleep(self, duration: timedelta) -> None:
        """Move the clock forward instead of waiting."""
        self._sleep(duration)


@boundary
class AsyncScriptedTransport(_Script):
    """An async transport that follows a script; see `ScriptedTransport`."""

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Return the response of the next step, or raise its error."""
        return self._respond(request, deadline)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        """Return the next stream, or raise its error."""
        return _AsyncStream(self._open(request, deadline), self.clock)

    async def sleep(self, duration: timedelta) -> None:
        """Move the clock forward instead of waiting."""
        self._sleep(duration)
