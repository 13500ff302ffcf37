"""Stores that fail at chosen calls, for both modes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from irma_core.protocol.transport import Clock
from tests.memory_stores import memory_store

__all__ = ["FailingStore", "failing_store"]


class FailingStore:
    """A store in memory that records its calls, and fails at some of them.

    Attributes:
        calls: The names of the called methods, in order.
        fails: Whether a call fails, given its number from 0.
        is_late: Whether a failing call takes effect first, as when a reply is lost.
    """

    def __init__(self, clock: Clock) -> None:
        self._store = memory_store(clock)
        self.calls: list[str] = []
        self.fails: Callable[[int], bool] = lambda _number: False
        self.is_late = False

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value, or fail."""
        return bool(self._call("put", lambda: self._store.put_if_absent(key, value, lifetime)))

    def get(self, key: str) -> bytes | None:
        """Get a value, or fail."""
        found: bytes | None = self._call("get", lambda: self._store.get(key))
        return found

    def delete(self, key: str) -> None:
        """Delete a key, or fail."""
        self._call("delete", lambda: self._store.delete(key))

    def close(self) -> None:
        """Do nothing."""

    def _call(self, kind: str, call: Callable[[], Any]) -> Any:
        number = len(self.calls)
        self.calls.append(kind)
        if not self.fails(number):
            return call()
        if self.is_late:
            call()
        raise OSError("connection reset")


class AsyncFailingStore:
    """The same for asyncio."""

    def __init__(self, store: FailingStore) -> None:
        self._store = store

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value, or fail."""
        return self._store.put_if_absent(key, value, lifetime)

    async def get(self, key: str) -> bytes | None:
        """Get a value, or fail."""
        return self._store.get(key)

    async def delete(self, key: str) -> None:
        """Delete a key, or fail."""
        self._store.delete(key)

    async def aclose(self) -> None:
        """Do nothing."""


def failing_store(mode: str, clock: Clock) -> tuple[FailingStore, Any]:
    """Return a store for the test to control, and the same store in the form for the mode."""
    store = FailingStore(clock)
    return store, store if mode == "sync" else AsyncFailingStore(store)
