"""A response as a stream: its bytes as they come, and quiet while none do."""

from __future__ import annotations

import io
import os
import socket
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import cast

from urllib3 import BaseHTTPResponse

from irma_core.errors import TransportError
from irma_core.protocol.transport import ReadOutcome
from irma_core.tracebacks import boundary
from irma_transport_urllib3.exchange import CutShortError, Exchange, NotHttpError
from irma_transport_urllib3.failures import explain
from irma_transport_urllib3.framing import frame_of

__all__ = ["Urllib3Stream"]

_PIECE = 16 * 1024


@boundary
class Urllib3Stream:
    """What `Urllib3Transport.open_stream` gives; for one thread at a time.

    Args:
        response: urllib3's response, which holds the connection.
        head: The same response as `http.client` sees it.
        exchange: What both belong to.
        path: The request's name for people.
        under_way: It is among these until it is closed.

    Raises:
        NotHttpError: Its body is compressed, which was not asked for.
    """

    def __init__(
        self,
        response: BaseHTTPResponse,
        head: HTTPResponse,
        exchange: Exchange,
        path: str,
        under_way: set[Urllib3Stream],
    ) -> None:
        if (head.getheader("content-encoding") or "identity").strip().lower() != "identity":
            raise NotHttpError("its body is in an encoding that was not asked for")
        self.status = head.status
        self.headers = exchange.headers
        self._response = response
        # A body that is empty by its status has no file any more.
        self._file = cast("io.BufferedReader | None", head.fp)
        self._exchange = exchange
        self._path = path
        self._frame = frame_of(head)
        exchange.is_stream = True
        self._under_way = under_way
        under_way.add(self)

    def read(self, deadline: float) -> bytes | ReadOutcome:
        """Give bytes as soon as some have come; see `ByteStream.read`.

        Raises:
            ConnectionBrokenError: The connection ended within the body, or the stream is closed.
            MalformedResponseError: What came is not HTTP.
        """
        failure: TransportError
        self._exchange.deadline = deadline
        try:
            return self._next()
        except (HTTPException, OSError, ValueError) as error:  # ValueError: the file is closed
            failure = explain(error, self._exchange, self._path)
        # Raised out here it has no context: native errors and their frames hold secrets.
        raise failure

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        self._under_way.discard(self)
        self._response.close()

    def hang_up(self) -> None:
        """End the connection for who reads on another thread, which finds it broken then."""
        sock: socket.socket | None = getattr(self._response.connection, "sock", None)
        with suppress(OSError):  # it was closed meanwhile
            if sock is not None:
                # By a second handle: TLS on the first one must not notice before its reader does.
                with socket.socket(fileno=os.dup(sock.fileno())) as handle:
                    handle.shutdown(socket.SHUT_RDWR)

    def _next(self) -> bytes | ReadOutcome:
        exchange, frame = self._exchange, self._frame
        while not frame.is_over():
            if self._file is None:
                raise CutShortError
            data = self._file.read1(_PIECE)
            if body := frame.feed(data):
                return body
            if exchange.at_end and not data:
                if frame.may_just_end:
                    break
                raise CutShortError
            # Framing without body must not outrun the deadline.
            if not frame.is_over() and (not data or exchange.is_late()):
                return ReadOutcome.IDLE
        return ReadOutcome.END
