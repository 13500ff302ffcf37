"""One interface to the status backends of both modes, for tests that run in both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from secrets import token_hex
from typing import Any, final

import pytest

from irma_core import RequestorToken
from irma_core.interfaces import PublishedEnd, Secret
from irma_redis import (
    AsyncRedisStatusBackend,
    RedisStatusBackend,
    clients,
    failures,
    listening,
    listening_async,
)

__all__ = ["MODES", "PATIENCE", "Backend", "a_token", "opened", "set_limits"]

PATIENCE = 60.0  # seconds for each step of a call to Redis
MODES = pytest.mark.parametrize("mode", ["sync", "async"])


@final
class Backend:
    """A status backend of either mode, whose calls are awaited.

    Args:
        backend: The backend; sync methods are called on threads.
    """

    def __init__(self, backend: RedisStatusBackend | AsyncRedisStatusBackend) -> None:
        self.backend = backend

    async def wait(self, token: RequestorToken, seconds: float = 300) -> object:
        """Wait for the end of a session."""
        return await self._call("wait", token, timedelta(seconds=seconds))

    async def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        """Publish the end of a session."""
        await self._call("publish", token, end)

    async def _call(self, name: str, *arguments: object) -> object:
        method: Any = getattr(self.backend, name)
        if isinstance(self.backend, RedisStatusBackend):
            answer: object = await asyncio.to_thread(method, *arguments)
            return answer
        return await method(*arguments)


@asynccontextmanager
async def opened(mode: str, uri: str, password: Secret | None = None) -> AsyncGenerator[Backend]:
    """Yield a new backend, and close it at the end."""
    if mode == "sync":
        backend = RedisStatusBackend(uri, password=password)
        try:
            yield Backend(backend)
        finally:
            await asyncio.to_thread(backend.close)
    else:
        awaited = AsyncRedisStatusBackend(uri, password=password)
        try:
            yield Backend(awaited)
        finally:
            await awaited.aclose()


def set_limits(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Let each step of a call to Redis take this many seconds, and a whole call twice as many."""
    for name in ("socket_connect_timeout", "timeout"):
        monkeypatch.setitem(vars(clients)["_LIMITS"], name, step)
    for module in (clients, listening, listening_async):
        monkeypatch.setattr(module, "LONGEST_STEP", step)
    for other in (failures, listening, listening_async):
        monkeypatch.setattr(other, "LONGEST_CALL", 2 * step)


def a_token() -> RequestorToken:
    """Return a requestor token that no other test uses."""
    return RequestorToken(token_hex(10))
