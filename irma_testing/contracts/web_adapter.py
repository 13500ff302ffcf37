"""The contract of web adapters, for frameworks that use threads or an event loop.

The tests check that the adapter passes complete requests to `WebSessions` and complete replies to
the browser. Other tests check the decisions of `WebSessions`, so if a test here fails, the adapter
is at fault.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from irma_core import LoginRefusedError
from irma_testing.contracts.web_attacks import WebAttacksMixin
from irma_testing.contracts.web_browser import Reply
from irma_testing.contracts.web_callbacks import WebCallbacksMixin
from irma_testing.contracts.web_harness import WebHarness
from irma_testing.contracts.web_site import ORIGIN

__all__ = ["WebAdapterContract"]

_TABS: Final = 10
_AT_ONCE: Final = 3


class WebAdapterContract(WebAttacksMixin, WebCallbacksMixin, WebHarness):
    """Tests for an adapter, which makes a web framework serve `WebSessions`.

        class TestMyAdapter(WebAdapterContract):
            def make_application(self, site):
                parts = site.parts()
                return wsgi(my_application(parts.sessions, site.login))

    The adapter serves, below `prefix`: `start/NAME`, `finish/NAME`, `status/NAME`, `cancel/NAME`,
    `callback/…` and `next/…`. The application serves a page with any content at `/`, and the JSON
    `{"email": …}` at `/who`. The e-mail address is the one that `site.login` returned for the
    person who is logged in, or null if no person is logged in. Callbacks are kept until
    `site.session_ended` has returned; override `replay` if the application has its own command to
    replay them.
    """

    # A person logs in.

    def test_start_returns_what_the_page_needs(self) -> None:
        """The reply to `start` has the session pointer, the handle and the page's other data."""
        reply = self.browser().call("start")
        assert reply.status == 200
        assert set(reply.json) == {"sessionPtr", "frontendRequest", "handle", "timeout"}
        assert reply.json["timeout"] > 0

    def test_finish_logs_the_person_in(self) -> None:
        """A `finish` call logs the person in, but only in the browser that makes the call."""
        browser, other = self.browser(), self.browser()
        reply = browser.call("finish", handle=self.started(browser))
        assert (reply.status, reply.json) == (200, {"next": None})
        assert browser.user() == "ada@example.com"
        assert other.user() is None
        assert self.site.logins == ["ada@example.com"]

    def test_status_follows_the_session(self) -> None:
        """The page receives the status that the session currently has on the server."""
        browser = self.browser()
        start = browser.call("start")
        assert browser.call("status", handle=start.handle).json == {"status": "INITIALIZED"}
        self.site.person.accept(start.pointer)
        assert browser.call("status", handle=start.handle).json == {"status": "DONE"}

    def test_cancel_ends_the_session(self) -> None:
        """After the page cancels a session, a `finish` call is refused as cancelled."""
        browser = self.browser()
        handle = browser.call("start").handle
        assert browser.call("cancel", handle=handle).json == {"status": "CANCELLED"}
        reply = browser.call("finish", handle=handle)
        assert (reply.status, reply.code, reply.again) == (403, "cancelled", "start")
        assert browser.user() is None

    def test_another_question_has_its_own_answer(self) -> None:
        """The name in the URL decides which question the session asks."""
        browser = self.browser()
        handle = self.started(browser, "adult")
        assert browser.call("finish", "adult", handle=handle).status == 200
        assert browser.user() == "Yes"

    def test_the_callback_reaches_the_application(self) -> None:
        """The server's post reaches the callback function, along with the session's reference."""
        browser = self.browser()
        handle = self.started(browser, "order")
        assert self.site.ended == ["order-17 ada@example.com"]
        browser.call("finish", "order", handle=handle)
        assert self.site.logins == ["ada@example.com order-17"]

    def test_the_next_session_follows(self) -> None:
        """The server's post reaches the next-session receiver, which chooses the next session."""
        start = self.browser().call("start", "chain")
        first = self.site.person.accept(start.pointer)
        assert first.next is not None, "no session follows"
        assert first.next.disclose[0][0][0].type == "pbdf.gemeente.personalData.over18"

    def test_an_unsealed_post_is_not_found(self) -> None:
        """A post to a callback or next-session URL without the secret part gets the status 404."""
        for page in ("callback", "next"):
            response = self.post_as_server(f"{self.prefix}/{page}/made-up/")
            assert response.status == 404
        assert not self.site.ended

    @pytest.mark.parametrize(
        ("next_url", "expected"),
        [
            ("/account/?tab=2", "/account/?tab=2"),
            (f"{ORIGIN}/account/", f"{ORIGIN}/account/"),
            ("//evil.example/", None),
            ("https://evil.example/", None),
            ("javascript:alert(1)", None),
            ("/\\evil.example", None),
        ],
    )
    def test_only_pages_of_the_same_site_are_next(
        self, next_url: str, expected: str | None
    ) -> None:
        """The next page after a `finish` call may be any page of this site; others are ignored."""
        browser = self.browser()
        reply = browser.call("finish", handle=self.started(browser), next=next_url)
        assert (reply.status, reply.json) == (200, {"next": expected})

    # Repeated finishes.

    def test_a_repeat_within_a_minute_has_the_same_outcome(self) -> None:
        """A repeated `finish` gets the same reply and cookies, and the login does not run again."""
        browser = self.browser()
        handle = self.started(browser)
        before = dict(browser.cookies)
        browser.call("finish", handle=handle)
        browser.cookies = before
        reply = browser.call("finish", handle=handle)
        assert (reply.status, reply.json) == (200, {"next": None})
        assert browser.user() == "ada@example.com"
        assert self.site.logins == ["ada@example.com"]

    def test_a_repeat_after_a_minute_is_refused(self) -> None:
        """A `finish` call that is repeated after more than a minute is refused."""
        browser = self.browser()
        handle = self.started(browser)
        browser.call("finish", handle=handle)
        self.site.pass_time(timedelta(seconds=61))
        reply = browser.call("finish", handle=handle)
        assert (reply.status, reply.code, reply.again) == (409, "already_used", "start")
        assert self.site.logins == ["ada@example.com"]

    def test_finishes_at_the_same_time_log_in_once(self) -> None:
        """Of three simultaneous `finish` calls, each succeeds, but the login runs only once."""
        browser = self.browser()
        handle = self.started(browser)
        request = browser.request("finish", handle=handle)
        replies = browser.call_at_once([request] * _AT_ONCE)
        assert [reply.status for reply in replies] == [200] * _AT_ONCE
        assert self.site.logins == ["ada@example.com"]
        assert browser.user() == "ada@example.com"

    def test_a_finish_before_the_app_is_done_can_be_repeated(self) -> None:
        """A page that calls `finish` before the app is done can call it again later."""
        browser = self.browser()
        start = browser.call("start")
        early = browser.call("finish", handle=start.handle)
        assert (early.status, early.code, early.again) == (409, "not_finished", "finish")
        self.site.person.accept(start.pointer)
        assert browser.call("finish", handle=start.handle).status == 200

    def test_a_login_that_raises_can_be_repeated(self) -> None:
        """If the login raises an error, the page gets a JSON error and can repeat `finish`."""
        browser = self.browser()
        handle = self.started(browser)
        self.site.refusal = ZeroDivisionError("made up")
        failed = browser.call("finish", handle=handle)
        assert (failed.status, failed.code, failed.again) == (500, "failed", "finish")
        assert browser.user() is None
        self.site.refusal = None
        assert browser.call("finish", handle=handle).status == 200
        assert browser.user() == "ada@example.com"

    def test_the_application_may_refuse_a_person(self) -> None:
        """If the application refuses a person, the page receives the application's own message."""
        browser = self.browser()
        handle = self.started(browser)
        self.site.refusal = LoginRefusedError("Members only.")
        refused = browser.call("finish", handle=handle)
        assert (refused.status, refused.code) == (403, "login_refused")
        assert refused.message == "Members only."
        assert browser.user() is None

    # Tabs, the cookie, and the phone.

    def test_ten_tabs_work_at_once(self) -> None:
        """Ten tabs start sessions together and finish them in a different order."""
        browser = self.browser()
        handles = [self.started(browser) for _ in range(_TABS)]
        assert len(set(handles)) == _TABS
        for handle in reversed(handles):
            assert browser.call("finish", handle=handle).status == 200
        assert len(self.site.logins) == _TABS

    def test_the_first_start_sets_the_cookie(self) -> None:
        """The first start sets a host-only cookie that scripts cannot read."""
        browser = self.browser()
        browser.call("start")
        (cookie,) = [each for each in browser.set_cookies if each.startswith("__Host-irma=")]
        attributes = {each.strip().lower() for each in cookie.split(";")[1:]}
        assert attributes >= {"path=/", "secure", "httponly", "samesite=lax", "max-age=31536000"}
        assert not any(each.startswith("domain=") for each in attributes)

    def test_the_cookie_is_kept_across_logins(self) -> None:
        """A login and a later start leave the cookie unchanged, so that other tabs can continue."""
        browser = self.browser()
        other_tab = self.started(browser)
        first = browser.binding
        for _ in range(2):
            browser.call("finish", handle=self.started(browser))
        assert browser.binding == first
        assert browser.call("finish", handle=other_tab).status == 200

    def test_the_app_returns_to_a_new_tab(self) -> None:
        """The app opens a new tab, which can finish the session with the slot number in its URL."""
        browser = self.browser()
        start = browser.call("start", page="/page?x=1", same_device=True)
        scanned = self.site.person.scan(start.pointer)
        url, _, slot = str(scanned.request["clientReturnUrl"]).rpartition("-")
        assert url == f"{ORIGIN}/page?x=1#irma-login"
        scanned.accept()
        assert browser.call("finish", slot=int(slot)).status == 200
        assert browser.user() == "ada@example.com"

    def test_the_app_returns_to_another_browser(self) -> None:
        """A browser without the cookie, or with a different one, cannot use the slot number."""
        browser, stranger, other = self.browser(), self.browser(), self.browser()
        start = browser.call("start", page="/", same_device=True)
        self.site.person.accept(start.pointer)
        other.call("start", "adult")
        assert stranger.call("finish", slot=0).code == "no_cookie"
        assert other.call("finish", slot=0).code == "handle_invalid"
        assert stranger.user() is None
        assert other.user() is None

    # The IRMA server or the store fails.

    def test_the_server_may_be_away(self) -> None:
        """If the IRMA server is down, the page gets 503, and a later retry succeeds."""
        browser = self.browser()
        handle = self.started(browser)
        self.site.set_server_away(is_away=True)
        for step in ("start", "finish"):
            reply = browser.call(step, handle=handle)
            self.check_away(reply, "server_unavailable", step)
        self.site.set_server_away(is_away=False)
        assert browser.call("finish", handle=handle).status == 200

    def test_the_store_may_be_away(self) -> None:
        """If the store is down, the page gets 503, and a later retry succeeds."""
        browser = self.browser()
        handle = self.started(browser)
        self.set_store_away(is_away=True)
        for step in ("start", "finish"):
            reply = browser.call(step, handle=handle)
            self.check_away(reply, "store_unavailable", step)
        self.set_store_away(is_away=False)
        assert browser.call("finish", handle=handle).status == 200

    def check_away(self, reply: Reply, code: str, step: str) -> None:
        """Check a reply that reports the store or the IRMA server as unavailable."""
        assert (reply.status, reply.code, reply.again) == (503, code, step)
        assert reply.response.header("retry-after")

    def test_errors_are_in_the_language_of_the_browser(self) -> None:
        """An error message is in Dutch for a browser that prefers Dutch."""
        browser = self.browser()
        english = browser.call("finish", handle="x", headers={"accept-language": "en"})
        dutch = browser.call("finish", handle="x", headers={"accept-language": "nl, en;q=0.5"})
        assert english.code == dutch.code
        assert english.message != dutch.message
