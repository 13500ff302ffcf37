"""A browser has numbered slots for its sessions, so tabs work in parallel and none is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from irma_core import SessionStatus
from irma_core.errors import ConnectionFailedError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from tests.modes import MODES
from tests.web.site import SITE, Site, slot_in
from tests.web.stores import failing_store


@MODES
def test_ten_tabs_at_once(site: Site) -> None:
    """Ten tabs of one browser log in, each with its own session, and finish in any order."""
    browser = site.browser()
    handles = [browser.started("login" if number % 2 else "adult") for number in range(10)]
    for number in (*range(1, 10, 2), *range(0, 10, 2)):
        name = "login" if number % 2 else "adult"
        assert browser.finish(handles[number], name).status == 200
    assert len({login.answer.token.reveal() for login in site.logins}) == 10
    assert len(browser.set_cookies) == 1


@MODES
def test_one_session_too_many_cancels_the_oldest(mode: str) -> None:
    """If a browser has three slots, its fourth session replaces the first one and no other."""
    site = Site(mode, sessions_per_browser=3)
    browser = site.browser()
    replies = []
    for _ in range(4):
        replies.append(browser.start())
        site.server.pass_time(timedelta(seconds=1))
    states = [
        browser.send("status", "login", {"handle": reply.handle}).json["status"]
        for reply in replies
    ]
    assert states == ["CANCELLED", "INITIALIZED", "INITIALIZED", "INITIALIZED"]
    assert browser.finish(replies[0].handle).code == "cancelled"
    site.app.accept(replies[3].pointer)
    assert browser.finish(replies[3].handle).status == 200


@MODES
def test_one_browsers_slots_do_not_affect_another(mode: str) -> None:
    """A browser that uses all of its slots does not affect another browser."""
    site = Site(mode, sessions_per_browser=1)
    one, other = site.browser(), site.browser()
    handle = one.start().handle
    other.start()
    other.start()
    assert one.send("status", "login", {"handle": handle}).json == {"status": "INITIALIZED"}


@MODES
def test_a_finish_frees_its_slot(mode: str) -> None:
    """With one slot, a browser can log in any number of times, and no session is cancelled."""
    site = Site(mode, sessions_per_browser=1)
    browser = site.browser()
    for _ in range(3):
        assert browser.finish(browser.started()).status == 200
    assert len(site.logins) == 3


@MODES
def test_a_cancel_frees_its_slot(mode: str) -> None:
    """The slot of a cancelled session is free for the next one."""
    site = Site(mode, sessions_per_browser=2)
    browser = site.browser()
    kept = browser.start()
    browser.send("cancel", "login", {"handle": browser.start().handle})
    browser.start()
    assert browser.send("status", "login", {"handle": kept.handle}).json["status"] == "INITIALIZED"


@MODES
def test_a_late_cancel_does_not_free_the_slot_of_a_later_session(mode: str) -> None:
    """A late cancel does not free the slot of its session once a later session has that slot."""
    site = Site(mode, sessions_per_browser=1)
    browser = site.browser()
    first, second = browser.start(), browser.start()
    assert browser.send("cancel", "login", {"handle": first.handle}).status == 200
    site.server.pass_time(timedelta(seconds=1))
    third = browser.start()
    states = [
        browser.send("status", "login", {"handle": each.handle}).json["status"]
        for each in (second, third)
    ]
    assert states == ["CANCELLED", "INITIALIZED"]


@MODES
def test_a_repeat_by_the_number_finds_a_finished_session(site: Site) -> None:
    """A page that has only the number receives the outcome again, until the slot is reused."""
    browser = site.browser()
    slot, _ = browser.started_on_phone()
    assert browser.finish(None, slot=slot).status == 200
    again = browser.finish(None, slot=slot)
    assert (again.status, again.finished.is_repeat) == (200, True)
    browser.start()
    assert browser.finish(None, slot=slot).code == "handle_invalid"


@MODES
def test_abandoned_sessions_free_their_slots(mode: str) -> None:
    """An abandoned session blocks its slot for less than half an hour."""
    site = Site(mode, sessions_per_browser=1)
    browser = site.browser()
    handle = browser.start().handle
    site.server.pass_time(timedelta(minutes=25))
    late = browser.finish(handle)
    assert (late.status, late.code, late.again) == (410, "handle_expired", "start")
    assert browser.finish(browser.started()).status == 200


@MODES
def test_a_session_that_cannot_be_cancelled_loses_its_slot_too(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that cannot be cancelled loses its slot, and times out at the server."""
    site = Site(mode, sessions_per_browser=1)
    browser = site.browser()
    browser.start()
    handle = site.server.subscribe

    def refuse_cancelling(request: HttpRequest) -> object:
        if request.method == "DELETE":
            raise ConnectionFailedError(request.label, "refused", request_sent=False)
        return handle(request)

    monkeypatch.setattr(site.server, "handle", refuse_cancelling)
    assert browser.start().status == 200
    assert len(site.server.open_sessions()) == 2


