"""Bounds how long connections may wait with half a request or none, and how many may wait at once.

Belongs here: idle connections, requests that come in part, and clients that leave. Does not belong
here: a complete request (`bridge`, `pages`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextvars import ContextVar
from typing import final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

__all__ = ["LOG_OF_HTTP", "LONGEST_WAIT", "WaitingRoom", "request_body"]

LONGEST_WAIT = 2.0
"""How long the official server waits for a whole request, in seconds."""
LOG_OF_HTTP = logging.getLogger("irma_backend.dev_server.http")
"""The log for aiohttp: of clients that leave, or send no HTTP, it holds one line at debug level."""

# aiohttp handles each request in a context of its own.
_BODY: ContextVar[bytes] = ContextVar("body")
# The server in memory refuses more than 10 MiB, and needs to see no more than that it is more.
_ENOUGH = (10 << 20) + 1
# What it may take to send the 503 to a client whose body is late.
_LAST_WORD = 1.0
_MOST_WAITING = 256
_LOOK_EACH = 0.25
_FAULTS_OF_CLIENTS = (ConnectionError, HttpProcessingError, web.RequestPayloadError)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], _FAULTS_OF_CLIENTS):
        record.exc_info = None
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return LOG_OF_HTTP.isEnabledFor(logging.DEBUG)
    return True


LOG_OF_HTTP.addFilter(_is_worth_a_line)


def request_body() -> bytes:
    """Return the body of the request that is being handled; the waiting room has read it."""
    return _BODY.get()


@final
class WaitingRoom:
    """Accepts connections, and closes those that have no complete request when their time is up.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._listener: asyncio.Server | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._deadlines: dict[web.RequestHandler, float] = {}  # those that wait longest come first
        self._opened: set[web.RequestHandler] = set()

    async def open(self, server: web.Server, listening: socket.socket) -> None:
        """Accept connections from now on, and hand their requests to the server."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: self._admit(server), sock=listening)
        self._look(server)

    async def close(self) -> None:
        """Accept no more."""
        if self._listener is not None:
            self._listener.close()
        if self._next_look is not None:
            self._next_look.cancel()

    @web.middleware
    async def read_first(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the body before anything else. A body that is late gets a 503, as officially."""
        protocol = request.protocol
        self._wait(protocol, LONGEST_WAIT + _LAST_WORD)
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                _BODY.set(await _read(request))
        except TimeoutError:
            return _last_response(503)
        except _FAULTS_OF_CLIENTS:
            return _last_response(400)
        del self._deadlines[protocol]
        try:
            return await handler(request)
        finally:
            self._wait(protocol, LONGEST_WAIT)

    def _admit(self, server: web.Server) -> web.RequestHandler:
        self._forget_closed(server)
        while len(self._deadlines) >= _MOST_WAITING:
            self._close(next(iter(self._deadlines)))
        protocol = server()
        self._wait(protocol, LONGEST_WAIT)
        return protocol

    def _look(self, server: web.Server) -> None:
        self._forget_closed(server)
        loop = asyncio.get_running_loop()
        for protocol, deadline in tuple(self._deadlines.items()):
            if deadline <= loop.time():
                self._close(protocol)
        self._next_look = loop.call_later(_LOOK_EACH, self._look, server)

    def _wait(self, protocol: web.RequestHandler, seconds: float) -> None:
        self._deadlines.pop(protocol, None)
        self._deadlines[protocol] = asyncio.get_running_loop().time() + seconds

    def _close(self, protocol: web.RequestHandler) -> None:
        del self._deadlines[protocol]
        self._opened.discard(protocol)
        protocol.force_close()

    def _forget_closed(self, server: web.Server) -> None:
        connected = set(server.connections)
        for protocol in tuple(self._deadlines):
            if protocol in connected:
                self._opened.add(protocol)
            elif protocol in self._opened:  # or else it is only about to be connected
                self._close(protocol)


async def _read(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) >= _ENOUGH:
            break
    return bytes(body)


def _last_response(status: int) -> web.Response:
    response = web.Response(status=status)
    response.force_close()
    return response
