"""Streams in cases that the public contract leaves out: TLS, partial framing, closed streams."""

from __future__ import annotations

import ssl
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from irma_core.errors import ConnectionBrokenError, MalformedResponseError, TransportError
from irma_core.protocol.transport import AsyncTransport, ReadOutcome
from irma_testing.contracts.harness import ThreadedTransport, TransportHarness, get
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaving_streams import silent_stream, stream_on_release
from irma_testing.misbehaviours import drip, raw
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

Make: TypeAlias = Callable[..., AbstractAsyncContextManager[AsyncTransport]]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def urllib3_transport(**settings: Any) -> AsyncGenerator[AsyncTransport]:
    with Urllib3Transport(**settings) as transport:
        yield ThreadedTransport(transport)


@pytest.fixture(params=[urllib3_transport, AiohttpTransport], ids=["urllib3", "aiohttp"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_three_seconds_of_quiet_lose_nothing(
    make: Make, is_tls: bool, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    """Reads that time out during a pause lose no bytes, with or without TLS."""
    wanted = threading.Semaphore(1)
    pieces = stream_on_release(wanted, b":\n", b"data: 1\n\n")
    with MisbehavingServer(pieces, tls=server_tls if is_tls else None) as server:
        async with make(ca=ca_file) as transport:
            harness = TransportHarness(transport, server)
            stream = await harness.open()
            assert await harness.read(stream) == b":\n"
            for _ in range(12):
                assert await harness.read(stream, 0.25) is ReadOutcome.IDLE
            wanted.release(2)
            assert await harness.read_all(stream) == b"data: 1\n\n"
            await stream.aclose()


async def test_slow_framing_loses_nothing(make: Make) -> None:
    """A stream loses nothing if the framing of a chunk arrives byte by byte, with pauses."""
    body = b"9;x\r\ndata: 1\n\n\r\n0\r\nA: b\r\n\r\n"
    with MisbehavingServer(drip(body, timedelta(seconds=0.05), head=CHUNKED)) as server:
        async with make() as transport:
            harness = TransportHarness(transport, server)
            stream = await harness.open()
            heard = b""
            while (piece := await harness.read(stream, 0.02)) is not ReadOutcome.END:
                heard += piece if isinstance(piece, bytes) else b""
            assert heard == b"data: 1\n\n"
            await stream.aclose()


@pytest.mark.parametrize("body", [b"1" * 9000, b"1\r\nxyz\r\n", b"-1\r\n"])
async def test_invalid_chunks_are_refused(make: Make, body: bytes) -> None:
    """An endless chunk size, an overlong chunk and a size that is not a number are refused."""
    with MisbehavingServer(raw(CHUNKED + body, close=True)) as server:
        async with make() as transport:
            harness = TransportHarness(transport, server)
            opened = []

            async def whole() -> None:
                opened.append(await harness.open())
                await harness.read_all(opened[0])

            await harness.failure(MalformedResponseError, whole())
            for stream in opened:
                await stream.aclose()


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_closing_ends_other_threads_streams(
    is_tls: bool, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    """Closing the transport ends a read on another thread at once, before its deadline."""
    quiet = silent_stream(b":\n")
    with (
        MisbehavingServer(quiet, tls=server_tls if is_tls else None) as server,
        ThreadPoolExecutor() as pool,
    ):
        transport = Urllib3Transport(ca=ca_file)
        now = transport.clock.monotonic()
        left_open = transport.open_stream(get(server), now + 60)
        stream = transport.open_stream(get(server), now + 60)
        assert stream.read(now + 60) == b":\n"
        reading = pool.submit(stream.read, now + 3600)
        transport.close()
        with pytest.raises(ConnectionBrokenError):
            reading.result(timeout=60)
        left_open.close()
        left_open.hang_up()
        stream.close()


async def test_reading_a_closed_stream_is_an_error(make: Make) -> None:
    """Reading a closed stream raises an error at once."""
    with MisbehavingServer(silent_stream()) as server:
        async with make() as transport:
            harness = TransportHarness(transport, server)
            stream = await harness.open()
            await stream.aclose()
            await harness.failure(TransportError, harness.read_all(stream))