@MODES
def test_a_failed_start_frees_its_slot(mode: str) -> None:
    """If the server refuses a start, its slot is free for the next start."""
    site = Site(mode, sessions_per_browser=1)
    browser = site.browser()
    kept = browser.start()
    assert browser.cookie is not None
    browser.send("cancel", "login", {"handle": kept.handle})
    away = InMemoryServer.handle

    def refuse(_server: InMemoryServer, request: HttpRequest) -> HttpResponse:
        raise ConnectionFailedError(request.label, "refused", request_sent=False)

    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(InMemoryServer, "handle", refuse)
        reply = browser.start()
        assert (reply.status, reply.code, reply.again) == (503, "server_unavailable", "start")
    assert InMemoryServer.handle is away
    assert browser.finish(browser.started()).status == 200


@MODES
def test_a_slot_with_an_unknown_value_is_not_blocked(mode: str) -> None:
    """A value of an unknown version in a slot does not block it."""
    server = InMemoryServer()
    store, given = failing_store(mode, server.clock)
    site = Site(mode, server=server, store=given, sessions_per_browser=2)
    browser = site.browser()
    kept = browser.start()
    put = store.put_if_absent
    foreign: list[str] = []

    def put_foreign(key: str, value: bytes, lifetime: timedelta) -> bool:
        if key.endswith(":1") and not foreign:
            foreign.append(key)
            put(key, b"of another version", lifetime)
        return put(key, value, lifetime)

    store.put_if_absent = put_foreign  # type: ignore[method-assign]
    assert browser.start().status == 200
    assert foreign
    assert browser.send("status", "login", {"handle": kept.handle}).json["status"] == "INITIALIZED"


@MODES
def test_a_start_avoids_slots_that_others_free(mode: str) -> None:
    """While another start frees a slot, this start uses the next oldest, or waits for a moment."""
    server = InMemoryServer()
    store, given = failing_store(mode, server.clock)
    site = Site(mode, server=server, store=given, sessions_per_browser=1)
    browser = site.browser()
    browser.start()
    put, get = store.put_if_absent, store.get
    refused: list[str] = []
    others = [3]

    def put_unless_taken(key: str, value: bytes, lifetime: timedelta) -> bool:
        if ":evicted:" in key and len(refused) < others[0]:
            refused.append(key)
            return False
        return put(key, value, lifetime)

    def get_taken_slots(key: str) -> bytes | None:
        return b"another start" if key in refused else get(key)

    store.put_if_absent = put_unless_taken  # type: ignore[method-assign]
    store.get = get_taken_slots  # type: ignore[method-assign]
    assert browser.start().status == 200
    assert len(refused) == 3
    others[0] = 10**6
    reply = browser.start()
    assert (reply.status, reply.code) == (503, "store_unavailable")


@MODES
def test_a_start_that_is_interrupted_leaves_nothing_behind(mode: str) -> None:
    """If a program is stopped during a start, the session is cancelled and the slot is freed."""
    server = InMemoryServer()
    store, given = failing_store(mode, server.clock)
    site = Site(mode, server=server, store=given, sessions_per_browser=1)
    browser = site.browser()
    browser.finish(browser.started())
    put = store.put_if_absent

    def interrupt(key: str, value: bytes, lifetime: timedelta) -> bool:
        if key.endswith(":handle"):
            raise KeyboardInterrupt
        return put(key, value, lifetime)

    store.put_if_absent = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        browser.start()
    assert not site.server.open_sessions()
    store.put_if_absent = put  # type: ignore[method-assign]
    assert browser.start().status == 200


