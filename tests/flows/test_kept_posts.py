"""Posts are kept until they are delivered, and replayed, in both modes.

The contract of web adapters has the whole story of a failed callback; here is what it cannot see.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from irma_backend.memory_store import MemoryStore
from irma_core import FetchedServerKey, Sealer, SessionOutcome, SessionStatus, new_sealing_key
from irma_core.callbacks.kept_posts import KeptInStore, KeptPost
from irma_core.errors import ConfigurationError, StoreError
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Call, Flow
from irma_core.protocol.server_url import ServerUrl
from irma_testing import ManualClock, ScriptedTransport
from tests.flows.changed_posts import changed, forged
from tests.flows.shop import PAGE, Shop
from tests.memory_stores import memory_store
from tests.modes import MODES

FORGOTTEN = timedelta(minutes=10)
"""After this time, the server has forgotten a session that has ended."""
RECORD = timedelta(hours=3)
"""Longer than the record of a delivery lives."""
CLAIM = timedelta(minutes=2)
"""Longer than the claim of a process that died lives."""


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


@MODES
def test_a_process_that_dies_loses_nothing(mode: str) -> None:
    """A post is kept while the function runs, so a replay delivers it if the process dies."""
    site = Site(mode)
    session = site.shop.start(reference="17")

    def die(_: object) -> None:
        raise GeneratorExit  # nothing can be cleaned up afterwards

    site.act = die
    with pytest.raises(GeneratorExit):
        site.shop.app.accept(session.pointer)
    site.act = work
    assert "busy" in site.shop.replay()[0]
    site.clock.advance(CLAIM)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 DONE"]


@MODES
def test_the_error_says_whether_the_post_is_kept(mode: str) -> None:
    """The application's error has a note about the post, for the log, and nothing of the post."""
    site = Site(mode)
    site.answer()
    [error] = site.shop.failures
    assert isinstance(error, LookupError)
    assert "The post is kept for 7 days; a replay delivers it." in error.__notes__


@MODES
def test_a_replay_during_a_replay_delivers_nothing_twice(mode: str) -> None:
    """A replay that meets a post which another replay delivers leaves it alone."""
    site = Site(mode)
    site.answer()
    others: list[str] = []

    def replay_meanwhile(_: object) -> None:
        site.act = work
        others.extend(site.shop.replay())

    site.act = replay_meanwhile
    assert site.shop.replay() == [""]
    assert ["busy" in other for other in others] == [True]
    assert site.handled == ["17 DONE"]
    assert site.shop.replay() == []


@MODES
def test_a_replay_that_another_one_overtook_delivers_nothing_twice(mode: str) -> None:
    """A replay delivers no post that was removed after it listed the posts, however late it is."""
    site = Site(mode)
    site.answer("17")
    site.clock.advance(timedelta(seconds=1))
    site.answer("18")

    def replay_meanwhile(_: object) -> None:
        site.act = work
        assert site.shop.replay()[1] == ""
        site.clock.advance(RECORD)

    site.act = replay_meanwhile
    assert site.shop.replay() == ["", ""]
    assert site.handled == ["18 DONE", "17 DONE"]


@MODES
def test_a_post_whose_removal_failed_is_removed_later(mode: str) -> None:
    """If the process dies between the delivery and the removal, a replay only removes the post."""
    site = Site(mode)
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(site.shop.store), "delete", fail_with(OSError()))
        site.answer()
    assert site.handled == ["17 DONE"]
    assert isinstance(site.shop.failures[0], StoreError)
    assert site.shop.replay() == [""]  # the claim of the delivery still lives
    site.clock.advance(CLAIM)
    assert site.shop.replay() == [""]
    assert site.shop.replay() == []
    assert site.handled == ["17 DONE"]


@MODES
def test_the_servers_outcome_is_delivered_among_contradicting_posts(mode: str) -> None:
    """`DONE` and `CANCELLED` both failed; a replay delivers `DONE`, which the server stored."""
    site = Site(mode)
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    site.clock.advance(timedelta(seconds=5))
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    site.clock.advance(FORGOTTEN)
    assert site.shop.replay() == [
        "LookupError was raised",
        "the session has an earlier post, which could not be delivered",
    ]
    site.act = work
    assert site.shop.replay() == ["", ""]
    assert site.handled == ["17 DONE"]
    assert site.shop.replay() == []


