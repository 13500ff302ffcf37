"""The observer receives only the codes of refusals, and the caller receives the error."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_core import WebAnswer, WebRequest
from irma_core.errors import ConfigurationError
from irma_core.interfaces import Event, WebRefused
from tests.modes import MODES
from tests.web.site import QUESTIONS, Browser, Finish, Reply, Site


class RecordingObserver:
    """An observer that records the refusals of pages."""

    def __init__(self) -> None:
        self.refusals: list[WebRefused] = []

    def observe(self, event: Event) -> None:
        """Record the event if it is the refusal of a page."""
        if isinstance(event, WebRefused):
            self.refusals.append(event)


@pytest.fixture
def observer() -> RecordingObserver:
    """An observer that has seen no event yet."""
    return RecordingObserver()


@pytest.fixture
def site(mode: str, observer: RecordingObserver) -> Site:
    """A website that is observed, with a question that fails."""
    error = OSError("the database is down")

    def fail(_request: WebRequest) -> Any:
        raise error

    return Site(mode, requestor={"observer": observer}, questions={**QUESTIONS, "broken": fail})


def fingerprint_of(site: Site) -> str:
    """Return the fingerprint of the session whose person was logged in last."""
    return site.logins[-1].answer.token.fingerprint


@MODES
def test_a_successful_login_causes_no_refusal(site: Site, observer: RecordingObserver) -> None:
    """A start, a finish and its repeat cause only the session's own events."""
    browser = site.browser()
    handle = browser.started()
    browser.finish(handle)
    browser.finish(handle)
    assert observer.refusals == []


@MODES
def test_each_call_that_is_refused(site: Site, observer: RecordingObserver) -> None:
    """The event of a refusal has the question and the code, and the session only if it is known."""
    browser = site.browser()
    handle = browser.start().handle
    for step in ("status", "cancel"):
        browser.send(step, "login", {"handle": "x"})
        browser.send(step, "unknown", {"handle": handle})
    site.sessions.preflight(browser.request("", {}, method="OPTIONS"))
    assert observer.refusals == [
        *[WebRefused("login", "handle_invalid", ""), WebRefused("", "unknown_question", "")] * 2,
        WebRefused("", "other_site", ""),
    ]


@MODES
def test_a_session_without_an_answer(site: Site, observer: RecordingObserver) -> None:
    """The event of a refused finish names the session by its fingerprint."""
    browser = site.browser()
    reply = browser.start()
    site.app.refuse(reply.pointer)
    finish = browser.finish(reply.handle)
    (event,) = observer.refusals
    assert (event.name, event.code) == ("login", "cancelled")
    assert event.session
    assert event.session in str(finish.finished.error)


@MODES
def test_a_session_that_was_used(site: Site, observer: RecordingObserver) -> None:
    """A late repeat of a finish is refused, and the event names its session."""
    browser = site.browser()
    handle = browser.started()
    browser.finish(handle)
    site.server.pass_time(timedelta(seconds=61))
    browser.finish(handle)
    assert observer.refusals == [WebRefused("login", "already_used", fingerprint_of(site))]


@MODES
def test_an_interrupted_login(site: Site, observer: RecordingObserver) -> None:
    """A login that another process began is refused, and the event names its session."""

    class Died(BaseException):
        pass

    def die(_web: WebAnswer) -> None:
        raise Died

    browser = site.browser()
    handle = browser.started()
    site.on_login = die
    with pytest.raises(Died):
        browser.finish(handle)
    browser.finish(handle)
    site.server.pass_time(timedelta(seconds=30))
    browser.finish(handle)
    assert [event.code for event in observer.refusals] == ["busy", "interrupted"]
    assert all(event.session for event in observer.refusals)


@MODES
def test_a_question_that_fails_is_reported_to_the_caller(
    site: Site, observer: RecordingObserver
) -> None:
    """The result of a start has the application's own error, for a log or a crash report."""
    request = site.browser().request("start/broken", {})
    reply = site.result_of(site.sessions.start("broken", request))
    assert (reply.status, reply.code) == (500, "failed")
    assert str(reply.error) == "the database is down"
    assert observer.refusals == [WebRefused("broken", "failed", "")]


@MODES
def test_a_misconfiguration_says_what_is_wrong(mode: str) -> None:
    """The page's reply explains nothing, and the error for the developer says what to do."""
    site = Site(mode, plain_cookie=True)
    browser = site.browser()
    reply = site.result_of(site.sessions.start("login", browser.request("", {})))
    assert isinstance(reply.error, ConfigurationError)
    assert "plain_cookie" in str(reply.error)
    assert b"plain_cookie" not in reply.body
    assert repr(reply) == "WebReply(status=500, code='misconfigured')"


@MODES
def test_a_mistake_of_a_browser_has_no_error(site: Site) -> None:
    """A mistake of a browser is refused without an error for crash reports."""
    browser = site.browser()
    replies: list[Finish | Reply] = [browser.finish("x"), browser.start("unknown")]
    assert [each.code for each in replies] == ["no_cookie", "unknown_question"]
    made = site.result_of(site.sessions.start("unknown", Browser(site, {}).request("", {})))
    assert made.error is None
