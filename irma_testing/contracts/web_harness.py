"""Set up the tests of web adapters, and search for secrets at the end of each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.contracts.web_browser import Application, Browser, Line
from irma_testing.contracts.web_site import ORIGIN, WebSite

__all__ = ["WebHarness"]


class WebHarness:
    """The base class for tests of web adapters; override the attributes and `make_application`.

    Attributes:
        prefix: The path prefix of all pages that the adapter serves.
        csrf: The names of the cookie and the header that the framework's own CSRF protection uses;
            None without such protection. The page `/` sets the cookie.
        site: The website under test.
    """

    prefix: str = "/irma"
    csrf: tuple[str, str] | None = None
    site: WebSite
    _line: Line
    _browsers: list[Browser]

    def make_application(self, site: WebSite) -> Application:
        """Make the application under test, in which the adapter serves the parts of the site.

        Returns:
            A function that takes an `HttpRequest` and returns an `HttpResponse`, such as
            `wsgi(app)` or `asgi(app)`. The function must not raise an `Exception`.
        """
        raise NotImplementedError

    def set_store_away(self, *, is_away: bool) -> None:
        """Set whether the calls to the store fail; override this for your own store."""
        self.site.set_store_away(is_away=is_away)

    def replay(self) -> Sequence[str]:
        """Replay kept callbacks, as another process of the application would.

        Override this method to test your own command.

        Returns:
            For each kept callback, the reason why it was not delivered, or an empty string if it
            was.
        """
        return [each.problem for each in self.site.parts().callbacks.replay()]

    def stored(self) -> str:
        """Return all data that is kept for callbacks; override this for your own store."""
        return self.site.stored()

    def lose_callbacks(self) -> None:
        """Delete all kept callbacks; override this for your own store."""
        self.site.lose_callbacks()

    @pytest.fixture(autouse=True)
    def _around_each_test(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        caplog.set_level(logging.DEBUG)
        self.site = WebSite(self.prefix)
        application = self.make_application(self.site)
        self._line = Line(application)
        self._browsers = []
        self.site.server.deliver = application
        try:
            yield
        finally:
            self._line.close()
        format_record = logging.Formatter().format
        self._check_secrets("\n".join(map(format_record, caplog.get_records("call"))))

    def browser(self) -> Browser:
        """Return a new browser, which has no cookies yet."""
        browser = Browser(self._line, self.prefix, self.csrf)
        self._browsers.append(browser)
        return browser

    def started(self, browser: Browser, name: str = "login") -> str:
        """Start a session, let the person accept it in the app, and return its handle."""
        reply = browser.call("start", name)
        self.site.person.accept(reply.pointer)
        return reply.handle

    def post_as_server(self, path: str) -> HttpResponse:
        """Post a made-up JWT to a path, as an IRMA server would post a real one."""
        headers = (("content-type", "text/plain; charset=UTF-8"),)
        return self._line.send(
            HttpRequest("POST", ORIGIN + path, label="POST", headers=headers, body=b"made.up.jwt")
        )

    def _check_secrets(self, log: str) -> None:
        """Check that the replies and the log of the test contain no secret."""
        secrets = set(self.site.secrets)
        for browser in self._browsers:
            bindings = {each.partition(";")[0].partition("=")[2] for each in browser.set_cookies}
            bindings.discard("")  # a framework sets this value to delete its own cookie
            for reply in browser.replies:
                text = reply.response.body.decode()
                assert not any(secret in text for secret in secrets | bindings), (
                    "a reply to the page has a secret"
                )
            handles = {reply.json["handle"] for reply in browser.replies if "handle" in reply.json}
            secrets |= bindings | handles
        assert not any(secret in log for secret in secrets), "the log has a secret"
