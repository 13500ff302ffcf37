"""Posts are kept until they are delivered, in both modes; `test_replays` is about replays.

The contract of web adapters tests the whole course of a failed callback; this module tests
what the contract cannot see.
"""

from __future__ import annotations

import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from irma_backend.memory_store import MemoryStore
from irma_core import FetchedServerKey, Sealer, SessionStatus, new_sealing_key
from irma_core.callbacks.kept_posts import KeptInStore, KeptPost, open_kept_post
from irma_core.errors import ConfigurationError
from irma_core.flows.context import RequestorContext
from irma_core.flows.driver import run
from irma_core.flows.effects import Flow
from irma_core.protocol.server_url import ServerUrl
from irma_testing import ScriptedTransport
from tests.flows.changed_posts import changed
from tests.flows.keeping import (
    CLAIM,
    DAY,
    WEEK,
    Site,
    fail,
    fail_with,
    failing_flow,
    stored_posts,
    unverifiable,
    work,
)
from tests.flows.shop import PAGE, Shop
from tests.memory_stores import memory_store
from tests.modes import MODES


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
    """A note on the application's error says whether the post is kept, and shows nothing of it."""
    site = Site(mode)
    site.answer()
    [error] = site.shop.failures
    assert isinstance(error, LookupError)
    assert "The post is kept for 7 days; a replay delivers it." in error.__notes__


@MODES
def test_a_post_that_could_not_be_verified_is_kept(mode: str) -> None:
    """If the server's key cannot be fetched, the post is kept, and verified by the replay."""
    site = Site(mode, server_key=FetchedServerKey())
    site.act = work
    session = site.shop.start(reference="17")
    with unverifiable():
        site.shop.app.accept(session.pointer)
    assert site.handled == []
    assert [each.session for each in site.shop.done(site.shop.receiver.replay())] == ["unknown"]
    assert site.handled == ["17 DONE"]


def test_a_stranger_with_a_url_fills_four_places() -> None:
    """Unverifiable posts to one URL take four places at most, whatever the URL's path is."""
    site = Site()
    site.answer()
    post = site.shop.server.posted[-1]
    sealed = post.url.removeprefix(f"{PAGE}/")
    with unverifiable():
        for number in range(20):
            site.shop.post(changed(post, body=b"%d" % number))
            site.shop.post(changed(post, url=f"{PAGE}/{number}/{sealed}", body=b"%d" % number))
    assert "there is no room" in site.shop.failures[-1].__notes__[-1]
    assert stored_posts(site) == 1 + 4


def test_a_stranger_leaves_room_for_answers() -> None:
    """While the application's function fails, cancelled sessions take at most half the places."""
    places = Places()
    kept = [places.put(number, is_done=False) for number in range(3000)]
    assert kept[-1] is None
    assert len(places.listed()) == 1024
    assert all(int(each.place.rpartition(":")[2]) % 2 == 0 for each in places.listed())
    assert None not in [places.put(number) for number in range(3000, 3500)]


def test_a_full_place_is_tried_once() -> None:
    """If the store has no room for a post, the receiver does not try again to keep it."""
    site = Site()
    tries: list[object] = []

    def full(kept: KeptInStore, context: RequestorContext, post: KeptPost) -> Flow[None]:
        tries.append(post)
        yield from ()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", full)
        site.answer()
    assert len(tries) == 1
    assert "there is no room" in site.shop.failures[-1].__notes__[-1]


def test_a_slow_place_is_not_tried_for_long() -> None:
    """A store that fails slowly is tried for three seconds only, because the app is waiting."""
    site = Site()
    tries: list[object] = []

    def slow(*_: object) -> Flow[Any]:
        tries.append(None)
        site.clock.advance(timedelta(seconds=2))
        return failing_flow()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", slow)
        site.answer()
    assert len(tries) == 1 + 2  # before the function is called, and twice after it has failed


def test_an_error_that_the_application_shares_gets_one_note() -> None:
    """An error that is raised for several callbacks has one note that its posts are kept."""
    site = Site()
    shared = LookupError("no order")

    def raise_shared(_: object) -> None:
        raise shared

    site.act = raise_shared
    for number in range(3):
        site.answer(f"{number}")
    assert len(shared.__notes__) == 1
    assert len(site.shop.replay()) == 3


def test_an_error_without_room_for_notes_is_raised_unchanged() -> None:
    """An error that refuses attributes is raised all the same, and its post is kept."""
    site = Site()
    site.act = raise_frozen
    site.answer()
    [error] = site.shop.failures
    assert isinstance(error, FrozenError)
    assert site.shop.replay() == ["FrozenError was raised"]


LARGE = "".join(random.Random(1).choices(string.printable, k=1024 * 1024))
"""A string as large as a post may be, which hardly compresses."""


@pytest.mark.parametrize("body", ["é".encode(), LARGE.encode()], ids=["not ASCII", "large"])
def test_a_useless_body_is_not_kept(body: bytes) -> None:
    """A body that is not a JWT, or is too large, is not kept, and the error says so."""
    site = Site()
    site.answer()
    with unverifiable():
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
    """If the function and the store fail together, the post is kept once the store works again."""
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


def test_a_place_that_keeps_failing_is_named() -> None:
    """If the post cannot be kept after several tries, the application's error says so."""
    site = Site()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", failing_flow)
        site.answer()
    [error] = site.shop.failures
    assert isinstance(error, LookupError)
    assert "The post was not kept, because storing it failed." in error.__notes__


