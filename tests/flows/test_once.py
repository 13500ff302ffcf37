"""Actions that are done once: claims, records, and claims that expire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_core import RequestorToken
from irma_core.errors import PostRefusedError
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Flow, Sleep
from irma_core.flows.once import (
    CLOCK_SKEW,
    OnceKey,
    claim_or_wait_flow,
    release_flow,
    release_on_error_flow,
)
from irma_core.protocol.server_url import ServerUrl
from irma_testing import ScriptedTransport
from tests.core.proving import SECRET_TOKEN
from tests.memory_stores import memory_store


class Scenario:
    """An action that is done once, and its clock."""

    def __init__(self) -> None:
        self.transport = ScriptedTransport()
        self.clock = self.transport.clock
        server = ServerUrl.parse("https://irma.example")
        self.context = RequestorContext(server, self.clock, jitter=lambda: 0.0)
        store, token = memory_store(self.clock), RequestorToken(SECRET_TOKEN)
        self.once = OnceKey.of_session(store, "test", token)

    def play(self, flow: Any) -> Any:
        return run(flow, self.transport)

    def claim(self) -> float:
        """Claim the action without waiting, and return the time of the claim."""
        now = self.clock.monotonic()
        assert self.play(claim_or_wait_flow(self.context, self.once, deadline=now)) is None
        return now


def test_released_claim_is_free_at_once() -> None:
    """After a release, the next caller can claim the action without waiting."""
    scenario = Scenario()
    claimed_at = scenario.claim()
    scenario.clock.advance(timedelta(seconds=40))
    scenario.play(release_flow(scenario.context, scenario.once, claimed_at))
    scenario.claim()


def test_expired_claim_is_not_released() -> None:
    """A release after the claim expired leaves alone the claim of the next caller."""
    scenario = Scenario()
    claimed_at = scenario.claim()
    scenario.clock.advance(timedelta(seconds=61))
    scenario.claim()
    scenario.play(release_flow(scenario.context, scenario.once, claimed_at))
    with pytest.raises(PostRefusedError, match="busy"):
        scenario.claim()


def test_record_outlives_the_sealed_value() -> None:
    """A record lives longer than its sealed value, by as much as clocks may differ."""
    scenario = Scenario()
    scenario.claim()
    assert scenario.play(put_record(scenario))
    scenario.clock.advance(timedelta(hours=1) + CLOCK_SKEW - timedelta(seconds=1))
    assert (
        scenario.play(claim_or_wait_flow(scenario.context, scenario.once, deadline=0.0))
        == b"delivered"
    )


def put_record(scenario: Scenario) -> Flow[bool]:
    by = scenario.context.deadline()
    return (yield from scenario.once.record(b"delivered", timedelta(hours=1), by))


def test_closed_flow_yields_no_effect() -> None:
    """A flow that is closed yields no effect, so its claim expires."""
    scenario = Scenario()
    scenario.claim()

    def waiting() -> Flow[None]:
        yield from Sleep(timedelta(seconds=1))

    flow = release_on_error_flow(scenario.context, scenario.once, waiting())
    assert isinstance(next(flow), Sleep)
    flow.close()
    with pytest.raises(PostRefusedError, match="busy"):
        scenario.claim()
