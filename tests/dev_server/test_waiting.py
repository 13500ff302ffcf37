"""Clients that hold connections open, send requests in part, or disconnect."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

from irma_backend.dev_server import running_dev_server, waiting
from irma_testing import InMemoryServer
from irma_transport import SystemClock

POST = "POST {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n"
LENGTH = "Content-Length: 100\r\n"
PATIENCE = 60.0
"""The seconds that a test waits for the server, which needs two seconds unless it is broken."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_dev_server(InMemoryServer(clock=SystemClock())) as url:
        yield url


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Check that a client causes no warnings or tracebacks in the log."""
    with caplog.at_level(logging.INFO):
        yield caplog
    assert "Traceback" not in caplog.text
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 0), PATIENCE)


def head(url: str, path: str = "/session", headers: str = LENGTH) -> bytes:
    return POST.format(path=path, host=urlsplit(url).netloc, headers=headers).encode()


def everything_from(sock: socket.socket) -> bytes:
    """Read to the end of the connection."""
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


def is_alive(url: str) -> bool:
    with closing(connected(url)) as sock:
        sock.sendall(f"GET /health HTTP/1.0\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        return everything_from(sock).endswith(b"OK")


HALF_HEADS = [b"", b"G", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: x\r\n"]
HALF_BODIES = [(LENGTH, b""), (LENGTH, b"{"), ("Transfer-Encoding: chunked\r\n", b"5\r\nab")]


def test_incomplete_head_times_out(url: str, log: pytest.LogCaptureFixture) -> None:
    """A connection with an incomplete head is closed after two seconds, without a response."""
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(closing(connected(url))) for _ in HALF_HEADS]
        for sock, sent in zip(sockets, HALF_HEADS, strict=True):
            sock.sendall(sent)
        assert [everything_from(sock) for sock in sockets] == [b""] * len(HALF_HEADS)


def test_incomplete_body_gets_a_503(url: str, log: pytest.LogCaptureFixture) -> None:
    """A request with an incomplete body gets an empty 503 at each kind of path."""
    with ExitStack() as open_ones:
        sockets: list[socket.socket] = []
        for path in ("/session", "/app/x/accept", "/irma/session/x/proofs"):
            for headers, body in HALF_BODIES:
                sockets.append(open_ones.enter_context(closing(connected(url))))
                sockets[-1].sendall(head(url, path, headers) + body)
        for sock in sockets:
            said = everything_from(sock)
            assert said.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nConnection: close\r\n" in said
            assert said.endswith(b"\r\n\r\n")


def test_incomplete_second_request_times_out(url: str) -> None:
    """A connection with an incomplete second request is closed after the first response."""
    whole = f"GET /health HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode()
    with closing(connected(url)) as sock:
        sock.sendall(whole + whole[:-3])
        assert everything_from(sock).count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "GET / HTTP/1.1\r\nHo",
        POST.format(path="/session", host="{host}", headers=LENGTH) + "{{",
        POST.format(path="/app/x/scan", host="{host}", headers=LENGTH) + "a",
        POST.format(path="/session", host="{host}", headers="Transfer-Encoding: chunked\r\n"),
        "GET /app/x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    ],
)
def test_disconnecting_clients_log_nothing(
    url: str, log: pytest.LogCaptureFixture, sent: str
) -> None:
    """A client that disconnects at any point of a request causes no warning in the log."""
    for _ in range(3):
        with closing(connected(url)) as sock:
            sock.sendall(sent.format(host=urlsplit(url).netloc).encode())
    assert is_alive(url)


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length: abc\r\n",
        "Content-Length: \u0661\r\n",
        "Content-Length: " + "9" * 30 + "\r\n",
        "Content-Length: " + "9" * 5000 + "\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: nonsense\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n" + "f" * 40 + "\r\n",
        "X: " + "a" * 70_000 + "\r\n",
        "".join(f"X-{number}: 1\r\n" for number in range(2000)),
    ],
)
def test_invalid_lengths_are_refused(url: str, log: pytest.LogCaptureFixture, headers: str) -> None:
    """A request with an invalid length or too many headers gets a 400 at once."""
    with closing(connected(url)) as sock:
        sock.sendall(head(url, headers=headers))
        assert b" 400 " in sock.recv(1000).partition(b"\r\n")[0]
    assert is_alive(url)


def test_endless_body_is_not_read(url: str) -> None:
    """The server reads at most 10 MiB of a body that claims to have a terabyte."""
    with closing(connected(url)) as sock:
        sock.sendall(
            head(url, headers=f"Content-Length: {10**12}\r\nContent-Type: application/json\r\n")
        )
        for _ in range(11):
            sock.sendall(b" " * (1 << 20))
        assert sock.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_compressed_body_is_not_decompressed(url: str, log: pytest.LogCaptureFixture) -> None:
    """Like the official server, the development server does not decompress a body."""
    for path in ("/session", "/app/x/scan"):
        with closing(connected(url)) as sock:
            sock.sendall(
                head(url, path, "Content-Encoding: gzip\r\nContent-Length: 3\r\n") + b"abc"
            )
            assert sock.recv(1000)[9:12] in {b"400", b"403"}


def test_waiting_connections_are_limited(
    url: str, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If too many connections wait, the server closes the connection that has waited longest."""
    monkeypatch.setattr(waiting, "_MAX_WAITING", 3)
    with ExitStack() as all_of_them:
        first = all_of_them.enter_context(closing(connected(url)))
        for _ in range(20):
            all_of_them.enter_context(closing(connected(url)))
            assert is_alive(url)
        assert everything_from(first) == b""
