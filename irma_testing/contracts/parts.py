"""How the contracts of stores and status backends are played: each test once, for both colours.

A test is awaited; a sync part does its work on threads. So third parties need no pytest plugin for
asyncio. Belongs here: that. Does not belong here: what is asked of a part.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from typing import Any, Final, Generic, TypeVar

from irma_core.errors import ConfigurationError
from irma_testing.contracts.signing import told

__all__ = ["AT_ONCE", "LENIENCE", "AwaitedPartContract", "PartContract", "elapsed"]

AT_ONCE: Final = 32
"""How many calls are made at once, where that is the question."""
LENIENCE: Final = 10.0
"""Seconds that a call may be late on a busy machine. A call without a bound is later than that."""
PartT = TypeVar("PartT")


class PartContract(Generic[PartT]):
    """What plays; the contracts say what, their subclasses with what.

    Attributes:
        secrets: What no text may tell: passwords, addresses with a password in them.
    """

    secrets: Sequence[str | bytes] = ()

    def make_part(self) -> PartT:
        """Make one; see the contract."""
        raise NotImplementedError

    def make_failing_part(self) -> PartT:
        """Make one whose service is away; see the contract."""
        raise NotImplementedError

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        """Call a method of the part: a sync one on a thread."""
        answer = await asyncio.to_thread(method, *arguments)
        assert not isawaitable(answer), "a sync part answers at once"
        return answer

    async def close(self, part: Any) -> None:
        """Close the part."""
        await self.call(part.close)

    def play(self, story: Callable[..., Awaitable[None]], parts: int = 1) -> None:
        """Make so many that know the same, play a story with them, and close them."""

        async def whole() -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * AT_ONCE))
            made = [self.make_part() for _ in range(parts)]
            try:
                await story(*made)
            finally:
                for part in made:
                    await self.close(part)

        asyncio.run(whole())

    def play_failing(self, story: Callable[[Any], Awaitable[None]], within: float) -> None:
        """Play with one whose service is away: it must fail in time, and tell no secret."""

        async def whole() -> None:
            part = self.make_failing_part()
            begun = time.monotonic()
            failure: Exception | None = None
            try:
                await story(part)
            except Exception as error:  # noqa: BLE001  # whatever it raises is looked at
                failure = error
            assert failure is not None, "its service is away, and it does not say so"
            assert elapsed(begun) <= within, f"it takes over {within} s to fail"
            assert not isinstance(failure, ConfigurationError), "its service fails, not a setting"
            assert told(failure, self.secrets) is None, "the error tells a secret"
            await self.close(part)

        asyncio.run(whole())


class AwaitedPartContract(PartContract[PartT]):
    """The same for a part that is awaited."""

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        """Await a method of the part."""
        return await method(*arguments)

    async def close(self, part: Any) -> None:
        """Close the part."""
        await part.aclose()


def elapsed(begun: float) -> float:
    """Give the seconds since then."""
    return time.monotonic() - begun
