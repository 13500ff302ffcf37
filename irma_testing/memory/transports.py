"""Transports that lead into an in-memory server, in both colours.

Sleeping is what lets time pass: with a `ManualClock` the clock moves, and everything planned
happens at its moment; with a real one it takes that long.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, final

from irma_core.errors import TransportTimeoutError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Clock

if TYPE_CHECKING:
    # The server gives transports out, so it imports this module.
    from irma_testing.memory.server import InMemoryServer

__all__ = ["AsyncInMemoryTransport", "InMemoryTransport"]

_JITTER = 0.5


class _Line:
    """What both colours share."""

    def __init__(self, server: InMemoryServer) -> None:
        self._server = server

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        return self._server.clock

    def jitter(self) -> float:
        """Give the same number each time."""
        return _JITTER

    def _send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        if self.clock.monotonic() >= deadline:
            raise TransportTimeoutError(request.path, "no time was left", request_sent=False)
        response = self._server.handle(request)
        if self.clock.monotonic() > deadline:
            raise TransportTimeoutError(request.path, "the answer took too long", request_sent=True)
        return response


@final
class InMemoryTransport(_Line):
    """A `Transport` without a socket; made by `InMemoryServer.transport`."""

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Hand the request to the server.

        Raises:
            TransportTimeoutError: No time was left, or its receiver of posts took all of it.
        """
        return self._send(request, deadline)

    def sleep(self, duration: timedelta) -> None:
        """Let time pass."""
        if not self._server.pass_time(duration):
            time.sleep(duration.total_seconds())


@final
class AsyncInMemoryTransport(_Line):
    """An `AsyncTransport` without a socket; made by `InMemoryServer.async_transport`."""

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Hand the request to the server; see `InMemoryTransport.send`."""
        return self._send(request, deadline)

    async def sleep(self, duration: timedelta) -> None:
        """Let time pass, and other tasks run."""
        passed = self._server.pass_time(duration)
        await asyncio.sleep(0 if passed else duration.total_seconds())
