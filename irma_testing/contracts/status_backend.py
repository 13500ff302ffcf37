"""The contracts of status backends: a test class for sync backends, and one for async ones."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from datetime import timedelta
from secrets import token_hex
from typing import Any, Final, TypeVar

import pytest

from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.status_backends import AsyncStatusBackend, PublishedEnd, StatusBackend
from irma_testing.contracts.harness import (
    CONCURRENT_CALLS,
    MAX_DELAY,
    AsyncPluginContract,
    PluginContract,
    elapsed,
    leaked_secret,
)
from irma_testing.contracts.signals import signal_while_blocked

__all__ = ["AsyncStatusBackendContract", "StatusBackendContract"]

BackendT = TypeVar("BackendT", bound=StatusBackend | AsyncStatusBackend)
_DONE = PublishedEnd(SessionStatus.DONE, "a.b.c")
_CANCELLED = PublishedEnd(SessionStatus.CANCELLED)
_LOOK, _SHORT, _LONG = timedelta(0), timedelta(seconds=0.3), timedelta(minutes=1)
_PAUSE: Final = 0.2
_MAX_FAILURE_TIME: Final = 60.0
_CHECKS: Final = 300
"""How many times to check, after a pause each time, whether the tasks of a cancelled wait have
ended."""


class _StatusBackendContract(PluginContract[BackendT]):
    def make_status_backend(self) -> BackendT:
        """Make a backend. It must see what the other backends of the same test publish."""
        raise NotImplementedError

    def make_failing_status_backend(self) -> BackendT:
        """Make a backend whose service cannot be reached."""
        pytest.skip("make_failing_status_backend is not defined: this backend cannot fail")

    def make_plugin(self) -> BackendT:
        """Make a backend."""
        return self.make_status_backend()

    def make_failing_plugin(self) -> BackendT:
        """Make a backend whose service cannot be reached."""
        return self.make_failing_status_backend()

    async def wait(
        self, backend: Any, token: RequestorToken, timeout: timedelta | None = None
    ) -> PublishedEnd | None:
        """Wait for a session's end, and check the type of the result and how long the wait took."""
        timeout = _LONG if timeout is None else timeout
        start = time.monotonic()
        end = await self.call(backend.wait, token, timeout)
        longest = max(timeout.total_seconds(), 0) + MAX_DELAY
        assert elapsed(start) <= longest, "wait takes longer than its timeout"
        assert isinstance(end, PublishedEnd | None), "wait must return a PublishedEnd or None"
        return end

    async def publish(self, backend: Any, token: RequestorToken, end: PublishedEnd) -> None:
        """Publish the end of a session."""
        await self.call(backend.publish, token, end)

    def test_publish_wakes_a_wait_of_another_instance(self) -> None:
        """A wait returns as soon as another instance of the backend publishes the session's end."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            waiting = asyncio.create_task(self.wait(watching, token))
            await asyncio.sleep(_PAUSE)
            await self.publish(receiving, token, _DONE)
            assert await waiting == _DONE

        self.run_scenario(scenario, 2)

    def test_published_end_is_found_later(self) -> None:
        """If an end is already published, a wait returns it at once, whatever the timeout."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            await self.publish(receiving, token, _DONE)
            for timeout in (_LONG, _LOOK, -_SHORT):
                assert await self.wait(watching, token, timeout) == _DONE

        self.run_scenario(scenario, 2)

    def test_end_is_not_lost_while_a_wait_starts(self) -> None:
        """If an end is published just when a wait starts, the wait still returns the end."""

        async def scenario(watching: Any, receiving: Any) -> None:
            for pause in range(10):
                token = _token()
                waiting = asyncio.create_task(self.wait(watching, token))
                await asyncio.sleep(pause / 1000)
                await self.publish(receiving, token, _DONE)
                assert await waiting == _DONE

        self.run_scenario(scenario, 2)

    def test_wait_without_an_end_returns_none(self) -> None:
        """If the session does not end, a wait returns `None` when its timeout expires."""

        async def scenario(backend: Any) -> None:
            token = _token()
            for timeout in (_LOOK, -_SHORT):
                assert await self.wait(backend, token, timeout) is None
            start = time.monotonic()
            assert await self.wait(backend, token, _SHORT) is None
            assert elapsed(start) >= _SHORT.total_seconds() / 2, "wait returns before its timeout"

        self.run_scenario(scenario)

    def test_first_end_stays(self) -> None:
        """Publishing a second end for the same session raises no error and changes nothing."""

        async def scenario(backend: Any, other: Any) -> None:
            for first, second in ((_DONE, _CANCELLED), (_CANCELLED, _DONE)):
                token = _token()
                for end in (first, second, PublishedEnd(first.status, "d.e.f")):
                    await self.publish(backend, token, end)
                    assert await self.wait(other, token, _LOOK) == first

        self.run_scenario(scenario, 2)

    def test_every_final_status_and_result_is_kept(self) -> None:
        """A wait returns any final status exactly as published, with no result or a large one."""

        async def scenario(watching: Any, receiving: Any) -> None:
            for status in (one for one in SessionStatus if one.is_final):
                for jwt in (None, "", "a.b.c", "x" * 1024 * 1024):
                    token, end = _token(), PublishedEnd(status, jwt)
                    await self.publish(receiving, token, end)
                    assert await self.wait(watching, token, _LOOK) == end

        self.run_scenario(scenario, 2)

    def test_sessions_are_separate(self) -> None:
        """Each of many concurrent waits returns the end of its own session."""

        async def scenario(watching: Any, receiving: Any) -> None:
            tokens = [_token() for _ in range(CONCURRENT_CALLS)]
            ends = [PublishedEnd(SessionStatus.DONE, str(number)) for number in range(len(tokens))]
            waiting = asyncio.gather(*(self.wait(watching, token) for token in tokens))
            await asyncio.sleep(_PAUSE)
            for token, end in zip(tokens, ends, strict=True):
                await self.publish(receiving, token, end)
            assert await waiting == ends

        self.run_scenario(scenario, 2)

    def test_every_wait_for_a_session_is_woken(self) -> None:
        """When a session ends, every wait for it returns, in each instance of the backend."""

        async def scenario(watching: Any, other: Any, receiving: Any) -> None:
            token = _token()
            waits = [self.wait(each, token) for each in (watching, watching, other)]
            waiting = asyncio.gather(*waits)
            await asyncio.sleep(_PAUSE)
            await self.publish(receiving, token, _DONE)
            assert await waiting == [_DONE] * 3

        self.run_scenario(scenario, 3)

    def test_closed_backend_stays_closed(self) -> None:
        """A closed backend refuses every call except `close`, but its published ends are kept."""

        async def scenario(backend: Any, other: Any) -> None:
            token = _token()
            assert await self.wait(backend, token, _SHORT) is None
            await self.publish(backend, token, _DONE)
            await self.close(backend)
            await self.close(backend)
            for arguments in ((token, _LOOK), (token, _SHORT)):
                await self._check_closed(backend.wait, *arguments)
            await self._check_closed(backend.publish, token, _DONE)
            assert await self.wait(other, token) == _DONE

        self.run_scenario(scenario, 2)

    async def _check_closed(self, method: Any, *arguments: object) -> None:
        with pytest.raises(Exception) as caught:  # noqa: PT011  # any exception will do
            await self.call(method, *arguments)
        assert leaked_secret(caught.value, self.secrets) is None, "the error contains a secret"

    def test_strings_contain_no_secret(self) -> None:
        """The `repr` of a backend contains no secret, no token and no result."""

        async def scenario(backend: Any) -> None:
            token = _token()
            await self.publish(backend, token, _DONE)
            assert leaked_secret(backend, [*self.secrets, token.reveal(), "a.b.c"]) is None

        self.run_scenario(scenario)

    @pytest.mark.parametrize("method", ["wait", "look", "publish"])
    def test_unreachable_service_raises_in_time(self, method: str) -> None:
        """A call raises an error if the service cannot be reached.

        If `wait` returned `None` instead, a watch would take the session to be still open.
        """
        token = _token()
        self.secrets = [*self.secrets, token.reveal(), "a.b.c"]

        async def scenario(backend: Any) -> None:
            match method:
                case "wait":
                    await self.call(backend.wait, token, _LONG * 3)
                case "look":
                    await self.call(backend.wait, token, _LOOK)
                case _:
                    await self.publish(backend, token, _DONE)

        self.run_failing_scenario(scenario, _MAX_FAILURE_TIME)


