"""What a transport must be: two Protocols, one a colour, and the clock that it brings.

Belongs here: the shapes only; nobody inherits from them and nobody registers. Does not belong here:
any transport, or the retries (`policy`), which are the core's and never a transport's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from irma_core.protocol.messages import HttpRequest, HttpResponse

__all__ = ["AsyncTransport", "Clock", "Jitter", "Transport"]


class Clock(Protocol):
    """Wall time and monotonic time; the core has no clock of its own."""

    def now(self) -> datetime:
        """Give the wall time, an aware `datetime`."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never run back, from any start."""
        ...


class Jitter(Protocol):
    """A source of chance for waiting times."""

    def __call__(self) -> float:
        """Give a number from 0 up to, but not including, 1."""
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

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        ...
