"""Tests in the contract of web adapters: attacks on the site, and malformed requests."""

from __future__ import annotations

from typing import Any, Final

import pytest

from irma_testing.contracts.web_harness import WebHarness
from irma_testing.contracts.web_site import ORIGIN, OTHER_ORIGIN

__all__ = ["WebAttacksMixin"]

EVIL: Final = "https://evil.example"
_CROSS_SITE: Final = {"origin": EVIL, "sec-fetch-site": "cross-site"}
_LARGEST_BODY: Final = 64 * 1024
_STEPS: Final = ("start", "finish", "status", "cancel")


class WebAttacksMixin(WebHarness):
    """Tests that attacks fail."""

    # Sessions of another browser.

    def test_a_stolen_handle_is_refused(self) -> None:
        """A handle works only in the browser that started the session."""
        victim, thief, stranger = self.browser(), self.browser(), self.browser()
        handle = self.started(victim)
        thief.call("start")
        for step in ("finish", "status", "cancel"):
            assert thief.call(step, handle=handle).code == "other_browser"
            assert stranger.call(step, handle=handle).code == "no_cookie"
        assert thief.user() is None
        assert not self.site.logins
        assert victim.call("finish", handle=handle).status == 200

    def test_login_csrf_is_refused(self) -> None:
        """An attacker cannot log a visitor's browser in as the attacker."""
        attacker, victim = self.browser(), self.browser()
        victim.call("start")
        handle = self.started(attacker)
        assert victim.call("finish", handle=handle, headers=_CROSS_SITE).code == "other_site"
        # Even a script on the visitor's page cannot log the visitor in as the attacker.
        assert victim.call("finish", handle=handle).code == "other_browser"
        assert victim.user() is None
        assert not self.site.logins

    def test_two_people_are_not_mixed_up(self) -> None:
        """People who log in at the same time are each logged in as themselves."""
        ada, bob = self.browser(), self.browser()
        starts = ada.call("start"), bob.call("start")
        self.site.person.accept(starts[0].pointer)
        self.site.person.remove_all()
        self.site.person.add("pbdf.sidn-pbdf.email", {"email": "bob@example.com"})
        self.site.person.accept(starts[1].pointer)
        assert bob.call("finish", handle=starts[1].handle).status == 200
        assert ada.call("finish", handle=starts[0].handle).status == 200
        assert (ada.user(), bob.user()) == ("ada@example.com", "bob@example.com")

    def test_a_forged_handle_is_refused(self) -> None:
        """A handle that the website did not make is refused."""
        browser = self.browser()
        handle = self.started(browser)
        middle = len(handle) // 2
        other = "A" if handle[middle] != "A" else "B"
        for forged in (handle[:middle] + other + handle[middle + 1 :], handle[:-1], "", "x" * 50):
            reply = browser.call("finish", handle=forged)
            assert (reply.status, reply.code) == (400, "handle_invalid")
        assert not self.site.logins

    def test_a_handle_of_another_question_is_refused(self) -> None:
        """The handle of a session that proves an age cannot finish a login."""
        browser = self.browser()
        handle = self.started(browser, "adult")
        assert browser.call("finish", "login", handle=handle).code == "handle_invalid"
        assert not self.site.logins

    def test_a_cancel_after_the_finish_changes_nothing(self) -> None:
        """A `cancel` call after the `finish` call does not undo the login."""
        browser = self.browser()
        handle = self.started(browser)
        browser.call("finish", handle=handle)
        assert browser.call("cancel", handle=handle).json == {"status": "DONE"}
        assert browser.user() == "ada@example.com"

    def test_a_chosen_cookie_is_replaced(self) -> None:
        """The website replaces a cookie that it cannot have set itself."""
        browser = self.browser()
        browser.cookies["__Host-irma"] = "chosen-by-an-attacker"
        browser.call("start")
        assert browser.binding != "chosen-by-an-attacker"

    # Other websites.

    @pytest.mark.parametrize("step", _STEPS)
    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": EVIL},
            {"origin": "null"},
            {"origin": None, "sec-fetch-site": "cross-site"},
            {"origin": None, "sec-fetch-site": "same-site"},
            {"origin": "http://shop.example"},
            {"origin": f"{ORIGIN}.evil.example"},
        ],
        ids=str,
    )
    def test_another_website_cannot_call(self, step: str, headers: dict[str, str | None]) -> None:
        """A call from another website's page is refused, although the browser sends the cookie."""
        browser = self.browser()
        handle = self.started(browser)
        reply = browser.call(step, handle=handle, headers=headers)
        assert (reply.status, reply.code) == (403, "other_site")
        assert not reply.response.header("access-control-allow-origin")
        assert not self.site.logins
        assert browser.call("finish", handle=handle).status == 200

    def test_a_page_of_an_allowed_origin_can_call(self) -> None:
        """A page from another origin can log its visitor in if the website allows that origin."""
        browser = self.browser()
        headers = {"origin": OTHER_ORIGIN, "sec-fetch-site": "cross-site"}
        start = browser.call("start", headers=headers)
        assert start.status == 200, start.code
        self.site.person.accept(start.pointer)
        reply = browser.call("finish", handle=start.handle, headers=headers)
        assert reply.status == 200
        for each in (start, reply):
            assert each.response.header("access-control-allow-origin") == OTHER_ORIGIN
            assert each.response.header("access-control-allow-credentials") == "true"
            assert "origin" in each.response.header("vary").lower()
        (cookie,) = [each for each in browser.set_cookies if each.startswith("__Host-irma=")]
        attributes = {each.strip().lower() for each in cookie.split(";")[1:]}
        assert attributes >= {"secure", "httponly", "samesite=none", "partitioned"}

    def test_a_preflight_lets_allowed_origins_in_alone(self) -> None:
        """A browser's CORS preflight succeeds only for an origin that the website allows."""
        browser = self.browser()
        headers = {
            "content-type": None,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-of-the-page",
        }
        allowed = browser.call(
            "start", method="OPTIONS", body=b"", headers={**headers, "origin": OTHER_ORIGIN}
        )
        assert allowed.status == 200
        assert allowed.response.header("access-control-allow-origin") == OTHER_ORIGIN
        names = allowed.response.header("access-control-allow-headers").lower().split(",")
        assert {name.strip() for name in names} >= {"content-type", "x-of-the-page"}
        refused = browser.call(
            "start", method="OPTIONS", body=b"", headers={**headers, "origin": EVIL}
        )
        assert refused.status == 403
        assert not refused.response.header("access-control-allow-origin")

    # Malformed and unusual requests.

    @pytest.mark.parametrize("step", _STEPS)
    def test_an_unknown_question_is_not_found(self, step: str) -> None:
        """The application defines the questions, and the browser cannot add one."""
        reply = self.browser().call(step, "no-such-question")
        assert (reply.status, reply.code) == (404, "unknown_question")

    @pytest.mark.parametrize("step", _STEPS)
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_only_posts_are_accepted(self, step: str, method: str) -> None:
        """Each call must be a POST, so that no link or image can make the call."""
        reply = self.browser().call(step, method=method)
        assert (reply.status, reply.code) == (405, "method")
        assert reply.response.header("allow") == "POST"

    @pytest.mark.parametrize("step", _STEPS)
    @pytest.mark.parametrize(
        ("body", "media_type", "expected"),
        [
            (b"handle=x", "application/x-www-form-urlencoded", (415, "media_type")),
            (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", (415, "media_type")),
            (b"{}", "text/plain", (415, "media_type")),
            (b"{}", None, (415, "media_type")),
            (b"", "application/json", (400, "body_not_json")),
            (b"{", "application/json", (400, "body_not_json")),
            (b"[]", "application/json", (400, "body_not_json")),
            (b"\xff\xfe", "application/json", (400, "body_not_json")),
            (b'{"a":1,"a":2}', "application/json", (400, "body_not_json")),
            (b"[" * 10_000, "application/json", (400, "body_not_json")),
            (b" " * (_LARGEST_BODY + 1), "application/json", (413, "body_too_large")),
            (b" " * (4 * _LARGEST_BODY), "application/json", (413, "body_too_large")),
        ],
        ids=[
            *("form", "multipart", "text", "no-type", "empty", "half", "list", "bytes", "twice"),
            *("deep", "large", "larger"),
        ],
    )
    def test_any_other_body_is_refused(
        self, step: str, body: bytes, media_type: str | None, expected: tuple[int, str]
    ) -> None:
        """A body that is not a small JSON object is refused, with a reply in JSON."""
        reply = self.browser().call(step, body=body, headers={"content-type": media_type})
        assert (reply.status, reply.code) == expected

    @pytest.mark.parametrize("step", ["finish", "status", "cancel"])
    @pytest.mark.parametrize(
        "fields",
        [{}, {"handle": 3}, {"handle": None}, {"slot": "0"}, {"slot": -1}, {"slot": 10**30}],
        ids=str,
    )
    def test_any_other_field_is_refused(self, step: str, fields: dict[str, Any]) -> None:
        """A handle that is not a string, or a slot that is not a number, causes a JSON error."""
        browser = self.browser()
        browser.call("start")
        reply = browser.call(step, **fields)
        assert (reply.status, reply.code) == (400, "body_invalid")

    def test_json_may_have_parameters_and_letters(self) -> None:
        """A JSON body may have non-ASCII characters, and its media type may have a parameter."""
        browser = self.browser()
        reply = browser.call(
            "finish",
            body='{"handle": "héé"}'.encode(),
            headers={"content-type": "application/json; charset=utf-8"},
        )
        assert reply.code == "no_cookie"
