"""The errors for broken connections and responses show no secret."""

from __future__ import annotations

import logging
import socket

import pytest

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    TransportError,
)
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer, unused_port
from irma_testing.misbehaviours import (
    answer,
    compressed,
    cut,
    hang_up,
    raw,
    reset,
    reset_during_request,
    response,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import TOKEN, failure, get, post, send

WITH_LENGTH = response(headers=[("Content-Type", "application/json")], body=b'{"status": "DONE"}')
IN_CHUNKS = response(chunks=[b'{"status":', b' "DONE"}'])


COMPRESSED = [
    compressed(b'"DONE"', "gzip"),
    compressed(b'"DONE"', "deflate"),
    compressed(b'"DONE"', "bare deflate"),
    response(headers=[("Content-Encoding", "br")], body=b"brotli"),
    response(headers=[("Content-Encoding", " GZIP, gzip ")], body=b"twice"),
    response(headers=[("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], body=b"x"),
    response(headers=[("Content-Encoding", "gzip")], chunks=[b"not gzip"]),
]


def test_a_refused_connection(transport: Urllib3Transport) -> None:
    """If a connection is refused, the error names host and port, and says that nothing was sent."""
    with unused_port() as port:
        error = failure(transport, post(f"http://127.0.0.1:{port}", b""))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent
    assert f"127.0.0.1:{port} refused" in str(error)


def test_an_unknown_name(transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve raises `ConnectionFailedError`."""

    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(transport, get("http://irma.invalid"))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent
    assert "no address found for irma.invalid" in str(error)


def test_an_unreachable_network(
    transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message for an unreachable network contains the system's reason."""

    def unreachable(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    error = failure(transport, get("http://127.0.0.1:1"))
    assert isinstance(error, ConnectionFailedError)
    assert "Network is unreachable" in str(error)


@pytest.mark.parametrize(
    "behaviour",
    [hang_up, reset(), reset_during_request, reset(WITH_LENGTH[:30]), reset(WITH_LENGTH[:-5])],
    ids=["hangs up", "reset after", "reset amid", "reset in the head", "reset in the body"],
)
def test_a_connection_that_breaks(transport: Urllib3Transport, behaviour: Behaviour) -> None:
    """A connection that ends after the request, or amid the response, raises a specific error."""
    with MisbehavingServer(behaviour) as server:
        error = failure(transport, post(server.url, b"x" * 100))
    assert type(error) is ConnectionBrokenError
    assert error.request_sent


def test_a_reset_amid_a_large_request(transport: Urllib3Transport) -> None:
    """The error of a connection that breaks during a large request says that it was sent."""
    with MisbehavingServer(reset_during_request) as server:
        error = failure(transport, post(server.url, bytes(20_000_000)))
    assert type(error) is ConnectionBrokenError
    assert error.request_sent


@pytest.mark.parametrize("whole", [WITH_LENGTH, IN_CHUNKS], ids=["length", "chunks"])
def test_a_response_cut_at_any_byte(transport: Urllib3Transport, whole: bytes) -> None:
    """A response that is cut at any byte raises the same error, and never counts as complete."""
    behaviours = [cut(whole, length) for length in range(len(whole))]
    with MisbehavingServer(*behaviours, answer(body=b"next")) as server:
        for length in range(len(whole)):
            error = failure(transport, get(server.url))
            assert type(error) is ConnectionBrokenError, length
        assert send(transport, get(server.url)).body == b"next"


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xffgarbage\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: first\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        *COMPRESSED,
    ],
)
def test_a_response_that_is_not_http(transport: Urllib3Transport, data: bytes) -> None:
    """A response that is not HTTP is malformed, whether or not the connection ends."""
    for close in (False, True):
        with MisbehavingServer(raw(data, close=close)) as server:
            error = failure(transport, get(server.url))
        assert type(error) is MalformedResponseError
        assert error.request_sent


def test_noise_before_the_end_is_malformed(transport: Urllib3Transport) -> None:
    """Bytes that cannot begin a response are malformed, even if the connection ends after them."""
    with MisbehavingServer(raw(b"\x00\xffgarbage", close=True)) as server:
        assert type(failure(transport, get(server.url))) is MalformedResponseError


def test_a_value_error_becomes_a_malformed_response(
    transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `ValueError` while the transport reads a response becomes `MalformedResponseError`."""

    def nonsense(*_: object) -> bytes:
        raise ValueError(TOKEN)

    monkeypatch.setattr("irma_transport_urllib3.transport.read_body", nonsense)
    with MisbehavingServer(answer()) as server:
        assert isinstance(failure(transport, get(server.url)), MalformedResponseError)


def test_an_interrupt_passes(transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption is raised, and the connection is not used again."""

    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    with MisbehavingServer(answer(body=b"left"), answer(body=b"mine")) as server:
        with monkeypatch.context() as patched:
            patched.setattr("irma_transport_urllib3.transport.read_body", interrupt)
            with pytest.raises(KeyboardInterrupt):
                send(transport, get(server.url))
        assert send(transport, get(server.url)).body == b"mine"


def test_logs_contain_no_token(
    transport: Urllib3Transport, caplog: pytest.LogCaptureFixture
) -> None:
    """The logs of urllib3, with targets and unreadable heads, contain no token."""
    caplog.set_level(logging.DEBUG)
    bad_head = b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n"

    def send_bad_head(peer: Peer) -> None:
        assert TOKEN in peer.read_request().target
        peer.send(bad_head)

    with MisbehavingServer(answer(), hang_up, send_bad_head) as server:
        send(transport, get(server.url))
        for _ in range(2):
            with pytest.raises(TransportError):
                send(transport, get(server.url))
    assert "/session/%7Btoken%7D/result" in caplog.text
    assert TOKEN not in caplog.text
