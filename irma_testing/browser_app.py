"""A simulated app that scans the QR code on a page, for browser tests with Playwright."""

from __future__ import annotations

from typing import Any, Final, final

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance
from irma_core.tracebacks import boundary
from irma_testing.memory.app import ScannedSession, SimulatedApp
from irma_testing.memory.app_client import AppError

__all__ = ["BrowserApp"]

_POLL_MILLISECONDS: Final = 20
_LIMIT_MILLISECONDS: Final = 60_000


@final
@boundary
class BrowserApp:
    """An app that scans the QR codes on a page. The fixture `irma_browser_app` makes it.

    The page must come from Playwright's sync API. Create the app before the page starts a session.
    When the page starts one, the app reads the session pointer, which is the content of the QR
    code, from the website's reply.

    Args:
        page: The page, which has not started a session yet.
        person: The app of the person who answers.

    Raises:
        UsageError: The argument is not a page.
    """

    def __init__(self, page: Any, person: SimulatedApp) -> None:
        functions = getattr(page, "on", None), getattr(page, "wait_for_timeout", None)
        if isinstance(page, type) or not all(callable(each) for each in functions):
            raise UsageError("page: must be a Page from playwright.sync_api")
        self._page = page
        self._person = check_instance(person, SimulatedApp, "person", "a SimulatedApp")
        self._replies: list[Any] = []
        page.on("response", self._note)

    def scan(self) -> ScannedSession:
        """Wait until the page shows a QR code that has not been scanned, and scan it.

        Returns:
            The session. If it has a `pairing_code`, type that into the page. Then `answer`,
            `accept` or `refuse` the session.

        Raises:
            AppError: The page does not start a session within 60 s, or the start fails.
        """
        for _ in range(_LIMIT_MILLISECONDS // _POLL_MILLISECONDS):
            if self._replies:
                break
            self._page.wait_for_timeout(_POLL_MILLISECONDS)
        else:
            raise AppError("the page did not start a session within 60 s")
        reply = self._replies.pop(0)
        if not reply.ok:
            raise AppError(f"the page's request for a session failed with status {reply.status}")
        return self._person.scan(reply.json()["sessionPtr"])

    def answer(self) -> ScannedSession:
        """Scan the QR code and answer as an honest user would; see `ScannedSession.answer`."""
        session = self.scan()
        session.answer()
        return session

    def refuse(self) -> ScannedSession:
        """Scan the QR code and refuse the session; see `scan`."""
        session = self.scan()
        session.refuse()
        return session

    def _note(self, reply: Any) -> None:
        if reply.request.method == "POST" and "/start/" in reply.url:
            self._replies.append(reply)
