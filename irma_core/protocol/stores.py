"""The interfaces of a store, sync and async.

A store ensures that an action is done only once, even if several processes try. Each of them tries
to put the same key, and only the process that succeeds performs the action. For example, a callback
may arrive more than once, and a handle may be redeemed only once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

__all__ = ["AsyncStore", "Store"]


class Store(Protocol):
    """Stores small values for a limited time, for synchronous programs. Threads may share it.

    An exception from a method becomes the cause of a `StoreError`. The exception's message must
    contain no secret.
    """

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key already has one. Of concurrent calls, only one succeeds.

        A call that is cancelled or raises an exception may still have put the value; use `get` to
        find out.

        Args:
            key: A string without whitespace, at most 200 ASCII characters.
            value: At most 1 MiB.
            lifetime: How long the store keeps the key; more than zero.

        Returns:
            Whether this call put the value.
        """
        ...

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None if it has no value or the value has expired."""
        ...

    def delete(self, key: str) -> None:
        """Delete a key; a missing key is not an error."""
        ...

    def close(self) -> None:
        """Release all connections. After that, all other methods raise errors.

        A second call does nothing.
        """
        ...


class AsyncStore(Protocol):
    """A `Store` for asyncio."""

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """See `Store.put_if_absent`."""
        ...

    async def get(self, key: str) -> bytes | None:
        """See `Store.get`."""
        ...

    async def delete(self, key: str) -> None:
        """See `Store.delete`."""
        ...

    async def aclose(self) -> None:
        """See `Store.close`."""
        ...
