"""The status backend for asyncio."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import final

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import StatusBackendError
from irma_core.plugins.hookspecs import Secret
from irma_core.protocol.status_backends import Idle
from irma_core.protocol.transport import ReadOutcome
from irma_core.tracebacks import boundary
from irma_status_redis.clients import make_async_client
from irma_status_redis.failures import Door
from irma_status_redis.listening_async import AsyncListener
from irma_status_redis.looking import Looks
from irma_status_redis.records import PUBLISH, SessionRecord

__all__ = ["AsyncRedisStatusBackend"]


@final
@boundary
class AsyncRedisStatusBackend:
    """`RedisStatusBackend`, awaited; of one event loop."""

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_async_client(uri, password)
        self._door = Door("status backend", StatusBackendError)
        self._listener = AsyncListener(self._redis)
        self._looks = Looks(self._redis, self._door)

    async def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        """Wait for a status; see `RedisStatusBackend.next_status`."""
        record = SessionRecord(token)
        if within <= timedelta(0):
            return (
                record.newer(await self._looks.look(record.status_place), after) or ReadOutcome.IDLE
            )
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        async with self._listener.hearing(record.key) as heard:
            status = record.newer(await self._looks.look(record.status_place), after)
            while status is None:
                try:
                    async with asyncio.timeout_at(deadline):
                        told = await heard.get()
                except TimeoutError:
                    return ReadOutcome.IDLE
                if isinstance(told, str):
                    raise StatusBackendError(told)
                status = record.newer(told, after)
            return status

    async def publish(
        self, token: RequestorToken, status: SessionStatus, result_jwt: str | None
    ) -> None:
        """Tell all who watch; see `RedisStatusBackend.publish`."""
        record = SessionRecord(token)
        arguments = record.arguments(status, result_jwt)
        answer = await self._door.attempt_async(lambda: self._redis.eval(PUBLISH, 2, *arguments))
        record.check_published(answer)

    async def published_result(self, token: RequestorToken) -> str | None:
        """Give the signed result that was kept; see `RedisStatusBackend.published_result`."""
        record = SessionRecord(token)
        return record.result(await self._looks.look(record.result_place))

    async def aclose(self) -> None:
        """Let go of the connections, and make no more of them."""
        self._door.close()
        await self._listener.aclose()
        await self._looks.aclose()
        await self._redis.aclose()
