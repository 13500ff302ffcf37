"""The stores in memory pass the public contract, and every bad store fails it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any

import pytest

from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
from irma_testing import ManualClock
from irma_testing.contracts import AsyncStoreContract, StoreContract
from tests.memory_stores import async_memory_store, memory_store


class TestMemoryStore(StoreContract):
    """The store in memory passes the contract."""

    def setup_method(self) -> None:
        self.clock = ManualClock()
        self.store = memory_store(self.clock)

    def make_store(self) -> MemoryStore:
        return copy(self.store)

    async def pass_time(self, duration: timedelta) -> None:
        self.clock.advance(duration)


class TestAsyncMemoryStore(AsyncStoreContract):
    """The asyncio store in memory passes the contract."""

    def setup_method(self) -> None:
        self.clock = ManualClock()
        self.store = async_memory_store(self.clock)

    def make_store(self) -> AsyncMemoryStore:
        made = async_memory_store(self.clock)
        vars(made).update({name: copy(part) for name, part in vars(self.store).items()})
        return made

    async def pass_time(self, duration: timedelta) -> None:
        self.clock.advance(duration)


class Good:
    """A correct store, of which each subclass has one fault."""

    def __init__(self) -> None:
        self.store = memory_store(ManualClock())

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        return self.store.put_if_absent(key, value, lifetime)

    def get(self, key: str) -> bytes | None:
        return self.store.get(key)

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def close(self) -> None:
        self.store.close()


class Overwriting(Good):
    """A store that keeps the last value instead of the first."""

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        was_absent = self.store.get(key) is None
        self.store.delete(key)
        self.store.put_if_absent(key, value, lifetime)
        return was_absent


class Racing(Good):
    """A store whose put is not atomic."""

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        if self.store.get(key) is not None:
            return False
        time.sleep(0.05)  # long enough for a second put to overlap
        self.store.delete(key)
        return self.store.put_if_absent(key, value, lifetime)


class Falsy(Good):
    """A store that treats an empty value as absent."""

    def get(self, key: str) -> bytes | None:
        return self.store.get(key) or None


class Textual(Good):
    """A store that drops bytes beyond ASCII."""

    def get(self, key: str) -> bytes | None:
        value = self.store.get(key)
        return None if value is None else value.decode("ascii", "ignore").encode()


class Shortening(Good):
    """A store that truncates keys."""

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        return self.store.put_if_absent(key[:64], value, lifetime)

    def get(self, key: str) -> bytes | None:
        return self.store.get(key[:64])


class Prolonging(Good):
    """A store that prolongs an entry at each put."""

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        kept = self.store.get(key)
        self.store.delete(key)
        self.store.put_if_absent(key, value if kept is None else kept, lifetime)
        return kept is None


class Strict(Good):
    """A store that raises an error when an absent key is deleted."""

    def delete(self, key: str) -> None:
        if self.store.get(key) is None:
            raise KeyError(key)
        self.store.delete(key)


class ClosedOnce(Good):
    """A store that fails when it is closed twice."""

    is_closed = False

    def close(self) -> None:
        if self.is_closed:
            raise ValueError("closed")
        self.is_closed = True


class Talkative(Good):
    """A store whose `repr` contains its entries."""

    def __repr__(self) -> str:
        return repr(vars(self.store))


class Hopeful(Good):
    """A store that reports success while its service is unreachable."""


class LeakingCause(Good):
    """A store whose error has a secret URL in its cause."""

    def get(self, key: str) -> bytes | None:
        raise RuntimeError("away") from ValueError("store://:password@10.0.0.1")


class Waiting(Good):
    """A store that waits too long for its service."""

    def get(self, key: str) -> bytes | None:
        time.sleep(0.3)
        raise RuntimeError("away")


BAD: list[tuple[Callable[[], Any], str, tuple[object, ...]]] = [
    (Overwriting, "first_value_wins", ()),
    (Overwriting, "stores_share_keys", ()),
    (Racing, "one_of_many_concurrent_puts_wins", ()),
    (Falsy, "any_bytes_are_stored", (b"",)),
    (Textual, "any_bytes_are_stored", (bytes(range(256)),)),
    (Shortening, "similar_keys_are_distinct", ()),
    (Prolonging, "lifetime_ends", ()),
    (Good, "lifetime_ends", ()),  # the test does not move its clock
    (Strict, "delete", ()),
    (ClosedOnce, "close_twice", ()),
    (Talkative, "repr_contains_no_secret", ()),
    (Hopeful, "failing_store_raises_in_time", ("get",)),
    (LeakingCause, "failing_store_raises_in_time", ("get",)),
    (Waiting, "failing_store_raises_in_time", ("get",)),
]


@pytest.mark.parametrize(("make", "test", "arguments"), BAD)
def test_contract_rejects_a_bad_store(
    make: Callable[[], Any],
    test: str,
    arguments: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each bad store fails the test that is meant for its fault."""
    monkeypatch.setattr("irma_testing.contracts.store._FAILURE_TIMEOUT", 0.2)

    class Contract(StoreContract):
        secrets = ("password",)
        store = make()

        def make_store(self) -> Any:
            return self.store

        def make_failing_store(self) -> Any:
            return self.store

    with pytest.raises((AssertionError, KeyError, ValueError)):
        getattr(Contract(), f"test_{test}")(*arguments)


def test_contract_rejects_a_store_broken_by_cancelling() -> None:
    """A store that stays busy after a cancelled call fails the async contract."""

    class Stuck(AsyncMemoryStoreOf):
        async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
            assert not self.is_busy
            self.is_busy = True
            await asyncio.sleep(0)
            self.is_busy = False
            return await self.store.put_if_absent(key, value, lifetime)

    class Contract(AsyncStoreContract):
        def make_store(self) -> Any:
            return Stuck()

    with pytest.raises(AssertionError):
        Contract().test_cancelled_calls_are_harmless()


class AsyncMemoryStoreOf:
    """An asyncio store whose put a test defines."""

    is_busy = False

    def __init__(self) -> None:
        self.store = async_memory_store(ManualClock())

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        raise NotImplementedError

    async def get(self, key: str) -> bytes | None:
        return await self.store.get(key)

    async def delete(self, key: str) -> None:
        await self.store.delete(key)

    async def aclose(self) -> None:
        await self.store.aclose()


def test_contract_rejects_a_store_that_works_after_close() -> None:
    """A store that still works after it was closed fails the contract."""

    class Reopening(Good):
        def close(self) -> None:
            """Leave the store open."""

    class Contract(StoreContract):
        def make_store(self) -> Reopening:
            return Reopening()

    with pytest.raises(AssertionError, match="still works after the store is closed"):
        Contract().test_closed_store_raises("get")
