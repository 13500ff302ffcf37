"""The status backends and stores pass their contracts with a real Redis."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

import pytest

from irma_redis import (
    AsyncRedisStatusBackend,
    AsyncRedisStore,
    RedisStatusBackend,
    RedisStore,
)
from irma_testing.contracts import (
    AsyncStatusBackendContract,
    AsyncStoreContract,
    StatusBackendContract,
    StoreContract,
)
from tests.redis.redis_server import running_redis

PASSWORD = "a-password-that-nobody-may-read"
NOBODY = f"redis://ada:{PASSWORD}@127.0.0.1:1/0"


class WithRedis:
    """The common part of the four tests: a Redis with a password."""

    secrets: Sequence[str | bytes] = (PASSWORD, "127.0.0.1")
    uri: ClassVar[str]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _running(cls, tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
        directory = tmp_path_factory.mktemp("redis")
        with running_redis(directory, "--requirepass", PASSWORD) as server:
            cls.uri = f"redis://:{PASSWORD}@127.0.0.1:{server.port}/3"
            yield


class TestStatusBackend(WithRedis, StatusBackendContract):
    """The sync status backend passes its contract."""

    def make_status_backend(self) -> RedisStatusBackend:
        return RedisStatusBackend(self.uri)

    def make_failing_status_backend(self) -> RedisStatusBackend:
        return RedisStatusBackend(NOBODY)


class TestAsyncStatusBackend(WithRedis, AsyncStatusBackendContract):
    """The asyncio status backend passes its contract."""

    def make_status_backend(self) -> AsyncRedisStatusBackend:
        return AsyncRedisStatusBackend(self.uri)

    def make_failing_status_backend(self) -> AsyncRedisStatusBackend:
        return AsyncRedisStatusBackend(NOBODY)


class TestStore(WithRedis, StoreContract):
    """The sync store passes its contract."""

    def make_store(self) -> RedisStore:
        return RedisStore(self.uri)

    def make_failing_store(self) -> RedisStore:
        return RedisStore(NOBODY)


class TestAsyncStore(WithRedis, AsyncStoreContract):
    """The asyncio store passes its contract."""

    def make_store(self) -> AsyncRedisStore:
        return AsyncRedisStore(self.uri)

    def make_failing_store(self) -> AsyncRedisStore:
        return AsyncRedisStore(NOBODY)