@MODES
def test_a_start_whose_coroutine_is_destroyed_sends_nothing_more(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the coroutine of a start is destroyed, nothing is sent, and the slot stays in use."""
    site = Site(mode)

    def destroy(_request: HttpRequest) -> HttpResponse:
        raise GeneratorExit

    monkeypatch.setattr(site.server, "handle", destroy)
    with pytest.raises(GeneratorExit):
        site.browser().start()


def test_starts_in_parallel_have_slots_of_their_own() -> None:
    """If one browser starts sessions in parallel, each gets a slot, and none cancels another."""
    site = Site("sync", server=InMemoryServer(clock=SystemClock()), sessions_per_browser=8)
    browser = site.browser()
    browser.start()
    ready = threading.Barrier(6)
    request = browser.request("start/login", {})

    def start(_: int) -> HttpResponse:
        ready.wait()
        made: HttpResponse = site.sessions.start("login", request)
        return made

    with ThreadPoolExecutor(6) as pool:
        replies = [browser.read(each) for each in pool.map(start, range(6))]
    assert [reply.status for reply in replies] == [200] * 6
    for reply in replies:
        site.app.accept(reply.pointer)
    assert {browser.finish(reply.handle).status for reply in replies} == {200}
    assert len({login.answer.token.reveal() for login in site.logins}) == 6


def test_parallel_starts_in_one_slot_end_with_one_session() -> None:
    """Parallel starts that compete for a slot all get a reply, and the last one keeps the slot."""
    site = Site("sync", server=InMemoryServer(clock=SystemClock()), sessions_per_browser=2)
    browser = site.browser()
    for _ in range(2):
        browser.start()
    ready = threading.Barrier(4)
    request = browser.request("start/login", {})

    def start(_: int) -> HttpResponse:
        ready.wait()
        made: HttpResponse = site.sessions.start("login", request)
        return made

    with ThreadPoolExecutor(4) as pool:
        replies = [browser.read(each) for each in pool.map(start, range(4))]
    assert [reply.status for reply in replies] == [200] * 4


@MODES
def test_the_way_back_from_the_app_on_the_same_phone(site: Site) -> None:
    """The app returns to the page with a number in the fragment, which the page uses to finish."""
    browser = site.browser()
    browser.start()
    reply = browser.start(page="/login/?next=/x#old", same_device=True)
    scanned = site.app.scan(reply.pointer)
    url = scanned.request["clientReturnUrl"]
    assert url.startswith(f"{SITE}/login/?next=/x#irma-login-")
    slot = slot_in(url)
    assert slot < 2**53  # JavaScript can represent this number exactly
    scanned.accept()
    assert browser.finish(None, slot=slot, next="/x").json == {"next": "/x"}
    assert site.browser().finish(None, slot=slot).code == "no_cookie"


@MODES
def test_a_page_on_another_device_has_no_way_back(site: Site) -> None:
    """Without `same_device`, the app does not return to a page."""
    scanned = site.app.scan(site.browser().start(page="/login/").pointer)
    assert "clientReturnUrl" not in scanned.request


@MODES
def test_the_page_may_send_its_absolute_url(site: Site) -> None:
    """The page may send its own absolute URL."""
    reply = site.browser().start(page=f"{SITE}/login/", same_device=True)
    scanned = site.app.scan(reply.pointer)
    assert scanned.request["clientReturnUrl"].startswith(f"{SITE}/login/#irma-login-")


@MODES
@pytest.mark.parametrize(
    "page",
    [None, "", "https://evil.example/", "//evil.example", "javascript:alert(1)", "login/", 5, [1]],
)
def test_the_way_back_leads_to_the_same_site_only(site: Site, page: object) -> None:
    """The app never sends a person to another site, so such a start is refused."""
    reply = site.browser().start(page=page, same_device=True)
    assert (reply.status, reply.code) == (400, "body_invalid")
    assert not site.server.open_sessions()


@MODES
@pytest.mark.parametrize("flag", [0, 1, "true", None, []])
def test_same_device_must_be_true_or_false(site: Site, flag: object) -> None:
    """`same_device` must be true or false."""
    assert site.browser().start(page="/", same_device=flag).code == "body_invalid"


@MODES
def test_a_finished_session_cannot_be_cancelled(site: Site) -> None:
    """A finished session cannot be cancelled, and the reply says so."""
    browser = site.browser()
    handle = browser.started()
    assert browser.send("cancel", "login", {"handle": handle}).json == {
        "status": SessionStatus.DONE.value
    }
    assert browser.finish(handle).status == 200


@MODES
def test_a_session_that_the_server_forgot_is_cancelled(site: Site) -> None:
    """A cancel frees the slot even if a restarted server no longer knows the session."""
    browser = site.browser()
    handle = browser.start().handle
    site.server.restart()
    assert browser.send("status", "login", {"handle": handle}).code == "session_gone"
    assert browser.send("cancel", "login", {"handle": handle}).json == {"status": "CANCELLED"}
    assert browser.finish(handle).code == "session_gone"


@MODES
def test_a_server_may_forget_a_session_after_its_cancel(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the server restarts after the cancel, the reply still says that the session is over."""
    handle_request = site.server.handle

    def restart_after_cancel(request: HttpRequest) -> HttpResponse:
        response = handle_request(request)
        if request.method == "DELETE":
            site.server.restart()
        return response

    monkeypatch.setattr(site.server, "handle", restart_after_cancel)
    browser = site.browser()
    handle = browser.start().handle
    assert browser.send("cancel", "login", {"handle": handle}).json == {"status": "CANCELLED"}
    assert browser.send("status", "login", {"handle": handle}).code == "session_gone"
