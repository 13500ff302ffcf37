"""Many watches while streams fail: each watch gets the final status once, and in time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from chaos.findings import Finding, percentile
from chaos.status_server import FAULTS, fault_and_end, running_status_server
from irma_core import AsyncRequestor, DisclosureRequest, SessionStatus
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import AsyncByteStream
from irma_transport_aiohttp import AiohttpTransport

__all__ = ["findings"]

ASKED = DisclosureRequest({"age": "a.b.c.d"})
LATE_BY = {"healthy": 0.05, "silent after its first bytes": 31.0}
AFTER_A_BREAK = 2.0
TIMEOUT = timedelta(minutes=3)


class Counting(AiohttpTransport):
    """A transport that counts the requests by token."""

    def __init__(self) -> None:
        super().__init__(pool_size=1000)
        self.asked: Counter[str] = Counter()

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self.asked[_token(request)] += 1
        return await super().send(request, deadline)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:  # type: ignore[override]  # only counted
        self.asked[_token(request)] += 1
        return await super().open_stream(request, deadline)


def findings(count: int, seed: int, *, with_dead: bool) -> Iterator[Finding]:
    """Watch many sessions at once; with streams that die silently, this takes a minute."""
    faults = len(FAULTS) if with_dead else len(FAULTS) - 1
    with running_status_server(faults, 40.0 if with_dead else 6.0, seed) as url:
        watched = asyncio.run(_watch(url, count))
    once = sum(len(finals) == 1 for _, finals, _, _ in watched)
    yield Finding(
        "watches that got the final status exactly once", once, len(watched), at_least=True
    )
    late: dict[str, list[float]] = defaultdict(list)
    rates: list[float] = []
    for token, finals, began, asked in watched:
        fault, lasts = fault_and_end(token)
        late[fault].extend(max(final - began - lasts, 0) for final in finals)
        rates.extend(asked / (final - began) for final in finals)
    for fault, seconds in late.items():
        goal = LATE_BY.get(fault, AFTER_A_BREAK)
        yield Finding(f"delay, stream {fault}: s, 99th percentile", percentile(seconds), goal)
    yield Finding("requests per second and watch, 99th percentile", percentile(rates), 2.2)


async def _watch(url: str, count: int) -> list[tuple[str, list[float], float, int]]:
    """Return the token, final statuses' times, start and number of requests of each watch."""
    async with Counting() as transport:
        requestor = AsyncRequestor(url, transport)

        async def one(number: int) -> tuple[str, list[float], float, int]:
            await asyncio.sleep(number / 200)  # otherwise the starts would be measured
            session = await requestor.start_session(ASKED)
            began = time.monotonic()
            finals: list[float] = []
            async with requestor.watch_status(session, timeout=TIMEOUT) as statuses:
                async for status in statuses:
                    if status is SessionStatus.DONE:
                        finals.append(time.monotonic())  # noqa: PERF401  # when it comes
            token = session.token.reveal()
            return token, finals, began, transport.asked[token]

        return list(await asyncio.gather(*map(one, range(count))))


def _token(request: HttpRequest) -> str:
    parts = request.url.split("/")
    return parts[4] if len(parts) > 4 else ""
