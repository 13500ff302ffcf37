"""Thousands of watches of idle sessions in one process, to measure the cost of each."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from chaos.findings import Finding
from chaos.status_server import running_status_server
from irma_core import AsyncRequestor, DisclosureRequest, StartedSession
from irma_transport import SystemClock
from irma_transport_aiohttp import AiohttpTransport

__all__ = ["findings"]

ASKED = DisclosureRequest({"age": "a.b.c.d"})
HOURS = 20_000.0  # seconds; no session ends earlier
AT_ONCE = WARM_UP = 64
IDLE_FOR = 5.0


class _Ahead(SystemClock):
    """A clock an hour ahead, so that no read times out and no safety poll is due."""

    def monotonic(self) -> float:
        return super().monotonic() + 3600


class _Patient(AiohttpTransport):
    @property
    def clock(self) -> SystemClock:
        return _Ahead()


def findings(count: int, seed: int) -> Iterator[Finding]:
    """Watch many sessions whose status does not change."""
    with running_status_server(1, HOURS, seed) as url:
        each, share, ended = asyncio.run(_measure(url, count))
    yield Finding(f"memory of each of {count} idle watches: kB", each, 20)
    yield Finding("CPU of all watches, without safety polls: % of a core", share, 0.5)
    yield Finding("watches that ended although their sessions did not", ended, 0)


async def _measure(url: str, count: int) -> tuple[float, float, int]:
    async with _Patient() as transport:
        requestor = AsyncRequestor(url, transport)
        gate = asyncio.Semaphore(AT_ONCE)

        async def start(_: int) -> StartedSession:
            async with gate:
                return await requestor.start_session(ASKED)

        sessions = await asyncio.gather(*map(start, range(WARM_UP + count)))
        async with _watched(requestor, sessions[:WARM_UP]):
            before = _resident()
            async with _watched(requestor, sessions[WARM_UP:]) as tasks:
                each = (_resident() - before) / 1000 / count
                cpu = time.process_time()
                await asyncio.sleep(IDLE_FOR)
                share = (time.process_time() - cpu) / IDLE_FOR * 100
                return each, share, sum(task.done() for task in tasks)


@asynccontextmanager
async def _watched(
    requestor: AsyncRequestor, sessions: Sequence[StartedSession]
) -> AsyncGenerator[list[asyncio.Task[None]]]:
    """Watch all sessions, and enter the block when nothing more arrives."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def watch(session: StartedSession) -> None:
        await gate.acquire()
        async with requestor.watch_status(session) as statuses:
            async for _ in statuses:
                gate.release()
                greeted.release()

    greeted = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(watch(session)) for session in sessions]
    for _ in sessions:
        await greeted.acquire()
    await asyncio.sleep(1)  # for the greetings of the last streams
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
