"""Stores in memory, for tests and for programs that run as one process.

With several processes, each would have its own store, and each could accept the same callback or
handle once. A process cannot detect the others, so a program that uses a memory store must allow
`Risk.MEMORY_STORE`. However, a store detects a fork of its process, and refuses calls in the child.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Final, final

from irma_core.errors import ConfigurationError
from irma_core.models.risks import Risk, parse_risks
from irma_core.protocol.entry_checks import check_clock, check_entry, check_key
from irma_core.protocol.transport import Clock
from irma_core.tracebacks import boundary

__all__ = ["AsyncMemoryStore", "MemoryStore"]

_MIN_SWEEP_SIZE: Final = 1024


@final
@boundary
class MemoryStore:
    """Holds values in this process. Threads may share it.

    Expired keys are removed when the number of keys reaches 1024 or, if that is more, twice the
    number of keys that were left after the last removal.

    Args:
        clock: The clock that measures lifetimes, such as `transport.clock`.
        allow: The accepted risks. They must include `Risk.MEMORY_STORE`, which declares that the
            program runs as one process.

    Raises:
        ConfigurationError: An argument is invalid, or the risk is not allowed.
    """

    def __init__(self, clock: Clock, *, allow: Collection[Risk] = ()) -> None:
        check_clock(clock)
        if Risk.MEMORY_STORE not in parse_risks(allow):
            raise ConfigurationError(
                "each process has its own memory store: allow Risk.MEMORY_STORE if the "
                "program runs as one process; otherwise use a store that its processes share"
            )
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._sweep_at = _MIN_SWEEP_SIZE
        self._process = os.getpid()
        self._is_closed = False

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `Store`.

        Raises:
            ConfigurationError: An argument is invalid, another process created the store, or the
                store is closed.
        """
        check_entry(key, value, lifetime)
        self._check()
        with self._lock:
            if self._get_live(key) is not None:
                return False
            if len(self._kept) >= self._sweep_at:
                self._sweep()
            self._kept[key] = (self._clock.monotonic() + lifetime.total_seconds(), bytes(value))
            return True

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, another process created the store, or the
                store is closed.
        """
        check_key(key)
        self._check()
        with self._lock:
            return self._get_live(key)

    def delete(self, key: str) -> None:
        """Delete a key, which may be absent; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, another process created the store, or the
                store is closed.
        """
        check_key(key)
        self._check()
        with self._lock:
            self._kept.pop(key, None)

    def close(self) -> None:
        """Refuse further calls."""
        self._is_closed = True

    def _get_live(self, key: str) -> bytes | None:
        expires, value = self._kept.get(key, (0.0, None))
        return None if self._clock.monotonic() >= expires else value

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        self._kept = {key: entry for key, entry in self._kept.items() if now < entry[0]}
        # Sweep again when the store has doubled in size, so that the average cost of a put is
        # constant.
        self._sweep_at = max(_MIN_SWEEP_SIZE, 2 * len(self._kept))

    def _check(self) -> None:
        if self._is_closed:
            raise ConfigurationError("the store is closed")
        if os.getpid() != self._process:
            raise ConfigurationError(
                "this memory store was created by another process: create it after the fork if "
                "only one process uses it; otherwise use a store that the processes share"
            )


@final
@boundary
class AsyncMemoryStore:
    """`MemoryStore` for asyncio. Its calls never block.

    Args:
        clock: As for `MemoryStore`.
        allow: As for `MemoryStore`.

    Raises:
        ConfigurationError: An argument is invalid, or the risk is not allowed.
    """

    def __init__(self, clock: Clock, *, allow: Collection[Risk] = ()) -> None:
        self._store = MemoryStore(clock, allow=allow)

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `MemoryStore`."""
        return self._store.put_if_absent(key, value, lifetime)

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None; see `MemoryStore`."""
        return self._store.get(key)

    async def delete(self, key: str) -> None:
        """Delete a key, which may be absent; see `MemoryStore`."""
        self._store.delete(key)

    async def aclose(self) -> None:
        """Refuse further calls; see `MemoryStore`."""
        self._store.close()
