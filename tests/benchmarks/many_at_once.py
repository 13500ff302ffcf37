"""Starting sessions from many tasks at once: what the library costs above aiohttp alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator

from aiohttp import ClientSession, TCPConnector

from irma_core import AsyncRequestor
from irma_core.models.session_requests import as_extended
from irma_core.protocol.addresses import ServerUrl
from irma_core.protocol.endpoints import build_start_request
from irma_transport_aiohttp import AiohttpTransport
from tests.benchmarks.loopback import running_loopback
from tests.benchmarks.rounds import Effort, Row, ratios
from tests.benchmarks.starting import ASKED

__all__ = ["rows"]

AT_ONCE = 64


def rows(effort: Effort) -> Iterator[Row]:
    """Measure at a loopback server."""
    with running_loopback() as url:
        taken = asyncio.run(_measure(effort, url))
    name = f"async start, {AT_ONCE} at a time / raw aiohttp and json.loads"
    yield Row(name, ratios(*taken), "x", 1.25)


async def _measure(effort: Effort, url: str) -> tuple[list[float], list[float]]:
    body = build_start_request(ServerUrl.parse(url), as_extended(ASKED)).body
    headers = {"content-type": "application/json"}
    async with AiohttpTransport() as transport, ClientSession(connector=TCPConnector()) as session:
        requestor = AsyncRequestor(url, transport)

        async def raw() -> object:
            async with session.post(f"{url}/session", data=body, headers=headers) as response:
                return json.loads(await response.read())

        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(effort.rounds + 1):  # the first opens the connections
            ours.append(await _batches(effort, lambda: requestor.start_session(ASKED)))
            theirs.append(await _batches(effort, raw))
    return ours[1:], theirs[1:]


async def _batches(effort: Effort, work: Callable[[], Awaitable[object]]) -> float:
    begin = time.process_time()
    for _ in range(effort.times(20)):
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return time.process_time() - begin
