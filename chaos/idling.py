"""Calls on connections that were idle for about as long as the server keeps them, with delays."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from chaos.findings import Finding
from irma_core.errors import IrmaError
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import AsyncTransport
from irma_testing.contracts.harness import ThreadedTransport
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaviours import answer
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["findings"]

DELAY = 0.02
CONCURRENT_CALLS = 50
TLS = ssl.create_default_context()  # unused, but saves making a context for each transport


def findings(count: int, seed: int) -> Iterator[Finding]:
    """Send many posts in each mode after idling for 1.9 to 2.1 s, and some after a shorter time."""
    for mode in ("sync", "async"):
        chance = random.Random(seed)
        with MisbehavingServer(answer(body=b"OK")) as server, _delayed(server.port) as port:
            url = f"http://127.0.0.1:{port}/session"
            long = [chance.uniform(1.9, 2.1) for _ in range(count)]
            idled = asyncio.run(_all(mode, url, long))
            short = [chance.uniform(0, 0.9) for _ in range(max(count // 10, 10))]
            begun = len(server.requests)
            hurried = asyncio.run(_all(mode, url, short))
            made = [(one.body, one.connection) for one in server.requests[begun:]]
        name = f"failures of {count} posts after about 2 s of idling, {mode}"
        yield Finding(name, idled.count(None), 0)
        yield Finding(
            f"failures of {len(short)} posts after less idling, {mode}", hurried.count(None), 0
        )
        soon = [number for number, gap in enumerate(hurried) if gap is not None and gap < 1]
        kept = [number for number in soon if len({c for b, c in made if b == b"%d" % number}) == 1]
        name = f"share of calls under 1 s apart that reuse a connection, {mode}"
        yield Finding(name, len(kept) / len(soon), 0.95, at_least=True)


async def _all(mode: str, url: str, pauses: list[float]) -> list[float | None]:
    """Post twice for each pause, on a new transport; return the gaps, with None for a failure."""
    gate = asyncio.Semaphore(CONCURRENT_CALLS)

    async def one(number: int, pause: float) -> float | None:
        async with gate:
            try:
                if mode == "async":
                    async with AiohttpTransport(ssl_context=TLS) as transport:
                        return await _twice(transport, url, b"%d" % number, pause)
                with Urllib3Transport(ssl_context=TLS) as blocking:
                    return await _twice(ThreadedTransport(blocking), url, b"%d" % number, pause)
            except IrmaError:
                return None

    return await asyncio.gather(*(one(*each) for each in enumerate(pauses)))


async def _twice(transport: AsyncTransport, url: str, body: bytes, pause: float) -> float:
    """Post, wait, and post again; return the seconds between the two posts."""
    post = HttpRequest("POST", url, label="POST session", body=body)
    await transport.send(post, transport.clock.monotonic() + 5)
    answered = transport.clock.monotonic()
    await asyncio.sleep(pause)
    gap = transport.clock.monotonic() - answered
    await transport.send(post, transport.clock.monotonic() + 5)
    return gap


@contextmanager
def _delayed(port: int) -> Generator[int]:
    """Relay to a port, with a delay each way; yield the port of the relay."""
    loop = asyncio.new_event_loop()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            with suppress(asyncio.CancelledError):  # the end of the run
                await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            back.close()
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(_wait_for(left))
        loop.close()


async def _wait_for(cancelled: set[asyncio.Task[object]]) -> None:
    """Wait until cancelled tasks, of which there may be none, have ended."""
    await asyncio.gather(*cancelled, return_exceptions=True)
    await asyncio.sleep(0.1)  # transports close a step later


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            await asyncio.sleep(DELAY)
            writer.write(data)
            await writer.drain()
    await asyncio.sleep(DELAY)
    writer.close()
