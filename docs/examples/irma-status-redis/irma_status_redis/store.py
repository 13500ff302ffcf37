"""The store, in both colours: what must happen once among all processes that share a Redis.

Redis sees a hash of each key, since keys may name sessions. Values are kept as they are.
"""

from __future__ import annotations

import math
from datetime import timedelta
from hashlib import sha256
from typing import final

from irma_core.errors import ConfigurationError, StoreError
from irma_core.plugins.hookspecs import Secret
from irma_core.tracebacks import boundary
from irma_status_redis.clients import as_bytes, make_async_client, make_client
from irma_status_redis.failures import attempt, attempt_async

__all__ = ["AsyncRedisStore", "RedisStore"]


@final
@boundary
class RedisStore:
    """A `Store` in Redis, which threads and processes may share.

    Args:
        uri: Where Redis is; see the README.
        password: In place of one in the URI.

    Raises:
        ConfigurationError: The URI is none of Redis'.
    """

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_client(uri, password)

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `Store`.

        Raises:
            StoreError: Redis is away or full; whether it was put is not known.
            ConfigurationError: The lifetime is not above zero.
        """
        name, milliseconds = _name(key), _milliseconds(lifetime)
        done = attempt(lambda: self._redis.set(name, value, nx=True, px=milliseconds), StoreError)
        return bool(done)

    def get(self, key: str) -> bytes | None:
        """Give the value of a key; see `Store`.

        Raises:
            StoreError: Redis is away, or does not answer.
        """
        return as_bytes(attempt(lambda: self._redis.get(_name(key)), StoreError))

    def delete(self, key: str) -> None:
        """Take a key away; see `Store`.

        Raises:
            StoreError: Redis is away, or does not answer.
        """
        attempt(lambda: self._redis.delete(_name(key)), StoreError)

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


@final
@boundary
class AsyncRedisStore:
    """`RedisStore`, awaited."""

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_async_client(uri, password)

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `RedisStore`."""
        name, milliseconds = _name(key), _milliseconds(lifetime)
        done = await attempt_async(
            lambda: self._redis.set(name, value, nx=True, px=milliseconds), StoreError
        )
        return bool(done)

    async def get(self, key: str) -> bytes | None:
        """Give the value of a key; see `RedisStore`."""
        return as_bytes(await attempt_async(lambda: self._redis.get(_name(key)), StoreError))

    async def delete(self, key: str) -> None:
        """Take a key away; see `RedisStore`."""
        await attempt_async(lambda: self._redis.delete(_name(key)), StoreError)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def _name(key: str) -> str:
    return "irma:store:" + sha256(key.encode()).hexdigest()


def _milliseconds(lifetime: timedelta) -> int:
    if lifetime <= timedelta(0):
        raise ConfigurationError("a lifetime is above zero, or the key would be absent at once")
    return math.ceil(lifetime / timedelta(milliseconds=1))
