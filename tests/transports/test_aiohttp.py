"""`AiohttpTransport` with a misbehaving server: its responses and its errors."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import ssl
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

import irma_transport_aiohttp
from irma_core.errors import (
    ConfigurationError,
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    ResponseTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.trust.signing import HmacSigner
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, Peer, unused_port
from irma_testing.misbehaviours import (
    answer,
    compressed,
    cut,
    drip,
    endless_body,
    endless_headers,
    gzip_bomb,
    hang_up,
    html_503,
    raw,
    redirect,
    reset,
    reset_during_request,
    response,
    silence,
    wrong_length,
)
from irma_transport_aiohttp import AiohttpTransport, in_thread
from tests.transports.asking import PATIENCE, TOKEN, assert_discreet, for_target, get, post

MIB = 1024 * 1024
WHOLE = response(body=b'{"status": "DONE"}')
IN_CHUNKS = response(chunks=[b'{"status":', b' "DONE"}'])


@pytest.fixture
async def aio(long_idle: timedelta) -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport(idle_limit=long_idle) as transport:
        yield transport


async def send(
    transport: AiohttpTransport, request: HttpRequest, within: float = PATIENCE
) -> HttpResponse:
    return await transport.send(request, transport.clock.monotonic() + within)


async def failure(
    transport: AiohttpTransport, request: HttpRequest, within: float = PATIENCE
) -> TransportError:
    begun = monotonic()
    with pytest.raises(TransportError) as caught:
        await send(transport, request, within)
    assert monotonic() - begun <= max(within, 0) + PATIENCE
    assert_discreet(caught.value)
    return caught.value


async def test_sends_a_request_unchanged_in_one_write(aio: AiohttpTransport) -> None:
    """A request arrives unchanged, and the transport ignores cookies and redirects."""
    with MisbehavingServer(redirect("/other"), answer(headers=[("Set-Cookie", "a=b")])) as server:
        assert (await send(aio, post(server.url, b"{}", authorization="x"))).status == 301
        for _ in range(2):
            await send(aio, get(server.url))
    first, *later = server.requests
    assert (first.method, first.target, first.body, first.reads) == ("POST", "/session", b"{}", 1)
    assert first.headers["authorization"] == "x"
    assert first.headers["accept-encoding"] == "identity"
    assert [one.target for one in later] == [f"/session/{TOKEN}/result"] * 2
    assert not [one for one in later if "cookie" in one.headers]
    assert server.connections == 1


async def test_returns_any_response(aio: AiohttpTransport) -> None:
    """The transport returns a complete body with either framing, and with any status."""
    forms = [WHOLE, IN_CHUNKS]
    with MisbehavingServer(*map(raw, forms), html_503()) as server:
        for _ in forms:
            assert (await send(aio, get(server.url))).body == b'{"status": "DONE"}'
        assert (await send(aio, get(server.url))).header("content-type").startswith("text/html")


@pytest.mark.parametrize("whole", [WHOLE, IN_CHUNKS], ids=["length", "chunks"])
async def test_a_response_cut_at_any_byte(aio: AiohttpTransport, whole: bytes) -> None:
    """A response that is cut at any byte is an error, and the request is not repeated."""
    with MisbehavingServer(*(cut(whole, length) for length in range(len(whole)))) as server:
        for length in range(len(whole)):
            error = await failure(aio, get(server.url))
            assert type(error) is ConnectionBrokenError, length
            assert error.request_sent
    assert len(server.requests) == len(whole)


@pytest.mark.parametrize(
    "behaviour",
    [hang_up, reset(), reset_during_request, reset(WHOLE[:-5]), wrong_length(b"four", 9)],
    ids=["hangs up", "reset after", "reset amid", "reset in the body", "wrong length"],
)
async def test_a_connection_that_breaks(aio: AiohttpTransport, behaviour: Behaviour) -> None:
    """If a new or reused connection breaks, the transport raises and does not repeat the call."""
    with MisbehavingServer(behaviour, answer(), behaviour, answer()) as server:
        for request in (post(server.url, b"x" * 100), get(server.url)):
            error = await failure(aio, request)
            assert type(error) is ConnectionBrokenError
            assert error.request_sent
            assert (await send(aio, get(server.url))).status == 200


async def test_repeats_nothing_on_a_kept_connection(aio: AiohttpTransport) -> None:
    """The transport does not repeat a GET on a broken reused connection, although aiohttp would."""
    with MisbehavingServer(answer(), hang_up, answer()) as server:
        await send(aio, get(server.url))
        assert type(await failure(aio, get(server.url))) is ConnectionBrokenError
    assert len(server.requests) == 2


async def test_a_connection_that_fails(aio: AiohttpTransport) -> None:
    """If a connection is refused, the error names the host and says that nothing was sent."""
    with unused_port() as port:
        error = await failure(aio, post(f"http://127.0.0.1:{port}", b""))
    assert isinstance(error, ConnectionFailedError)
    assert not error.request_sent
    assert f"127.0.0.1:{port} refused" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n\r\n",
        compressed(b"OK"),
        compressed(b"OK", "deflate"),
        response(headers=[("Content-Encoding", "br")], body=b"brotli"),
        response(
            headers=[("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], body=b"x"
        ),
    ],
)
async def test_a_response_that_is_not_http(aio: AiohttpTransport, data: bytes) -> None:
    """A response that is not HTTP, or is compressed, is malformed."""
    with MisbehavingServer(raw(data)) as server:
        error = await failure(aio, get(server.url))
    assert type(error) is MalformedResponseError
    assert error.request_sent


@pytest.mark.parametrize(
    "behaviour",
    [
        raw(response(body=bytes(MIB + 1))),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"),
        endless_body(),
        endless_body(chunked=False),
        endless_headers(),
        gzip_bomb(100 * MIB),
    ],
    ids=["one byte too many", "declared length", "chunks", "body", "headers", "bomb"],
)
async def test_a_response_that_is_too_large(aio: AiohttpTransport, behaviour: Behaviour) -> None:
    """A response that is too large is refused, and the next request gets its own response."""
    with MisbehavingServer(behaviour, raw(response(body=bytes(MIB)))) as server:
        error = await failure(aio, get(server.url))
        assert isinstance(error, ResponseTooLargeError | MalformedResponseError)
        assert len((await send(aio, get(server.url))).body) == MIB


@pytest.mark.parametrize(
    "behaviour",
    [
        silence,
        drip(response(headers=[("X-Long", "x" * 900)]), timedelta(milliseconds=100)),
        endless_headers(timedelta(milliseconds=100)),
        endless_body(timedelta(milliseconds=100)),
    ],
    ids=["silent", "drips", "headers", "body"],
)
async def test_a_slow_response_ends_at_the_deadline(
    aio: AiohttpTransport, behaviour: Behaviour
) -> None:
    """The deadline holds although bytes keep arriving, and the connection is not used again."""
    for within in (0.3, 3, 30):  # a busy machine may send the request too late
        with MisbehavingServer(for_target("/slow", behaviour, answer(body=b"mine"))) as server:
            error = await failure(aio, get(server.url, "/slow"), within)
            assert (await send(aio, get(server.url), float("inf"))).body == b"mine"
        assert isinstance(error, TransportTimeoutError)
        if error.request_sent:
            assert server.connections == 2
            return
    raise AssertionError("no request was sent")


async def test_a_deadline_that_has_passed(aio: AiohttpTransport) -> None:
    """No connection is made if the deadline has passed."""
    with MisbehavingServer(answer()) as server:
        error = await failure(aio, get(server.url), 0)
    assert isinstance(error, TransportTimeoutError)
    assert not error.request_sent
    assert server.connections == 0


async def test_cancelling_leaves_no_connection_and_no_task(aio: AiohttpTransport) -> None:
    """Cancelling a call closes its connection and leaves no task."""
    came, ended = threading.Event(), threading.Event()

    def wait_for_end(peer: Peer) -> None:
        peer.read_request()
        came.set()
        try:
            peer.read_some()
        except (EOFError, OSError):
            ended.set()
            raise

    with MisbehavingServer(wait_for_end) as server:
        task = asyncio.create_task(send(aio, get(server.url)))
        assert await asyncio.to_thread(came.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(ended.wait, PATIENCE)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_reads_no_proxy_from_the_environment(
    aio: AiohttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport uses a proxy only from its setting, not from the environment."""
    with MisbehavingServer(answer(body=b"far")) as far, MisbehavingServer(answer()) as server:
        monkeypatch.setenv("http_proxy", far.url)
        assert (await send(aio, get(server.url))).body == b""
        async with AiohttpTransport(proxy=f"http://me:word@127.0.0.1:{far.port}") as behind:
            assert (await send(behind, get(server.url))).body == b"far"
    assert far.requests[0].target == f"{server.url}/session/{TOKEN}/result"
    assert far.requests[0].headers["proxy-authorization"].startswith("Basic ")


