"""The store, in both modes: what must happen once among all processes that share a Redis.

Redis sees a hash of each key, since keys may name sessions. Values are kept as they are behind one
byte, which tells an empty value from an absent one where only a part is read.
"""

from __future__ import annotations

import math
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

from irma_core.errors import ConfigurationError, StoreError, UsageError
from irma_core.interfaces import Secret, boundary
from irma_status_redis.clients import as_bytes, make_async_client, make_client
from irma_status_redis.failures import Door

__all__ = ["AsyncRedisStore", "RedisStore"]

_LARGEST: Final = 64 * 1024
_BEFORE: Final = b"="
_LONGEST: Final = timedelta(days=36_500)
"""Redis refuses lifetimes that its clock cannot hold."""


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
        self._door = Door("store", StoreError)

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `Store`.

        Raises:
            StoreError: Redis is away or full; whether it was put is not known. Or it is closed.
            ConfigurationError: The lifetime is not above zero.
            UsageError: The key or the value is none that a store takes.
        """
        name, kept, milliseconds = _name(key), _kept(value), _milliseconds(lifetime)
        done = self._door.attempt(
            self._redis, lambda: self._redis.set(name, kept, nx=True, px=milliseconds)
        )
        return bool(done)

    def get(self, key: str) -> bytes | None:
        """Return the value of a key; see `Store`.

        Raises:
            StoreError: Redis is away, does not answer, or holds something else. Or it is closed.
            UsageError: The key is none that a store takes.
        """
        name = _name(key)
        return _value(
            self._door.attempt(
                self._redis, lambda: self._redis.getrange(name, 0, _LARGEST + len(_BEFORE))
            )
        )

    def delete(self, key: str) -> None:
        """Take a key away; see `Store`.

        Raises:
            StoreError: Redis is away, or does not answer. Or it is closed.
            UsageError: The key is none that a store takes.
        """
        name = _name(key)
        self._door.attempt(self._redis, lambda: self._redis.delete(name))

    def close(self) -> None:
        """Let go of the connections, and make no more of them."""
        self._door.close()
        self._redis.close()


@final
@boundary
class AsyncRedisStore:
    """`RedisStore`, awaited."""

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_async_client(uri, password)
        self._door = Door("store", StoreError)

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `RedisStore`."""
        name, kept, milliseconds = _name(key), _kept(value), _milliseconds(lifetime)
        done = await self._door.attempt_async(
            lambda: self._redis.set(name, kept, nx=True, px=milliseconds)
        )
        return bool(done)

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key; see `RedisStore`."""
        name = _name(key)
        return _value(
            await self._door.attempt_async(
                lambda: self._redis.getrange(name, 0, _LARGEST + len(_BEFORE))
            )
        )

    async def delete(self, key: str) -> None:
        """Take a key away; see `RedisStore`."""
        name = _name(key)
        await self._door.attempt_async(lambda: self._redis.delete(name))

    async def aclose(self) -> None:
        """Let go of the connections, and make no more of them."""
        self._door.close()
        await self._redis.aclose()


def _name(key: str) -> str:
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        pass  # the native error shows the key
    else:
        return "irma:store:" + sha256(encoded).hexdigest()
    raise UsageError("key must be a string without half characters (lone surrogates)")


def _kept(value: bytes) -> bytes:
    if len(value) > _LARGEST:
        raise UsageError(f"value must be at most {_LARGEST} bytes long")
    return _BEFORE + value


def _value(answer: object) -> bytes | None:
    kept = as_bytes(answer)
    if not kept:
        return None
    if not kept.startswith(_BEFORE) or len(kept) > _LARGEST + len(_BEFORE):
        raise StoreError("Redis: what it holds under this key was not put there by a store")
    return kept.removeprefix(_BEFORE)


def _milliseconds(lifetime: timedelta) -> int:
    if lifetime <= timedelta(0):
        raise ConfigurationError("a lifetime is above zero, or the key would be absent at once")
    return math.ceil(min(lifetime, _LONGEST) / timedelta(milliseconds=1))
