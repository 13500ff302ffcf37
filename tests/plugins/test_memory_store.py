"""The store in memory: atomic puts, lifetimes, and its limit to one process."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
from irma_backend.sqlite_store import SqliteStore
from irma_core.errors import ConfigurationError
from irma_core.models.risks import Risk
from irma_core.protocol.stores import AsyncStore, Store
from irma_testing import ManualClock
from tests.memory_stores import async_memory_store, memory_store

ROOT = Path(__file__).parent.parent.parent
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return memory_store(clock)


def test_first_put_counts(store: Store) -> None:
    """A second put of the same key fails, and does not change the value."""
    assert store.get("k") is None
    assert store.put_if_absent("k", b"first", MINUTE)
    assert not store.put_if_absent("k", b"second", MINUTE)
    assert store.get("k") == b"first"


def test_an_empty_value_is_a_value(store: Store) -> None:
    """A key with an empty value is present."""
    assert store.put_if_absent("k", b"", MINUTE)
    assert not store.put_if_absent("k", b"", MINUTE)
    assert store.get("k") == b""


def test_a_key_is_absent_again_after_its_lifetime(store: Store, clock: ManualClock) -> None:
    """A key is present until its lifetime ends, and can be put again afterwards."""
    store.put_if_absent("k", b"first", MINUTE)
    clock.advance(MINUTE - MOMENT)
    assert store.get("k") == b"first"
    clock.advance(MOMENT)
    assert store.get("k") is None
    assert store.put_if_absent("k", b"second", MINUTE)


def test_putting_again_does_not_prolong(store: Store, clock: ManualClock) -> None:
    """A second put does not prolong the lifetime of a key."""
    store.put_if_absent("k", b"first", MINUTE)
    clock.advance(MINUTE - MOMENT)
    assert not store.put_if_absent("k", b"second", MINUTE)
    clock.advance(MOMENT)
    assert store.get("k") is None


def test_a_deleted_key_is_free(store: Store) -> None:
    """A deleted key can be put again, and deleting an absent key is no error."""
    store.delete("k")
    store.put_if_absent("k", b"first", MINUTE)
    store.delete("k")
    assert store.get("k") is None
    assert store.put_if_absent("k", b"second", MINUTE)


def test_a_closed_store_stays_closed(store: Store) -> None:
    """A closed store refuses every call."""
    store.put_if_absent("k", b"", MINUTE)
    store.close()
    store.close()
    for call in (
        lambda: store.put_if_absent("k", b"", MINUTE),
        lambda: store.get("k"),
        lambda: store.delete("k"),
    ):
        with pytest.raises(ConfigurationError, match="the store is closed"):
            call()


@pytest.mark.parametrize("lifetime", [timedelta(0), -MINUTE])
def test_a_lifetime_must_be_above_zero(store: Store, lifetime: timedelta) -> None:
    """A lifetime of zero or less is refused, because then every put would succeed."""
    with pytest.raises(ConfigurationError, match="lifetime"):
        store.put_if_absent("k", b"", lifetime)


def test_only_one_of_many_threads_puts_a_key(store: Store) -> None:
    """If eight threads put the same key, one of them succeeds."""
    together = Barrier(8)

    def put(key: str) -> bool:
        together.wait()
        return store.put_if_absent(key, b"", MINUTE)

    with ThreadPoolExecutor(8) as threads:
        for key in map(str, range(100)):
            assert sum(threads.map(put, [key] * 8)) == 1


@pytest.mark.memory
def test_expired_entries_take_no_memory(store: MemoryStore, clock: ManualClock) -> None:
    """The store frees the memory of expired entries."""
    tracemalloc.start()
    try:
        for number in range(20_000):
            store.put_if_absent(str(number), bytes(500), timedelta(seconds=1))
            clock.advance(timedelta(milliseconds=10))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000
    assert not store.put_if_absent("19999", b"", MINUTE)


def test_a_sweep_removes_only_expired_keys(store: MemoryStore) -> None:
    """A sweep removes no key that has not expired."""
    assert all(store.put_if_absent(str(number), b"", MINUTE) for number in range(10_000))
    assert not any(store.put_if_absent(str(number), b"", MINUTE) for number in range(10_000))


@pytest.mark.parametrize("make", [MemoryStore, AsyncMemoryStore])
def test_a_memory_store_needs_the_memory_store_risk(make: type, clock: ManualClock) -> None:
    """The constructor of a memory store needs `Risk.MEMORY_STORE`."""
    for allow in ({}, {"allow": [Risk.PLAIN_HTTP]}):
        with pytest.raises(ConfigurationError, match=r"allow Risk\.MEMORY_STORE"):
            make(clock, **allow)


FORKED = """\
import os
from datetime import timedelta
from irma_backend import MemoryStore
from irma_core import Risk
from irma_core.errors import ConfigurationError
from irma_transport import SystemClock

store = MemoryStore(SystemClock(), allow={Risk.MEMORY_STORE})
store.put_if_absent("k", b"", timedelta(minutes=1))
if os.fork() == 0:
    for use in (
        lambda: store.put_if_absent("k", b"", timedelta(minutes=1)),
        lambda: store.get("k"),
        lambda: store.delete("k"),
    ):
        try:
            use()
        except ConfigurationError as error:
            print(error, flush=True)
    os._exit(0)
os.wait()
print(store.get("k"))
"""


def test_a_forked_process_cannot_use_the_store() -> None:
    """A forked process cannot use its copy of the store, but the parent still can."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *refusals, kept = done.stdout.splitlines()
    assert len(refusals) == 3
    assert all("create it after the fork" in each for each in refusals)
    assert kept == "b''"


async def test_the_async_store_behaves_like_the_sync_one(clock: ManualClock) -> None:
    """The asyncio store in memory behaves like the sync one."""
    store: AsyncStore = async_memory_store(clock)
    assert await store.put_if_absent("k", b"first", MINUTE)
    assert not await store.put_if_absent("k", b"second", MINUTE)
    assert await store.get("k") == b"first"
    await store.delete("k")
    assert await store.get("k") is None
    assert await store.put_if_absent("k", b"second", MINUTE)
    clock.advance(MINUTE)
    assert await store.get("k") is None
    await store.aclose()


@pytest.mark.parametrize("method", ["put_if_absent", "get", "delete"])
def test_a_key_with_a_lone_surrogate_is_refused(store: Store, tmp_path: Path, method: str) -> None:
    """The stores in memory and in SQLite refuse a key with a lone surrogate."""
    for each in (store, SqliteStore(tmp_path / "store.db", ManualClock())):
        arguments = (b"", MINUTE) if method == "put_if_absent" else ()
        with pytest.raises(ConfigurationError, match="key: must not contain lone surrogates"):
            getattr(each, method)("half \ud800", *arguments)
    assert store.put_if_absent("whole \U0001f600", b"", MINUTE)


def test_a_value_has_at_most_1_mib(store: Store, tmp_path: Path) -> None:
    """The stores in memory and in SQLite refuse a value of more than 1 MiB."""
    for each in (store, SqliteStore(tmp_path / "store.db", ManualClock())):
        assert each.put_if_absent("k", bytes(1024 * 1024), MINUTE)
        with pytest.raises(
            ConfigurationError, match="value: must be bytes, and not longer than 1048576"
        ):
            each.put_if_absent("l", bytes(1024 * 1024 + 1), MINUTE)
