"""The two contracts that authors of stores subclass, one a mode."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from secrets import token_hex
from typing import Any, Final, TypeVar

import pytest

from irma_core.protocol.stores import AsyncStore, Store
from irma_testing.contracts.harness import AT_ONCE, AwaitedPartContract, PluginContract
from irma_testing.contracts.signer import told

__all__ = ["AsyncStoreContract", "StoreContract"]

StoreT = TypeVar("StoreT", bound=Store | AsyncStore)
_AN_HOUR: Final = timedelta(hours=1)
_SHORT: Final = timedelta(seconds=0.3)
_ATTEMPTS: Final = 20
_FAILS_WITHIN: Final = 15.0


class _StoreContract(PluginContract[StoreT]):
    def make_store(self) -> StoreT:
        """Make a store; of those made in one test each knows what the others were given."""
        raise NotImplementedError

    def make_failing_store(self) -> StoreT:
        """Make one whose service is away."""
        pytest.skip("make_failing_store is not there: this store never fails")

    def make_part(self) -> StoreT:
        """Make a store."""
        return self.make_store()

    def make_failing_part(self) -> StoreT:
        """Make one that fails."""
        return self.make_failing_store()

    async def pass_time(self, duration: timedelta) -> None:
        """Let time pass by the store's clock: by default by waiting."""
        await asyncio.sleep(duration.total_seconds())

    def test_the_first_value_of_a_key_stays(self) -> None:
        """Who puts first is told so, and nobody else."""

        async def story(store: Any) -> None:
            key = _key()
            assert await self.call(store.get, key) is None
            assert await self.call(store.put_if_absent, key, b"first", _AN_HOUR) is True
            assert await self.call(store.put_if_absent, key, b"second", _AN_HOUR) is False
            assert await self.call(store.get, key) == b"first"

        self.play(story)

    def test_another_store_of_the_same_knows_it(self) -> None:
        """As in another process."""

        async def story(store: Any, other: Any) -> None:
            key = _key()
            assert await self.call(store.put_if_absent, key, b"first", _AN_HOUR) is True
            assert await self.call(other.put_if_absent, key, b"second", _AN_HOUR) is False
            assert await self.call(other.get, key) == b"first"
            await self.call(other.delete, key)
            assert await self.call(store.get, key) is None

        self.play(story, 2)

    def test_of_many_at_once_one_succeeds(self) -> None:
        """Each time; and its value is the one that is kept."""

        async def story(store: Any, other: Any) -> None:
            for _ in range(10):
                key = _key()
                puts = [
                    self.call((store, other)[n % 2].put_if_absent, key, b"%d" % n, _AN_HOUR)
                    for n in range(AT_ONCE)
                ]
                done = await asyncio.gather(*puts)
                assert done.count(True) == 1, "a key was put more than once, or by nobody"
                assert await self.call(store.get, key) == b"%d" % done.index(True)

        self.play(story, 2)

    @pytest.mark.parametrize("value", [b"", b"\x00", bytes(range(256)), b"x" * 65536, b"true"])
    def test_a_value_comes_back_as_it_was(self, value: bytes) -> None:
        """Any bytes, none and 64 KiB among them; an empty value is not an absent one."""

        async def story(store: Any) -> None:
            key = _key()
            assert await self.call(store.put_if_absent, key, value, _AN_HOUR) is True
            assert await self.call(store.get, key) == value
            assert await self.call(store.put_if_absent, key, b"other", _AN_HOUR) is False

        self.play(story)

    def test_keys_are_apart(self) -> None:
        """Long ones, those that differ at their end or in case, and those with signs in them."""

        async def story(store: Any) -> None:
            begin = _key()
            long = begin.ljust(199, "k")
            signs = begin + "!*?[a]%s:/\\'\"{}|~"
            keys = [begin, begin + ":a", begin + ":A", long + "1", long + "2", signs]
            for key in keys:
                assert await self.call(store.put_if_absent, key, key.encode(), _AN_HOUR) is True
            for key in keys:
                assert await self.call(store.get, key) == key.encode()

        self.play(story)

    def test_a_lifetime_ends(self) -> None:
        """A key is absent then and can be put again; who was refused did not prolong it."""

        async def story(store: Any) -> None:
            key, was_put = "", None
            for _ in range(_ATTEMPTS):
                key = _key()
                begun = time.monotonic()
                assert await self.call(store.put_if_absent, key, b"first", _SHORT) is True
                was_put = await self.call(store.put_if_absent, key, b"second", _AN_HOUR)
                # On a busy machine the first lifetime may be over before the second put.
                if time.monotonic() - begun < _SHORT.total_seconds():
                    break
            assert was_put is False
            await self.pass_time(_SHORT * 2)
            assert await self.call(store.get, key) is None
            assert await self.call(store.put_if_absent, key, b"third", _AN_HOUR) is True
            await self.pass_time(_SHORT * 2)
            assert await self.call(store.get, key) == b"third"

        self.play(story)

    def test_a_key_is_taken_away(self) -> None:
        """And can be put again; one that is absent is no error."""

        async def story(store: Any) -> None:
            key = _key()
            await self.call(store.delete, key)
            assert await self.call(store.put_if_absent, key, b"first", _AN_HOUR) is True
            await self.call(store.delete, key)
            assert await self.call(store.get, key) is None
            assert await self.call(store.put_if_absent, key, b"second", _AN_HOUR) is True

        self.play(story)

    def test_it_is_closed_more_than_once(self) -> None:
        """In cleaning up, nobody asks whether it was done; what was put stays."""

        async def story(store: Any, other: Any) -> None:
            key = _key()
            assert await self.call(store.put_if_absent, key, b"first", _AN_HOUR) is True
            await self.close(store)
            await self.close(store)
            assert await self.call(other.get, key) == b"first"

        self.play(story, 2)

    @pytest.mark.parametrize("method", ["put_if_absent", "get", "delete"])
    def test_a_closed_one_stays_closed(self, method: str) -> None:
        """A call that comes after the end is an error, and opens nothing again."""

        async def story(store: Any) -> None:
            await self.close(store)
            arguments = (b"value", _AN_HOUR) if method == "put_if_absent" else ()
            try:
                await self.call(getattr(store, method), _key(), *arguments)
            except Exception:  # noqa: BLE001  # of any kind
                return
            raise AssertionError(f"{method} works although it is closed")

        self.play(story)

    def test_its_texts_tell_no_secret(self) -> None:
        """Nor what it holds."""

        async def story(store: Any) -> None:
            key, value = _key(), token_hex(16)
            await self.call(store.put_if_absent, key, value.encode(), _AN_HOUR)
            assert told(store, [*self.secrets, key, value]) is None

        self.play(story)

    @pytest.mark.parametrize("method", ["put_if_absent", "get", "delete"])
    def test_one_whose_service_is_away_fails_in_time(self, method: str) -> None:
        """And neither waits for ever nor says that a key is absent."""

        async def story(store: Any) -> None:
            arguments = (b"value", _AN_HOUR) if method == "put_if_absent" else ()
            await self.call(getattr(store, method), _key(), *arguments)

        self.play_failing(story, _FAILS_WITHIN)


class StoreContract(_StoreContract[Store]):
    """What a `Store` must do. Subclass it, and say how yours is made."""


class AsyncStoreContract(AwaitedPartContract[AsyncStore], _StoreContract[AsyncStore]):
    """What an `AsyncStore` must do. Subclass it, and say how yours is made."""

    def test_a_call_that_was_cancelled_leaves_the_store_usable(self) -> None:
        """Whether it put is not known; the next call works, and gets its own answer."""

        async def story(store: Any) -> None:
            for number in range(AT_ONCE):
                key = _key()
                put = asyncio.create_task(store.put_if_absent(key, b"first", _AN_HOUR))
                for _ in range(number % 8):
                    await asyncio.sleep(0)
                put.cancel()
                await asyncio.wait({put})
                was_put = await store.get(key) is not None
                assert await store.put_if_absent(key, b"second", _AN_HOUR) is not was_put

        self.play(story)


def _key() -> str:
    return f"contract:{token_hex(16)}"
