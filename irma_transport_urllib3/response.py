"""A response whose socket reads end at the deadline and count towards the size limit."""

from __future__ import annotations

import io
import socket
import ssl
from http.client import HTTPMessage, HTTPResponse, responses
from time import monotonic
from typing import TYPE_CHECKING, cast

from irma_transport.clock import LONGEST_BLOCKING_WAIT
from irma_transport.response_errors import NotHttpError
from irma_transport.response_head import HeadCheck
from irma_transport_urllib3.exchange import CURRENT_EXCHANGE, CutShortError, Exchange
from irma_transport_urllib3.frames import chunk_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # exists for type checkers only

__all__ = ["BoundedResponse"]

_FRAMING = {"connection", "content-encoding", "content-length", "transfer-encoding"}
"""The headers that urllib3 and `http.client` need once the head has been read."""
_PROCESSING, _EARLY_HINTS = 102, 103


class BoundedReader(io.RawIOBase):
    """A file object for a socket, whose reads end at the exchange's deadline.

    Args:
        sock: The socket to read from.
        owner: The socket's own file object. It is closed with this one, because a socket stays open
            until all its file objects are closed.
        exchange: Sets the deadline, and counts the bytes.
    """

    def __init__(self, sock: socket.socket, owner: io.RawIOBase, exchange: Exchange) -> None:
        super().__init__()
        self._sock = sock
        self._owner = owner
        self._exchange = exchange

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Make a single read. Return None if the response is a stream and the deadline passes.

        If this returns None, a buffered reader keeps the bytes that it has already read. If this
        raised an error instead, the reader would lose them.

        Raises:
            TimeoutError: Nothing arrived before the deadline, and the response is not a stream.
            OverLimitError: The response is too large.
            OSError: The socket failed.
        """
        exchange = self._exchange
        while True:
            left = exchange.stream_timeout() if exchange.is_stream else exchange.time_left()
            self._sock.settimeout(min(left, LONGEST_BLOCKING_WAIT))
            try:
                received = self._sock.recv_into(buffer)
            except (BlockingIOError, ssl.SSLWantReadError):  # for a stream, after its deadline
                return None
            except TimeoutError as error:
                if error.errno is not None:  # a system error, for a dead connection
                    raise
                if exchange.is_stream and exchange.is_late():
                    return None
            else:
                exchange.count(received)
                return received

    def close(self) -> None:
        """Release the socket, and record when it became idle."""
        if not self.closed:
            exchange = self._exchange
            exchange.ended_at = monotonic()
            if not exchange.request_sent:
                # This was a proxy's reply to CONNECT; the TLS handshake comes next.
                self._sock.settimeout(max(exchange.deadline - exchange.ended_at, 0.001))
            self._owner.close()
        super().close()


class LineReader(io.BufferedReader):
    """Reads and checks the lines of a head, then those that frame chunks.

    Attributes:
        is_in_head: Whether the next line belongs to the head.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self.is_in_head = True
        self._head = HeadCheck()
        self._is_in_trailer = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line.

        Raises:
            NotHttpError: The line is malformed, even if `http.client` would accept it.
        """
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
    """A response that keeps to the deadline and the limits of the current exchange."""

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._reader = LineReader(BoundedReader(sock, self.fp.detach(), CURRENT_EXCHANGE.get()))
        # The exchange refers to this response, so only the reader refers to the exchange. An
        # attribute for it here would make a reference cycle, and the request would outlive its
        # call.
        self.fp = self._reader

    def begin(self) -> None:
        """Read the head.

        Raises:
            CutShortError: The connection ended before the head was complete.
            NotHttpError: A line of the head is not a header, or the head frames the body
                ambiguously.
            HTTPException: `http.client` does not understand the head.
            OSError: The socket failed.
        """
        exchange = CURRENT_EXCHANGE.get()
        super().begin()
        while self.status in (_PROCESSING, _EARLY_HINTS):
            # This is an interim response. http.client skips only those with status 100. If
            # `headers` is None, it reads the next head.
            self.headers = cast("HTTPMessage", None)
            super().begin()
        if exchange.at_end:
            # http.client mistakes a truncated head for a complete one, so a truncated `200` would
            # become an empty `200`.
            raise CutShortError
        if self.msg.defects or self.msg.get_payload():
            # urllib3 would log the whole URL, and continue.
            raise NotHttpError("a line in its header section is not a valid header")
        self._reader.is_in_head = False
        exchange.headers = tuple(self.getheaders())
        # The server could quote the request in the reason phrase, which tracing tools show.
        self.reason = responses.get(self.status, "")
        for name in {name.lower() for name in self.headers} - _FRAMING:
            del self.headers[name]
        exchange.set_head(self)
