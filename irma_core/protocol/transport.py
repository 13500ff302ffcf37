"""What a transport must be: two Protocols, one a mode, and the clock that it brings.

Belongs here: the shapes, which nobody inherits from and nobody registers, and the one way to ask
such a clock for the time. Does not belong here: any transport, or the retries (`policy`), which are
the core's and never a transport's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from irma_core.errors import ConfigurationError
from irma_core.models.moments import as_utc
from irma_core.protocol.messages import HttpRequest, HttpResponse

__all__ = [
    "AsyncByteStream",
    "AsyncTransport",
    "ByteStream",
    "Clock",
    "Jitter",
    "ReadOutcome",
    "Transport",
    "utc_now",
]


class Clock(Protocol):
    """Wall time and monotonic time; the core has no clock of its own."""

    def now(self) -> datetime:
        """Give the wall time, an aware `datetime` of any zone."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never run back, from any start."""
        ...


def utc_now(clock: Clock) -> datetime:
    """Return a clock's wall time in UTC.

    Raises:
        ConfigurationError: The clock gives something else than an aware `datetime`.
    """
    return as_utc(clock.now(), "the time that the clock's now() gives", ConfigurationError)


class Jitter(Protocol):
    """A source of chance for waiting times."""

    def __call__(self) -> float:
        """Give a number from 0 up to, but not including, 1."""
        ...


class ReadOutcome(Enum):
    """What a read of a stream gives in place of bytes."""

    IDLE = "quiet"
    """Nothing came within the time; the stream goes on, and nothing is lost."""
    END = "end"
    """The server ended it in good order."""


class ByteStream(Protocol):
    """A response whose head has come and whose body comes bit by bit; for one thread at a time."""

    @property
    def status(self) -> int:
        """The HTTP status, whatever it is."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """As those of `HttpResponse`."""
        ...

    def read(self, deadline: float) -> bytes | ReadOutcome:
        """Give bytes of the body as soon as some have come.

        Args:
            deadline: A point on the transport's clock; what has come is given also after it.

        Returns:
            One byte or more; or why there is none.

        Raises:
            TransportError: The stream broke, within a chunk for instance.
        """
        ...

    def close(self) -> None:
        """Let go of the connection at once; closing again does nothing."""
        ...


class AsyncByteStream(Protocol):
    """The same, awaited; a `read` that is cancelled loses nothing."""

    @property
    def status(self) -> int:
        """The HTTP status, whatever it is."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """As those of `HttpResponse`."""
        ...

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        """Give bytes of the body as soon as some have come; see `ByteStream`."""
        ...

    async def aclose(self) -> None:
        """Let go of the connection at once; closing again does nothing."""
        ...


class Transport(Protocol):
    """Runs HTTP requests on the calling thread. May be shared by threads.

    It follows no redirect, repeats no request, never sends on a connection that was idle for 1.5
    seconds, and bounds what it reads.
    """

    @property
    def clock(self) -> Clock:
        """The clock that deadlines are meant by."""
        ...

    @property
    def jitter(self) -> Jitter:
        """Chance for the waiting times between tries."""
        ...

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request, and give the whole response whatever its status.

        Args:
            request: What to send, as it is.
            deadline: A point on `clock.monotonic()`, for all of it.

        Raises:
            TransportError: The wire failed; `request_sent` is False only where not one byte of the
                request can have reached the server.
        """
        ...

    def open_stream(self, request: HttpRequest, deadline: float) -> ByteStream:
        """Send the request, and give the response when its head has come, whatever its status.

        Its connection is beside those that `send` uses. Its body is asked for without compression,
        has no limit of size, and no limit of time but that of each read.

        Args:
            request: What to send, as it is.
            deadline: A point on `clock.monotonic()`, for all up to the end of the head.

        Raises:
            TransportError: As `send`.
        """
        ...

    def sleep(self, duration: timedelta) -> None:
        """Wait."""
        ...


class AsyncTransport(Protocol):
    """The same, awaited; cancelling a call abandons its request and leaves nothing open."""

    @property
    def clock(self) -> Clock:
        """The clock that deadlines are meant by."""
        ...

    @property
    def jitter(self) -> Jitter:
        """Chance for the waiting times between tries."""
        ...

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request, and give the whole response whatever its status; see `Transport`."""
        ...

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        """Send the request, and give the response when its head has come; see `Transport`."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        ...
