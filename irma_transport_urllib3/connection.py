"""Connections that know their exchange: one deadline, one write, no reuse after idling.

All by what urllib3 and `http.client` offer to subclasses, with one exception: `_new_conn`.
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
from irma_transport_urllib3.exchange import Exchange, NotLoopbackError, current
from irma_transport_urllib3.response import BoundedResponse

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, SupportsRead  # exist for type checkers only

__all__ = ["PlainPool", "TlsPool"]


class ExchangeConnection(HTTPConnection):
    """A connection that serves one exchange after another."""

    # `http.client.HTTPConnection.debuglevel = 1` prints each head. It does not for these.
    debuglevel = 0
    response_class = BoundedResponse
    _exchange: Exchange | None = None
    _held: list[bytes] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it may serve again; its pool asks before reuse, and connects anew if not."""
        exchange = self._exchange
        return exchange is not None and exchange.is_fresh() and super().is_connected

    def putrequest(
        self,
        method: str,
        url: str,  # noqa: ARG002  urllib3 has encoded the braces of `{token}` in it
        skip_host: bool = False,  # noqa: FBT001, FBT002  http.client's signature
        skip_accept_encoding: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Begin a request to the shown target, and hold it until it is whole."""
        self._exchange = exchange = current.get()
        self._held = []
        super().putrequest(method, exchange.sent.shown_target, skip_host, skip_accept_encoding)

    def send(
        self, data: SupportsRead[bytes] | Iterable[ReadableBuffer] | ReadableBuffer | str
    ) -> None:
        """Hold the head of a request. Send all else, which is what opens a tunnel.

        `http.client` would raise an audit event with the data, a proxy's password for instance.
        """
        if self._held is None:
            cast("socket.socket", self.sock).sendall(cast("bytes", data))
        else:
            self._held.append(cast("bytes", data))

    def getresponse(  # type: ignore[override]  # urllib3's is another class than http.client's
        self,
    ) -> HTTPResponse:
        """Send what was held in one write, then read the head of the response.

        The server gives 2 s for a whole request, and two small writes can wait for each other.
        """
        held, self._held = self._held, None
        exchange = current.get()
        if self.is_closed:
            self.connect()
        cast("socket.socket", self.sock).settimeout(exchange.time_left())
        exchange.request_sent = True
        # The server may have answered before it closed. If not, reading fails too.
        with suppress(BrokenPipeError, ConnectionResetError):
            cast("socket.socket", self.sock).sendall(exchange.sent.whole(b"".join(held or ())))
        return super().getresponse()

    def close(self) -> None:
        """Close, and forget a request that was not sent."""
        self._held = None
        super().close()

    def _new_conn(self) -> socket.socket:
        # urllib3 gives the whole time to each address of a name, and has no public place to say
        # otherwise. Here what is left is split over the addresses that are not tried yet.
        exchange = current.get()
        behind, exchange.peer = exchange.peer, self._peer(exchange)
        found = socket.getaddrinfo(self.host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        if exchange.must_be_loopback:
            # The name `localhost` is what a resolver makes of it.
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
                exchange.peer = behind
                return sock
        try:
            raise NewConnectionError(self, "no address answered") from last
        finally:
            del last  # or it, its traceback and this frame would keep each other

    def _peer(self, exchange: Exchange) -> str:
        """Name whom to connect to, for error texts."""
        return exchange.peer if self.proxy is None else f"the proxy {self.host}:{self.port}"


class TlsConnection(ExchangeConnection, HTTPSConnection):
    """The same over TLS."""


class PlainPool(HTTPConnectionPool):
    """A pool of connections without TLS."""

    # urllib3's own classes do not fit its annotation in pyright either.
    ConnectionCls = ExchangeConnection  # pyright: ignore[reportAssignmentType]


class TlsPool(HTTPSConnectionPool):
    """A pool of connections with TLS."""

    ConnectionCls = TlsConnection  # pyright: ignore[reportAssignmentType]  # as above
