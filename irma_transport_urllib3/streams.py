"""A stream of the bytes in a response's body, as they arrive."""

from __future__ import annotations

import io
import os
import socket
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import cast

from urllib3 import BaseHTTPResponse

from irma_core.errors import TransportError
from irma_core.models.arguments import check_deadline
from irma_core.protocol.transport import ReadOutcome
from irma_core.tracebacks import boundary
from irma_transport.response_head import check_not_encoded
from irma_transport_urllib3.exchange import CutShortError, Exchange
from irma_transport_urllib3.failures import explain
from irma_transport_urllib3.frames import frame_of

__all__ = ["Urllib3Stream"]

_PIECE = 16 * 1024


@boundary
class Urllib3Stream:
    """The stream of `Urllib3Transport.open_stream`, for one thread at a time.

    Args:
        response: urllib3's response, which holds the connection.
        head: The same response as `http.client` sees it.
        exchange: The exchange that both belong to.
        label: The request's label.
        open_streams: Holds this stream until it is closed.

    Raises:
        NotHttpError: The response's body is compressed.
    """

    def __init__(
        self,
        response: BaseHTTPResponse,
        head: HTTPResponse,
        exchange: Exchange,
        label: str,
        open_streams: set[Urllib3Stream],
    ) -> None:
        check_not_encoded(head.headers.get_all("content-encoding", ()))
        self.status = head.status
        self.headers = exchange.headers
        self._response = response
        # None if the status allows no body.
        self._file = cast("io.BufferedReader | None", head.fp)
        self._exchange = exchange
        self._label = label
        self._frame = frame_of(head)
        exchange.is_stream = True
        self._open_streams = open_streams
        open_streams.add(self)

    def read(self, deadline: float) -> bytes | ReadOutcome:
        """Return bytes as soon as some have arrived; see `ByteStream.read`.

        Raises:
            ConnectionBrokenError: The connection ended before the whole body had arrived, or the
                stream is closed.
            MalformedResponseError: The framing of the body is invalid, for example a chunk's size.
            UsageError: The deadline is not a number.
        """
        failure: TransportError
        check_deadline(deadline)
        self._exchange.deadline = deadline
        try:
            return self._next()
        except (HTTPException, OSError, ValueError) as error:  # ValueError: the file is closed
            failure = explain(error, self._exchange, self._label)
        # The error is raised outside `except`, so it has no context: native errors and their frames
        # hold secrets.
        raise failure

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        self._open_streams.discard(self)
        self._response.close()

    def hang_up(self) -> None:
        """End the connection, so that a thread that is reading the stream gets an error."""
        sock: socket.socket | None = getattr(self._response.connection, "sock", None)
        with suppress(OSError):  # the socket was closed in the meantime
            if sock is not None:
                # A second handle is used, because `SSLSocket.shutdown` would end TLS for the
                # reader.
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
            # Chunk framing alone must not prolong the read beyond the deadline.
            if not frame.is_over() and (not data or exchange.is_late()):
                return ReadOutcome.IDLE
        return ReadOutcome.END
