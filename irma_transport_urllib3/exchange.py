"""One request and its response: the deadline, the bounds, and how far it got.

urllib3 has no argument that reaches a connection before it connects. So the exchange lies in a
context variable while it runs, and connections and responses take it from there.
"""

from __future__ import annotations

from contextvars import ContextVar
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import NamedTuple

__all__ = [
    "SHOWN_HEADERS",
    "CutShortError",
    "Exchange",
    "Limits",
    "NotHttpError",
    "NotLoopbackError",
    "OverLimitError",
    "Sent",
    "current",
]

# What a whole head may take. An IRMA server sends some 300 bytes, a proxy with cookies a few KiB.
_HEAD_ALLOWANCE = 64 * 1024
# A body in chunks of one byte takes six on the wire.
_WIRE_FACTOR = 8
# `socket.settimeout` refuses what does not fit a C type, such as an infinite deadline.
_LONGEST_WAIT = 86_400.0
SHOWN_HEADERS = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})


class OverLimitError(HTTPException):
    """The response is larger than allowed."""


class CutShortError(HTTPException):
    """The connection ended before the response did, where `http.client` does not mind."""


class NotHttpError(HTTPException):
    """The response breaks HTTP where `http.client` does not mind."""


class NotLoopbackError(OSError):
    """The name `localhost` leads to another machine; the request would go there in the clear."""


class Limits(NamedTuple):
    """What a transport allows: seconds of idling before reuse, and bytes of a body."""

    idle: float
    body: int


class Sent:
    """A request as it goes to the server, and the part of it that others may see.

    urllib3, `http.client` and all that is hooked into them (error trackers, tracing, audit hooks,
    debug output) are given the shown target and the shown headers, and no body. The rest is put in
    place when the request is written to the socket.

    Args:
        target: The request target, which may hold a requestor token.
        shown_target: The same with `{token}` in the token's place.
        headers: The headers of the request, in lower case.
        body: The body.
    """

    __slots__ = ("_body", "_hidden", "_target", "shown_headers", "shown_target")

    def __init__(
        self, target: str, shown_target: str, headers: dict[str, str], body: bytes | None
    ) -> None:
        self._target = target.encode("ascii")
        self._body = body or b""
        hidden = "".join(
            f"{name}: {value}\r\n" for name, value in headers.items() if name not in SHOWN_HEADERS
        )
        self._hidden = hidden.encode("latin-1")
        self.shown_target = shown_target
        self.shown_headers = {
            name: value for name, value in headers.items() if name in SHOWN_HEADERS
        }
        if body is not None:
            self.shown_headers["content-length"] = str(len(body))

    def whole(self, shown: bytes) -> bytes:
        """Return the request to write, for the head that `http.client` made of what is shown."""
        line, _, lines = shown.partition(b"\r\n")
        method, version = line.split(b" ")[0], line.split(b" ")[-1]
        first = b" ".join((method, self._target, version))
        return b"".join((first, b"\r\n", lines[:-2], self._hidden, b"\r\n", self._body))


class Exchange:
    """What connection, response and failures know of the request at hand.

    Attributes:
        sent: The request as it is sent.
        peer: Host and port for error texts.
        must_be_loopback: Whether the peer's address must be one of this machine's loopback.
        request_sent: Whether a byte of the request can have left.
        at_end: Whether the peer ended the connection.
        ended_at: When the response was read to its end (monotonic seconds), or None.
        head: The response as `http.client` sees it, once its head is read; of its headers it has
            those that frame the body.
        headers: All headers of the response.
        is_stream: Whether the body is read as it comes: nothing by the deadline is no failure
            then, and there may be any amount.
    """

    __slots__ = (
        "_allowance",
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
        "request_sent",
        "sent",
    )

    def __init__(
        self, sent: Sent, deadline: float, peer: str, limits: Limits, *, must_be_loopback: bool
    ) -> None:
        self.sent = sent
        self.deadline = deadline
        self.peer = peer
        self.must_be_loopback = must_be_loopback
        self.limits = limits
        self.request_sent = False
        self.at_end = False
        self.ended_at: float | None = None
        self.head: HTTPResponse | None = None
        self.headers: tuple[tuple[str, str], ...] = ()
        self.is_stream = False
        self._received = 0
        self._allowance = _HEAD_ALLOWANCE

    def time_left(self) -> float:
        """Give the seconds to the deadline, above 0; `TimeoutError` if there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return min(_LONGEST_WAIT, left)

    def is_late(self) -> bool:
        """Tell whether the deadline has passed."""
        return monotonic() >= self.deadline

    def patience(self) -> float:
        """Give the seconds that a read of a stream may wait; 0 for a look at what is there."""
        return min(_LONGEST_WAIT, max(self.deadline - monotonic(), 0.0))

    def count(self, received: int) -> None:
        """Count bytes from the socket, 0 being its end; `OverLimitError` if they are too many."""
        if not received:
            self.at_end = True
        self._received += received
        if self._received > self._allowance and not self.is_stream:
            raise OverLimitError

    def head_is_read(self, head: HTTPResponse) -> None:
        """Keep the head, and allow for the body from here on."""
        self.head = head
        self._allowance = _HEAD_ALLOWANCE + _WIRE_FACTOR * self.limits.body

    def is_fresh(self) -> bool:
        """Tell whether the connection may serve again: read to its end, a short while ago."""
        return self.ended_at is not None and monotonic() - self.ended_at < self.limits.idle


current: ContextVar[Exchange] = ContextVar("current")
