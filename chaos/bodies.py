"""A transport refuses bodies that are too large, and needs little memory for this."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator

from chaos.findings import Finding
from irma_core.errors import MalformedResponseError, ResponseTooLargeError
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.transport import AsyncTransport
from irma_testing.contracts.harness import ThreadedTransport
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer
from irma_testing.misbehaviours import endless_body, gzip_bomb, raw
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["findings"]

CAP = 1024 * 1024
BOASTS = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
LARGE: dict[str, Behaviour] = {
    "endless chunks": endless_body(),
    "endless, unframed": endless_body(chunked=False),
    "gzip of 1000:1": gzip_bomb(1000 * CAP),
    "Content-Length of 1 GiB": raw(BOASTS + bytes(1024)),
}


def findings(rounds: int) -> Iterator[Finding]:
    """Request each body many times, in each mode."""
    for name, behaviour in LARGE.items():
        with MisbehavingServer(behaviour) as server:
            found = [asyncio.run(_both(server.url)) for _ in range(rounds)]
        refused = sum(refusals for refusals, _ in found)
        yield Finding(f"refused, {name}", refused, 2 * rounds, at_least=True)
        peak = max(peak for _, peak in found) / CAP
        yield Finding(f"memory to refuse it, as a multiple of the cap, {name}", peak, 4)


async def _both(url: str) -> tuple[int, int]:
    with Urllib3Transport() as blocking:
        sync, sync_peak = await _refusal(ThreadedTransport(blocking), url)
    async with AiohttpTransport() as transport:
        awaited, peak = await _refusal(transport, url)
    return sync + awaited, max(sync_peak, peak)


async def _refusal(transport: AsyncTransport, url: str) -> tuple[bool, int]:
    """Return whether the body was refused, and the bytes of memory that this took."""
    tracemalloc.start()
    try:
        await transport.send(HttpRequest("GET", url, label="GET"), transport.clock.monotonic() + 20)
    except (ResponseTooLargeError, MalformedResponseError):
        refused = True
    else:
        refused = False
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return refused, peak
