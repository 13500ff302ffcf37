"""A wine shop that sells to adults only: a WSGI application, to be run by any WSGI server.

Who visits presses a button, follows the link into the app, and reloads the page.
"""

import os
import secrets
from collections.abc import Iterable
from html import escape
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from irma_core import AnswerError, AttributeRequest, DisclosureRequest, Requestor, StartedSession
from irma_core.errors import SessionNotFinishedError
from irma_transport_urllib3 import Urllib3Transport

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ADULT = DisclosureRequest({"age": AttributeRequest("example.town.age.over18", value="yes")})
BUTTON = '<form method="post"><button>Prove that you are over 18</button></form>'


class WineShop:
    """The shop. It knows each visitor by a cookie; the requestor token never leaves it."""

    def __init__(self, requestor: Requestor) -> None:
        self._requestor = requestor
        self._visits: dict[str, StartedSession] = {}

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        if environ["REQUEST_METHOD"] == "POST":
            visit = secrets.token_urlsafe()
            self._visits[visit] = self._requestor.start_session(ADULT)
            cookie = f"visit={visit}; HttpOnly; Secure; SameSite=Lax"
            headers += [("Location", "/"), ("Set-Cookie", cookie)]
            start("303 See Other", headers)
            return []
        cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        visit = cookies["visit"].value if "visit" in cookies else ""
        status, page = self._page(self._visits.get(visit))
        start(status, headers)
        return [page.encode()]

    def _page(self, session: StartedSession | None) -> tuple[str, str]:
        if session is None:
            return "200 OK", BUTTON
        try:
            self._requestor.get_answer(session)  # raises, or it is proved
        except SessionNotFinishedError:
            return "200 OK", f'<a href="{escape(session.pointer.link())}">Open the app</a>'
        except AnswerError:
            return "403 Forbidden", f"We cannot sell you wine. {BUTTON}"
        return "200 OK", "Welcome to our wines."


def from_environment() -> WineShop:
    """Make the shop of a real server: `IRMA_SERVER` has its base URL."""
    return WineShop(Requestor(os.environ["IRMA_SERVER"], Urllib3Transport()))
