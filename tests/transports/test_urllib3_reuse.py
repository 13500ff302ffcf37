"""The connections that `Urllib3Transport` uses again, and those that it closes."""

from __future__ import annotations

import math
import os
import ssl
import threading
import time
from contextlib import suppress
from datetime import timedelta

import pytest

from irma_core.errors import ConfigurationError, ConnectionBrokenError, TransportError
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer
from irma_testing.misbehaviours import (
    answer,
    compressed,
    cut,
    hang_up,
    html_503,
    raw,
    response,
    silence,
)
from irma_transport_urllib3 import Urllib3Transport, exchange
from irma_transport_urllib3 import response as response_module
from tests.transports.asking import PATIENCE, failure, for_target, get, post, send


def test_connects_when_there_is_something_to_send(transport: Urllib3Transport) -> None:
    """No connection is made before it is needed, and one connection serves many requests."""
    with MisbehavingServer(answer(body=b"OK")) as server:
        time.sleep(0.05)
        assert server.connections == 0
        for _ in range(5):
            send(transport, get(server.url))
    assert server.connections == 1


def test_a_status_does_not_end_a_connection(transport: Urllib3Transport) -> None:
    """The connection is used again after a response with an error status."""
    with MisbehavingServer(html_503(), answer()) as server:
        send(transport, get(server.url))
        send(transport, get(server.url))
    assert server.connections == 1


def test_idle_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is used again after 1 s of idling, but not after 1.5 s."""
    now = 1000.0
    for module in (exchange, response_module):
        monkeypatch.setattr(module, "monotonic", lambda: now)
    with MisbehavingServer(answer()) as server, Urllib3Transport() as transport:
        for pause, connections in ((0, 1), (1.0, 1), (1.5, 2)):
            now += pause
            transport.send(get(server.url), math.inf)
            assert server.connections == connections


def test_the_idle_limit_is_a_setting() -> None:
    """With an idle limit of zero, every request has a new connection."""
    with MisbehavingServer(answer()) as server, Urllib3Transport(idle_limit=timedelta(0)) as none:
        for _ in range(3):
            send(none, get(server.url))
    assert server.connections == 3


@pytest.mark.parametrize("seconds", [-0.1, 1.6])
def test_the_idle_limit_has_limits(seconds: float) -> None:
    """An idle limit that is negative, or longer than the server's, is refused."""
    with pytest.raises(ConfigurationError, match="idle_limit"):
        Urllib3Transport(idle_limit=timedelta(seconds=seconds))


def test_survives_a_server_that_closes_early(transport: Urllib3Transport) -> None:
    """An idle connection that the server has closed is replaced before anything is sent."""
    with MisbehavingServer(answer(), idle_limit=timedelta(milliseconds=50)) as server:
        for _ in range(3):
            send(transport, post(server.url, b"body"))
            server.wait_until_closed()
            time.sleep(0.05)  # so that the end of the connection has arrived
    assert server.connections == 3
    assert len(server.requests) == 3


def test_repeats_nothing(transport: Urllib3Transport) -> None:
    """A request whose connection breaks is not repeated, because the server may have acted."""
    with MisbehavingServer(answer(), hang_up, answer()) as server:
        send(transport, get(server.url))
        error = failure(transport, post(server.url, b"body"))
        assert send(transport, get(server.url)).status == 200
    assert isinstance(error, ConnectionBrokenError)
    assert error.request_sent
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "first",
    [
        cut(response(body=b"whole"), 40),
        silence,
        raw(compressed(b"0" * 900)),
        raw(response(body=bytes(2000))),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore than four" + bytes(9000)),
    ],
    ids=["cut", "silent", "compressed", "too large", "longer than declared"],
)
def test_rest_of_a_response_is_dropped(first: Behaviour) -> None:
    """A request gets its own response, whatever went wrong with the response before it."""
    behaviour = for_target("/first", first, answer(body=b"mine"))
    within = 0.2 if first is silence else PATIENCE
    with (
        MisbehavingServer(behaviour) as server,
        Urllib3Transport(max_response_bytes=1000) as transport,
    ):
        with suppress(TransportError):
            send(transport, get(server.url, "/first"), within)
        assert send(transport, get(server.url)).body == b"mine"


def test_threads_share_a_transport(transport: Urllib3Transport) -> None:
    """Threads that share a transport each get their own responses, and reuse connections."""
    found: list[bytes] = []

    def echo(peer: Peer) -> None:
        peer.send(response(body=peer.read_request().body))

    def ask(number: int) -> None:
        for turn in range(20):
            body = b"%d-%d" % (number, turn)
            if send(transport, post(server.url, body)).body == body:
                found.append(body)

    with MisbehavingServer(echo) as server:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 160
    assert server.connections <= 8


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_forked_child_has_its_own_connections(
    is_tls: bool, tls_transport: Urllib3Transport, server_tls: ssl.SSLContext
) -> None:
    """A forked child never uses its parent's connection, and the parent still can."""
    transport = tls_transport
    with MisbehavingServer(answer(body=b"OK"), tls=server_tls if is_tls else None) as server:
        send(transport, get(server.url))
        child = os.fork()
        if not child:
            status = 1
            try:
                status = send(transport, get(server.url)).body != b"OK"
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        send(transport, get(server.url))
    assert [request.connection for request in server.requests] == [0, 1, 0]


def test_another_process_opens_its_own_connections(
    transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with another id opens its own connections."""
    with MisbehavingServer(answer()) as server:
        send(transport, get(server.url))
        monkeypatch.setattr(os, "getpid", lambda: -1)
        send(transport, get(server.url))
        send(transport, get(server.url))
    assert [request.connection for request in server.requests] == [0, 1, 1]


def test_a_closed_transport_sends_nothing() -> None:
    """A closed transport refuses to send, and may be closed twice."""
    transport = Urllib3Transport()
    with MisbehavingServer(answer()) as server:
        send(transport, get(server.url))
        transport.close()
        transport.close()
        with pytest.raises(ConfigurationError, match="closed"):
            send(transport, get(server.url))
    assert len(server.requests) == 1


def test_close_lets_a_running_request_finish() -> None:
    """A request under way when the transport is closed still gets its response."""
    asked, closed = threading.Event(), threading.Event()

    def slow(peer: Peer) -> None:
        peer.read_request()
        asked.set()
        closed.wait(PATIENCE)
        peer.send(response(body=b"late"))

    bodies: list[bytes] = []
    with MisbehavingServer(slow) as server:
        transport = Urllib3Transport()
        thread = threading.Thread(
            target=lambda: bodies.append(send(transport, get(server.url)).body)
        )
        thread.start()
        assert asked.wait(PATIENCE)
        transport.close()
        closed.set()
        thread.join()
    assert bodies == [b"late"]


@pytest.mark.parametrize("wrong", [{"max_response_bytes": 0}, {"pool_size": 0}])
def test_counts_must_be_at_least_one(wrong: dict[str, int]) -> None:
    """A pool size or response limit below 1 is refused."""
    with pytest.raises(ConfigurationError, match="at least 1"):
        Urllib3Transport(
            max_response_bytes=wrong.get("max_response_bytes", 1),
            pool_size=wrong.get("pool_size", 1),
        )
