"""Reading a response: each read of the socket gets the time that is left, and every byte counts.

Also refuses what `http.client` lets pass: a head that ends early reads there like a whole one, so
that a cut `200` would be an empty `200`.
"""

from __future__ import annotations

import io
import socket
import ssl
from http.client import HTTPMessage, HTTPResponse, responses
from time import monotonic
from typing import TYPE_CHECKING, cast

from irma_transport_urllib3.exchange import CutShortError, Exchange, NotHttpError, current
from irma_transport_urllib3.framing import HeadCheck, chunk_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # exists for type checkers only

__all__ = ["BoundedResponse"]

_FRAMING = {"connection", "content-encoding", "content-length", "transfer-encoding"}
"""Headers that urllib3 and `http.client` need after the head is read."""
_PROCESSING, _EARLY_HINTS = 102, 103


class BoundedReader(io.RawIOBase):
    """The socket as a file whose every read ends with the deadline of its exchange.

    Args:
        sock: What to read from.
        owner: The socket's own file, kept for closing: sockets count those and close with the last.
        exchange: Where the time is from and the bytes are counted.
    """

    def __init__(self, sock: socket.socket, owner: io.RawIOBase, exchange: Exchange) -> None:
        super().__init__()
        self._sock = sock
        self._owner = owner
        self._exchange = exchange

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read once; `TimeoutError`, `OSError` or `OverLimitError` if that cannot be.

        Of a stream, None if nothing has come: Python's buffers then lose nothing.
        """
        exchange = self._exchange
        if exchange.is_stream:
            return self._read_stream(buffer)
        self._sock.settimeout(exchange.time_left())
        received = self._sock.recv_into(buffer)
        exchange.count(received)
        return received

    def _read_stream(self, buffer: WriteableBuffer) -> int | None:
        self._sock.settimeout(self._exchange.patience())
        try:
            received = self._sock.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except TimeoutError as error:
            if error.errno is not None:  # the system gave the connection up
                raise
            return None
        self._exchange.count(received)
        return received

    def close(self) -> None:
        """Let go of the socket, and note the time: idling begins."""
        if not self.closed:
            exchange = self._exchange
            exchange.ended_at = monotonic()
            if not exchange.request_sent:
                # A proxy's tunnel is open, and the TLS handshake comes next.
                self._sock.settimeout(max(exchange.deadline - exchange.ended_at, 0.001))
            self._owner.close()
        super().close()


class LineReader(io.BufferedReader):
    """Reads the lines of a head, then those that frame chunks, and checks both.

    Attributes:
        is_in_head: Whether the lines are a head's.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self.is_in_head = True
        self._head = HeadCheck()
        self._is_in_trailer = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line; `NotHttpError` if it is malformed, though `http.client` may not mind."""
        line = super().readline(size)
        if not line.endswith(b"\n"):
            return line  # cut short, or too long
        if self.is_in_head:
            self._head.take(line)
        elif not self._is_in_trailer:
            content = line.removesuffix(b"\n").removesuffix(b"\r")
            self._is_in_trailer = not chunk_size(content)
        return line


class BoundedResponse(HTTPResponse):
    """A response within the time and the bounds of the exchange at hand."""

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._reader = LineReader(BoundedReader(sock, self.fp.detach(), current.get()))
        # Only the reader keeps the exchange, which keeps this: a cycle would outlive the request.
        self.fp = self._reader

    def begin(self) -> None:
        """Read the head.

        Raises:
            CutShortError: The connection ended within it.
            NotHttpError: A line of it is no header, or it frames its body in an unknown way.
            HTTPException: `http.client` does not understand it.
            OSError: The socket failed.
        """
        exchange = current.get()
        super().begin()
        while self.status in (_PROCESSING, _EARLY_HINTS):
            # Not the response yet, though http.client skips 100 only. It reads on from None.
            self.headers = cast("HTTPMessage", None)
            super().begin()
        if exchange.at_end:
            raise CutShortError
        if self.msg.defects or self.msg.get_payload():
            # urllib3 would go on, and log the whole URL.
            raise NotHttpError("a line of its head is no header")
        self._reader.is_in_head = False
        exchange.headers = tuple(self.getheaders())
        # The server could quote what it was sent. What is hooked into HTTP libraries shows that.
        self.reason = responses.get(self.status, "")
        for name in {name.lower() for name in self.headers} - _FRAMING:
            del self.headers[name]
        exchange.head_is_read(self)
