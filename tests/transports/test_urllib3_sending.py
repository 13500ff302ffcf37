"""The requests that `Urllib3Transport` sends, and the responses that it returns."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest

from irma_core.errors import ConfigurationError
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import Transport
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaviours import (
    answer,
    empty_503,
    html_503,
    raw,
    redirect,
    response,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.transports.asking import TOKEN, get, post, send


def test_is_a_transport() -> None:
    """Type checkers accept `Urllib3Transport` as a `Transport`."""
    transport: Transport = Urllib3Transport()
    assert transport.clock.now().utcoffset() == timedelta(0)


def test_sends_the_request_as_it_is(transport: Urllib3Transport) -> None:
    """The method, target, headers and body of a request arrive unchanged."""
    with MisbehavingServer(answer()) as server:
        request = post(server.url, b'{"a": 1}', content_type="application/json", authorization="x")
        send(transport, request)
        send(transport, get(server.url, "/a%20b/?c=%7Bd%7D&e=//"))
    posted, got = server.requests
    assert (posted.method, posted.target, posted.body) == ("POST", "/session", b'{"a": 1}')
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["authorization"] == "x"
    assert posted.headers["host"] == f"127.0.0.1:{server.port}"
    assert (got.method, got.target, got.body) == ("GET", "/a%20b/?c=%7Bd%7D&e=//", b"")
    assert "content-length" not in got.headers


@pytest.mark.parametrize(("target", "sent"), [("", "/"), ("?a=b", "/?a=b")])
def test_an_empty_path_is_a_slash(transport: Urllib3Transport, target: str, sent: str) -> None:
    """A request to a URL without a path has the target `/`."""
    with MisbehavingServer(answer()) as server:
        send(transport, get(server.url, target))
    assert server.requests[0].target == sent


def test_head_and_body_go_in_one_write(
    transport: Urllib3Transport, tls_transport: Urllib3Transport, server_tls: ssl.SSLContext
) -> None:
    """A request is sent in one write, on new and on reused connections, with and without TLS."""
    for tls, sender in ((None, transport), (server_tls, tls_transport)):
        with MisbehavingServer(answer(), tls=tls) as server:
            for _ in range(20):
                send(sender, post(server.url, b"x" * 1000))
        assert [request.reads for request in server.requests] == [1] * 20


def test_an_empty_post_has_a_content_length_of_zero(transport: Urllib3Transport) -> None:
    """A `POST` without a body has `Content-Length: 0`."""
    with MisbehavingServer(answer()) as server:
        send(transport, HttpRequest("POST", server.url + "/session", label="POST session"))
    assert server.requests[0].headers["content-length"] == "0"


def test_a_header_of_the_request_replaces_the_default(transport: Urllib3Transport) -> None:
    """A header of the request replaces the transport's own, and no compression is requested."""
    with MisbehavingServer(answer()) as server:
        send(transport, post(server.url, b"", authorization="theirs", user_agent="shop"))
    received = server.requests[0].headers
    assert received["authorization"] == "theirs"
    assert received["user-agent"] == "shop"
    assert received["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 204, 301, 304, 404, 520, 999])
def test_every_status_is_a_response(transport: Urllib3Transport, status: int) -> None:
    """The transport returns a response of any status."""
    with MisbehavingServer(answer(status)) as server:
        assert send(transport, get(server.url)).status == status


def test_follows_no_redirect(transport: Urllib3Transport) -> None:
    """A redirect is returned like any other response."""
    with MisbehavingServer(redirect("/elsewhere")) as server:
        found = send(transport, get(server.url))
    assert (found.status, found.header("location")) == (301, "/elsewhere")
    assert len(server.requests) == 1


def test_returns_the_503_of_a_slow_handler(transport: Urllib3Transport) -> None:
    """A 503 with an HTML body, as IRMA servers send for a slow handler, is returned completely."""
    with MisbehavingServer(html_503()) as server:
        found = send(transport, get(server.url))
    assert found.status == 503
    assert found.header("content-type").startswith("text/html")
    assert b"Timeout" in found.body


def test_returns_the_503_of_a_slow_request(transport: Urllib3Transport) -> None:
    """An empty 503, as for a slow request, is returned, and its connection is not used again."""
    with MisbehavingServer(empty_503()) as server:
        assert [send(transport, get(server.url)).status for _ in range(2)] == [503, 503]
    assert server.connections == 2
    assert len(server.requests) == 2


def test_returns_headers_in_order(transport: Urllib3Transport) -> None:
    """Headers are returned in the order of the response, with their case and repetitions."""
    headers = [("X-One", "1"), ("Set-Cookie", "a=b"), ("x-two", "é"), ("Set-Cookie", "c=d")]
    with MisbehavingServer(answer(headers=headers)) as server:
        assert list(send(transport, get(server.url)).headers[:4]) == headers


def test_joins_chunks(transport: Urllib3Transport) -> None:
    """A chunked body is returned completely."""
    with MisbehavingServer(answer(chunks=[b"one ", b"", b"two"][::2])) as server:
        assert send(transport, get(server.url)).body == b"one two"


def test_reads_to_the_end_of_the_connection(transport: Urllib3Transport) -> None:
    """A body without a length is returned when the connection ends."""
    with MisbehavingServer(raw(b"HTTP/1.0 200 OK\r\n\r\nold style", close=True)) as server:
        assert send(transport, get(server.url)).body == b"old style"


@pytest.mark.parametrize("encoding", ["identity", " Identity ", ""])
def test_identity_encoding_is_accepted(transport: Urllib3Transport, encoding: str) -> None:
    """A body with `Content-Encoding: identity` is returned unchanged."""
    data = response(headers=[("Content-Encoding", encoding)], body=b"as it is")
    with MisbehavingServer(raw(data)) as server:
        assert send(transport, get(server.url)).body == b"as it is"


def test_an_empty_body_may_name_an_encoding(transport: Urllib3Transport) -> None:
    """An empty body may have a `Content-Encoding`, which proxies leave in such responses."""
    data = response(204, headers=[("Content-Encoding", "gzip")])
    with MisbehavingServer(raw(data)) as server:
        assert send(transport, get(server.url)).status == 204


def test_skips_interim_responses(transport: Urllib3Transport) -> None:
    """The transport skips interim responses, such as 100 and 103."""
    interim = b"".join(
        b"HTTP/1.1 %d Wait\r\nLink: </a>\r\n\r\n" % status for status in (100, 102, 103, 103)
    )
    with MisbehavingServer(raw(interim + response(body=b"now"))) as server:
        found = send(transport, get(server.url))
    assert (found.status, found.body, found.header("link")) == (200, b"now", "")


@pytest.mark.parametrize(
    "url",
    [
        "/session",
        "irma.example.com/session",
        "ftp://irma.example.com/",
        "http://user:word@irma.example.com/",
        "http://irma.example.com/a b",
        "http://irma.example.com/é",
        "http://irma.example.com/\r\nX: y",
        "http://irma.example.com/#part",
        "http://irma.example.com:port/",
        "http:///session",
        "http://" + "a" * 64 + ".example.com/",
    ],
)
def test_refuses_an_invalid_url(transport: Urllib3Transport, url: str) -> None:
    """A URL that is not absolute and percent-encoded raises `ConfigurationError`."""
    with pytest.raises(ConfigurationError):
        send(transport, get(url, ""))


@pytest.mark.parametrize("value", [f"{TOKEN}\r\nX: y", f"{TOKEN}\u20ac"])
def test_refuses_an_invalid_header(transport: Urllib3Transport, value: str) -> None:
    """A header that cannot be sent raises `ConfigurationError`, which does not quote it."""
    with MisbehavingServer(answer()) as server:
        with pytest.raises(ConfigurationError) as caught:
            send(transport, post(server.url, b"", authorization=value))
        assert send(transport, get(server.url)).status == 200
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None
    assert len(server.requests) == 1


def test_sends_to_many_servers(transport: Urllib3Transport) -> None:
    """One transport can send to more servers than it keeps pools for."""
    with MisbehavingServer(answer()) as server:
        port = str(server.port)
        for zeros in range(70):
            url = f"http://127.0.0.1:{port.zfill(len(port) + zeros)}"
            assert send(transport, get(url)).status == 200


def test_a_negative_sleep_is_accepted(transport: Urllib3Transport) -> None:
    """`sleep` accepts a negative duration, and `jitter` is at least 0 and below 1."""
    begun = transport.clock.monotonic()
    transport.sleep(timedelta(seconds=-1))
    transport.sleep(timedelta(milliseconds=20))
    assert transport.clock.monotonic() - begun >= 0.02
    assert all(0 <= transport.jitter() < 1 for _ in range(100))
