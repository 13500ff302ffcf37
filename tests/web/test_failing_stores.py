"""A store that fails at each step of a login: no login runs twice, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from irma_testing import InMemoryServer
from tests.modes import MODES
from tests.web.site import Site
from tests.web.stores import FailingStore, failing_store

STEPS = ["put", "delete", "put", "get", "put", "put", "get", "delete"]
"""The calls of a start (a slot, its old handle, its handle) and of a finish (the outcome of an
earlier call, the claim, the outcome, and the slot)."""
AT_START = 3
CLAIM, OUTCOME = 4, 5
LATE = pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
"""Whether a failing call took effect before it failed."""


def login_site(mode: str) -> tuple[Site, FailingStore]:
    """Return a website, and its store."""
    server = InMemoryServer()
    store, given = failing_store(mode, server.clock)
    return Site(mode, server=server, store=given), store


@MODES
def test_the_steps_of_a_login(mode: str) -> None:
    """A login makes exactly these calls to the store, so the tests below let each of them fail."""
    site, store = login_site(mode)
    browser = site.browser()
    assert browser.finish(browser.started()).status == 200
    assert store.calls == STEPS


@MODES
@LATE
@pytest.mark.parametrize("step", range(len(STEPS)))
def test_a_momentary_failure_is_not_noticed(mode: str, step: int, is_late: bool) -> None:
    """A single failed call is repeated: the person is logged in once, without an error."""
    site, store = login_site(mode)
    store.fails = lambda number: number == step
    store.is_late = is_late
    browser = site.browser()
    reply = browser.start()
    assert reply.status == 200
    site.app.accept(reply.pointer)
    assert browser.finish(reply.handle).status == 200
    assert len(site.logins) == 1
    assert len(site.server.open_sessions()) == 0


@MODES
@LATE
@pytest.mark.parametrize("step", range(len(STEPS)))
def test_a_failure_of_five_seconds_is_not_noticed(mode: str, step: int, is_late: bool) -> None:
    """If a store is down for five seconds, the call waits for the store."""
    site, store = login_site(mode)
    since: list[float] = []

    def fails(number: int) -> bool:
        if number == step:
            since.append(site.clock.monotonic())
        return bool(since) and site.clock.monotonic() < since[0] + 5

    store.fails, store.is_late = fails, is_late
    browser = site.browser()
    reply = browser.start()
    assert reply.status == 200
    site.app.accept(reply.pointer)
    first = browser.finish(reply.handle)
    assert (first.status, len(site.logins)) == (200, 1)
    again = browser.finish(reply.handle)
    assert (again.status, len(site.logins)) == (200, 1)
    assert again.finished.value == first.finished.value


@MODES
@pytest.mark.parametrize("step", range(len(STEPS)))
def test_a_longer_failure_is_a_503_that_can_be_repeated(mode: str, step: int) -> None:
    """If a store is down for longer, the page receives a 503, and a repeat finishes the login."""
    site, store = login_site(mode)
    is_away: list[bool] = [False]
    store.fails = lambda number: number >= step and is_away[0]
    browser = site.browser()
    is_away[0] = step < AT_START
    reply = browser.start()
    if step < AT_START:
        assert (reply.status, reply.code, reply.again) == (503, "store_unavailable", "start")
        assert reply.response.header("retry-after") == "2"
        assert not site.server.open_sessions()
        is_away[0] = False
        reply = browser.start()
    site.app.accept(reply.pointer)
    is_away[0] = True
    finish = browser.finish(reply.handle)
    is_away[0] = False
    if step <= CLAIM:
        assert (finish.status, finish.code, finish.again) == (503, "store_unavailable", "finish")
        assert not site.logins
        finish = browser.finish(reply.handle)
    # once the login has run, the page receives its success, even if the store fails
    assert (finish.status, len(site.logins)) == (200, 1)
    browser.finish(reply.handle)
    assert len(site.logins) == 1


@MODES
def test_a_login_whose_outcome_could_not_be_stored(mode: str) -> None:
    """If an outcome could not be stored, a repeat of the login is reported as interrupted."""
    site, store = login_site(mode)
    store.fails = lambda number: number >= OUTCOME
    browser = site.browser()
    reply = browser.start()
    site.app.accept(reply.pointer)
    assert browser.finish(reply.handle).status == 200
    store.fails = lambda _number: False
    assert browser.finish(reply.handle).code == "busy"
    site.server.pass_time(timedelta(seconds=30))
    late = browser.finish(reply.handle)
    assert (late.status, late.code, late.again) == (409, "interrupted", "start")
    assert len(site.logins) == 1


@MODES
def test_an_unconfirmed_claim_allows_no_second_login(mode: str) -> None:
    """If the reply to a claim was lost and the store stays down, the login ends as interrupted."""
    site, store = login_site(mode)
    browser = site.browser()
    reply = browser.start()
    site.app.accept(reply.pointer)
    store.fails = lambda number: number >= CLAIM
    store.is_late = True
    assert browser.finish(reply.handle).code == "store_unavailable"
    store.fails = lambda _number: False
    site.server.pass_time(timedelta(seconds=30))
    assert browser.finish(reply.handle).code == "interrupted"
    assert not site.logins


@MODES
def test_a_claim_of_an_unknown_version(mode: str) -> None:
    """A claim of an unknown version counts as an interrupted login of long ago."""
    site, store = login_site(mode)
    put = store.put_if_absent

    def put_after_another(key: str, value: bytes, lifetime: timedelta) -> bool:
        if key.endswith(":claim"):
            put(key, b"of another version", lifetime)
        return put(key, value, lifetime)

    store.put_if_absent = put_after_another  # type: ignore[method-assign]
    browser = site.browser()
    assert browser.finish(browser.started()).code == "interrupted"
    assert not site.logins


@MODES
def test_a_store_that_contradicts_itself(mode: str) -> None:
    """A broken store that contradicts itself is reported, and the session is cancelled."""
    site, store = login_site(mode)
    store.put_if_absent = lambda *_: False  # type: ignore[method-assign]
    reply = site.browser().start()
    assert reply.code == "store_unavailable"
    assert not site.server.open_sessions()


@MODES
def test_a_slot_whose_start_failed_is_free(mode: str) -> None:
    """A start that fails leaves its slot free, so failures do not use up the slots."""
    site, store = login_site(mode)
    browser = site.browser()
    reply = browser.start()
    browser.send("cancel", "login", {"handle": reply.handle})
    store.calls.clear()
    is_away = [True]
    store.fails = lambda number: number >= 2 and is_away[0]
    assert browser.start().code == "store_unavailable"
    is_away[0] = False
    assert not site.server.open_sessions()
    # the store was down when the slot should have been freed, so this start uses the next one
    slot, _ = browser.started_on_phone()
    assert slot % 100 == 1