class StatusBackendContract(_StatusBackendContract[StatusBackend]):
    """The contract of `StatusBackend`. Subclass it and define how your backend is made."""

    def test_signal_just_before_a_wait_is_noticed_during_it(self) -> None:
        """A wait blocks its thread for only a few seconds at a time, so Ctrl-C soon ends it."""
        with closing(self.make_plugin()) as backend, signal_while_blocked():
            backend.wait(_token(), timedelta(hours=1))


class AsyncStatusBackendContract(
    AsyncPluginContract[AsyncStatusBackend], _StatusBackendContract[AsyncStatusBackend]
):
    """The contract of `AsyncStatusBackend`. Subclass it and define how your backend is made."""

    def test_cancelled_wait_loses_nothing(self) -> None:
        """A cancelled wait leaves no task behind, and another wait still returns the end."""

        async def scenario(watching: Any, receiving: Any) -> None:
            token = _token()
            assert await self.wait(watching, token, _SHORT) is None
            before = asyncio.all_tasks()
            for number in range(20):
                waiting = asyncio.create_task(self.wait(watching, token))
                for _ in range(number):
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                assert waiting.cancelled()
            for _ in range(_CHECKS):
                if asyncio.all_tasks() <= before:
                    break
                await asyncio.sleep(_PAUSE)
            assert asyncio.all_tasks() <= before, "a task is left after its wait was cancelled"
            await self.publish(receiving, token, _DONE)
            assert await self.wait(watching, token) == _DONE

        self.run_scenario(scenario, 2)


def _token() -> RequestorToken:
    return RequestorToken(token_hex(10))