@MODES
def test_an_answer_is_not_lost_to_a_contradicting_post(mode: str) -> None:
    """If `CANCELLED` was delivered after `DONE` failed, a replay delivers `DONE` too."""
    site = Site(mode)
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    site.act = work
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    site.clock.advance(FORGOTTEN)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 CANCELLED", "17 DONE"]
    assert site.shop.replay() == []


@MODES
def test_a_post_that_could_not_be_verified_is_kept(mode: str) -> None:
    """If the server's key cannot be fetched, the post is kept, and verified by the replay."""
    site = Site(mode, server_key=FetchedServerKey())
    site.act = work
    session = site.shop.start(reference="17")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("irma_core.callbacks.delivery.verified_result_flow", fail_with(StoreError))
        site.shop.app.accept(session.pointer)
    assert site.handled == []
    assert [each.session for each in site.shop.done(site.shop.receiver.replay())] == ["unknown"]
    assert site.handled == ["17 DONE"]


def test_a_stranger_with_a_url_fills_four_places() -> None:
    """Posts to one URL that cannot be verified take four places, however many there are."""
    site = Site()
    site.answer()
    post = site.shop.server.posted[-1]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("irma_core.callbacks.delivery.verified_result_flow", fail_with(StoreError))
        for number in range(20):
            site.shop.post(changed(post, body=b"%d" % number))
    assert "is full" in site.shop.failures[-1].__notes__[-1]
    sessions = [each.session for each in site.shop.done(site.shop.receiver.replay())]
    assert sessions.count("unknown") == 4


LARGE = "".join(random.Random(1).choices(string.printable, k=1024 * 1024))
"""As large as a post may be, and hardly smaller when it is compressed."""


@pytest.mark.parametrize("body", ["é".encode(), LARGE.encode()], ids=["not ASCII", "large"])
def test_a_body_of_no_use_is_not_kept(body: bytes) -> None:
    """A body that is no JWT, or too large for a store, is not kept, and the error says so."""
    site = Site()
    site.answer()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("irma_core.callbacks.delivery.verified_result_flow", fail_with(StoreError))
        site.shop.post(changed(site.shop.server.posted[-1], body=body))
    assert "too large" in site.shop.failures[-1].__notes__[-1]
    assert len(site.shop.replay()) == 1


@MODES
def test_a_place_that_fails_does_not_stop_a_delivery(mode: str) -> None:
    """If a post cannot be kept, its outcome is delivered all the same."""
    site = Site(mode)
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", failing_flow)
        site.answer()
    assert site.handled == ["17 DONE"]
    assert site.shop.statuses == [204]
    assert site.shop.replay() == []


def test_a_place_that_fails_for_a_moment_is_tried_again() -> None:
    """If the function and the place fail together, the post is kept once the place works again."""
    site, put = Site(), KeptInStore.put_flow
    tries: list[object] = []

    def failing_at_first(kept: KeptInStore, context: RequestorContext, post: KeptPost) -> Any:
        tries.append(post)
        return failing_flow() if len(tries) < 5 else put(kept, context, post)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", failing_at_first)
        site.answer()
    site.act = work
    assert site.shop.replay() == [""]
    assert site.handled == ["17 DONE"]


def test_a_place_that_stays_away_is_named() -> None:
    """If the post cannot be kept after several tries, the application's error says so."""
    site = Site()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", failing_flow)
        site.answer()
    [error] = site.shop.failures
    assert isinstance(error, LookupError)
    assert "The post was not kept, because the place for it failed." in error.__notes__


def test_a_delivered_outcome_is_not_kept_if_its_record_fails() -> None:
    """A store that fails after the delivery makes the reply an error, and keeps no post."""
    site = Site()

    def break_store(_: object) -> None:
        patched.setattr(MemoryStore, "put_if_absent", fail_with(OSError()))

    site.act = break_store
    with pytest.MonkeyPatch.context() as patched:
        site.answer()
    assert site.shop.statuses == [500]
    assert site.handled == ["17 DONE"]
    assert site.shop.replay() == []


def test_a_key_that_is_put_back_opens_what_it_sealed() -> None:
    """A replay without the key says so and keeps the post, and one with the key delivers it."""
    site = Site()
    site.answer()
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Sealer, "unseal", Sealer([new_sealing_key()]).unseal)
        [problem] = site.shop.replay()
    assert "put back the key" in problem
    assert site.shop.replay() == [""]


