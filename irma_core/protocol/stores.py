"""What a store must be: two Protocols, one a mode. It makes things happen once.

Callbacks come more than once, and handles must count once: who puts a key first, does the work.
Belongs here: the shapes only. Does not belong here: any store (`irma_backend` has one in memory,
plugins bring others), or what is kept under which key (the flows).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

__all__ = ["AsyncStore", "Store"]


class Store(Protocol):
    """Keeps small values for a time. May be shared by threads.

    Whatever it raises reaches the caller as the cause of a `StoreError`; its text must hold no
    secret.
    """

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one: of many that try at once, one succeeds.

        A put that was cancelled or raised may have been done: only `get` tells.

        Args:
            key: Any text without blanks, at most 200 ASCII characters.
            value: At most 64 KiB.
            lifetime: After this the key is absent again; above zero.

        Returns:
            Whether this call put it.
        """
        ...

    def get(self, key: str) -> bytes | None:
        """Give the value of a key, or None where it has none (any more)."""
        ...

    def delete(self, key: str) -> None:
        """Take a key away; one that is absent is no error."""
        ...

    def close(self) -> None:
        """Let go of what it holds open; closing again does nothing, another call is an error."""
        ...


class AsyncStore(Protocol):
    """The same, awaited."""

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `Store`."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Give the value of a key; see `Store`."""
        ...

    async def delete(self, key: str) -> None:
        """Take a key away; see `Store`."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds open; see `Store`."""
        ...
