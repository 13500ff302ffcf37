"""Connections with one deadline and one write for each exchange; stale ones are not reused.

Except for `_new_conn`, these classes override only methods that urllib3 and `http.client` allow
subclasses to override.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util.connection import allowed_gai_family

from irma_core.models.urls import is_loopback
from irma_transport_urllib3.exchange import CURRENT_EXCHANGE, Exchange, NotLoopbackError
from irma_transport_urllib3.response import BoundedResponse

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, SupportsRead  # exist for type checkers only

__all__ = ["PlainPool", "TlsPool"]


class ExchangeConnection(HTTPConnection):
    """A connection that carries one exchange after another."""

    # `http.client.HTTPConnection.debuglevel = 1` would print each head.
    debuglevel = 0
    response_class = BoundedResponse
    _exchange: Exchange | None = None
    _buffered: list[bytes] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection may be reused. If not, its pool makes a new connection."""
        exchange = self._exchange
        return exchange is not None and exchange.is_fresh() and super().is_connected

    def putrequest(
        self,
        method: str,
        url: str,  # noqa: ARG002  urllib3 has encoded the braces of `{token}` in it
        skip_host: bool = False,  # noqa: FBT001, FBT002  http.client's signature
        skip_accept_encoding: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin a request with the target that tools may see; buffer it until it is complete."""
        self._exchange = exchange = CURRENT_EXCHANGE.get()
        self._buffered = []
        super().putrequest(method, exchange.request.shown_target, skip_host, skip_accept_encoding)

    def send(
        self, data: SupportsRead[bytes] | Iterable[ReadableBuffer] | ReadableBuffer | str
    ) -> None:
        """Buffer the head of a request, but send a CONNECT at once, with the headers for the proxy.

        `http.client` itself would raise an audit event with the data, which can hold a proxy's
        password.
        """
        if self._buffered is None:
            head = cast("bytes", data).removesuffix(b"\r\n")
            complete = b"".join((head, CURRENT_EXCHANGE.get().tunnel_headers, b"\r\n"))
            cast("socket.socket", self.sock).sendall(complete)
        else:
            self._buffered.append(cast("bytes", data))

    def getresponse(  # type: ignore[override]  # urllib3's is another class than http.client's
        self,
    ) -> HTTPResponse:
        """Send the request in one write, then read the head of the response.

        One write is used because the server waits only 2 s for a whole request, and the network can
        delay the second of two small writes.
        """
        buffered, self._buffered = self._buffered, None
        exchange = CURRENT_EXCHANGE.get()
        if self.is_closed:
            self.connect()
        cast("socket.socket", self.sock).settimeout(exchange.time_left())
        exchange.request_sent = True
        # The server may have answered before it closed the connection. If not, reading fails too.
        with suppress(BrokenPipeError, ConnectionResetError):
            cast("socket.socket", self.sock).sendall(
                exchange.request.complete(b"".join(buffered or ()))
            )
        return super().getresponse()

    def close(self) -> None:
        """Close the connection, and drop a request that has not been sent."""
        self._buffered = None
        super().close()

    def _new_conn(self) -> socket.socket:
        # urllib3 allows the whole time for each address of a host name, and no setting changes
        # that. Here the remaining time is divided among the addresses that have not been tried.
        exchange = CURRENT_EXCHANGE.get()
        server, exchange.peer = exchange.peer, self._peer(exchange)
        found = socket.getaddrinfo(self.host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        if exchange.must_be_loopback:
            # The system's resolver decides which address the name `localhost` has.
            found = [each for each in found if is_loopback(str(each[4][0]))]
            if not found:
                raise NotLoopbackError
        last: OSError | None = None
        for index, (family, kind, protocol, _, address) in enumerate(found):
            share = exchange.time_left() / (len(found) - index)
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(share)
                sock.connect(address)
                sock.settimeout(exchange.time_left())  # for the TLS handshake, which comes next
            except OSError as error:
                sock.close()
                last = error
            else:
                exchange.peer = server
                return sock
        try:
            raise NewConnectionError(self, "no address answered") from last
        finally:
            del last  # because the error, its traceback and this frame would form a reference cycle

    def _peer(self, exchange: Exchange) -> str:
        """Return the host and port of the server, or of the proxy, for error messages."""
        return exchange.peer if self.proxy is None else f"the proxy {self.host}:{self.port}"


class TlsConnection(ExchangeConnection, HTTPSConnection):
    """An `ExchangeConnection` over TLS."""


class PlainPool(HTTPConnectionPool):
    """A pool of connections without TLS."""

    # In pyright, urllib3's own classes do not match its annotation either.
    ConnectionCls = ExchangeConnection  # pyright: ignore[reportAssignmentType]


class TlsPool(HTTPSConnectionPool):
    """A pool of connections with TLS."""

    ConnectionCls = TlsConnection  # pyright: ignore[reportAssignmentType]  # as above
