"""Streams of both transports: what comes, when, and how a broken one fails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import AsyncByteStream, Silence
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer, unused_port
from irma_testing.misbehaving_streams import cut_stream, event_stream, silent_stream
from irma_testing.misbehaviours import (
    answer,
    compressed,
    drip,
    endless_headers,
    raw,
    response,
    silence,
)
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from irma_transport_urllib3.streams import Urllib3Stream
from tests.transports.asking import assert_discreet, get

ResultT = TypeVar("ResultT")
TENTH, SECOND = timedelta(seconds=0.1), timedelta(seconds=1)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


class InThread:
    """The urllib3 transport behind the awaited protocol, so that one test serves both."""

    def __init__(self, **settings: Any) -> None:
        self._transport = Urllib3Transport(**settings)
        self.clock = self._transport.clock

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        stream = await asyncio.to_thread(self._transport.open_stream, request, deadline)
        return StreamInThread(stream)

    async def send(self, request: HttpRequest, deadline: float) -> Any:
        return await asyncio.to_thread(self._transport.send, request, deadline)

    async def aclose(self) -> None:
        self._transport.close()


class StreamInThread:
    """Its streams, likewise."""

    def __init__(self, stream: Urllib3Stream) -> None:
        self._stream = stream
        self.status, self.headers = stream.status, stream.headers

    async def read(self, deadline: float) -> bytes | Silence:
        return await asyncio.to_thread(self._stream.read, deadline)

    async def aclose(self) -> None:
        self._stream.close()


class Tracked:
    """A transport whose streams are closed after the test."""

    def __init__(self, transport: Any) -> None:
        self.clock, self.send = transport.clock, transport.send
        self._transport = transport
        self._streams: list[AsyncByteStream] = []

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        stream: AsyncByteStream = await self._transport.open_stream(request, deadline)
        self._streams.append(stream)
        return stream

    async def aclose(self) -> None:
        for stream in self._streams:
            await stream.aclose()
        await self._transport.aclose()


Make = Callable[..., Tracked]


@pytest.fixture(params=[InThread, AiohttpTransport], ids=["urllib3", "aiohttp"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    made: list[Tracked] = []

    def make_one(**settings: Any) -> Tracked:
        made.append(Tracked(request.param(**settings)))
        return made[-1]

    yield make_one
    for transport in made:
        await transport.aclose()


async def opened(transport: Tracked, server: MisbehavingServer, within: float = 5) -> Any:
    return await transport.open_stream(get(server.url), transport.clock.monotonic() + within)


async def read(stream: AsyncByteStream, within: float = 5) -> bytes | Silence:
    """Read, and check that it takes no longer than it may."""
    begun = monotonic()
    try:
        return await stream.read(begun + within)
    finally:
        assert monotonic() - begun < max(within, 0) + 0.5


async def all_of(stream: AsyncByteStream) -> bytes:
    body = b""
    while isinstance(piece := await read(stream), bytes):
        body += piece
    assert piece is Silence.END
    return body


async def test_bytes_come_as_they_are_sent(make: Make) -> None:
    """Each within its time, and the end is told."""
    pieces = event_stream(b"data: 1\n\n", b"data: 2\n\n", every=TENTH, greeting=b"event: open\n\n")
    with MisbehavingServer(pieces) as server:
        transport = make()
        stream = await opened(transport, server)
        assert (stream.status, dict(stream.headers)["Content-Type"]) == (200, "text/event-stream")
        assert await read(stream) == b"event: open\n\n"
        assert [await read(stream), await read(stream)] == [b"data: 1\n\n", b"data: 2\n\n"]
        assert await read(stream) is await read(stream) is Silence.END
        await stream.aclose()
        await stream.aclose()


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_three_seconds_of_quiet_lose_nothing(
    make: Make, is_tls: bool, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    """Reads that end without a byte leave the stream as it was."""
    pieces = event_stream(b"data: 1\n\n", b"data: 2\n\n", every=3 * SECOND, greeting=b":\n")
    with MisbehavingServer(pieces, tls=server_tls if is_tls else None) as server:
        transport = make(ca=ca_file)
        stream = await opened(transport, server)
        heard = []
        while (piece := await read(stream, 0.7)) is not Silence.END:
            heard.append(piece)
        assert [one for one in heard if one is not Silence.QUIET] == [
            b":\n",
            b"data: 1\n\n",
            b"data: 2\n\n",
        ]
        assert heard.count(Silence.QUIET) >= 6


async def test_framing_that_drips_loses_nothing(make: Make) -> None:
    """A chunk's size may come in two halves, with quiet between."""
    head, body = (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"9;x\r\ndata: 1\n\n\r\n0\r\nA: b\r\n\r\n",
    )
    with MisbehavingServer(drip(body, TENTH / 2, ahead=head)) as server:
        transport = make()
        stream = await opened(transport, server)
        heard = b""
        while (piece := await read(stream, 0.02)) is not Silence.END:
            heard += piece if isinstance(piece, bytes) else b""
        assert heard == b"data: 1\n\n"


