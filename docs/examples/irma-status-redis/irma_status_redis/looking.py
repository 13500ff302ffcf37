"""Looks at what is kept, all that are wanted at a time by one round trip.

Thousands of watches may begin, or come back, in the same moment. One by one they would queue for
the connections, and the last ones would find no place in time.
"""

from __future__ import annotations

import asyncio
from typing import Final, final

import attrs
import redis.asyncio

from irma_core.errors import StatusBackendError
from irma_status_redis.clients import as_bytes
from irma_status_redis.failures import Door, reason
from irma_status_redis.listening import CLOSED
from irma_status_redis.records import Place

__all__ = ["Looks"]

_AT_ONCE: Final = 500


@final
@attrs.frozen
class _Look:
    place: Place
    found: asyncio.Future[bytes | None]

    def answer(self, answer: object) -> None:
        """Give a value; or, as text, why there is none. Who wanted it may have left."""
        if self.found.done():
            return
        if isinstance(answer, str):
            self.found.set_exception(StatusBackendError(answer))
        else:
            self.found.set_result(as_bytes(answer))


@final
class Looks:
    """Looks for all tasks of an event loop.

    Args:
        client: What looks.
        door: What all calls go through.
    """

    def __init__(self, client: redis.asyncio.Redis, door: Door) -> None:
        self._client = client
        self._door = door
        self._wanted: list[_Look] = []
        self._task: asyncio.Task[None] | None = None

    async def look(self, place: Place) -> bytes | None:
        """Return what is kept at a place, empty if nothing is.

        Raises:
            StatusBackendError: Redis is away, or does not answer.
        """
        self._door.check()
        found: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._wanted.append(_Look(place, found))
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="irma-status-redis looks")
        return await found

    async def aclose(self) -> None:
        """Look no more; who wants something is told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look(self) -> None:
        looks: list[_Look] = []
        try:
            while self._wanted:
                looks, self._wanted = self._wanted[:_AT_ONCE], self._wanted[_AT_ONCE:]
                for look, answer in zip(looks, await self._answers(looks), strict=True):
                    look.answer(answer)
        finally:
            self._task = None
            for look in (*looks, *self._wanted):
                look.answer(CLOSED)

    async def _answers(self, looks: list[_Look]) -> list[object]:
        pipeline = self._client.pipeline(transaction=False)
        for look in looks:
            pipeline.getrange(look.place.name, 0, look.place.most - 1)
        try:
            return list(await self._door.attempt_async(pipeline.execute))
        except Exception as error:  # noqa: BLE001  # all of them are told
            return [reason(error)] * len(looks)
