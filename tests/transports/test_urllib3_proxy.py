"""Requests through a proxy, which only a setting can select."""

from __future__ import annotations

import socket
import ssl
import threading
from base64 import b64encode
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from irma_core.errors import ConfigurationError, ConnectionFailedError, TransportTimeoutError
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer, unused_port
from irma_testing.misbehaviours import answer, drip, hang_up, raw, response, silence
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import TOKEN, failure, get, send


def tunnel_to(port: int) -> Behaviour:
    """Act as a proxy: accept a CONNECT, then relay bytes to and from a port of this machine."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        with socket.create_connection(("127.0.0.1", port)) as behind:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=carry, args=(behind, peer.sock))
            back.start()
            carry(peer.sock, behind)
            back.join()

    return behave


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def test_proxy_variables_are_ignored(
    monkeypatch: pytest.MonkeyPatch, transport: Urllib3Transport
) -> None:
    """The transport ignores `http_proxy` and similar variables."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with MisbehavingServer(answer(body=b"direct")) as server:
        assert send(transport, get(server.url)).body == b"direct"


def test_plain_requests_are_forwarded(long_idle: timedelta) -> None:
    """For plain HTTP, the proxy gets the whole URL, the server's Host and its own headers."""
    with (
        MisbehavingServer(answer(body=b"forwarded")) as proxy,
        Urllib3Transport(
            proxy=proxy.url, proxy_headers={"X-Proxy": "yes"}, idle_limit=long_idle
        ) as transport,
    ):
        found = send(transport, get("http://irma.example.com:8088"))
        send(transport, get("http://irma.example.com:8088"))
    request = proxy.requests[0]
    assert found.body == b"forwarded"
    assert request.target == f"http://irma.example.com:8088/session/{TOKEN}/result"
    assert request.headers["host"] == "irma.example.com:8088"
    assert request.headers["x-proxy"] == "yes"
    assert proxy.connections == 1


def test_a_proxy_may_ask_for_a_password() -> None:
    """The user and password in a proxy's URL are percent-decoded and sent to the proxy in UTF-8."""
    with MisbehavingServer(answer()) as proxy:
        url = proxy.url.replace("http://", "http://user:p%40ss\u20ac@")
        with Urllib3Transport(proxy=url) as transport:
            send(transport, get("http://irma.example.com"))
    expected = "Basic " + b64encode("user:p@ss\u20ac".encode()).decode()
    assert proxy.requests[0].headers["proxy-authorization"] == expected


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain proxy", "tls proxy"])
def test_tls_goes_through_a_tunnel(
    ca_file: Path, server_tls: ssl.SSLContext, is_tls: bool, long_idle: timedelta
) -> None:
    """For HTTPS, the proxy sees only host and port, and the tunnel is used again."""
    with (
        MisbehavingServer(answer(body=b"behind"), tls=server_tls) as server,
        MisbehavingServer(tunnel_to(server.port), tls=server_tls if is_tls else None) as proxy,
    ):
        url = proxy.url.replace("://", "://user:word@")
        with Urllib3Transport(ca=ca_file, proxy=url, idle_limit=long_idle) as transport:
            bodies = [send(transport, get(server.url)).body for _ in range(2)]
    assert bodies == [b"behind", b"behind"]
    connect = proxy.requests[0]
    assert (connect.method, connect.target) == ("CONNECT", f"localhost:{server.port}")
    assert "proxy-authorization" in connect.headers
    assert [TOKEN in request.target for request in server.requests] == [True, True]
    assert "proxy-authorization" not in server.requests[0].headers
    assert (proxy.connections, server.connections) == (1, 1)


def test_a_server_behind_a_tunnel_is_named(ca_file: Path) -> None:
    """The error for a faulty server behind a proxy names the server."""

    def plain(peer: Peer) -> None:
        peer.send(response(400))
        peer.finish()

    with (
        MisbehavingServer(plain) as server,
        MisbehavingServer(tunnel_to(server.port)) as proxy,
        Urllib3Transport(ca=ca_file, proxy=proxy.url) as transport,
    ):
        error = failure(transport, get(f"https://localhost:{server.port}"))
    assert isinstance(error, ConnectionFailedError)
    assert f"localhost:{server.port}" in str(error)


