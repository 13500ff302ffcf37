"""The status backend for asyncio."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import final

from irma_core import RequestorToken
from irma_core.errors import StatusBackendError
from irma_core.interfaces import PublishedEnd, Secret, boundary
from irma_core.models.arguments import check_timeout
from irma_redis.clients import make_async_client
from irma_redis.failures import Door
from irma_redis.listening_async import AsyncListener
from irma_redis.looking import Looks
from irma_redis.records import CHANNEL, LIFETIME_MS, SessionRecord

__all__ = ["AsyncRedisStatusBackend"]


@final
@boundary
class AsyncRedisStatusBackend:
    """`RedisStatusBackend` for asyncio. It belongs to one event loop."""

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_async_client(uri, password)
        self._door = Door("status backend", StatusBackendError)
        self._listener = AsyncListener(self._redis)
        self._looks = Looks(self._redis, self._door)

    async def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        """Store a session's end, and wake the waiting calls; see `RedisStatusBackend.publish`."""
        record = SessionRecord(token)
        sealed = record.seal(end)
        is_first = await self._door.attempt_async(
            lambda: self._redis.set(record.key, sealed, nx=True, px=LIFETIME_MS)
        )
        if not is_first:
            record.open(await self._looks.look(record.key))
        await self._door.attempt_async(lambda: self._redis.publish(CHANNEL, record.key))

    async def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        """Wait for the session's end; see `RedisStatusBackend.wait`."""
        record = SessionRecord(token)
        check_timeout(timeout, "timeout")
        if timeout <= timedelta(0):
            return record.open(await self._looks.look(record.key))
        deadline = asyncio.get_running_loop().time() + timeout.total_seconds()
        async with self._listener.subscription(record.key) as notices:
            while (end := record.open(await self._looks.look(record.key))) is None:
                try:
                    async with asyncio.timeout_at(deadline):
                        reason = await notices.get()
                except TimeoutError:
                    return None
                if reason is not None:
                    raise StatusBackendError(reason)
                if asyncio.get_running_loop().time() >= deadline:
                    return None
            return end

    async def aclose(self) -> None:
        """Close all connections, and open no more."""
        self._door.close()
        await self._listener.aclose()
        await self._looks.aclose()
        await self._redis.aclose()
