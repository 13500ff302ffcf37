"""The two contracts that authors of status backends subclass, one a mode."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from secrets import token_hex
from typing import Any, Final, TypeVar

import pytest

from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.transport import ReadOutcome
from irma_testing.contracts.harness import (
    CONCURRENT_CALLS,
    MAX_DELAY,
    AsyncPluginContract,
    PluginContract,
    elapsed,
    leaked_secret,
)

__all__ = ["AsyncStatusBackendContract", "StatusBackendContract"]

BackendT = TypeVar("BackendT", bound=StatusBackend | AsyncStatusBackend)
_INITIALIZED, _CONNECTED = SessionStatus.INITIALIZED, SessionStatus.CONNECTED
_DONE, _CANCELLED = SessionStatus.DONE, SessionStatus.CANCELLED
_LOOK, _SHORT, _LONG = timedelta(0), timedelta(seconds=0.3), timedelta(seconds=10)
_PAUSE: Final = 0.2
_FAILS_WITHIN: Final = 15.0


class _StatusBackendContract(PluginContract[BackendT]):
    def make_status_backend(self) -> BackendT:
        """Make a backend; of those made in one test each learns what the others publish."""
        raise NotImplementedError

    def make_failing_status_backend(self) -> BackendT:
        """Make one whose service is away."""
        pytest.skip("make_failing_status_backend is not there: this backend never fails")

    def make_plugin(self) -> BackendT:
        """Make a backend."""
        return self.make_status_backend()

    def make_failing_plugin(self) -> BackendT:
        """Make one that fails."""
        return self.make_failing_status_backend()

    async def wait(
        self,
        backend: Any,
        token: RequestorToken,
        after: SessionStatus | None,
        within: timedelta | None = None,
    ) -> object:
        """Wait for a status, and check that it takes no longer."""
        within = _LONG if within is None else within
        begun = time.monotonic()
        status = await self.call(backend.next_status, token, after, within)
        longest = max(within.total_seconds(), 0) + MAX_DELAY
        assert elapsed(begun) <= longest, "it waits longer than it was told to"
        assert status is ReadOutcome.IDLE or isinstance(status, SessionStatus)
        return status

    async def publish(
        self,
        backend: Any,
        token: RequestorToken,
        status: SessionStatus,
        result_jwt: str | None = None,
    ) -> None:
        """Publish."""
        await self.call(backend.publish, token, status, result_jwt)

    def test_who_waits_is_told(self) -> None:
        """By another process, once it learns the status."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            waiting = asyncio.create_task(self.wait(watching, token, _INITIALIZED))
            await asyncio.sleep(_PAUSE)
            await self.publish(receiving, token, _CONNECTED)
            assert await waiting is _CONNECTED
            waiting = asyncio.create_task(self.wait(watching, token, _CONNECTED))
            await asyncio.sleep(_PAUSE)
            await self.publish(receiving, token, _DONE, "a.b.c")
            assert await waiting is _DONE

        self.run_scenario(scenario, 2)

    def test_who_comes_late_is_told_as_well(self) -> None:
        """The newest status, at once, whether they wait or only look."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            await self.publish(receiving, token, _CONNECTED)
            await self.publish(receiving, token, _DONE)
            for within in (_LONG, _LOOK, -_SHORT):
                for after in (None, _INITIALIZED, _CONNECTED):
                    assert await self.wait(watching, token, after, within) is _DONE

        self.run_scenario(scenario, 2)

    def test_nothing_is_lost_between_two_calls(self) -> None:
        """However the publishing falls."""

        async def scenario(watching: Any, receiving: Any) -> None:
            for pause in range(10):
                token = _token()
                waiting = asyncio.create_task(self.wait(watching, token, None))
                await asyncio.sleep(pause / 1000)
                await self.publish(receiving, token, _DONE)
                assert await waiting is _DONE

        self.run_scenario(scenario, 2)

    def test_without_news_it_is_quiet(self) -> None:
        """For as long as it was told to wait, or at once where it is only to look."""

        async def scenario(backend: Any) -> None:
            token = _token()
            for within in (_SHORT, _LOOK, -_SHORT):
                assert await self.wait(backend, token, None, within) is ReadOutcome.IDLE
            await self.publish(backend, token, _CONNECTED)
            begun = time.monotonic()
            assert await self.wait(backend, token, _CONNECTED, _SHORT) is ReadOutcome.IDLE
            assert elapsed(begun) >= _SHORT.total_seconds() / 2, "it does not wait"

        self.run_scenario(scenario)

    def test_what_cannot_follow_is_not_told(self) -> None:
        """The watch may have learnt more from the server."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            await self.publish(receiving, token, _INITIALIZED)
            assert await self.wait(watching, token, _CONNECTED, _LOOK) is ReadOutcome.IDLE
            waiting = asyncio.create_task(self.wait(watching, token, _CONNECTED))
            await asyncio.sleep(_PAUSE)
            await self.publish(receiving, token, _CONNECTED)
            await asyncio.sleep(_PAUSE)
            assert not waiting.done(), "it tells what is known"
            await self.publish(receiving, token, _CANCELLED)
            assert await waiting is _CANCELLED

        self.run_scenario(scenario, 2)

    def test_the_first_end_stays(self) -> None:
        """Late news and contradictions are no error, and change nothing."""

        async def scenario(backend: Any) -> None:
            token = _token()
            await self.publish(backend, token, _DONE, "first.one.x")
            for status in (_CONNECTED, _CANCELLED):
                await self.publish(backend, token, status, "another.one.x")
            assert await self.wait(backend, token, None, _LOOK) is _DONE
            assert await self.call(backend.published_result, token) == "first.one.x"

        self.run_scenario(scenario)

    def test_a_signed_result_is_kept_with_the_end(self) -> None:
        """It may come with the status or after it, up to the size of a large one."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token, large = _token(), "x" * 1024 * 1024
            assert await self.call(watching.published_result, token) is None
            await self.publish(receiving, token, _CONNECTED)
            assert await self.call(watching.published_result, token) is None
            for jwt in (None, "a.b.c", large):
                await self.publish(receiving, token, _DONE, jwt)
                assert await self.call(watching.published_result, token) == jwt
            await self.publish(receiving, token, _DONE)
            assert await self.call(watching.published_result, token) == large

        self.run_scenario(scenario, 2)

    def test_sessions_are_apart(self) -> None:
        """Each of many who wait at once is told of its own, by who learnt it."""

        async def scenario(watching: Any, receiving: Any) -> None:
            tokens = [_token() for _ in range(CONCURRENT_CALLS)]
            waits = [self.wait(watching, token, None) for token in tokens]
            waiting = asyncio.gather(*waits)
            await asyncio.sleep(_PAUSE)
            for number, token in enumerate(tokens):
                await self.publish(receiving, token, (_DONE, _CANCELLED)[number % 2], str(number))
            assert await waiting == [_DONE, _CANCELLED] * (CONCURRENT_CALLS // 2)
            results = [await self.call(watching.published_result, token) for token in tokens]
            assert results == [str(number) for number in range(CONCURRENT_CALLS)]

        self.run_scenario(scenario, 2)

    def test_all_who_wait_for_a_session_are_told(self) -> None:
        """A browser may have it open twice."""

        async def scenario(watching: Any, other: Any, receiving: Any) -> None:
            token = _token()
            waits = [self.wait(each, token, None) for each in (watching, watching, other)]
            waiting = asyncio.gather(*waits)
            await asyncio.sleep(_PAUSE)
            await self.publish(receiving, token, _DONE)
            assert await waiting == [_DONE] * 3

        self.run_scenario(scenario, 3)

    def test_it_is_closed_more_than_once(self) -> None:
        """In cleaning up, nobody asks whether it was done; what was published stays."""

        async def scenario(backend: Any, other: Any) -> None:
            token = _token()
            assert await self.wait(backend, token, None, _SHORT) is ReadOutcome.IDLE
            await self.publish(backend, token, _DONE)
            await self.close(backend)
            await self.close(backend)
            assert await self.wait(other, token, None) is _DONE

        self.run_scenario(scenario, 2)

    def test_its_texts_tell_no_secret(self) -> None:
        """Nor whose sessions it watches."""

        async def scenario(backend: Any) -> None:
            token = _token()
            await self.publish(backend, token, _DONE, "a.b.c")
            assert leaked_secret(backend, [*self.secrets, token.reveal(), "a.b.c"]) is None

        self.run_scenario(scenario)

    @pytest.mark.parametrize("method", ["next_status", "look", "publish", "published_result"])
    def test_one_whose_service_is_away_fails_in_time(self, method: str) -> None:
        """It is not quiet: the watch would trust it, and not go to the server."""

        async def scenario(backend: Any) -> None:
            token = _token()
            match method:
                case "next_status":
                    await self.call(backend.next_status, token, None, _LONG * 3)
                case "look":
                    await self.call(backend.next_status, token, None, _LOOK)
                case "publish":
                    await self.publish(backend, token, _DONE, "a.b.c")
                case _:
                    await self.call(backend.published_result, token)

        self.run_failing_scenario(scenario, _FAILS_WITHIN)


class StatusBackendContract(_StatusBackendContract[StatusBackend]):
    """What a `StatusBackend` must do. Subclass it, and say how yours is made."""


class AsyncStatusBackendContract(
    AsyncPluginContract[AsyncStatusBackend], _StatusBackendContract[AsyncStatusBackend]
):
    """What an `AsyncStatusBackend` must do. Subclass it, and say how yours is made."""

    def test_a_wait_that_was_cancelled_loses_nothing(self) -> None:
        """A task may stop waiting, and another go on; nothing is left behind."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            assert await self.wait(watching, token, None, _SHORT) is ReadOutcome.IDLE
            before = asyncio.all_tasks()
            for number in range(20):
                waiting = asyncio.create_task(self.wait(watching, token, None))
                for _ in range(number):
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                assert waiting.cancelled()
            await asyncio.sleep(_PAUSE)
            assert asyncio.all_tasks() <= before, "a task goes on after its wait was cancelled"
            await self.publish(receiving, token, _DONE)
            assert await self.wait(watching, token, None) is _DONE

        self.run_scenario(scenario, 2)


def _token() -> RequestorToken:
    return RequestorToken(token_hex(10))
