"""Sync and async transports to an in-memory server.

A transport that sleeps lets time pass. If the clock is a `ManualClock`, the transport moves it and
runs planned actions when they are due. With a real clock, the transport waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar, final, runtime_checkable

from irma_core.errors import TransportTimeoutError
from irma_core.models.arguments import check_deadline, check_instance
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Clock, ReadOutcome
from irma_core.tracebacks import boundary
from irma_testing.arguments import check_duration
from irma_testing.memory.events import EventStream

__all__ = [
    "AsyncInMemoryStream",
    "AsyncInMemoryTransport",
    "InMemoryStream",
    "InMemoryTransport",
]

ResultT = TypeVar("ResultT")
_JITTER = 0.5
_MAX_WAIT_SECONDS = 86_400.0
_POLL_SECONDS = 0.01
"""Seconds between two checks of a stream on a real clock."""


@runtime_checkable
class _Server(Protocol):
    @property
    def clock(self) -> Clock: ...

    def handle(self, request: HttpRequest) -> HttpResponse: ...

    def subscribe(self, request: HttpRequest) -> EventStream | HttpResponse: ...

    def pass_time(self, duration: timedelta, *, until: Callable[[], bool] = ...) -> bool: ...

    async def run(self, function: Callable[..., ResultT], *arguments: Any) -> ResultT: ...


class _Stream:
    """The part that sync and async streams share.

    It reads an event stream, or the response that the server sent instead.
    """

    def __init__(self, server: _Server, answer: EventStream | HttpResponse) -> None:
        self._server = server
        self._events = answer if isinstance(answer, EventStream) else None
        self.status = answer.status
        self.headers = answer.headers

    def _read(self) -> bytes | ReadOutcome:
        if self._events is None:
            return ReadOutcome.END
        data = self._events.read()
        return data or (ReadOutcome.END if self._events.is_over else ReadOutcome.IDLE)

    def _pass_time(self, deadline: float) -> float:
        """Let time pass until a chunk arrives; return the seconds to wait on a real clock."""
        left = min(deadline - self._server.clock.monotonic(), _MAX_WAIT_SECONDS)
        if left <= 0 or self._server.pass_time(timedelta(seconds=left), until=self._has_news):
            return 0
        return min(left, _POLL_SECONDS)

    def _has_news(self) -> bool:
        return self._events is None or self._events.has_news

    def _is_late(self, deadline: float) -> bool:
        return self._server.clock.monotonic() >= deadline

    def _close(self) -> None:
        if self._events is not None:
            self._events.close()


@final
@boundary
class InMemoryStream(_Stream):
    """A `ByteStream` without a socket."""

    def read(self, deadline: float) -> bytes | ReadOutcome:
        """Let time pass until the next chunk arrives, and return the chunk."""
        while (data := self._read()) is ReadOutcome.IDLE and not self._is_late(deadline):
            if wait := self._pass_time(deadline):
                time.sleep(wait)
        return data

    def close(self) -> None:
        """Close the stream."""
        self._close()


@final
@boundary
class AsyncInMemoryStream(_Stream):
    """An `AsyncByteStream` without a socket."""

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        """Let time pass and other tasks run until the next chunk arrives, and return the chunk."""
        run = self._server.run
        while (  # noqa: ASYNC110
            data := await run(self._read)
        ) is ReadOutcome.IDLE and not self._is_late(deadline):
            # Another thread may add the chunk, so there is no asyncio event to wait for.
            await asyncio.sleep(await run(self._pass_time, deadline))
        return data

    async def aclose(self) -> None:
        """Close the stream."""
        self._close()


@boundary
class _TransportBase:
    """The part that the sync and async transports share."""

    def __init__(self, server: _Server) -> None:
        self._server = check_instance(server, _Server, "server", "an InMemoryServer")

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        return self._server.clock

    def jitter(self) -> float:
        """Return this transport's jitter, which is the same number for every wait."""
        return _JITTER

    def _open(self, request: HttpRequest, deadline: float) -> EventStream | HttpResponse:
        self._check_time(request, deadline)
        return self._server.subscribe(request)

    def _check_time(self, request: HttpRequest, deadline: float) -> None:
        check_instance(request, HttpRequest, "request", "an HttpRequest")
        check_deadline(deadline)
        if self.clock.monotonic() >= deadline:
            raise TransportTimeoutError(request.label, "no time was left", request_sent=False)

    def _send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self._check_time(request, deadline)
        response = self._server.handle(request)
        if self.clock.monotonic() > deadline:
            raise TransportTimeoutError(
                request.label, "the response took too long", request_sent=True
            )
        return response


@final
@boundary
class InMemoryTransport(_TransportBase):
    """A `Transport` without a socket; made by `InMemoryServer.transport`."""

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request to the server.

        Raises:
            TransportTimeoutError: The deadline has passed, before the call or because a callback's
                receiver took too long.
        """
        return self._send(request, deadline)

    def open_stream(self, request: HttpRequest, deadline: float) -> InMemoryStream:
        """Open an event stream from the server.

        Raises:
            TransportTimeoutError: The deadline has passed.
        """
        return InMemoryStream(self._server, self._open(request, deadline))

    def sleep(self, duration: timedelta) -> None:
        """Move a `ManualClock` by the duration, running due actions; on a real clock, wait."""
        check_duration(duration, "duration")
        if not self._server.pass_time(duration):
            time.sleep(duration.total_seconds())


@final
@boundary
class AsyncInMemoryTransport(_TransportBase):
    """An `AsyncTransport` without a socket; made by `InMemoryServer.async_transport`."""

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request to the server; see `InMemoryTransport.send`."""
        return await self._server.run(self._send, request, deadline)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncInMemoryStream:
        """Open an event stream from the server; see `InMemoryTransport.open_stream`."""
        answer = await self._server.run(self._open, request, deadline)
        return AsyncInMemoryStream(self._server, answer)

    async def sleep(self, duration: timedelta) -> None:
        """Let time pass as `InMemoryTransport.sleep` does, and let other tasks run."""
        check_duration(duration, "duration")
        passed = await self._server.run(self._server.pass_time, duration)
        await asyncio.sleep(0 if passed else duration.total_seconds())
