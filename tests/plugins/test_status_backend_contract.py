"""A good status backend passes the public contract, and every bad backend fails it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import UsageError
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing.contracts import AsyncStatusBackendContract, StatusBackendContract

NOW = timedelta(0)


class Shared:
    """The ends that the backends of one test share."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ends: dict[str, PublishedEnd] = {}


class Good:
    """A correct backend in memory, of which each subclass has one fault."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.is_closed = False

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        self.check_open()
        with self.shared.changed:
            self.shared.ends.setdefault(token.fingerprint, end)
            self.shared.changed.notify_all()

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        self.check_open()
        deadline = time.monotonic() + timeout.total_seconds()
        with self.shared.changed:
            while (end := self.shared.ends.get(token.fingerprint)) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.shared.changed.wait(min(left, 1))  # so that Ctrl-C need not wait longer
            return end

    def close(self) -> None:
        self.is_closed = True

    def check_open(self) -> None:
        if self.is_closed:
            raise ValueError("closed")


class AsyncGood:
    """A correct backend in memory for asyncio."""

    def __init__(self, shared: Shared) -> None:
        self.good = Good(shared)

    async def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        self.good.publish(token, end)

    async def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        deadline = time.monotonic() + timeout.total_seconds()
        while True:
            end = self.good.wait(token, NOW)
            if end is not None or time.monotonic() >= deadline:
                return end
            await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        self.good.close()


class TestGood(StatusBackendContract):
    """The correct backend passes the contract."""

    def setup_method(self) -> None:
        self.shared = Shared()

    def make_status_backend(self) -> Good:
        return Good(self.shared)


class TestAsyncGood(AsyncStatusBackendContract):
    """The correct async backend passes the contract."""

    def setup_method(self) -> None:
        self.shared = Shared()

    def make_status_backend(self) -> AsyncGood:
        return AsyncGood(self.shared)


class Forgetful(Good):
    """A backend that finds only an end that is published during a wait."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        with self.shared.changed:
            if not self.shared.changed.wait(max(timeout.total_seconds(), 0)):
                return None
        return super().wait(token, NOW)


class Deaf(Good):
    """A backend that finds an end only without waiting for it."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        return super().wait(token, NOW) if timeout <= NOW else None


class Hasty(Good):
    """A backend that never waits."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        return super().wait(token, NOW)


class Slow(Good):
    """A backend that waits longer than its timeout."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        return super().wait(token, timeout + timedelta(seconds=1.5))


class Untyped(Good):
    """A backend that returns only the status of an end."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> Any:
        end = super().wait(token, timeout)
        return end and end.status


class Fickle(Good):
    """A backend that keeps the last end instead of the first."""

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        self.check_open()
        with self.shared.changed:
            self.shared.ends[token.fingerprint] = end
            self.shared.changed.notify_all()


class Merging(Good):
    """A backend that adds the result of a later publish to the first end."""

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        super().publish(token, end)
        with self.shared.changed:
            first = self.shared.ends[token.fingerprint]
            merged = PublishedEnd(first.status, end.result_jwt or first.result_jwt)
            self.shared.ends[token.fingerprint] = merged


class WithoutResult(Good):
    """A backend that drops the result."""

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        super().publish(token, PublishedEnd(end.status))


