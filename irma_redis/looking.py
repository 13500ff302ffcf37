"""Read values from Redis; reads that are requested at the same time share one round trip.

Thousands of watches may begin or return at the same moment. If each read on its own, they would
queue for connections, and the last ones would time out.
"""

from __future__ import annotations

import asyncio
from typing import Final, final

import attrs
import redis.asyncio

from irma_core.errors import StatusBackendError
from irma_redis.clients import as_bytes
from irma_redis.failures import Door, reason
from irma_redis.listening import CLOSED
from irma_redis.records import MAX_BYTES

__all__ = ["Looks"]

_BATCH_SIZE: Final = 500


@final
@attrs.frozen
class _Look:
    key: str
    found: asyncio.Future[bytes | None]

    def answer(self, answer: object) -> None:
        """Pass the value to the waiting task; if `answer` is a string, raise it there as an error.

        If the task was cancelled, do nothing.
        """
        if self.found.done():
            return
        if isinstance(answer, str):
            self.found.set_exception(StatusBackendError(answer))
        else:
            self.found.set_result(as_bytes(answer))


@final
class Looks:
    """Reads values from Redis for all tasks of an event loop.

    Args:
        client: The Redis client.
        door: Guards all calls.
    """

    def __init__(self, client: redis.asyncio.Redis, door: Door) -> None:
        self._client = client
        self._door = door
        self._wanted: list[_Look] = []
        self._task: asyncio.Task[None] | None = None

    async def look(self, key: str) -> bytes | None:
        """Return the value of a key; empty bytes if the key has no value.

        Raises:
            StatusBackendError: Redis cannot be reached or does not answer.
        """
        self._door.check()
        found: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._wanted.append(_Look(key, found))
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="irma-redis looks")
        return await found

    async def aclose(self) -> None:
        """Stop; all calls in progress fail."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look(self) -> None:
        looks: list[_Look] = []
        try:
            while self._wanted:
                looks, self._wanted = self._wanted[:_BATCH_SIZE], self._wanted[_BATCH_SIZE:]
                for look, answer in zip(looks, await self._answers(looks), strict=True):
                    look.answer(answer)
        finally:
            self._task = None
            for look in (*looks, *self._wanted):
                look.answer(CLOSED)

    async def _answers(self, looks: list[_Look]) -> list[object]:
        pipeline = self._client.pipeline(transaction=False)
        for look in looks:
            pipeline.getrange(look.key, 0, MAX_BYTES)
        try:
            return list(await self._door.attempt_async(pipeline.execute))
        except Exception as error:  # noqa: BLE001  # all of them fail
            return [reason(error)] * len(looks)
