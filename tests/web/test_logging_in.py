"""A visitor starts a session, the app answers, and the finish runs the application's login once."""

from __future__ import annotations

import pytest

from tests.modes import MODES
from tests.web.site import COOKIE, EMAIL, Site


@pytest.fixture(params=["sync", "async"])
def site(request: pytest.FixtureRequest) -> Site:
    return Site(request.param)


def test_a_start_returns_what_the_page_needs(site: Site) -> None:
    """The reply has the pointer, the frontend request, the handle and the seconds that are left."""
    reply = site.browser().start()
    assert reply.status == 200
    assert set(reply.json) == {"sessionPtr", "frontendRequest", "handle", "timeout"}
    assert reply.json["timeout"] == 300


def test_a_finish_runs_the_login_with_the_answer(site: Site) -> None:
    """The login gets the answer, the name of the question and where the page goes next."""
    browser = site.browser()
    finish = browser.finish(browser.started(), next="/account/")
    assert (finish.status, finish.json) == (200, {"next": "/account/"})
    (login,) = site.logins
    assert login.answer["email"].value == "ada@example.com"
    assert login.answer["email"].attribute == EMAIL
    assert (login.name, login.next_url) == ("login", "/account/")
    assert finish.finished.web_answer is login


def test_a_repeat_gets_the_outcome_and_the_login_does_not_run_again(site: Site) -> None:
    """A repeat has the value of the first login, which ran once."""
    browser = site.browser()
    handle = browser.started()
    first, second = browser.finish(handle), browser.finish(handle)
    assert (first.status, second.status) == (200, 200)
    assert (first.finished.value, second.finished.value) == ("session-1", "session-1")
    assert (first.finished.is_repeat, second.finished.is_repeat) == (False, True)
    assert len(site.logins) == 1


def test_status_and_cancel_follow_a_session(site: Site) -> None:
    """The status is the server's, and a cancelled session has no answer."""
    browser = site.browser()
    handle = browser.start().handle
    assert browser.send("status", "login", {"handle": handle}).json == {"status": "INITIALIZED"}
    assert browser.send("cancel", "login", {"handle": handle}).json == {"status": "CANCELLED"}
    assert browser.finish(handle).code == "cancelled"


def test_the_cookie_is_set_once(site: Site) -> None:
    """The first start sets a cookie that only this host gets, and later ones do not change it."""
    browser = site.browser()
    for _ in range(3):
        browser.start()
    (cookie,) = browser.set_cookies
    assert cookie.startswith(f"{COOKIE}=")
    attributes = set(cookie.split("; ")[1:])
    assert attributes == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=31536000"}


@MODES
def test_another_browser_cannot_finish_with_a_stolen_handle(mode: str) -> None:
    """A handle from another browser is refused, with and without a cookie of its own."""
    site = Site(mode)
    victim, thief, stranger = site.browser(), site.browser(), site.browser()
    handle = victim.started()
    thief.start()
    assert thief.finish(handle).code == "other_browser"
    assert stranger.finish(handle).code == "no_cookie"
    assert not site.logins
    assert victim.finish(handle).status == 200
