"""The store in Redis, sync and async: processes that share it do an action only once.

Redis receives only a hash of each key, because keys may identify sessions. A stored value begins
with an extra byte, which distinguishes an empty value from a missing one.
"""

from __future__ import annotations

import math
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

from irma_core.errors import StoreError
from irma_core.interfaces import Secret, boundary
from irma_core.protocol.entry_checks import MAX_VALUE, check_entry, check_key
from irma_redis.clients import as_bytes, make_async_client, make_client
from irma_redis.failures import Door

__all__ = ["AsyncRedisStore", "RedisStore"]

_BEFORE: Final = b"="
_LONGEST: Final = timedelta(days=36_500)
"""The longest lifetime. Redis rejects lifetimes that its clock cannot represent."""


@final
@boundary
class RedisStore:
    """A `Store` in Redis. Threads and processes may share it.

    Args:
        uri: The URI of Redis; see `docs/how-to/redis.md`.
        password: The password, if the URI has none.

    Raises:
        ConfigurationError: The URI is not a Redis URI.
    """

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_client(uri, password)
        self._door = Door("store", StoreError)

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value under `key`, unless the key already has one; see `Store`.

        Raises:
            StoreError: The connection to Redis failed, in which case Redis may have stored the
                value; Redis is full; or the store is closed.
            ConfigurationError: An argument is invalid.
        """
        check_entry(key, value, lifetime)
        name, kept, milliseconds = _name(key), _BEFORE + value, _milliseconds(lifetime)
        done = self._door.attempt(
            self._redis, lambda: self._redis.set(name, kept, nx=True, px=milliseconds)
        )
        return bool(done)

    def get(self, key: str) -> bytes | None:
        """Return the value of a key; see `Store`.

        Raises:
            StoreError: Redis cannot be reached, or holds another program's value; or the store is
                closed.
            ConfigurationError: The key is invalid.
        """
        check_key(key)
        name = _name(key)
        return _value(
            self._door.attempt(
                self._redis, lambda: self._redis.getrange(name, 0, MAX_VALUE + len(_BEFORE))
            )
        )

    def delete(self, key: str) -> None:
        """Delete a key; see `Store`.

        Raises:
            StoreError: Redis cannot be reached, or the store is closed.
            ConfigurationError: The key is invalid.
        """
        check_key(key)
        name = _name(key)
        self._door.attempt(self._redis, lambda: self._redis.delete(name))

    def close(self) -> None:
        """Close all connections, and open no more."""
        self._door.close()
        self._redis.close()


@final
@boundary
class AsyncRedisStore:
    """`RedisStore` for asyncio."""

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_async_client(uri, password)
        self._door = Door("store", StoreError)

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value under `key`, unless the key already has one; see `RedisStore`."""
        check_entry(key, value, lifetime)
        name, kept, milliseconds = _name(key), _BEFORE + value, _milliseconds(lifetime)
        done = await self._door.attempt_async(
            lambda: self._redis.set(name, kept, nx=True, px=milliseconds)
        )
        return bool(done)

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key; see `RedisStore`."""
        check_key(key)
        name = _name(key)
        return _value(
            await self._door.attempt_async(
                lambda: self._redis.getrange(name, 0, MAX_VALUE + len(_BEFORE))
            )
        )

    async def delete(self, key: str) -> None:
        """Delete a key; see `RedisStore`."""
        check_key(key)
        name = _name(key)
        await self._door.attempt_async(lambda: self._redis.delete(name))

    async def aclose(self) -> None:
        """Close all connections, and open no more."""
        self._door.close()
        await self._redis.aclose()


def _name(key: str) -> str:
    return "irma:store:" + sha256(key.encode()).hexdigest()


def _value(answer: object) -> bytes | None:
    kept = as_bytes(answer)
    if not kept:
        return None
    if not kept.startswith(_BEFORE) or len(kept) > MAX_VALUE + len(_BEFORE):
        raise StoreError("Redis: the stored value was not written by a store")
    return kept.removeprefix(_BEFORE)


def _milliseconds(lifetime: timedelta) -> int:
    return math.ceil(min(lifetime, _LONGEST) / timedelta(milliseconds=1))
