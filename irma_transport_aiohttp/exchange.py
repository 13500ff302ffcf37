"""One request under way: whether it was sent, what is hidden of it, and that it is not repeated.

aiohttp is given a URL with `{token}` in the token's place, no header that may be secret, and no
body. So what is hooked into it sees none of them. They are put in place when the request is
written.

aiohttp repeats an idempotent request once where a kept connection breaks, and has no setting for
it. It does so for two classes of errors, so a middleware gives them another one.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
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
from irma_transport_urllib3.exchange import NotHttpError
from irma_transport_urllib3.framing import HeadCheck

__all__ = [
    "CURRENT_EXCHANGE",
    "BrokenError",
    "Exchange",
    "NotLocalError",
    "TrackedRequest",
    "no_retry",
]


class BrokenError(ClientError):
    """The connection broke after it was made."""


class NotLocalError(ClientError):
    """The name `localhost` led to another machine, where the request would go in the clear."""


class WatchedHead(asyncio.Protocol):
    """Stands between a connection and aiohttp while a response's head comes, and checks it.

    aiohttp lets more pass than two readers would agree on.

    Args:
        transport: The connection.
        protocol: aiohttp's.
        exchange: Where a fault is kept.
    """

    def __init__(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, exchange: Exchange
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._exchange = exchange
        self._check = HeadCheck()
        self._begun = b""

    def data_received(self, data: bytes) -> None:
        """Look at the bytes, and pass them on."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        try:
            is_over = any(self._check.take(line) for line in lines)
        except NotHttpError as error:
            self._exchange.fault, is_over = error, True
        if is_over:
            self._transport.set_protocol(self._protocol)
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on, as the others."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


class Exchange:
    """What is known of one request.

    Args:
        peer: Host and port for error texts.
        url: Where it goes; it may hold a requestor token.
        headers: The headers that may be secret.
        body: The body, or None.
        must_be_loopback: Whether the peer's address must be one of this machine's loopback.

    Attributes:
        request_sent: Whether a byte of it can have left.
        fault: What is wrong with the head of the response, or None.
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
        """Check that the connection stays on this machine, if it must; else `NotLocalError`."""
        if not self._must_be_loopback or conn.transport is None:
            return
        address: object = conn.transport.get_extra_info("peername")
        if isinstance(address, str | bytes):  # a socket in the file system
            return
        host = address[0] if isinstance(address, tuple) else None
        if not is_loopback(str(host)):
            raise NotLocalError

    def check_head(self) -> None:
        """Raise `NotHttpError` if the head of the response is malformed."""
        if self.fault is not None:
            raise self.fault

    def reveal_in(self, request: ClientRequest) -> None:
        """Fill in what is hidden."""
        request.url = self._url
        request.headers.update(self._headers)
        if self._body is not None:
            request.headers.pop("content-length", None)  # of no body, for a POST
            request.update_body_from_data(self._body)


CURRENT_EXCHANGE: Final[ContextVar[Exchange]] = ContextVar("CURRENT_EXCHANGE")
"""The exchange of the task that runs."""


async def no_retry(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Run the request once."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise  # never repeated
    except (ClientOSError, ServerDisconnectedError):
        pass
    raise BrokenError


class TrackedRequest(ClientRequest):
    """Says when its first byte is about to leave. Tracing would too, for a tenth more CPU."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Mark the exchange of this task, and send what it is about."""
        exchange, shown = CURRENT_EXCHANGE.get(), self.url
        exchange.check_peer(conn)
        exchange.request_sent = True
        exchange.reveal_in(self)
        if conn.transport is not None and conn.protocol is not None:
            watched = WatchedHead(conn.transport, conn.protocol, exchange)
            conn.transport.set_protocol(watched)
        try:
            return await super().send(conn)
        finally:
            self.url = shown
