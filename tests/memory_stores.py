"""Stores in memory, for tests in a single process."""

from __future__ import annotations

from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
from irma_core.models.risks import Risk
from irma_core.protocol.transport import Clock

__all__ = ["async_memory_store", "memory_store"]

_ALLOW = {Risk.MEMORY_STORE}


def memory_store(clock: Clock) -> MemoryStore:
    """Return a new store."""
    return MemoryStore(clock, allow=_ALLOW)


def async_memory_store(clock: Clock) -> AsyncMemoryStore:
    """Return a new asyncio store."""
    return AsyncMemoryStore(clock, allow=_ALLOW)
