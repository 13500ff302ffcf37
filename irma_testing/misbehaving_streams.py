"""Behaviours of the misbehaving server for event streams."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta

from irma_testing.misbehaving_server import Behaviour, Peer
from irma_testing.misbehaviours import answer

__all__ = [
    "buffered_stream",
    "cut_stream",
    "event_stream",
    "session_unknown",
    "silent_stream",
    "stream_on_release",
]

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_BETWEEN_LOOKS = 0.02  # seconds
_DAY = timedelta(days=1)  # longer than any server runs


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event_stream(
    *pieces: bytes, every: timedelta = timedelta(0), ends: bool = True, greeting: bytes = b""
) -> Behaviour:
    """Send each piece in its own chunk, and then end the stream cleanly or keep it open.

    Args:
        pieces: The pieces to send.
        every: How long to wait before each piece.
        ends: Whether the stream ends after the last piece, or stays open and silent.
        greeting: Bytes to send at once; an IRMA server sends an event `open` without data.
    """

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(_HEAD + (_chunk(greeting) if greeting else b""))
        for piece in pieces:
            if not peer.wait(every):
                return
            peer.send(_chunk(piece))
        if ends:
            peer.send(_chunk(b""))
        else:
            peer.wait(_DAY)

    return behave


def stream_on_release(semaphore: threading.Semaphore, *pieces: bytes) -> Behaviour:
    """Send the head at once, but wait for the semaphore before each piece and before the end."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(_HEAD)
        for piece in (*pieces, b""):
            while not semaphore.acquire(timeout=_BETWEEN_LOOKS):
                if not peer.wait(timedelta(0)):
                    return
            peer.send(_chunk(piece))

    return behave


def silent_stream(greeting: bytes = b"") -> Behaviour:
    """Send the head and the greeting, and then nothing more."""
    return event_stream(greeting=greeting, ends=False)


def cut_stream(piece: bytes, length: int) -> Behaviour:
    """Send the first bytes of a chunk and close the connection."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(_HEAD + _chunk(piece)[: _size_line_length(piece) + length])
        peer.finish()

    return behave


def _size_line_length(piece: bytes) -> int:
    """Return the length of the line that contains the chunk's size."""
    return len(b"%x\r\n" % len(piece))


def buffered_stream(pieces: Iterable[bytes], until: timedelta) -> Behaviour:
    """Behave like a buffering proxy: wait for `until`, and then send the whole stream at once."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        if peer.wait(until):
            peer.send(_HEAD + b"".join(_chunk(piece) for piece in (*pieces, b"")))

    return behave


def session_unknown() -> Behaviour:
    """Respond like a restarted IRMA server, which no longer knows the session."""
    body = b'{"status":400,"error":"SESSION_UNKNOWN","description":"Unknown or expired session"}\n'
    return answer(400, headers=[("Content-Type", "application/json")], body=body)
