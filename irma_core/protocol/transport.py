"""The interfaces of a transport, sync and async, and of its clock.

Belongs here: the interfaces, and the one function that reads a transport's clock. Does not belong
here: any transport, or retries (`policy`), which a transport never makes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Protocol

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import as_utc
from irma_core.protocol.messages import HttpRequest, HttpResponse

__all__ = [
    "AsyncByteStream",
    "AsyncTransport",
    "ByteStream",
    "Clock",
    "Jitter",
    "ReadOutcome",
    "Transport",
    "sends_by_proxy",
    "utc_now",
]


class Clock(Protocol):
    """Tells wall time and monotonic time. The core has no clock of its own."""

    def now(self) -> datetime:
        """Return the wall time, as an aware `datetime` in any time zone."""
        ...

    def monotonic(self) -> float:
        """Return a number of seconds, from an arbitrary start, that never decreases."""
        ...


def utc_now(clock: Clock) -> datetime:
    """Return a clock's wall time in UTC.

    Raises:
        ConfigurationError: The clock did not return an aware `datetime`.
    """
    now = clock.now()
    if type(now) is datetime and now.tzinfo is UTC:
        return now
    return as_utc(now, "the result of the clock's now()", ConfigurationError)


class Jitter(Protocol):
    """A source of random numbers, which vary how long the library waits."""

    def __call__(self) -> float:
        """Return a random number in [0, 1)."""
        ...


class ReadOutcome(Enum):
    """Why a read of a stream returned no bytes."""

    IDLE = "quiet"
    """Nothing arrived before the deadline. The stream is still open, and nothing is lost."""
    END = "end"
    """The server ended the stream normally."""


class ByteStream(Protocol):
    """A response whose body is read piece by piece, by one thread at a time."""

    @property
    def status(self) -> int:
        """The HTTP status; any status is possible."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers, like those of `HttpResponse`."""
        ...

    def read(self, deadline: float) -> bytes | ReadOutcome:
        """Return bytes of the body as soon as some have arrived.

        Args:
            deadline: When to stop waiting, on the transport's clock. Bytes that have arrived are
                returned even after the deadline.

        Returns:
            At least one byte; or, if there are none, the `ReadOutcome` that says why.

        Raises:
            TransportError: The stream broke, for example within a chunk.
        """
        ...

    def close(self) -> None:
        """Close the connection at once; closing again does nothing."""
        ...


class AsyncByteStream(Protocol):
    """A `ByteStream` for asyncio. Cancelling a `read` does not lose any bytes."""

    @property
    def status(self) -> int:
        """The HTTP status; any status is possible."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers, like those of `HttpResponse`."""
        ...

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        """See `ByteStream.read`."""
        ...

    async def aclose(self) -> None:
        """Close the connection at once; closing again does nothing."""
        ...


class Transport(Protocol):
    """Sends HTTP requests in the calling thread. Several threads may share it.

    It does not follow redirects and does not repeat requests. It never reuses a connection that has
    been idle for 1.5 seconds or more, and it limits the size of a response.
    """

    @property
    def clock(self) -> Clock:
        """The clock that all deadlines refer to."""
        ...

    @property
    def jitter(self) -> Jitter:
        """The source of the random numbers that vary the delay between attempts."""
        ...

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request and return the whole response, whatever its status.

        Args:
            request: The request, which is sent unchanged.
            deadline: When the response must have arrived, on `clock.monotonic()`.

        Raises:
            TransportError: The network failed. `request_sent` is False only if not one byte of the
                request can have reached the server.
        """
        ...

    def open_stream(self, request: HttpRequest, deadline: float) -> ByteStream:
        """Send the request and return the response once its head has arrived.

        The connection is not one of those that `send` uses. The body is requested without
        compression. The body has no size limit, and no time limit other than the deadline of each
        read.

        Args:
            request: The request, which is sent unchanged.
            deadline: The time by which the head must arrive, on `clock.monotonic()`.

        Raises:
            TransportError: The network failed; see `send`.
        """
        ...

    def sleep(self, duration: timedelta) -> None:
        """Wait for `duration`."""
        ...


class AsyncTransport(Protocol):
    """A `Transport` for asyncio. A cancelled call abandons its request and leaves nothing open."""

    @property
    def clock(self) -> Clock:
        """The clock that all deadlines refer to."""
        ...

    @property
    def jitter(self) -> Jitter:
        """The source of the random numbers that vary the delay between attempts."""
        ...

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """See `Transport.send`."""
        ...

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        """See `Transport.open_stream`."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for `duration`."""
        ...


def sends_by_proxy(transport: Transport | AsyncTransport) -> bool:
    """Return whether a transport sends requests through a proxy.

    If it does, even a request to a loopback address counts as leaving this machine. A transport
    that never uses a proxy does not need the attribute `is_proxied`.
    """
    return bool(getattr(transport, "is_proxied", False))
