"""Claims: who does a thing that is done once, when the one who claimed it takes too long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_backend.memory_store import MemoryStore
from irma_core import RequestorToken
from irma_core.errors import PostRefusedError
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Flow
from irma_core.flows.once import CLOCKS_DIFFER, OnceKey, claim_or_wait_flow, release_flow
from irma_core.protocol.server_url import ServerUrl
from irma_testing import ScriptedTransport
from tests.core.proving import SECRET_TOKEN


class Place:
    """A thing that is done once, and a clock."""

    def __init__(self) -> None:
        self.transport = ScriptedTransport()
        self.clock = self.transport.clock
        server = ServerUrl.parse("https://irma.example")
        self.context = RequestorContext(server, self.clock, jitter=lambda: 0.0)
        store, token = MemoryStore(self.clock), RequestorToken(SECRET_TOKEN)
        self.once = OnceKey.of_session(store, "test", token)

    def play(self, flow: Any) -> Any:
        return run(flow, self.transport)

    def claim(self) -> float:
        """Claim it without waiting, and give the time of that."""
        now = self.clock.monotonic()
        assert self.play(claim_or_wait_flow(self.context, self.once, deadline=now)) is None
        return now


def test_a_claim_that_was_released_is_free_at_once() -> None:
    """Whoever comes next does it."""
    place = Place()
    claimed_at = place.claim()
    place.clock.advance(timedelta(seconds=40))
    place.play(release_flow(place.context, place.once, claimed_at))
    place.claim()


def test_who_took_too_long_releases_nobody_elses_claim() -> None:
    """It expired, another has it and is at work: a third would do it beside that one."""
    place = Place()
    claimed_at = place.claim()
    place.clock.advance(timedelta(seconds=61))
    place.claim()
    place.play(release_flow(place.context, place.once, claimed_at))
    with pytest.raises(PostRefusedError, match="busy"):
        place.claim()


def test_a_record_outlives_the_text_that_leads_to_it() -> None:
    """By as much as clocks differ: a process whose clock is late opens that text for longer."""
    place = Place()
    place.claim()
    assert place.play(put_record(place))
    place.clock.advance(timedelta(hours=1) + CLOCKS_DIFFER - timedelta(seconds=1))
    assert place.play(claim_or_wait_flow(place.context, place.once, deadline=0.0)) == b"told"


def put_record(place: Place) -> Flow[bool]:
    by = place.context.deadline()
    return (yield from place.once.record(b"told", timedelta(hours=1), by))