async def test_trusts_the_given_authority_only(
    aio: AiohttpTransport, ca_file: Path, server_tls: ssl.SSLContext
) -> None:
    """The transport trusts only the authorities in `ca`, and sends nothing if TLS fails."""
    with MisbehavingServer(answer(body=b"OK"), tls=server_tls) as server:
        async with AiohttpTransport(ca=ca_file) as trusting:
            assert (await send(trusting, get(server.url))).body == b"OK"
            wrong = await failure(trusting, get(f"https://127.0.0.1:{server.port}"))
        error = await failure(aio, get(server.url))

    def reply_without_tls(peer: Peer) -> None:
        peer.send(response(400))
        peer.finish()

    with MisbehavingServer(reply_without_tls) as server:
        plain = await failure(aio, get(f"https://localhost:{server.port}"))
    assert "another name" in str(wrong)
    assert "not trusted" in str(error)
    assert "does not speak TLS" in str(plain)
    for each in (wrong, error, plain):
        assert isinstance(each, ConnectionFailedError)
        assert not each.request_sent


@pytest.mark.parametrize(
    "url",
    [
        "/session",
        "ftp://irma.example.com/",
        "http://a b/",
        "http://irma.example.com:port/",
        f"http://{'a' * 64}.nl/",
    ],
)
async def test_refuses_an_invalid_url(aio: AiohttpTransport, url: str) -> None:
    """A URL that is not absolute and percent-encoded raises `ConfigurationError`."""
    with pytest.raises(ConfigurationError):
        await send(aio, get(url, ""))


