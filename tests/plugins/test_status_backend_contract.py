"""The public contract of status backends: passed by a good one in memory, and by no bad one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from irma_core import RequestorToken, SessionStatus
from irma_core.protocol.status_backends import Idle
from irma_core.protocol.transport import ReadOutcome
from irma_testing.contracts import AsyncStatusBackendContract, StatusBackendContract


class Good:
    """A backend in memory, as it should be; one thing of it is made bad by a subclass."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.kept: dict[str, tuple[SessionStatus, str | None]] = {}

    def known(self, token: RequestorToken, after: SessionStatus | None) -> SessionStatus | None:
        status, _ = self.kept.get(token.fingerprint, (None, None))
        if status is None or (after is not None and not after.may_become(status)):
            return None
        return status

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        with self.changed:
            seconds = max(within.total_seconds(), 0)
            self.changed.wait_for(lambda: self.known(token, after), seconds)
            return self.known(token, after) or ReadOutcome.IDLE

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        with self.changed:
            kept, jwt = self.kept.get(token.fingerprint, (None, None))
            if kept is None or kept is status or kept.may_become(status):
                self.kept[token.fingerprint] = status, jwt if result_jwt is None else result_jwt
                self.changed.notify_all()

    def published_result(self, token: RequestorToken) -> str | None:
        return self.kept.get(token.fingerprint, (None, None))[1]

    def close(self) -> None:
        """Keep what there is."""


class AsyncGood:
    """The same, awaited."""

    def __init__(self, good: Good) -> None:
        self.good = good

    async def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        ends = time.monotonic() + within.total_seconds()
        while True:
            told = self.good.next_status(token, after, timedelta(0))
            if told is not ReadOutcome.IDLE or time.monotonic() >= ends:
                return told
            await asyncio.sleep(0.01)

    async def publish(
        self, token: RequestorToken, status: SessionStatus, result_jwt: str | None
    ) -> None:
        self.good.publish(token, status, result_jwt)

    async def published_result(self, token: RequestorToken) -> str | None:
        return self.good.published_result(token)

    async def aclose(self) -> None:
        """Keep what there is."""


class TestGood(StatusBackendContract):
    """All that is made in a test is one."""

    def setup_method(self) -> None:
        self.good = Good()

    def make_status_backend(self) -> Good:
        return self.good


class TestAsyncGood(AsyncStatusBackendContract):
    """All that is made in a test is one."""

    def setup_method(self) -> None:
        self.good = AsyncGood(Good())

    def make_status_backend(self) -> AsyncGood:
        return self.good


class Forgetful(Good):
    """Tells only who waits at that moment."""

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        with self.changed:
            if not self.changed.wait(max(within.total_seconds(), 0)):
                return ReadOutcome.IDLE
            return self.known(token, after) or ReadOutcome.IDLE


class Mute(Good):
    """Finds what is kept, and is woken by nobody."""

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        told = super().next_status(token, after, timedelta(0))
        time.sleep(max(within.total_seconds(), 0) / 100)
        return told


class Hasty(Good):
    """Does not wait."""

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        return super().next_status(token, after, timedelta(0))


class Slow(Good):
    """Waits longer than it may."""

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        return super().next_status(token, after, within + timedelta(seconds=1.5))


class Repeating(Good):
    """Tells what is not the last status known, though it is older."""

    def known(self, token: RequestorToken, after: SessionStatus | None) -> SessionStatus | None:
        status, _ = self.kept.get(token.fingerprint, (None, None))
        return None if status is after else status


class Fickle(Good):
    """Believes who comes last."""

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        with self.changed:
            self.kept[token.fingerprint] = status, result_jwt
            self.changed.notify_all()


class Once(Good):
    """Keeps the result that came with the status only."""

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        if self.kept.get(token.fingerprint, (None, None))[0] is not status:
            super().publish(token, status, result_jwt)


class Mixing(Good):
    """Takes one session for another."""

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        for fingerprint in {*self.kept, token.fingerprint}:
            self.kept[fingerprint] = status, result_jwt
        with self.changed:
            self.changed.notify_all()


class Queue(Good):
    """Tells one of those who wait."""

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        told = super().next_status(token, after, within)
        with self.changed:
            if self.kept.pop(token.fingerprint, None) is None:
                return ReadOutcome.IDLE
        return told


class ClosedOnce(Good):
    """Fails when it is closed again."""

    is_closed = False

    def close(self) -> None:
        if self.is_closed:
            raise ValueError("closed")
        self.is_closed = True


class Talkative(Good):
    """Shows what it holds."""

    def __repr__(self) -> str:
        return repr(self.kept)


class Quieting(Good):
    """Is quiet when its service is away."""


class Telling(Good):
    """Fails with its address in the error behind the error."""

    def published_result(self, token: RequestorToken) -> str | None:
        raise RuntimeError("away") from ValueError("service://:password@10.0.0.1")


BAD: list[tuple[Callable[[], Good], str, tuple[object, ...]]] = [
    (Mute, "who_waits_is_told", ()),
    (Forgetful, "who_comes_late_is_told_as_well", ()),
    (Hasty, "nothing_is_lost_between_two_calls", ()),
    (Hasty, "without_news_it_is_quiet", ()),
    (Slow, "without_news_it_is_quiet", ()),
    (Repeating, "what_cannot_follow_is_not_told", ()),
    (Fickle, "the_first_end_stays", ()),
    (Once, "a_signed_result_is_kept_with_the_end", ()),
    (Mixing, "sessions_are_apart", ()),
    (Queue, "all_who_wait_for_a_session_are_told", ()),
    (ClosedOnce, "it_is_closed_more_than_once", ()),
    (Talkative, "its_texts_tell_no_secret", ()),
    (Quieting, "one_whose_service_is_away_fails_in_time", ("look",)),
    (Telling, "one_whose_service_is_away_fails_in_time", ("published_result",)),
]


@pytest.mark.parametrize(("make", "test", "arguments"), BAD)
def test_the_contract_finds_a_bad_status_backend(
    make: Callable[[], Good],
    test: str,
    arguments: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the test that is meant for its fault."""
    monkeypatch.setattr("irma_testing.contracts.status_backend._LONG", timedelta(seconds=1))
    # The contract forgives a busy machine ten seconds; the bad backend would wait for longer here.
    monkeypatch.setattr("irma_testing.contracts.status_backend.MAX_DELAY", 1.0)

    class Contract(StatusBackendContract):
        secrets = ("password",)
        backend = make()

        def make_status_backend(self) -> Any:
            return self.backend

        def make_failing_status_backend(self) -> Any:
            return self.backend

    with pytest.raises((AssertionError, ValueError)):
        getattr(Contract(), f"test_{test}")(*arguments)


def test_the_contract_finds_a_wait_that_goes_on_when_it_was_cancelled() -> None:
    """A task that nobody waits for takes what comes."""

    class Shielding(AsyncGood):
        async def next_status(
            self, token: RequestorToken, after: SessionStatus | None, within: timedelta
        ) -> SessionStatus | Idle:
            return await asyncio.shield(
                asyncio.ensure_future(super().next_status(token, after, within))
            )

    class Contract(AsyncStatusBackendContract):
        def make_status_backend(self) -> Any:
            return Shielding(Good())

    with pytest.raises(AssertionError, match="goes on after its wait was cancelled"):
        Contract().test_a_wait_that_was_cancelled_loses_nothing()
