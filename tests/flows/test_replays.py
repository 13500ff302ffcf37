"""Kept posts are replayed: each outcome is delivered once, however late the replay is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_core.callbacks.kept_posts import KeptInStore, KeptPost
from irma_core.errors import SessionGoneError, StoreError
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow
from tests.flows.changed_posts import changed, forged
from tests.flows.keeping import (
    CLAIM,
    DAY,
    FORGOTTEN,
    WEEK,
    Site,
    fail,
    fail_with,
    stored_posts,
    unreadable,
    unverifiable,
    work,
)
from tests.modes import MODES


@MODES
def test_a_replay_during_a_replay_delivers_nothing_twice(mode: str) -> None:
    """A replay leaves alone a post that another replay is delivering."""
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
def test_a_slow_replay_delivers_nothing_twice(mode: str) -> None:
    """A replay delivers no post that was removed after the replay listed it, however late."""
    site = Site(mode)
    site.answer("17")
    site.clock.advance(timedelta(seconds=1))
    site.answer("18")

    def replay_meanwhile(_: object) -> None:
        site.act = work
        assert site.shop.replay()[1] == ""
        site.clock.advance(DAY)

    site.act = replay_meanwhile
    assert site.shop.replay() == ["", ""]
    assert site.handled == ["18 DONE", "17 DONE"]


@MODES
def test_a_post_whose_removal_failed_is_removed_later(mode: str) -> None:
    """If a post could not be removed after its delivery, a replay days later only removes it."""
    site = Site(mode)
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(site.shop.store), "delete", fail_with(OSError()))
        site.answer()
    assert site.shop.statuses == [204]
    assert site.shop.replay() == [""]  # the delivery's claim has not expired
    site.clock.advance(WEEK - timedelta(minutes=1))
    assert site.shop.replay() == [""]
    assert site.shop.replay() == []
    assert site.handled == ["17 DONE"]


@MODES
def test_a_post_that_was_kept_unnoticed_is_not_delivered_again(mode: str) -> None:
    """If the store keeps a post but its reply is lost, a replay days later only removes it."""
    site = Site(mode)
    site.act = work
    put = KeptInStore.put_flow

    def lose_reply(kept: KeptInStore, context: RequestorContext, post: KeptPost) -> Flow[Any]:
        yield from put(kept, context, post)
        raise StoreError("the reply was lost")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", lose_reply)
        site.answer()
    site.clock.advance(DAY)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 DONE"]


@MODES
def test_a_repeated_unverified_post_is_delivered_once(mode: str) -> None:
    """If the server repeats a post that was kept unverified, the outcome is delivered once."""
    site = Site(mode)
    site.act = work
    with unverifiable():
        site.answer()
    site.shop.post(site.shop.server.posted[-1])
    site.clock.advance(DAY)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 DONE"]


@MODES
def test_a_contradicting_post_is_not_delivered_days_later(mode: str) -> None:
    """After `DONE` was delivered, a replay removes a `CANCELLED` that was kept unverified."""
    site = Site(mode)
    site.act = work
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    with unverifiable():
        site.shop.post(forged(site.shop, session, "CANCELLED"))
    site.clock.advance(DAY)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 DONE"]
    assert site.shop.replay() == []


@MODES
def test_a_leaked_url_is_useless_days_later(mode: str) -> None:
    """A stranger's session that was posted to another session's URL is refused by a late replay."""
    site = Site(mode)
    site.act = work
    victim = site.shop.start(reference="17")
    site.shop.app.accept(victim.pointer)
    stranger = site.shop.done(site.shop.requestor.start_session(victim.request))
    with unverifiable():
        site.shop.app.accept(stranger.pointer)
    site.clock.advance(DAY)
    assert "(session)" in site.shop.replay()[0]
    assert site.handled == ["17 DONE"]


@MODES
def test_a_replay_delivers_the_outcome_that_the_server_stored(mode: str) -> None:
    """If `DONE` and `CANCELLED` both failed, a replay delivers the one that the server stored."""
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
    """If `DONE` failed and `CANCELLED` was delivered, a replay delivers `DONE` as well."""
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
@pytest.mark.parametrize("minutes", [1, 4, 10])
def test_a_replay_works_after_the_server_forgot_the_session(mode: str, minutes: int) -> None:
    """A replay delivers the server's outcome, whether or not the server remembers the session."""
    site = Site(mode)
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    site.act = work
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    site.clock.advance(timedelta(minutes=minutes))
    assert site.shop.replay() == [""]
    assert site.handled == ["17 CANCELLED", "17 DONE"]


@MODES
def test_an_answer_is_kept_while_the_server_cannot_decide(mode: str) -> None:
    """A `DONE` after a delivered `CANCELLED` is kept until the server can say which is true."""
    site = Site(mode)
    site.act = work
    session = site.shop.start(reference="17")
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    site.shop.app.accept(session.pointer)
    assert site.shop.statuses == [204, 503]
    site.clock.advance(CLAIM)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 CANCELLED", "17 DONE"]


@MODES
def test_an_answer_that_fails_after_another_outcome_is_kept(mode: str) -> None:
    """If the function fails with the outcome that the server stored, a replay delivers it."""
    site = Site(mode)
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    site.act = work
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    site.act = fail
    assert site.shop.post(site.shop.server.posted[-1]).status == 500
    site.act = work
    assert site.shop.replay() == [""]
    assert site.handled == ["17 CANCELLED", "17 DONE"]
    assert site.shop.replay() == []


