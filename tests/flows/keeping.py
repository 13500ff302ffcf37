"""A shop that keeps posts until its function has handled them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from irma_backend.memory_store import MemoryStore
from irma_core import SessionOutcome
from irma_core.errors import StoreError
from irma_core.flows.effects import Call, Flow
from irma_testing import ManualClock
from tests.flows.shop import Shop

__all__ = [
    "CLAIM",
    "DAY",
    "FORGOTTEN",
    "WEEK",
    "Site",
    "fail",
    "fail_with",
    "failing_flow",
    "stored_posts",
    "unreadable",
    "unverifiable",
    "work",
]

FORGOTTEN = timedelta(minutes=10)
"""After this time, the server has forgotten a session that has ended."""
DAY = timedelta(days=1)
"""A time after which a URL no longer accepts posts."""
WEEK = timedelta(days=7)
CLAIM = timedelta(minutes=2)
"""A time after which the claim of a process that died has expired."""


class Site:
    """A shop that keeps posts, and a function that does what a test sets.

    Attributes:
        act: Called for each outcome before it counts as handled.
        handled: The references and statuses of the outcomes that were handled.
    """

    def __init__(self, mode: str = "sync", **settings: Any) -> None:
        self.act: Callable[[SessionOutcome], object] = fail
        self.handled: list[str] = []
        self.clock = ManualClock()
        self.shop = Shop(mode, deliver=self.deliver, keeps=True, clock=self.clock, **settings)

    def deliver(self, outcome: SessionOutcome) -> None:
        self.act(outcome)
        self.handled.append(f"{outcome.reference} {outcome.status.value}")

    def answer(self, reference: str = "17") -> None:
        """Let a person answer, so that the server posts the outcome."""
        self.shop.app.accept(self.shop.start(reference=reference).pointer)


def fail(_: object) -> None:
    raise LookupError("no such order")


def work(_: object) -> None:
    """Do nothing, successfully."""


def fail_with(error: Any) -> Callable[..., Any]:
    """Return a function that raises an error."""

    def raising(*_: object) -> Any:
        raise error("made up") if isinstance(error, type) else error

    return raising


def failing_flow(*_: object) -> Flow[Any]:
    """Fail like a store that is down."""
    return iter(Call(fail_with(OSError()), 0.0, callee="store", failure=StoreError))


@contextmanager
def unverifiable() -> Generator[None]:
    """Let the verification of each post fail, as if the server's key could not be fetched."""
    with pytest.MonkeyPatch.context() as patched:
        name = "irma_core.callbacks.delivery.verified_result_flow"
        patched.setattr(name, fail_with(StoreError))
        yield


@contextmanager
def unreadable(count: int) -> Generator[list[str]]:
    """Let the store fail to read its last places for posts; yield the places that were read."""
    get = MemoryStore.get
    failing = {f"irma-kept-callback:{number}" for number in range(2048 - count, 2048)}
    tried: list[str] = []

    def reading(store: MemoryStore, key: str) -> bytes | None:
        if key in failing:
            tried.append(key)
            raise OSError
        return get(store, key)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryStore, "get", reading)
        yield tried


def stored_posts(site: Site) -> int:
    """Return how many posts the store keeps."""
    keys = [f"irma-kept-callback:{number}" for number in range(2048)]
    return sum(site.shop.done(site.shop.store.get(key)) is not None for key in keys)