@pytest.mark.parametrize(
    "whole",
    [
        response(headers=[("X", "y")], body=b"data: 1\n\n"),
        response(chunks=[b"data: ", b"1\n\n"]),
        HEAD + b"Connection: close\r\n\r\ndata: 1\n\n",
    ],
    ids=["length", "chunks", "to the end"],
)
async def test_a_stream_may_be_framed_in_any_way(make: Make, whole: bytes) -> None:
    """A proxy that holds a stream back gives it a length."""
    with MisbehavingServer(raw(whole, close=True)) as server:
        transport = make()
        assert await all_of(await opened(transport, server)) == b"data: 1\n\n"


async def test_what_has_come_is_given_without_any_time_left(make: Make) -> None:
    """A deadline in the past is a look at what is there."""
    with MisbehavingServer(silent_stream(b":\n")) as server:
        transport = make()
        stream = await opened(transport, server)
        await asyncio.sleep(0.2)
        assert await read(stream, -1) == b":\n"
        assert await read(stream, -1) is Silence.QUIET


@pytest.mark.parametrize("status", [403, 500, 501, 503])
async def test_a_refusal_is_a_stream_too(make: Make, status: int) -> None:
    """Its status and headers tell."""
    with MisbehavingServer(answer(status, headers=[("Content-Type", "text/html")])) as server:
        transport = make()
        stream = await opened(transport, server)
        assert stream.status == status
        assert await all_of(stream) == b""
        await stream.aclose()


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (cut_stream(b"data: 1\n\n", 4), ConnectionBrokenError),
        (raw(HEAD + b"Content-Length: 99\r\n\r\ndata", close=True), ConnectionBrokenError),
        (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), MalformedResponseError),
        (
            raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", close=True),
            MalformedResponseError,
        ),
    ],
    ids=["cut in a chunk", "cut short", "no chunk", "chunk too long"],
)
async def test_a_broken_stream_is_no_end(
    make: Make, behaviour: Behaviour, error: type[TransportError]
) -> None:
    """Each break has its error, which tells no token."""
    with MisbehavingServer(behaviour) as server:
        transport = make()
        with pytest.raises(error) as caught:
            await all_of(await opened(transport, server))
        assert_discreet(caught.value)


@pytest.mark.parametrize("behaviour", [silence, endless_headers(TENTH)])
async def test_a_head_that_does_not_come_is_a_time_out(make: Make, behaviour: Behaviour) -> None:
    """By the deadline of the opening."""
    with MisbehavingServer(behaviour) as server:
        transport = make()
        begun = monotonic()
        with pytest.raises(TransportTimeoutError) as caught:
            await opened(transport, server, 0.3)
        assert 0.25 < monotonic() - begun < 0.8
        assert_discreet(caught.value)


async def test_a_stream_that_cannot_be_had(make: Make) -> None:
    """No server; or a body that is compressed, which was not asked for."""
    transport = make()
    with unused_port() as port, pytest.raises(ConnectionFailedError):
        await transport.open_stream(get(f"http://127.0.0.1:{port}"), monotonic() + 5)
    packed = raw(compressed(b"data: 1\n\n"))
    with MisbehavingServer(packed) as server, pytest.raises(MalformedResponseError):
        await opened(transport, server)


async def test_many_streams_leave_calls_their_connections(make: Make) -> None:
    """More than the limit of connections that calls share, which is 100 and 32."""
    streams = [silent_stream(b":\n")] * 110
    with MisbehavingServer(*streams, answer(body=b"OK")) as server:
        transport = make()
        several = [await opened(transport, server) for _ in streams]
        assert (await transport.send(get(server.url), monotonic() + 2)).body == b"OK"
        assert len(several) == len(streams)


async def test_a_closed_stream_gives_no_more(make: Make) -> None:
    """Closing lets go of the connection at once."""
    with MisbehavingServer(silent_stream(b":\n")) as server:
        transport = make()
        stream = await opened(transport, server)
        await stream.aclose()
        with pytest.raises(TransportError):
            await all_of(stream)


async def test_a_cancelled_read_loses_nothing() -> None:
    """A task may stop listening, and another go on."""
    pieces = event_stream(b"data: 1\n\n", every=3 * TENTH, greeting=b":\n")
    with MisbehavingServer(pieces) as server:
        async with AiohttpTransport() as transport:
            stream = await opened(Tracked(transport), server)
            assert await read(stream) == b":\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(_reading(stream), 0.1)
            assert await read(stream) == b"data: 1\n\n"
            await stream.aclose()


def _reading(stream: AsyncByteStream) -> Coroutine[Any, Any, bytes | Silence]:
    return stream.read(monotonic() + 5)
