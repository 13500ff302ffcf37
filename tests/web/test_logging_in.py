"""A visitor starts a session, the app answers, and the finish runs the application's login once."""

from __future__ import annotations

from datetime import timedelta

from irma_core import new_sealing_key
from tests.modes import MODES
from tests.web.site import COOKIE, EMAIL, OVER18, Site

pytestmark = MODES


def test_a_start_returns_what_the_page_needs(site: Site) -> None:
    """The reply to a start has the pointer, frontend request, handle and remaining seconds."""
    reply = site.browser().start()
    assert reply.status == 200
    assert set(reply.json) == {"sessionPtr", "frontendRequest", "handle", "timeout"}
    assert reply.json["timeout"] == 300


def test_a_finish_runs_the_login_with_the_answer(site: Site) -> None:
    """The login receives the answer, the name of the question and the page's next URL."""
    browser = site.browser()
    finish = browser.finish(browser.started(), next="/account/")
    assert (finish.status, finish.json) == (200, {"next": "/account/"})
    (login,) = site.logins
    assert login.answer["email"].value == "ada@example.com"
    assert login.answer["email"].attribute == EMAIL
    assert (login.name, login.next_url) == ("login", "/account/")
    assert finish.finished.web_answer is login


def test_a_repeat_returns_the_outcome_of_the_first_login(site: Site) -> None:
    """A repeat returns the value of the first login, which ran once."""
    browser = site.browser()
    handle = browser.started()
    first, second = browser.finish(handle), browser.finish(handle)
    assert (first.status, second.status) == (200, 200)
    assert (first.finished.value, second.finished.value) == ("session-1", "session-1")
    assert (first.finished.is_repeat, second.finished.is_repeat) == (False, True)
    assert len(site.logins) == 1


def test_the_name_decides_what_is_requested(site: Site) -> None:
    """The page of another question requests another attribute."""
    browser = site.browser()
    finish = browser.finish(browser.started("adult"), "adult")
    assert finish.status == 200
    (login,) = site.logins
    assert login.answer["age"].attribute == OVER18


def test_a_next_url_must_be_on_the_same_site(site: Site) -> None:
    """The reply omits a next URL on another site, and the login works."""
    browser = site.browser()
    finish = browser.finish(browser.started(), next="https://evil.example/")
    assert (finish.status, finish.json) == (200, {"next": None})
    assert site.logins[0].next_url is None


def test_the_server_uses_the_time_limit_of_the_page(site: Site) -> None:
    """The server times out a session without an app after the page's time limit."""
    browser = site.browser()
    handle = browser.start().handle
    site.server.pass_time(timedelta(minutes=5, seconds=1))
    assert browser.send("status", "login", {"handle": handle}).json == {"status": "TIMEOUT"}
    assert browser.finish(handle).code == "timed_out"


def test_a_slow_person_is_still_logged_in(site: Site) -> None:
    """A person who needs a quarter of an hour in the app is still logged in."""
    browser = site.browser()
    reply = browser.start()
    scanned = site.app.scan(reply.pointer)
    site.server.pass_time(timedelta(minutes=14))
    scanned.accept()
    assert browser.finish(reply.handle).status == 200


def test_a_shorter_lifetime_applies_to_older_handles(mode: str) -> None:
    """After a deployment with a shorter lifetime, the store forgets sooner, and handles expire."""
    keys = [new_sealing_key()]
    before = Site(mode, keys=keys, lifetime=timedelta(hours=1))
    after = Site(mode, keys=keys, server=before.server, lifetime=timedelta(seconds=10))
    browser, later = before.browser(), after.browser()
    reply = browser.start()
    later.cookie = browser.cookie
    before.server.pass_time(timedelta(minutes=21))
    assert later.finish(reply.handle).code == "handle_expired"
    assert browser.finish(reply.handle).code == "not_finished"


def test_the_number_in_the_fragment_finds_the_session(site: Site) -> None:
    """Status, cancel and finish find the session by the number, in the same browser."""
    browser = site.browser()
    slot, _ = browser.started_on_phone(accepted=False)
    assert browser.send("status", "login", {"slot": slot}).json == {"status": "CONNECTED"}
    assert browser.send("cancel", "login", {"slot": slot}).json == {"status": "CANCELLED"}
    assert browser.finish(None, slot=slot).code == "cancelled"


def test_status_and_cancel_follow_a_session(site: Site) -> None:
    """The status comes from the server, and a cancelled session has no answer."""
    browser = site.browser()
    handle = browser.start().handle
    assert browser.send("status", "login", {"handle": handle}).json == {"status": "INITIALIZED"}
    assert browser.send("cancel", "login", {"handle": handle}).json == {"status": "CANCELLED"}
    assert browser.finish(handle).code == "cancelled"


def test_the_cookie_is_set_once(site: Site) -> None:
    """The first start sets a cookie for this host only, and later starts do not change it."""
    browser = site.browser()
    for _ in range(3):
        browser.start()
    (cookie,) = browser.set_cookies
    assert cookie.startswith(f"{COOKIE}=")
    attributes = set(cookie.split("; ")[1:])
    assert attributes == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=31536000"}
