"""One request and its response, with their deadline, limits and progress.

urllib3 cannot pass an argument to a connection before it connects. So a context variable holds the
exchange while it runs, and connections and responses read it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Final, NamedTuple

from irma_transport.clock import seconds_until
from irma_transport.response_errors import OverLimitError

__all__ = [
    "CURRENT_EXCHANGE",
    "CutShortError",
    "Exchange",
    "Limits",
    "NotLoopbackError",
    "OutgoingRequest",
    "header_lines",
]

# A head from an IRMA server has about 300 bytes; one from a proxy with cookies has a few KiB.
_MAX_HEAD_BYTES = 64 * 1024
# A body in chunks of one byte takes six times its size on the network.
_MAX_CHUNK_OVERHEAD = 8


class CutShortError(HTTPException):
    """The connection closed before the response was complete; `http.client` would not notice."""


class NotLoopbackError(OSError):
    """A request over plain HTTP to `localhost` would go to another machine."""


class Limits(NamedTuple):
    """How many seconds a reused connection may have been idle, and the largest body in bytes."""

    idle: float
    body: int


class OutgoingRequest:
    """A request as the server receives it, and the version that tools may see.

    urllib3, `http.client` and the tools hooked into them (error trackers, tracing, audit hooks,
    debug output) receive the shown target and the shown headers, and no body. The real target, the
    other headers and the body are added when the request is written to the socket.

    Args:
        target: The request target, which may hold a requestor token.
        shown_target: The same target with `{token}` in place of the token.
        shown_headers: The headers that tools may see, in lower case.
        hidden_headers: The headers that may be secret.
        body: The body.
    """

    __slots__ = ("_body", "_hidden", "_target", "shown_headers", "shown_target")

    def __init__(
        self,
        target: str,
        shown_target: str,
        shown_headers: dict[str, str],
        hidden_headers: dict[str, str],
        body: bytes | None,
    ) -> None:
        self._target = target.encode("ascii")
        self._body = body or b""
        self.shown_target = shown_target
        self.shown_headers = shown_headers
        self._hidden = header_lines(hidden_headers)
        if body is not None:
            self.shown_headers["content-length"] = str(len(body))

    def complete(self, shown: bytes) -> bytes:
        """Return the real request, as it is written to the socket.

        Args:
            shown: The head that `http.client` made from the shown target and headers.
        """
        line, _, lines = shown.partition(b"\r\n")
        method, version = line.split(b" ")[0], line.split(b" ")[-1]
        first = b" ".join((method, self._target, version))
        return b"".join((first, b"\r\n", lines[:-2], self._hidden, b"\r\n", self._body))


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Return headers as they are written to the socket."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")


class Exchange:
    """The state that the connection, the response and the error share during one request.

    Attributes:
        request: The request.
        peer: Host and port, for error messages.
        must_be_loopback: Whether the peer's address must be a loopback address.
        request_sent: Whether a byte of the request may have been sent.
        at_end: Whether the peer has ended the connection.
        ended_at: When the response was read to its end, in monotonic seconds; None before that.
        head: The response as `http.client` sees it, once its head has been read. It keeps only the
            headers that frame the body.
        headers: All headers of the response.
        tunnel_headers: Headers for the proxy that carries the connection, as lines.
        is_stream: Whether the body is read as it arrives. Its size then has no limit, and a read
            that gets no bytes before the deadline is not a failure.
    """

    __slots__ = (
        "_max_received",
        "_received",
        "at_end",
        "deadline",
        "ended_at",
        "head",
        "headers",
        "is_stream",
        "limits",
        "must_be_loopback",
        "peer",
        "request",
        "request_sent",
        "tunnel_headers",
    )

    def __init__(
        self,
        request: OutgoingRequest,
        deadline: float,
        peer: str,
        limits: Limits,
        *,
        must_be_loopback: bool,
        tunnel_headers: bytes,
    ) -> None:
        self.request = request
        self.deadline = deadline
        self.peer = peer
        self.must_be_loopback = must_be_loopback
        self.limits = limits
        self.tunnel_headers = tunnel_headers
        self.request_sent = False
        self.at_end = False
        self.ended_at: float | None = None
        self.head: HTTPResponse | None = None
        self.headers: tuple[tuple[str, str], ...] = ()
        self.is_stream = False
        self._received = 0
        self._max_received = _MAX_HEAD_BYTES

    def time_left(self) -> float:
        """Return the seconds until the deadline, above 0 and at most a day.

        Raises:
            TimeoutError: The deadline has passed.
        """
        left = seconds_until(self.deadline)
        if left <= 0:
            raise TimeoutError
        return left

    def is_late(self) -> bool:
        """Return whether the deadline has passed."""
        return monotonic() >= self.deadline

    def stream_timeout(self) -> float:
        """Return the seconds that a read of a stream may wait; 0 after the deadline."""
        return max(seconds_until(self.deadline), 0.0)

    def count(self, received: int) -> None:
        """Count bytes that came from the socket; 0 means that the peer ended the connection.

        Raises:
            OverLimitError: The response is larger than allowed.
        """
        if not received:
            self.at_end = True
        self._received += received
        if self._received > self._max_received and not self.is_stream:
            raise OverLimitError

    def set_head(self, head: HTTPResponse) -> None:
        """Store the head; all further bytes belong to the body."""
        self.head = head
        self._max_received = _MAX_HEAD_BYTES + _MAX_CHUNK_OVERHEAD * self.limits.body

    def is_fresh(self) -> bool:
        """Return whether the response ended so recently that its connection may be used again."""
        return self.ended_at is not None and monotonic() - self.ended_at < self.limits.idle


CURRENT_EXCHANGE: Final[ContextVar[Exchange]] = ContextVar("CURRENT_EXCHANGE")
"""The exchange that is running in this context."""