@MODES
def test_a_receiver_says_what_it_needs_to_keep_posts(mode: str) -> None:
    """A wrong place, one of the other mode, and unsigned posts are refused when it is made."""
    shop, other = Shop(mode), Shop("async" if mode == "sync" else "sync")
    settings: Any = {"sealer": shop.sealer, "store": shop.store, "deliver": work}
    kind: Any = type(shop.receiver)
    for kept in (shop.store, KeptInStore(other.store)):
        with pytest.raises(ConfigurationError, match=r"kept|store"):
            kind(shop.requestor, PAGE, kept=kept, **settings)
    with pytest.raises(ConfigurationError, match="kept: is missing"):
        shop.replay()
    unsigned = Shop(mode, unsigned=True)
    more: Any = {"accept_unsigned": True, "run_later": work, "kept": KeptInStore(shop.store)}
    with pytest.raises(ConfigurationError, match="kept: only signed posts"):
        kind(unsigned.requestor, PAGE, **more, **settings)


class Places:
    """A store and its places for posts, without a receiver."""

    def __init__(self) -> None:
        self.transport = ScriptedTransport()
        server = ServerUrl.parse("https://irma.example")
        self.context = RequestorContext(server, self.transport.clock, jitter=lambda: 0.0)
        self.store = memory_store(self.transport.clock)
        self.kept = KeptInStore(self.store)

    def play(self, flow: Flow[Any]) -> Any:
        return run(flow, self.transport)

    def put(self, number: int) -> KeptPost | None:
        name = f"{number * 2654435761 % 2**32:08x}" * 8  # Knuth's multiplicative hash
        post = KeptPost(name, "f" * 12, datetime(2026, 11, 23, tzinfo=UTC), "sealed")
        kept: KeptPost | None = self.play(self.kept.put_flow(self.context, post))
        return kept

    def listed(self) -> list[KeptPost]:
        posts: list[KeptPost] = self.play(self.kept.list_flow(self.context))
        return posts


def test_a_store_holds_a_limited_number_of_posts() -> None:
    """About two thousand posts are kept, and those after them are refused."""
    places = Places()
    kept = [places.put(number) for number in range(3000)]
    assert None not in kept[:1000]
    assert kept[-1] is None
    listed = places.listed()
    assert 1900 < len(listed) <= 2048
    assert set(listed) == {post for post in kept if post is not None}


def test_equal_posts_take_one_place() -> None:
    """A post with the name of a kept one takes no place of its own."""
    places = Places()
    first = places.put(1)
    assert first is not None
    other = attrs.evolve(first, sealed="again", place="")
    assert places.play(places.kept.put_flow(places.context, other)) == first
    assert places.listed() == [first]


def test_a_post_in_the_place_of_another_is_left_alone() -> None:
    """A place that was given to another post no longer holds the first one."""
    places = Places()
    first = places.put(1)
    assert first is not None
    other = attrs.evolve(first, sealed="another")
    assert places.play(places.kept.holds_flow(places.context, first))
    assert not places.play(places.kept.holds_flow(places.context, other))


@pytest.mark.parametrize(
    "value", [b"", b"a b c", b"a b c d", b"a b 9999999999999999999 d", b"\xff"]
)
def test_what_another_program_has_put_there_is_passed_over(value: bytes) -> None:
    """A value that is no kept post is neither listed nor replaced."""
    places = Places()
    for number in range(2048):
        places.store.put_if_absent(f"irma-kept-callback:{number}", value, timedelta(days=1))
    assert places.listed() == []
    assert places.put(1) is None


def fail_with(error: Any) -> Callable[..., Any]:
    """Return a function that raises an error."""

    def raising(*_: object) -> Any:
        raise error("made up") if isinstance(error, type) else error

    return raising


def failing_flow(*_: object) -> Flow[Any]:
    """Fail like a store that is down."""
    return iter(Call(fail_with(OSError()), 0.0, callee="store", failure=StoreError))


def test_status_of_a_replayed_outcome_is_that_of_the_post() -> None:
    """An outcome without an answer is kept and replayed as well."""
    site = Site()
    statuses: list[SessionStatus] = []
    site.shop.app.refuse(site.shop.start(reference="17").pointer)
    site.act = lambda outcome: statuses.append(outcome.status)
    assert site.shop.replay() == [""]
    assert statuses == [SessionStatus.CANCELLED]
