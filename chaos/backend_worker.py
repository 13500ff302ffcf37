"""A process that starts sessions, and waits for the end of each session through Redis.

It prints a line of JSON when a session has started, and another when it has the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import Any

from irma_core import AsyncRequestor, DisclosureRequest, Requestor, SessionStatus
from irma_redis import AsyncRedisStatusBackend, RedisStatusBackend
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

ASKED = DisclosureRequest({"age": "a.b.c.d"})
TIMEOUT = timedelta(minutes=2)
EVERY = 0.02  # seconds between two starts


def _say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _finals(seen: list[tuple[SessionStatus, float]]) -> list[float]:
    return [when for status, when in seen if status is SessionStatus.DONE]


def _watch_on_threads(url: str, redis: str, count: int) -> None:
    with (
        Urllib3Transport() as transport,
        closing(RedisStatusBackend(redis)) as backend,
        ThreadPoolExecutor(count) as threads,
    ):
        requestor = Requestor(url, transport, status_backend=backend)

        def watch(number: int) -> None:
            time.sleep(number * EVERY)
            session = requestor.start_session(ASKED)
            token = session.token.reveal()
            _say(started=token)
            with requestor.watch_status(session, timeout=TIMEOUT) as statuses:
                seen = [(status, time.monotonic()) for status in statuses]
            answer = requestor.get_answer(session)["age"].value
            _say(ended=token, finals=_finals(seen), answer=answer)

        list(threads.map(watch, range(count)))


async def _watch_in_tasks(url: str, redis: str, count: int) -> None:
    backend = AsyncRedisStatusBackend(redis)
    async with AiohttpTransport() as transport:
        requestor = AsyncRequestor(url, transport, status_backend=backend)

        async def watch(number: int) -> None:
            await asyncio.sleep(number * EVERY)
            session = await requestor.start_session(ASKED)
            token = session.token.reveal()
            _say(started=token)
            async with requestor.watch_status(session, timeout=TIMEOUT) as statuses:
                seen = [(status, time.monotonic()) async for status in statuses]
            answer = (await requestor.get_answer(session))["age"].value
            _say(ended=token, finals=_finals(seen), answer=answer)

        await asyncio.gather(*map(watch, range(count)))
    await backend.aclose()


if __name__ == "__main__":
    mode, url_, redis_, count_ = sys.argv[1:]
    if mode == "sync":
        _watch_on_threads(url_, redis_, int(count_))
    else:
        asyncio.run(_watch_in_tasks(url_, redis_, int(count_)))