def test_an_unrecorded_delivery_leaves_no_kept_post() -> None:
    """If a delivery cannot be recorded, its post is removed as soon as the store works again."""
    site = Site()
    delete = MemoryStore.delete
    tries: list[str] = []

    def fail_at_first(store: MemoryStore, key: str) -> None:
        tries.append(key)
        if len(tries) < 4:
            raise OSError
        delete(store, key)

    def break_store(_: object) -> None:
        patched.setattr(MemoryStore, "put_if_absent", fail_with(OSError()))
        patched.setattr(MemoryStore, "delete", fail_at_first)

    site.act = break_store
    with pytest.MonkeyPatch.context() as patched:
        site.answer()
    assert site.shop.statuses == [500]
    assert site.handled == ["17 DONE"]
    assert site.shop.replay() == []


def test_a_post_can_be_replayed_until_the_week_ends() -> None:
    """A post is delivered until the week ends, although its time is sealed in whole seconds."""
    site = Site()
    site.clock.advance(timedelta(milliseconds=900))
    site.answer()
    site.act = work
    site.clock.advance(WEEK - timedelta(milliseconds=500))
    assert site.shop.replay() == [""]


def test_a_replay_does_not_delete_old_posts() -> None:
    """A replay with a clock that is ahead keeps old posts; the store deletes them a day later."""
    site = Site()
    site.answer()
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        now = site.clock.now() + WEEK

        def ahead(_: object) -> datetime:
            return now

        patched.setattr(type(site.clock), "now", ahead)
        assert "too old" in site.shop.replay()[0]
    assert site.shop.replay() == [""]
    site.act = fail
    site.answer()
    site.clock.advance(WEEK + DAY)
    assert site.shop.replay() == []


def test_a_sealed_value_of_another_format_is_not_opened() -> None:
    """A value that a later version of the library sealed in another form is not opened."""
    sealer = Sealer([new_sealing_key()])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    sealed = sealer.seal([1], purpose="kept callback", now=now, lifetime=WEEK)
    assert open_kept_post(KeptPost("a" * 64, "unknown", now, sealed), sealer, now) is None


def test_a_restored_key_opens_the_kept_post() -> None:
    """A replay without the key reports this and keeps the post; one with the key delivers it."""
    site = Site()
    site.answer()
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Sealer, "unseal", Sealer([new_sealing_key()]).unseal)
        [problem] = site.shop.replay()
    assert "put back the key" in problem
    assert site.shop.replay() == [""]


@MODES
def test_wrong_settings_for_keeping_posts_are_refused(mode: str) -> None:
    """A receiver refuses to keep posts in a wrong place or in the other mode, or unsigned ones."""
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


class FrozenError(Exception):
    """An error that refuses notes."""

    def add_note(self, _note: str, /) -> None:
        """Refuse."""
        raise AttributeError("frozen")


def raise_frozen(_: object) -> None:
    """Fail as an application whose errors are frozen."""
    raise FrozenError


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

    def put(self, number: int, *, is_done: bool = True) -> KeptPost | None:
        name = f"{number * 2654435761 % 2**32:08x}" * 8  # Knuth's multiplicative hash
        at = datetime(2026, 11, 23, tzinfo=UTC)
        post = KeptPost(name, "f" * 12, at, "sealed", is_done=is_done)
        kept: KeptPost | None = self.play(self.kept.put_flow(self.context, post))
        return kept

    def listed(self) -> list[KeptPost]:
        posts: list[KeptPost]
        posts, unreadable = self.play(self.kept.list_flow(self.context))
        assert unreadable is None
        return posts


def test_a_store_holds_a_limited_number_of_posts() -> None:
    """A store keeps about two thousand posts, and refuses any more."""
    places = Places()
    kept = [places.put(number) for number in range(3000)]
    assert None not in kept[:1000]
    assert kept[-1] is None
    listed = places.listed()
    assert 1900 < len(listed) <= 2048
    assert set(listed) == {post for post in kept if post is not None}


def test_equal_posts_take_one_place() -> None:
    """A post with the name of a kept post takes no second place."""
    places = Places()
    first = places.put(1)
    assert first is not None
    other = attrs.evolve(first, sealed="again", place="")
    assert places.play(places.kept.put_flow(places.context, other)) == first
    assert places.listed() == [first]


def test_a_place_with_another_post_does_not_count() -> None:
    """A place that holds another post of the same name does not count as holding the first."""
    places = Places()
    first = places.put(1)
    assert first is not None
    other = attrs.evolve(first, sealed="another")
    assert places.play(places.kept.holds_flow(places.context, first))
    assert not places.play(places.kept.holds_flow(places.context, other))


NAME = b"0" * 64


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"a b c d",
        b"GET \x1b[2J 17 x",
        NAME + b" b c d",
        NAME + b" \x1b[2J 17 d",
        NAME + b" b 9999999999999999999 d",
    ],
)
def test_a_value_of_another_program_is_left_alone(value: bytes) -> None:
    """A value of another program in a place for posts is neither listed nor replaced."""
    places = Places()
    for number in range(2048):
        places.store.put_if_absent(f"irma-kept-callback:{number}", value, timedelta(days=1))
    assert places.listed() == []
    assert places.put(1) is None


def test_an_outcome_without_an_answer_is_replayed() -> None:
    """An outcome without an answer is kept and replayed as well."""
    site = Site()
    statuses: list[SessionStatus] = []
    site.shop.app.refuse(site.shop.start(reference="17").pointer)
    site.act = lambda outcome: statuses.append(outcome.status)
    assert site.shop.replay() == [""]
    assert statuses == [SessionStatus.CANCELLED]
