"""The state of one request: whether it was sent, and which parts of it tools may see.

aiohttp receives a URL with `{token}` in place of the token, no header that may be secret, and no
body. So tools that hook into aiohttp see none of these. The real values are filled in when the
request is written.

aiohttp repeats an idempotent request once if a reused connection breaks, and has no setting to
prevent that. It does so only after two classes of errors, so a middleware converts these errors
into another class.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ServerDisconnectedError,
)
from aiohttp.connector import Connection
from yarl import URL

from irma_core.models.urls import is_loopback
from irma_transport.response_errors import NotHttpError
from irma_transport.response_head import HeadCheck, begins_with_plain_head

__all__ = [
    "CURRENT_EXCHANGE",
    "BrokenError",
    "Exchange",
    "NotLoopbackError",
    "TrackedRequest",
    "no_retry",
]


class BrokenError(ClientError):
    """The connection broke after it had been established."""


class NotLoopbackError(ClientError):
    """A request over plain HTTP to `localhost` would go to another machine."""


class HeadFilter(asyncio.Protocol):
    """Checks the head of a response on its way from the connection to aiohttp.

    Args:
        transport: The connection.
        protocol: aiohttp's protocol, which takes over the connection after the head.
        exchange: The exchange in which a fault is recorded.
    """

    def __init__(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, exchange: Exchange
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._exchange = exchange
        self._check: HeadCheck | None = None
        self._partial_line = b""

    def data_received(self, data: bytes) -> None:
        """Check the bytes of the head, and pass all bytes on to aiohttp's protocol."""
        if self._check is None:
            if begins_with_plain_head(data):
                self._transport.set_protocol(self._protocol)
                self._protocol.data_received(data)
                return
            self._check = HeadCheck()
        check = self._check
        *lines, self._partial_line = (self._partial_line + data).split(b"\n")
        try:
            is_over = any(check.take(line) for line in lines)
        except NotHttpError as error:
            self._exchange.fault, is_over = error, True
        if is_over:
            self._transport.set_protocol(self._protocol)
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the connection's data on to aiohttp's protocol."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


class Exchange:
    """The state of one request.

    Args:
        peer: Host and port, for error messages.
        url: The real URL, which may hold a requestor token.
        headers: The headers that may be secret.
        body: The body, or None.
        must_be_loopback: Whether the peer's address must be a loopback address.

    Attributes:
        request_sent: Whether a byte of the request may have been sent.
        fault: The fault in the head of the response, or None.
    """

    __slots__ = ("_body", "_headers", "_must_be_loopback", "_url", "fault", "peer", "request_sent")

    def __init__(
        self,
        peer: str,
        url: URL,
        headers: dict[str, str],
        body: bytes | None,
        *,
        must_be_loopback: bool,
    ) -> None:
        self.peer = peer
        self.request_sent = False
        self.fault: NotHttpError | None = None
        self._url = url
        self._headers = headers
        self._body = body
        self._must_be_loopback = must_be_loopback

    def check_peer(self, conn: Connection) -> None:
        """Check that the connection stays on this machine, if it must.

        Raises:
            NotLoopbackError: The connection leads to another machine.
        """
        if not self._must_be_loopback or conn.transport is None:
            return
        address: object = conn.transport.get_extra_info("peername")
        if isinstance(address, str | bytes):  # a socket in the file system
            return
        host = address[0] if isinstance(address, tuple) else None
        if not _is_loopback(str(host)):
            raise NotLoopbackError

    def check_head(self) -> None:
        """Raise a `NotHttpError` if the head of the response has a fault."""
        if self.fault is not None:
            raise self.fault

    def reveal_in(self, request: ClientRequest) -> None:
        """Put the real URL, the hidden headers and the body into the request."""
        request.url = self._url
        request.headers.update(self._headers)
        if self._body is not None:
            request.headers.pop("content-length", None)  # aiohttp has set it for an empty body
            request.update_body_from_data(self._body)


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    # Cached, because every request over loopback calls this, usually with the same address.
    return is_loopback(host)


CURRENT_EXCHANGE: Final[ContextVar[Exchange]] = ContextVar("CURRENT_EXCHANGE")
"""The exchange that is running in this context."""


async def no_retry(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send the request, and prevent aiohttp from repeating it if the connection breaks."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise  # aiohttp does not repeat a request after this error
    except (ClientOSError, ServerDisconnectedError):
        pass
    raise BrokenError


class TrackedRequest(ClientRequest):
    """Records that its first byte is about to be sent, more cheaply than aiohttp's tracing."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Send the real request of the current exchange."""
        exchange, shown = CURRENT_EXCHANGE.get(), self.url
        exchange.check_peer(conn)
        exchange.request_sent = True
        exchange.reveal_in(self)
        if conn.transport is not None and conn.protocol is not None:
            head_filter = HeadFilter(conn.transport, conn.protocol, exchange)
            conn.transport.set_protocol(head_filter)
        try:
            return await super().send(conn)
        finally:
            self.url = shown
