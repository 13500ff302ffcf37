"""Receive notices of ended sessions on one connection, which one task reads. See `listening`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

import redis
import redis.asyncio

from irma_core.errors import StatusBackendError
from irma_redis.address import LONGEST_CALL, LONGEST_STEP
from irma_redis.clients import as_bytes
from irma_redis.failures import reason
from irma_redis.listening import CLOSED, SILENCE, TICK
from irma_redis.records import CHANNEL
from irma_redis.waiting import Notice, Waiting

__all__ = ["AsyncListener"]

Queue = asyncio.Queue[Notice]


@final
class AsyncListener:
    """Receives notices of ended sessions for all tasks of an event loop.

    Args:
        client: The Redis client. The listener uses one of its connections.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._run: _Run | None = None
        self._is_closed = False

    @asynccontextmanager
    async def subscription(self, key: str) -> AsyncGenerator[Queue]:
        """Yield the queue for a session's notices; inside the block, no notice is missed.

        Raises:
            StatusBackendError: The subscription failed, or the listener is closed.
        """
        if self._is_closed:
            raise StatusBackendError(CLOSED)
        if self._run is None or not self._run.is_listening:
            self._run = _Run(self._client)
        run, queue = self._run, Queue()
        run.waiting.add(key, queue)
        try:
            await run.wait_for_subscription()
            yield queue
        finally:
            run.waiting.remove(key, queue)

    async def aclose(self) -> None:
        """Close the connection; all waits fail."""
        self._is_closed = True
        if self._run is not None:
            await self._run.stop()


@final
class _Run:
    """One subscription and the task that reads it."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.waiting: Waiting[Queue] = Waiting()
        self._pubsub = client.pubsub()
        self._is_subscribed = False
        self._has_begun = asyncio.Event()
        self._failure: str | None = None
        self._task = asyncio.create_task(self._listen(), name="irma-redis")

    @property
    def is_listening(self) -> bool:
        """Whether notices may still arrive."""
        return self._failure is None

    async def wait_for_subscription(self) -> None:
        await self._has_begun.wait()
        if not self._is_subscribed or self._failure is not None:
            raise StatusBackendError(self._failure or "Redis did not answer in time")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _listen(self) -> None:
        failure = CLOSED
        try:
            async with asyncio.timeout(LONGEST_CALL):
                await self._subscribe()
            while True:
                await self._receive()
        except Exception as error:  # noqa: BLE001  # all waits fail
            failure = reason(error)
        finally:
            self._failure = failure
            self.waiting.fail(failure)
            self._has_begun.set()
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py's

    async def _subscribe(self) -> None:
        await self._pubsub.subscribe(CHANNEL)
        if await self._pubsub.get_message(timeout=LONGEST_STEP) is None:
            raise redis.TimeoutError
        self._is_subscribed = True
        self._has_begun.set()

    async def _receive(self) -> None:
        message = await self._pubsub.get_message(timeout=SILENCE)
        if message is None:
            async with asyncio.timeout(LONGEST_STEP):
                await self._pubsub.ping()
            message = await self._pubsub.get_message(timeout=SILENCE)
            if message is None:
                # If this process was suspended, an unread reply may have arrived in time.
                message = await self._pubsub.get_message(timeout=TICK)
        if message is None:
            raise redis.TimeoutError
        key = as_bytes(message["data"])
        if message["type"] == "message" and key is not None:
            self.waiting.wake(key.decode("ascii", "replace"))
