"""Calls on connections that were idle as long as the server keeps them, behind some delay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from irma_core.errors import IrmaError
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import AsyncTransport
from irma_testing.contracts.stage import OnThread
from irma_testing.misbehaving_server import MisbehavingServer
from irma_testing.misbehaviours import answer
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.chaos.findings import Finding

__all__ = ["findings"]

DELAY = 0.02
AT_ONCE = 25


def findings(count: int, seed: int) -> Iterator[Finding]:
    """Send so many posts in each colour after 1.9 to 2.1 s of idling, and some after less."""
    with MisbehavingServer(answer(body=b"OK")) as server, _delayed(server.port) as port:
        url = f"http://127.0.0.1:{port}/session"
        for colour in ("sync", "async"):
            failed = asyncio.run(_idle(colour, url, count, random.Random(seed)))
            yield Finding(
                f"failures of {count} posts after about 2 s of idling, {colour}", failed, 0
            )
        before = server.connections
        calls = 20
        failed = asyncio.run(_idle("sync", url, calls, random.Random(seed), longest=0.9))
        reused = 1 - (server.connections - before - calls) / calls
        yield Finding(
            "calls under 1 s apart that reuse their connection", reused, 0.95, at_least=True
        )
        yield Finding("failures of those", failed, 0)


async def _idle(
    colour: str, url: str, count: int, chance: random.Random, longest: float | None = None
) -> int:
    """Give how many second posts failed, each on a transport of its own."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> bool:
        pause = chance.uniform(1.9, 2.1) if longest is None else chance.uniform(0, longest)
        async with gate:
            try:
                if colour == "async":
                    async with AiohttpTransport() as transport:
                        await _twice(transport, url, pause)
                else:
                    with Urllib3Transport() as blocking:
                        await _twice(OnThread(blocking), url, pause)
            except IrmaError:
                return True
        return False

    return sum(await asyncio.gather(*(one() for _ in range(count))))


async def _twice(transport: AsyncTransport, url: str, pause: float) -> None:
    post = HttpRequest("POST", url, path="POST session", body=b"{}")
    await transport.send(post, transport.clock.monotonic() + 5)
    await asyncio.sleep(pause)
    await transport.send(post, transport.clock.monotonic() + 5)


@contextmanager
def _delayed(port: int) -> Generator[int]:
    """Relay to a port, each way with a delay; give the port of the relay."""
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
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0.1))  # transports close a step later
        loop.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            await asyncio.sleep(DELAY)
            writer.write(data)
            await writer.drain()
    await asyncio.sleep(DELAY)
    writer.close()
