"""The misbehaving server's streams, byte for byte."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta
from time import monotonic

import pytest

from irma_testing.misbehaving_server import Behaviour, MisbehavingServer
from irma_testing.misbehaving_streams import (
    buffered_stream,
    cut_stream,
    event_stream,
    session_unknown,
    silent_stream,
    stream_on_release,
)
from irma_testing.misbehaviours import answer, empty_503, wrong_length

END = b"0\r\n\r\n"
END_OF_HEAD = b"\r\n\r\n"


def received(behaviour: Behaviour, pause: bytes = END) -> bytes:
    """Return the body up to its end, with `...` at the end if nothing follows `pause`."""
    parts = b""
    with (
        MisbehavingServer(behaviour) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock,
    ):
        sock.sendall(b"GET /statusevents HTTP/1.1\r\nHost: here\r\n\r\n")
        try:
            while not parts.endswith(END) and (data := sock.recv(65536)):
                parts += data
                if parts.endswith(pause):
                    sock.settimeout(0.2)
        except TimeoutError:
            parts += b"..."
    return parts.partition(END_OF_HEAD)[2]


@pytest.mark.parametrize(
    ("behaviour", "body"),
    [
        (event_stream(b"data: 1\n\n", b"x"), b"9\r\ndata: 1\n\n\r\n1\r\nx\r\n" + END),
        (event_stream(greeting=b"hi"), b"2\r\nhi\r\n" + END),
        (cut_stream(b"data: 1\n\n", 4), b"9\r\ndata"),
        (buffered_stream([b"a", b"b"], timedelta(0)), b"1\r\na\r\n1\r\nb\r\n" + END),
        (wrong_length(b"four", 9), b"four"),
    ],
    ids=["ends without a final status", "greets", "cut in a chunk", "held back", "wrong length"],
)
def test_a_stream_that_ends_has_sent_its_bytes(behaviour: Behaviour, body: bytes) -> None:
    """A stream that ends in some way has sent the expected bytes."""
    assert received(behaviour) == body


@pytest.mark.parametrize("greeting", [b"", b"hi"])
def test_a_silent_stream_stays_open(greeting: bytes) -> None:
    """After its head and greeting, a silent stream sends nothing and stays open."""
    body = b"2\r\nhi\r\n" if greeting else b""
    assert received(silent_stream(greeting), body or END_OF_HEAD) == body + b"..."


def test_a_stream_can_wait_for_a_signal() -> None:
    """A stream can wait for a signal from the test before each piece and before its end."""
    piece = b"1\r\na\r\n"
    for times, rest in ((2, END), (1, b"...")):
        asked = threading.Semaphore(times)
        pause = piece if times == 1 else END
        assert received(stream_on_release(asked, b"a"), pause) == piece + rest


def test_wait_until_closed_waits_for_each_connection() -> None:
    """`wait_until_closed` waits for the end of each connection, and raises if one stays open."""
    ask = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    with (
        MisbehavingServer(answer(), empty_503()) as server,
        socket.create_connection(("127.0.0.1", server.port)) as sock,
    ):
        sock.sendall(ask)
        assert sock.recv(65536)
        with pytest.raises(TimeoutError, match="still open"):
            server.wait_until_closed(timedelta(milliseconds=20))
        sock.sendall(ask)
        server.wait_until_closed()


def test_buffering_proxy_delays_the_head() -> None:
    """A proxy that buffers delays the head as well."""
    begun = monotonic()
    assert received(buffered_stream([b"a"], timedelta(milliseconds=150))) == b"1\r\na\r\n" + END
    assert monotonic() - begun >= 0.15


def test_restarted_server_knows_no_session() -> None:
    """A behaviour answers as an IRMA server that was restarted and does not know the session."""
    assert b'"error":"SESSION_UNKNOWN"' in received(session_unknown(), b"}\n")