@pytest.mark.parametrize("value", [f"{TOKEN}\r\nX: y", f"{TOKEN}\u20ac"])
async def test_refuses_an_invalid_header(aio: AiohttpTransport, value: str) -> None:
    """A header that cannot be sent raises `ConfigurationError`, which does not quote it."""
    with pytest.raises(ConfigurationError) as caught:
        await send(aio, post("http://127.0.0.1:1", b"", authorization=value))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"idle_limit": timedelta(0)},
        {"idle_limit": timedelta(seconds=1.6)},
        {"max_response_bytes": 0},
        {"pool_size": 0},
        {"ca": b"x", "ssl_context": ssl.create_default_context()},
    ],
)
def test_refuses_wrong_settings(settings: dict[str, object]) -> None:
    """The constructor refuses a wrong setting."""
    with pytest.raises(ConfigurationError):
        AiohttpTransport(**settings)  # type: ignore[arg-type]  # a table of mistakes


def test_belongs_to_one_event_loop() -> None:
    """On another event loop, or after it was closed, the transport raises `ConfigurationError`."""

    async def main() -> None:
        await transport.sleep(timedelta(seconds=-1))
        await send(transport, get(server.url))

    transport = AiohttpTransport()
    with MisbehavingServer(answer()) as server, asyncio.Runner() as first:
        first.run(main())
        with asyncio.Runner() as second, pytest.raises(ConfigurationError, match="event loop"):
            second.run(main())
        first.run(transport.aclose())
        with pytest.raises(ConfigurationError, match="closed"):
            first.run(main())
    assert 0 <= transport.jitter() < 1


async def test_signs_on_a_thread() -> None:
    """`in_thread` gives the same signature, off the event loop."""
    signer = HmacSigner(bytes(range(1, 33)))
    assert in_thread(signer).algorithm == "HS256"
    assert await in_thread(signer).sign(b"x") == signer.sign(b"x")


def test_names_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aiohttp, the import error shows the pip command that installs it."""

    def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", nothing)
    with pytest.raises(ImportError, match=r"pip install 'irma-backend\[aiohttp\]'"):
        importlib.reload(irma_transport_aiohttp)
