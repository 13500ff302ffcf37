"""Stores in this process's memory, one a mode: for tests, and for programs of one process.

With several processes each has its own, so each of them would take a callback or a handle once.
Nobody can see from inside that there are others, so a `memory:` URI wants `Risk.MEMORY_STORE`; what
can be seen, a fork after the store was made, is refused.
"""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import Final, final

from irma_backend.store_arguments import check_clock, check_entry, check_key
from irma_core.errors import ConfigurationError
from irma_core.protocol.transport import Clock
from irma_core.tracebacks import boundary

__all__ = ["AsyncMemoryStore", "MemoryStore"]

_MIN_SWEEP_SIZE: Final = 1024


@final
@boundary
class MemoryStore:
    """Keeps values in this process; may be shared by threads.

    What expired is swept out in time: it never holds more than twice the keys that live, or 1024.

    Args:
        clock: What lifetimes are meant by: the transport's, `SystemClock()` for instance.
    """

    def __init__(self, clock: Clock) -> None:
        check_clock(clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._sweep_at = _MIN_SWEEP_SIZE
        self._process = os.getpid()
        self._is_closed = False

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `Store`.

        Raises:
            ConfigurationError: An argument is not what it should be, the process is another one, or
                the store is closed.
        """
        check_entry(key, value, lifetime)
        self._check()
        with self._lock:
            if self._living(key) is not None:
                return False
            if len(self._kept) >= self._sweep_at:
                self._sweep()
            self._kept[key] = (self._clock.monotonic() + lifetime.total_seconds(), bytes(value))
            return True

    def get(self, key: str) -> bytes | None:
        """Give the value of a key; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, the process is another one, or the store is
                closed.
        """
        check_key(key)
        self._check()
        with self._lock:
            return self._living(key)

    def delete(self, key: str) -> None:
        """Take a key away; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, the process is another one, or the store is
                closed.
        """
        check_key(key)
        self._check()
        with self._lock:
            self._kept.pop(key, None)

    def close(self) -> None:
        """Refuse further calls: what counted once is not to count again."""
        self._is_closed = True

    def _living(self, key: str) -> bytes | None:
        expires, value = self._kept.get(key, (0.0, None))
        return None if self._clock.monotonic() >= expires else value

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        self._kept = {key: kept for key, kept in self._kept.items() if now < kept[0]}
        # The next one comes when as many were put again, so that it costs little for each of them.
        self._sweep_at = max(_MIN_SWEEP_SIZE, 2 * len(self._kept))

    def _check(self) -> None:
        if self._is_closed:
            raise ConfigurationError("the store is closed")
        if os.getpid() != self._process:
            raise ConfigurationError(
                "this memory store was made by another process: make it after the fork if this is "
                "the only process that uses it, else use a store that they share"
            )


@final
@boundary
class AsyncMemoryStore:
    """`MemoryStore`, awaited; no call of it waits.

    Args:
        clock: As that of `MemoryStore`.
    """

    def __init__(self, clock: Clock) -> None:
        self._store = MemoryStore(clock)

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `MemoryStore`."""
        return self._store.put_if_absent(key, value, lifetime)

    async def get(self, key: str) -> bytes | None:
        """Give the value of a key; see `MemoryStore`."""
        return self._store.get(key)

    async def delete(self, key: str) -> None:
        """Take a key away; see `MemoryStore`."""
        self._store.delete(key)

    async def aclose(self) -> None:
        """Refuse further calls; see `MemoryStore`."""
        self._store.close()
