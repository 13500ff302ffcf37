"""What the misbehaving server can do with a subscription to a session's status.

Belongs here: event streams, right and wrong, and a server that has forgotten its sessions. Does not
belong here: whole responses (`misbehaviours`), sockets (`misbehaving_server`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta

from irma_testing.misbehaving_server import Behaviour, Peer
from irma_testing.misbehaviours import answer

__all__ = [
    "cut_stream",
    "event_stream",
    "forgotten",
    "held_stream",
    "silent_stream",
    "stream_when_asked",
]

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_NEVER_ASKED = 5.0  # seconds; the test has failed long before
_WHOLE_DAY = timedelta(days=1)  # the server stops long before


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event_stream(
    *pieces: bytes, every: timedelta = timedelta(0), ends: bool = True, greeting: bytes = b""
) -> Behaviour:
    """Send each piece in a chunk of its own, then end cleanly, whatever the last status was.

    Args:
        pieces: What comes, one after the other.
        every: How long to wait before each piece.
        ends: Whether the stream ends after the last piece, or stays open and silent.
        greeting: What comes at once; an IRMA server sends an event `open` without data.
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
            peer.wait(_WHOLE_DAY)

    return behave


def stream_when_asked(asked: threading.Semaphore, *pieces: bytes) -> Behaviour:
    """Send the head, and each piece, and then the end, once the semaphore was released for it."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(_HEAD)
        for piece in (*pieces, b""):
            if not asked.acquire(timeout=_NEVER_ASKED):
                return
            peer.send(_chunk(piece))

    return behave


def silent_stream(greeting: bytes = b"") -> Behaviour:
    """Send the head, perhaps a greeting, and nothing ever after."""
    return event_stream(greeting=greeting, ends=False)


def cut_stream(piece: bytes, length: int) -> Behaviour:
    """Send the first bytes of a chunk and close, so that the stream ends amid it."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(_HEAD + _chunk(piece)[: _line(piece) + length])
        peer.finish()

    return behave


def _line(piece: bytes) -> int:
    """Give how long the line with the chunk's size is."""
    return len(b"%x\r\n" % len(piece))


def held_stream(pieces: Iterable[bytes], until: timedelta) -> Behaviour:
    """Do as a proxy that buffers: head and pieces come at once, after the time, and it ends."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        if peer.wait(until):
            peer.send(_HEAD + b"".join(_chunk(piece) for piece in (*pieces, b"")))

    return behave


def forgotten() -> Behaviour:
    """Answer as an IRMA server that was started again: it knows no session any more."""
    body = b'{"status":400,"error":"SESSION_UNKNOWN","description":"Unknown or expired session"}\n'
    return answer(400, headers=[("Content-Type", "application/json")], body=body)
