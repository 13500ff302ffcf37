"""The contracts of stores: a test class for sync stores, and one for async stores."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from secrets import token_hex
from typing import Any, Final, TypeVar

import pytest

from irma_core.protocol.stores import AsyncStore, Store
from irma_testing.contracts.harness import (
    CONCURRENT_CALLS,
    AsyncPluginContract,
    PluginContract,
    leaked_secret,
)

__all__ = ["AsyncStoreContract", "StoreContract"]

StoreT = TypeVar("StoreT", bound=Store | AsyncStore)
_HOUR: Final = timedelta(hours=1)
_SHORT: Final = timedelta(seconds=0.3)
_FAILURE_TIMEOUT: Final = 60.0


class _StoreContract(PluginContract[StoreT]):
    def make_store(self) -> StoreT:
        """Make a store. All stores that one test makes must share their keys and values."""
        raise NotImplementedError

    def make_failing_store(self) -> StoreT:
        """Make a store whose service cannot be reached."""
        pytest.skip("make_failing_store is not overridden: this store never fails")

    def make_plugin(self) -> StoreT:
        """Make a store."""
        return self.make_store()

    def make_failing_plugin(self) -> StoreT:
        """Make a failing store."""
        return self.make_failing_store()

    async def pass_time(self, duration: timedelta) -> None:
        """Let time pass on the store's clock. By default, this method sleeps for the duration."""
        await asyncio.sleep(duration.total_seconds())

    def test_first_value_wins(self) -> None:
        """`put_if_absent` returns `True` for the first value of a key, and keeps that value."""

        async def scenario(store: Any) -> None:
            key = _key()
            assert await self.call(store.get, key) is None
            assert await self.call(store.put_if_absent, key, b"first", _HOUR) is True
            assert await self.call(store.put_if_absent, key, b"second", _HOUR) is False
            assert await self.call(store.get, key) == b"first"

        self.run_scenario(scenario)

    def test_stores_share_keys(self) -> None:
        """A second store, as in another process, sees the first store's puts and deletions."""

        async def scenario(store: Any, other: Any) -> None:
            key = _key()
            assert await self.call(store.put_if_absent, key, b"first", _HOUR) is True
            assert await self.call(other.put_if_absent, key, b"second", _HOUR) is False
            assert await self.call(other.get, key) == b"first"
            await self.call(other.delete, key)
            assert await self.call(store.get, key) is None

        self.run_scenario(scenario, 2)

    def test_one_of_many_concurrent_puts_wins(self) -> None:
        """Exactly one of many concurrent puts returns `True`, and its value is stored."""

        async def scenario(store: Any, other: Any) -> None:
            for _ in range(10):
                key = _key()
                puts = [
                    self.call((store, other)[n % 2].put_if_absent, key, b"%d" % n, _HOUR)
                    for n in range(CONCURRENT_CALLS)
                ]
                done = await asyncio.gather(*puts)
                assert done.count(True) == 1, "expected exactly one put of a key to return True"
                assert await self.call(store.get, key) == b"%d" % done.index(True)

        self.run_scenario(scenario, 2)

    @pytest.mark.parametrize("value", [b"", b"\x00", bytes(range(256)), b"x" * 1048576, b"true"])
    def test_any_bytes_are_stored(self, value: bytes) -> None:
        """Any bytes up to 1 MiB are returned unchanged; an empty value counts as present."""

        async def scenario(store: Any) -> None:
            key = _key()
            assert await self.call(store.put_if_absent, key, value, _HOUR) is True
            assert await self.call(store.get, key) == value
            assert await self.call(store.put_if_absent, key, b"other", _HOUR) is False

        self.run_scenario(scenario)

    def test_similar_keys_are_distinct(self) -> None:
        """Long keys, and keys that differ only in ending, case or punctuation, stay distinct."""

        async def scenario(store: Any) -> None:
            begin = _key()
            long = begin.ljust(199, "k")
            punctuated = begin + "!*?[a]%s:/\\'\"{}|~"
            keys = [begin, begin + ":a", begin + ":A", long + "1", long + "2", punctuated]
            for key in keys:
                assert await self.call(store.put_if_absent, key, key.encode(), _HOUR) is True
            for key in keys:
                assert await self.call(store.get, key) == key.encode()

        self.run_scenario(scenario)

    def test_lifetime_ends(self) -> None:
        """An expired key is absent and can be put again; a refused put never extends a lifetime."""

        async def scenario(store: Any) -> None:
            lifetime = _SHORT
            while True:
                key = _key()
                begun = time.monotonic()
                assert await self.call(store.put_if_absent, key, b"first", lifetime) is True
                was_put = await self.call(store.put_if_absent, key, b"second", _HOUR)
                if time.monotonic() - begun < lifetime.total_seconds():
                    break
                # On a busy machine the first lifetime may be over before the second put.
                lifetime *= 2
            assert was_put is False
            await self.pass_time(lifetime * 2)
            assert await self.call(store.get, key) is None
            assert await self.call(store.put_if_absent, key, b"third", _HOUR) is True
            await self.pass_time(lifetime * 2)
            assert await self.call(store.get, key) == b"third"

        self.run_scenario(scenario)

    def test_delete(self) -> None:
        """A deleted key can be put again; deleting an absent key does nothing."""

        async def scenario(store: Any) -> None:
            key = _key()
            await self.call(store.delete, key)
            assert await self.call(store.put_if_absent, key, b"first", _HOUR) is True
            await self.call(store.delete, key)
            assert await self.call(store.get, key) is None
            assert await self.call(store.put_if_absent, key, b"second", _HOUR) is True

        self.run_scenario(scenario)

    def test_close_twice(self) -> None:
        """A store can be closed twice, and its keys remain for other stores."""

        async def scenario(store: Any, other: Any) -> None:
            key = _key()
            assert await self.call(store.put_if_absent, key, b"first", _HOUR) is True
            await self.close(store)
            await self.close(store)
            assert await self.call(other.get, key) == b"first"

        self.run_scenario(scenario, 2)

    @pytest.mark.parametrize("method", ["put_if_absent", "get", "delete"])
    def test_closed_store_raises(self, method: str) -> None:
        """A call to a closed store raises an error instead of opening it again."""

        async def scenario(store: Any) -> None:
            await self.close(store)
            arguments = (b"value", _HOUR) if method == "put_if_absent" else ()
            try:
                await self.call(getattr(store, method), _key(), *arguments)
            except Exception:  # noqa: BLE001  # the kind is the store's choice
                return
            raise AssertionError(f"{method} still works after the store is closed")

        self.run_scenario(scenario)

    def test_repr_contains_no_secret(self) -> None:
        """The `repr` and `str` of a store contain no secret, no key and no value."""

        async def scenario(store: Any) -> None:
            key, value = _key(), token_hex(16)
            await self.call(store.put_if_absent, key, value.encode(), _HOUR)
            assert leaked_secret(store, [*self.secrets, key, value]) is None

        self.run_scenario(scenario)

    @pytest.mark.parametrize("method", ["put_if_absent", "get", "delete"])
    def test_failing_store_raises_in_time(self, method: str) -> None:
        """If the store's service cannot be reached, a call soon raises an error without secrets."""

        async def scenario(store: Any) -> None:
            arguments = (b"value", _HOUR) if method == "put_if_absent" else ()
            await self.call(getattr(store, method), _key(), *arguments)

        self.run_failing_scenario(scenario, _FAILURE_TIMEOUT)


class StoreContract(_StoreContract[Store]):
    """The contract of `Store`. Subclass it, and make your store."""


class AsyncStoreContract(AsyncPluginContract[AsyncStore], _StoreContract[AsyncStore]):
    """The contract of `AsyncStore`. Subclass it, and make your store."""

    def test_cancelled_calls_are_harmless(self) -> None:
        """After a put is cancelled, later calls still get the correct replies."""

        async def scenario(store: Any) -> None:
            for number in range(CONCURRENT_CALLS):
                key = _key()
                put = asyncio.create_task(store.put_if_absent(key, b"first", _HOUR))
                for _ in range(number % 8):
                    await asyncio.sleep(0)
                put.cancel()
                await asyncio.wait({put})
                was_put = await store.get(key) is not None
                assert await store.put_if_absent(key, b"second", _HOUR) is not was_put

        self.run_scenario(scenario)


def _key() -> str:
    return f"contract:{token_hex(16)}"
