"""Run many tasks at once, to measure the cost above that of aiohttp."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeAlias

from aiohttp import ClientSession, TCPConnector

from benchmarks.loopback import running_loopback
from benchmarks.rounds import Effort, Row, ratios
from benchmarks.starting import ASKED
from irma_core import AsyncRequestor, RequestorToken
from irma_core.models.session_requests import as_extended
from irma_core.protocol.endpoints import build_start_request, build_status_request
from irma_core.protocol.server_url import ServerUrl
from irma_transport_aiohttp import AiohttpTransport

__all__ = ["rows"]

AT_ONCE = 64
_Taken: TypeAlias = tuple[list[float], list[float]]


def rows(effort: Effort) -> Iterator[Row]:
    """Return the figures for tasks that run at once, measured with a loopback server."""
    with running_loopback() as url:
        started, asked = asyncio.run(_measure(effort, url))
    name = f"async start, {AT_ONCE} at a time / raw aiohttp and json.loads"
    yield Row(name, ratios(*started), "x", 1.3)
    name = f"poll of a watch, {AT_ONCE} at a time / raw aiohttp GET"
    yield Row(name, ratios(*asked), "x", 1.3)


async def _measure(effort: Effort, url: str) -> tuple[_Taken, _Taken]:
    """Measure starts and polls, each with our library and with aiohttp alone."""
    value = json.loads(build_start_request(ServerUrl.parse(url), as_extended(ASKED)).body or b"")
    polled = build_status_request(ServerUrl.parse(url), RequestorToken("a" * 20)).url
    async with AiohttpTransport() as transport, ClientSession(connector=TCPConnector()) as session:
        requestor = AsyncRequestor(url, transport)

        async def raw() -> object:
            async with session.post(f"{url}/session", json=value) as response:
                return json.loads(await response.read())

        async def raw_poll() -> object:
            async with session.get(polled) as response:
                return json.loads(await response.read())

        watched = await requestor.start_session(ASKED)

        def poll() -> Awaitable[object]:
            return requestor.get_status(watched)

        works = (lambda: requestor.start_session(ASKED), raw, poll, raw_poll)
        taken: tuple[list[float], ...] = ([], [], [], [])
        for _ in range(effort.rounds + 1):  # the first round opens the connections
            spent = await _round(effort, works)
            for seconds, one in zip(taken, spent, strict=True):
                seconds.append(one)
    ours, theirs, our_polls, their_polls = (seconds[1:] for seconds in taken)
    return (ours, theirs), (our_polls, their_polls)


async def _round(effort: Effort, works: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """Run all workloads in alternating batches, so that other load affects them equally."""
    spent = [0.0] * len(works)
    for _ in range(effort.times(20)):
        for number, work in enumerate(works):
            begin = time.process_time()
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            spent[number] += time.process_time() - begin
    return spent