def test_tls_to_the_proxy(ca_file: Path, server_tls: ssl.SSLContext) -> None:
    """A proxy may use TLS, with a certificate from an authority in `ca`."""
    with (
        MisbehavingServer(answer(body=b"forwarded"), tls=server_tls) as proxy,
        Urllib3Transport(ca=ca_file, proxy=proxy.url) as transport,
    ):
        assert send(transport, get("http://irma.example.com")).body == b"forwarded"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answer(407), "HTTP 407: put its user name and password"),
        (hang_up, "no connection"),
        (raw(b"garbage\r\n\r\n", close=True), "invalid HTTP"),
    ],
)
def test_a_tunnel_that_is_refused(ca_file: Path, behaviour: Behaviour, words: str) -> None:
    """If the proxy refuses the tunnel, the error says that nothing was sent."""
    with (
        MisbehavingServer(behaviour) as proxy,
        Urllib3Transport(ca=ca_file, proxy=proxy.url) as transport,
    ):
        error = failure(transport, get("https://localhost:4443"))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent
    assert words in str(error)


def test_an_unreachable_proxy() -> None:
    """The error for an unreachable proxy names the proxy."""
    with unused_port() as port, Urllib3Transport(proxy=f"http://127.0.0.1:{port}") as transport:
        error = failure(transport, get("http://irma.example.com"))
    assert isinstance(error, ConnectionFailedError)
    assert f"the proxy 127.0.0.1:{port} refused" in str(error)


@pytest.mark.parametrize(
    "slow",
    [silence, drip(response(), timedelta(milliseconds=100))],
    ids=["silent", "dripping"],
)
def test_a_slow_tunnel_ends_at_the_deadline(ca_file: Path, slow: Behaviour) -> None:
    """Waiting for a slow proxy to open a tunnel ends at the deadline."""
    with (
        MisbehavingServer(slow) as proxy,
        Urllib3Transport(ca=ca_file, proxy=proxy.url) as transport,
    ):
        error = failure(transport, get("https://localhost:4443"), 0.4)
    assert isinstance(error, TransportTimeoutError)
    assert not error.request_sent


def test_tunnel_and_handshake_share_the_deadline(ca_file: Path) -> None:
    """The TLS handshake must end by the same deadline as opening the tunnel before it."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.wait(timedelta(seconds=0.7))
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        silence(peer)

    with (
        MisbehavingServer(behave) as proxy,
        Urllib3Transport(ca=ca_file, proxy=proxy.url) as transport,
    ):
        error = failure(transport, get("https://localhost:4443"), 0.8)
    assert isinstance(error, TransportTimeoutError)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:3128",
        "socks5://127.0.0.1:1080",
        "http://",
        "http://[",
        f"http://{'a' * 64}.example",
        "http://" + "\u00fc" * 64,
    ],
)
def test_refuses_an_invalid_proxy(url: str) -> None:
    """A proxy that is not an http or https URL is refused."""
    with pytest.raises(ConfigurationError, match="proxy"):
        Urllib3Transport(proxy=url)


@pytest.mark.parametrize("header", [("no name", "v"), ("X", "a\r\nb"), ("Content-Length", "5")])
def test_refuses_headers_that_cannot_be_set(header: tuple[str, str]) -> None:
    """A proxy header that is malformed, or frames the message, is an error in `proxy_headers`."""
    with pytest.raises(ConfigurationError, match=r"^proxy_headers: "):
        Urllib3Transport(proxy="http://127.0.0.1:3128", proxy_headers=dict([header]))


def test_refuses_headers_without_a_proxy() -> None:
    """Proxy headers without a proxy are refused."""
    with pytest.raises(ConfigurationError, match="no proxy"):
        Urllib3Transport(proxy_headers={"X": "y"})