@MODES
def test_an_answer_is_kept_while_another_outcome_is_handled(mode: str) -> None:
    """While the function handles `CANCELLED`, the `DONE` that follows is refused and kept."""
    site = Site(mode)
    session = site.shop.start(reference="17")

    def accept_meanwhile(_: object) -> None:
        site.act = work
        site.shop.app.accept(session.pointer)

    site.act = accept_meanwhile
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    assert site.shop.statuses == [503, 204]
    site.clock.advance(CLAIM)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 CANCELLED", "17 DONE"]


@MODES
def test_a_post_after_a_dead_process_is_kept(mode: str) -> None:
    """If a process dies before it has kept its post, the server's next post is refused and kept."""
    site = Site(mode)
    session = site.shop.start(reference="17")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "put_flow", fail_with(GeneratorExit()))
        with pytest.raises(GeneratorExit):
            site.shop.app.accept(session.pointer)
    site.act = work
    assert site.shop.post(site.shop.server.posted[-1]).status == 503
    site.clock.advance(CLAIM)
    assert site.shop.replay() == [""]
    assert site.handled == ["17 DONE"]


@MODES
def test_a_replay_says_that_another_one_asks_the_server(mode: str) -> None:
    """While another process asks the server about a post, a replay does not call it delivered."""
    site = Site(mode)
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    site.act = work
    site.shop.post(forged(site.shop, session, "CANCELLED"))
    others: list[str] = []

    def replay_meanwhile(_: object) -> None:
        site.act = work
        others.extend(site.shop.replay())

    site.act = replay_meanwhile
    assert site.shop.replay() == [""]
    assert ["busy" in other for other in others] == [True]
    assert site.handled == ["17 CANCELLED", "17 DONE"]


@MODES
def test_a_post_that_the_store_has_lost_is_not_called_delivered(mode: str) -> None:
    """If a post disappears after a replay has listed it, the replay reports this."""
    site = Site(mode)
    site.answer()
    listing = KeptInStore.list_flow

    def list_and_lose(kept: KeptInStore, context: RequestorContext) -> Flow[Any]:
        posts, unreadable = yield from listing(kept, context)
        for each in posts:
            yield from kept.delete_flow(context, each)
        return posts, unreadable

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeptInStore, "list_flow", list_and_lose)
        assert "(gone)" in site.shop.replay()[0]


@MODES
def test_a_place_that_cannot_be_read_stops_nothing_else(mode: str) -> None:
    """A replay delivers what it can read, and then raises an error that names the place."""
    site = Site(mode)
    site.answer("17")
    site.act = lambda outcome: fail(outcome) if outcome.reference == "18" else work(outcome)
    site.answer("18")
    with unreadable(1), pytest.raises(StoreError) as caught:
        site.shop.replay()
    assert site.handled == ["17 DONE"]
    place, problem = caught.value.__notes__
    assert "irma-kept-callback:" in place
    assert "LookupError was raised" in problem
    assert len(site.shop.replay()) == 1


@MODES
def test_a_failing_store_stops_a_replay(mode: str) -> None:
    """A replay stops after a few places of a failing store, and does not try all 2048."""
    site = Site(mode)
    with unreadable(2048) as tried, pytest.raises(StoreError):
        site.shop.replay()
    assert len(tried) < 20


def site_with_made_up_post(mode: str) -> Site:
    """Return a site that keeps a stranger's post, and whose function works again."""
    site = Site(mode)
    site.answer()
    with unverifiable():
        site.shop.post(changed(site.shop.server.posted[-1], body=b"made up"))
    site.act = work
    return site


@MODES
def test_a_made_up_post_is_dropped(mode: str) -> None:
    """A body that was kept unverified, and is not a JWT, is deleted and not reported."""
    site = site_with_made_up_post(mode)
    assert site.shop.replay() == [""]
    assert stored_posts(site) == 0


@MODES
def test_a_post_that_another_replay_drops_is_left_to_it(mode: str) -> None:
    """A replay does not delete a made-up post whose deletion another replay has claimed."""
    site = site_with_made_up_post(mode)
    store = site.shop.store
    values = [site.shop.done(store.get(f"irma-kept-callback:{place}")) for place in range(2048)]
    names = [value.split()[0].decode() for value in values if value is not None]
    assert len(names) == 2
    for name in names:
        claim = f"irma-kept-callback:{name}:drop:claim"
        assert site.shop.done(store.put_if_absent(claim, b"claimed", DAY))
    assert site.shop.replay() == [""]
    assert stored_posts(site) == 1


@MODES
def test_a_contradicting_post_of_a_forgotten_session_fails(mode: str) -> None:
    """A post that contradicts a delivered outcome fails if the server forgot the session."""
    site = Site(mode)
    site.act = work
    session = site.shop.start(reference="17")
    site.shop.app.accept(session.pointer)
    site.clock.advance(FORGOTTEN)
    assert site.shop.post(forged(site.shop, session, "CANCELLED")).status == 500
    assert isinstance(site.shop.failures[-1], SessionGoneError)
    assert site.handled == ["17 DONE"]


class Backend:
    """A status backend that counts what is published."""

    count = 0

    def publish(self, *_: object) -> None:
        """Count."""
        self.count += 1

    def wait(self, *_: object) -> None:
        """Find nothing."""

    def close(self) -> None:
        """Do nothing."""


def test_a_failing_removal_does_not_stop_the_publication() -> None:
    """Watchers are notified of a delivered outcome even if its post cannot be removed."""
    backend = Backend()
    site = Site(status_backend=backend)
    site.act = work
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(site.shop.store), "delete", fail_with(OSError()))
        site.answer()
    assert backend.count == 1
