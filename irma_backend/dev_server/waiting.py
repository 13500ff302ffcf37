"""Limit the number of connections without a complete request, and how long they may wait."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from contextvars import ContextVar
from typing import final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

__all__ = ["HTTP_LOG", "LONGEST_WAIT", "WaitingRoom", "request_body"]

LONGEST_WAIT = 2.0
"""How long the official server waits for a complete request, in seconds."""
HTTP_LOG = logging.getLogger("irma_backend.dev_server.http")
"""The logger of aiohttp. A client that disconnects or sends invalid HTTP causes one debug line."""

# aiohttp handles each request in its own context.
_BODY: ContextVar[bytes] = ContextVar("body")
# The in-memory server refuses more than 10 MiB, so one byte more is enough.
_MAX_BODY = (10 << 20) + 1
# The time limit, in seconds, for sending the 503 to a client whose body is late.
_RESPONSE_TIME = 1.0
_MAX_WAITING = 256
_CHECK_INTERVAL = 0.25
_CLIENT_ERRORS = (ConnectionError, HttpProcessingError, web.RequestPayloadError)


def _filter_client_errors(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], _CLIENT_ERRORS):
        record.exc_info = None
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return HTTP_LOG.isEnabledFor(logging.DEBUG)
    return True


HTTP_LOG.addFilter(_filter_client_errors)


def request_body() -> bytes:
    """Return the body of the current request, which the waiting room has read."""
    return _BODY.get()


@final
class WaitingRoom:
    """Accepts connections, and closes those without a complete request when their time is up.

    Each instance belongs to one event loop.
    """

    def __init__(self) -> None:
        self._listener: asyncio.Server | None = None
        self._next_check: asyncio.TimerHandle | None = None
        self._deadlines: dict[
            web.RequestHandler, float
        ] = {}  # the longest-waiting connection is first
        self._opened: set[web.RequestHandler] = set()

    async def open(
        self, server: web.Server, listening: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        """Start accepting connections for the server."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: self._admit(server),
            sock=listening,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else LONGEST_WAIT,
        )
        self._check(server)

    async def close(self) -> None:
        """Stop accepting connections."""
        if self._listener is not None:
            self._listener.close()
        if self._next_check is not None:
            self._next_check.cancel()

    @web.middleware
    async def read_first(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Read the body of a request before its handler runs.

        The response to a late body is a 503, as from the official server.
        """
        protocol = request.protocol
        self._wait(protocol, LONGEST_WAIT + _RESPONSE_TIME)
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                _BODY.set(await _read(request))
        except TimeoutError:
            return _last_response(503)
        except _CLIENT_ERRORS:
            return _last_response(400)
        del self._deadlines[protocol]
        try:
            return await handler(request)
        finally:
            self._wait(protocol, LONGEST_WAIT)

    def _admit(self, server: web.Server) -> web.RequestHandler:
        self._forget_closed(server)
        while len(self._deadlines) >= _MAX_WAITING:
            self._close(next(iter(self._deadlines)))
        protocol = server()
        self._wait(protocol, LONGEST_WAIT)
        return protocol

    def _check(self, server: web.Server) -> None:
        self._forget_closed(server)
        loop = asyncio.get_running_loop()
        for protocol, deadline in tuple(self._deadlines.items()):
            if deadline <= loop.time():
                self._close(protocol)
        self._next_check = loop.call_later(_CHECK_INTERVAL, self._check, server)

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
            elif protocol in self._opened:  # otherwise the connection is still being made
                self._close(protocol)


async def _read(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) >= _MAX_BODY:
            break
    return bytes(body)


def _last_response(status: int) -> web.Response:
    response = web.Response(status=status)
    response.force_close()
    return response