class Mixing(Good):
    """A backend that returns the end of the first session to each wait."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        end = super().wait(token, timeout)
        return end and next(iter(self.shared.ends.values()))


class Queue(Good):
    """A backend that delivers an end to only one wait."""

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        super().wait(token, timeout)
        with self.shared.changed:
            return self.shared.ends.pop(token.fingerprint, None)


class ClosedOnce(Good):
    """A backend that fails when it is closed again."""

    def close(self) -> None:
        self.check_open()
        super().close()


class Reopening(Good):
    """A backend that can be used after it was closed."""

    def check_open(self) -> None:
        self.is_closed = False


class Talkative(Good):
    """A backend whose `repr` shows its results."""

    def __repr__(self) -> str:
        return repr([end.result_jwt for end in self.shared.ends.values()])


class Silent(Good):
    """A backend that raises nothing if its service is unreachable."""


class Leaking(Good):
    """A backend whose errors have a secret in their cause."""

    leaked = "service://:password@10.0.0.1"

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        raise RuntimeError("away") from ValueError(
            self.leaked.format(token=token.reveal(), end=end)
        )

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        secret = self.leaked.format(token=token.reveal(), end=None)
        raise RuntimeError("away") from ValueError(secret)


class LeakingToken(Leaking):
    """A backend whose errors have the token in their cause."""

    leaked = "no key {token}"


class LeakingResult(Leaking):
    """A backend whose errors have the result in their cause."""

    leaked = "cannot store {end.result_jwt}"


BAD: list[tuple[Callable[[Shared], Good], str, tuple[object, ...]]] = [
    (Deaf, "publish_wakes_a_wait_of_another_instance", ()),
    (Untyped, "publish_wakes_a_wait_of_another_instance", ()),
    (Forgetful, "published_end_is_found_later", ()),
    (Hasty, "end_is_not_lost_while_a_wait_starts", ()),
    (Slow, "wait_without_an_end_returns_none", ()),
    (Fickle, "first_end_stays", ()),
    (Merging, "first_end_stays", ()),
    (WithoutResult, "every_final_status_and_result_is_kept", ()),
    (Mixing, "sessions_are_separate", ()),
    (Queue, "every_wait_for_a_session_is_woken", ()),
    (ClosedOnce, "closed_backend_stays_closed", ()),
    (Reopening, "closed_backend_stays_closed", ()),
    (Talkative, "strings_contain_no_secret", ()),
    (Silent, "unreachable_service_raises_in_time", ("wait",)),
    (Silent, "unreachable_service_raises_in_time", ("look",)),
    (Silent, "unreachable_service_raises_in_time", ("publish",)),
    (Leaking, "unreachable_service_raises_in_time", ("look",)),
    (LeakingToken, "unreachable_service_raises_in_time", ("wait",)),
    (LeakingResult, "unreachable_service_raises_in_time", ("publish",)),
]


@pytest.mark.parametrize(("make", "test", "arguments"), BAD)
def test_contract_rejects_a_bad_backend(
    make: Callable[[Shared], Good],
    test: str,
    arguments: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each bad backend fails the test that is meant for its fault."""
    monkeypatch.setattr("irma_testing.contracts.status_backend._LONG", timedelta(seconds=1))
    # The contract allows a minute for busy machines. A slow backend would have to exceed it.
    monkeypatch.setattr("irma_testing.contracts.status_backend.MAX_DELAY", 1.0)

    class Contract(StatusBackendContract):
        secrets = ("password",)
        shared = Shared()

        def make_status_backend(self) -> Any:
            return make(self.shared)

        def make_failing_status_backend(self) -> Any:
            return make(self.shared)

    failures = (AssertionError, ValueError, pytest.fail.Exception)
    with pytest.raises(failures):
        getattr(Contract(), f"test_{test}")(*arguments)


def test_contract_rejects_a_wait_that_returns_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that returns before the timeout of a wait fails the contract."""
    # On a busy machine, a shorter timeout might pass before the backend returns.
    monkeypatch.setattr("irma_testing.contracts.status_backend._SHORT", timedelta(hours=1))

    class Contract(StatusBackendContract):
        shared = Shared()

        def make_status_backend(self) -> Hasty:
            return Hasty(self.shared)

    with pytest.raises(AssertionError, match="returns before its timeout"):
        Contract().test_wait_without_an_end_returns_none()


def test_contract_rejects_a_wait_after_cancelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend whose wait continues in a task after it was cancelled fails the async contract."""
    monkeypatch.setattr("irma_testing.contracts.status_backend._CHECKS", 1)

    class Shielding(AsyncGood):
        async def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
            return await asyncio.shield(asyncio.ensure_future(super().wait(token, timeout)))

    class Contract(AsyncStatusBackendContract):
        shared = Shared()

        def make_status_backend(self) -> Any:
            return Shielding(self.shared)

    with pytest.raises(AssertionError, match="task is left"):
        Contract().test_cancelled_wait_loses_nothing()


@pytest.mark.parametrize("status", [s for s in SessionStatus if not s.is_final] + ["DONE", None])
def test_published_end_must_be_final(status: Any) -> None:
    """PublishedEnd raises UsageError unless its status is a final SessionStatus."""
    with pytest.raises(UsageError, match=r"^status"):
        PublishedEnd(status)


@pytest.mark.parametrize("jwt", [b"a.b.c", 7, ["a.b.c"]])
def test_published_result_must_be_a_string(jwt: Any) -> None:
    """PublishedEnd raises UsageError if its result is not a string or None, without showing it."""
    with pytest.raises(UsageError, match=r"^result_jwt") as caught:
        PublishedEnd(SessionStatus.DONE, jwt)
    assert "a.b.c" not in str(caught.value)


def test_published_end_hides_its_result() -> None:
    """The repr of a PublishedEnd hides the signed result, but equality compares it."""
    end = PublishedEnd(SessionStatus.DONE, "a.b.c")
    assert "a.b.c" not in repr(end)
    assert end == PublishedEnd(SessionStatus.DONE, "a.b.c")
    assert end != PublishedEnd(SessionStatus.DONE)
