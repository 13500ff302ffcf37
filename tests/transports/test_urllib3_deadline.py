"""One deadline bounds a whole `send`, whatever the server does to prolong it."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from datetime import timedelta
from time import monotonic

import pytest

from irma_core.errors import ConnectionFailedError, TransportError, TransportTimeoutError
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, unanswered_port
from irma_testing.misbehaviours import (
    answer,
    drip,
    empty_503,
    endless_body,
    endless_headers,
    response,
    silence,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import PATIENCE, failure, get, post, send

PACE = timedelta(milliseconds=100)
WITHIN = 0.4
WHOLE = response(headers=[("X-Long", "x" * 500)], body=bytes(500))
HEAD_LENGTH = WHOLE.index(b"\r\n\r\n") + 4

SLOW: dict[str, Behaviour] = {
    "silent": silence,
    "head drips": drip(WHOLE, PACE),
    "body drips": drip(WHOLE[HEAD_LENGTH:], PACE, head=WHOLE[:HEAD_LENGTH]),
    "chunks drip": drip(
        response(chunks=[b"x"] * 99)[47:], PACE, head=response(chunks=[b"x"] * 99)[:47]
    ),
    "endless headers": endless_headers(PACE),
    "endless chunks": endless_body(PACE),
    "endless body": endless_body(PACE, chunked=False),
    "endless interim responses": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 99, PACE / 10),
    "endless trailer": drip(b"X: y\r\n" * 99, PACE, head=response(chunks=[b"x"])[:-2]),
}


def failure_of(
    slow: Behaviour,
    transport: Urllib3Transport,
    tls: ssl.SSLContext | None = None,
    body: bytes = b"",
    within: float = WITHIN,
) -> TransportError:
    """Return the error of a request to a slow server, with enough time to send the request."""
    with MisbehavingServer(slow, tls=tls) as server:
        error = failure(transport, post(server.url, body), within)
    if not error.request_sent and within < 10 * WITHIN:  # a busy machine connected too late
        return failure_of(slow, transport, tls, body, 4 * within)
    return error


@pytest.mark.parametrize("slow", SLOW)
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_a_slow_response_ends_at_the_deadline(
    slow: str, is_tls: bool, tls_transport: Urllib3Transport, server_tls: ssl.SSLContext
) -> None:
    """A slow response ends at the deadline, although bytes keep arriving."""
    error = failure_of(SLOW[slow], tls_transport, server_tls if is_tls else None)
    assert isinstance(error, TransportTimeoutError)
    assert error.request_sent


def test_slow_response_within_the_deadline(transport: Urllib3Transport) -> None:
    """A slow response that arrives in time is returned."""
    with MisbehavingServer(drip(b"slow", PACE / 2, head=response(body=b"    ")[:-4])) as server:
        assert send(transport, get(server.url)).body == b"slow"


def test_a_server_that_does_not_read(transport: Urllib3Transport) -> None:
    """A large request that the server does not read ends at the deadline."""
    error = failure_of(silence, transport, body=bytes(50_000_000))
    assert isinstance(error, TransportTimeoutError)
    assert error.request_sent


def test_a_server_that_does_not_shake_hands(tls_transport: Urllib3Transport) -> None:
    """The TLS handshake ends at the deadline, before any of the request is sent."""
    with MisbehavingServer(at_connect=silence) as server:
        url = f"https://localhost:{server.port}"
        error = failure(tls_transport, get(url), WITHIN)
    assert isinstance(error, TransportTimeoutError)
    assert not error.request_sent
    assert f"localhost:{server.port}" in str(error)


@pytest.mark.parametrize("late", [0, -1, float("-inf")])
def test_a_deadline_that_has_passed(transport: Urllib3Transport, late: float) -> None:
    """If the deadline has passed, nothing is sent and no connection is made."""
    with MisbehavingServer(answer()) as server:
        error = failure(transport, get(server.url), late)
    assert isinstance(error, TransportTimeoutError)
    assert not error.request_sent
    assert server.connections == 0


def test_an_infinite_deadline_is_accepted(transport: Urllib3Transport) -> None:
    """A call with an infinite deadline is accepted."""
    with MisbehavingServer(answer()) as server:
        assert send(transport, get(server.url), float("inf")).status == 200


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let every name resolve to several ports of this machine."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]

    def resolve(*_: object) -> object:
        return found

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_an_address_that_does_not_answer(transport: Urllib3Transport) -> None:
    """Connecting to an address that does not answer ends at the deadline."""
    with unanswered_port() as port:
        error = failure(transport, get(f"http://127.0.0.1:{port}"), WITHIN)
    assert isinstance(error, TransportTimeoutError)
    assert not error.request_sent


def test_addresses_share_the_time(
    transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two addresses that do not answer share the time until the deadline."""
    with unanswered_port() as port:
        resolve_to(monkeypatch, port, port)
        error = failure(transport, get("http://irma.example.com"), WITHIN)
    assert isinstance(error, TransportTimeoutError)


def test_a_second_address_is_tried_in_time(
    transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport tries the second address in time if the first does not answer."""
    with unanswered_port() as port, MisbehavingServer(answer(body=b"second")) as server:
        resolve_to(monkeypatch, port, server.port)
        for within in (4, 16, 64):  # a busy machine may need more than the second half
            begun = monotonic()
            with suppress(TransportTimeoutError):
                assert send(transport, get("http://irma.example.com"), within).body == b"second"
                assert monotonic() - begun > within / 2 - 0.1
                return
    raise AssertionError("the second address was not reached")


def test_a_name_without_addresses(
    transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name without addresses raises `ConnectionFailedError`."""
    resolve_to(monkeypatch)
    error = failure(transport, get("http://irma.example.com"))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent


def test_each_request_has_its_own_deadline(transport: Urllib3Transport) -> None:
    """On a reused connection, the deadline of the current request counts."""
    for within in (2, 16, 128):  # seconds; the first may be too short on a busy machine
        slow = drip(b"slow", timedelta(seconds=within * 0.3), head=response(body=b"    ")[:-4])
        with MisbehavingServer(answer(), slow) as server:
            try:
                send(transport, get(server.url), within)
            except TransportTimeoutError:
                continue
            assert send(transport, get(server.url), 2 * within + PATIENCE).body == b"slow"
        assert server.connections == 1
        return
    raise AssertionError("no first request was answered in time")


def test_an_early_response_is_returned(transport: Urllib3Transport) -> None:
    """The transport returns a response that the server sends before it reads the whole request."""
    with MisbehavingServer(empty_503()) as server:
        assert send(transport, post(server.url, b"body")).status == 503
