"""Many processes share a Redis, and each gets the final status of its own sessions once.

Some processes start and watch sessions, half of them on threads. This process takes the place of
those that receive the server's callbacks: it publishes to Redis by the server's timetable.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos.findings import Finding, percentile
from chaos.status_server import fault_and_end, running_status_server
from irma_core import RequestorToken, SessionStatus
from irma_core.errors import StatusBackendError
from irma_core.protocol.status_backends import PublishedEnd
from irma_redis import AsyncRedisStatusBackend
from tests.redis.redis_server import RedisServer, running_redis

__all__ = ["findings"]

ROOT = Path(__file__).parent.parent
DOWN_FROM, DOWN_UNTIL = 0.6, 0.75  # of the longest session, so that some end meanwhile


def findings(
    count: int, seed: int, *, longest: float, processes: int = 8, beside_a_crash: int = 8
) -> Iterator[Finding]:
    """Watch many sessions, and as many again while Redis is killed and restarted.

    Args:
        count: The number of sessions.
        seed: The seed of the timetable.
        longest: The longest session in seconds, under half a minute; the shortest takes half of
            this.
        processes: The number of processes.
        beside_a_crash: The number of processes in the run in which Redis is killed.
    """
    for title, among, is_killed in (("", processes, False), (", Redis down", beside_a_crash, True)):
        with (
            tempfile.TemporaryDirectory() as directory,
            running_redis(Path(directory)) as redis,
            running_status_server(1, longest, seed) as url,
        ):
            receiver = _Receiver(url, redis, longest if is_killed else None)
            asyncio.run(receiver.play(count, among))
            asked = _asked(url)
        once = sum(len(ended["finals"]) == 1 for ended in receiver.ended.values())
        right = sum(ended["answer"] == "yes" for ended in receiver.ended.values())
        name = f"sessions that got the final status exactly once{title}"
        yield Finding(name, once, count, at_least=True)
        yield Finding(f"sessions that got the answer{title}", right, count, at_least=True)
        if not is_killed:
            yield Finding("most requests to the IRMA server per session", max(asked.values()), 3)
            yield Finding(
                "delay with a status backend: s, 99th percentile", receiver.lateness(), 0.1
            )
        else:
            late = receiver.lateness()
            yield Finding("delay with a status backend, Redis down: s, 99th percentile", late, 2)


def _asked(url: str) -> Counter[str]:
    with urllib.request.urlopen(f"{url}/asked") as response:
        return Counter(json.load(response))


class _Receiver:
    """Starts the processes, publishes, and records their reports."""

    def __init__(self, url: str, redis: RedisServer, longest: float | None) -> None:
        self._url, self._redis = url, redis
        self._longest = longest  # None unless the run kills Redis
        self._due: dict[str, float] = {}
        self._publishing: list[asyncio.Task[None]] = []
        self._has_begun = asyncio.Event()
        self.ended: dict[str, dict[str, Any]] = {}

    def lateness(self) -> float:
        """Return the seconds until a final status arrived, as the 99th percentile."""
        late = [
            max(final - self._due[token], 0)
            for token, ended in self.ended.items()
            for final in ended["finals"]
        ]
        return percentile(late)

    async def play(self, count: int, processes: int) -> None:
        backend = AsyncRedisStatusBackend(self._redis.uri)
        shares = [len(range(number, count, processes)) for number in range(processes)]
        workers = [
            self._work("sync" if number % 2 else "async", share, backend)
            for number, share in enumerate(shares)
        ]
        await asyncio.gather(*workers, *([self._kill(self._longest)] if self._longest else []))
        await asyncio.gather(*self._publishing)
        await backend.aclose()

    async def _work(self, mode: str, count: int, backend: AsyncRedisStatusBackend) -> None:
        arguments = (mode, self._url, self._redis.uri, str(count))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaos.backend_worker", *arguments),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert process.stdout is not None
        async for text in process.stdout:
            line = json.loads(text)
            if "started" in line:
                self._has_begun.set()
                publishing = self._publish(backend, line["started"], time.monotonic())
                self._publishing.append(asyncio.create_task(publishing))
            else:
                self.ended[line["ended"]] = line
        await process.wait()

    async def _publish(self, backend: AsyncRedisStatusBackend, text: str, started: float) -> None:
        token, lasts = RequestorToken(text), fault_and_end(text)[1]
        self._due[text] = started + lasts
        await asyncio.sleep(started + lasts - time.monotonic())
        with suppress(StatusBackendError):  # then this end is not published
            await backend.publish(token, PublishedEnd(SessionStatus.DONE))

    async def _kill(self, longest: float) -> None:
        await self._has_begun.wait()
        await asyncio.sleep(DOWN_FROM * longest)
        await asyncio.to_thread(self._redis.kill)
        await asyncio.sleep((DOWN_UNTIL - DOWN_FROM) * longest)
        await asyncio.to_thread(self._redis.start)
