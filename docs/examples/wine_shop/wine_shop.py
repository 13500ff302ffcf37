"""A wine shop that sells only to adults, as an application for any WSGI server.

The visitor presses a button, follows the link into the app, and reloads the page. Visits are kept
in memory, so serve the shop from one process.
"""

import logging
import os
import secrets
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from irma_core import (
    AnswerError,
    AttributeRequest,
    DisclosureRequest,
    IrmaError,
    Requestor,
    StartedSession,
)
from irma_core.errors import SessionNotFinishedError
from irma_transport_urllib3 import Urllib3Transport

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ADULT = DisclosureRequest({"age": AttributeRequest("example.town.age.over18", value="yes")})
BUTTON = '<form method="post"><button>Prove that you are over 18</button></form>'
COOKIE = "__Host-visit"
log = logging.getLogger(__name__)


class WineShop:
    """The shop. It identifies visitors by a cookie, and never sends the requestor token to them."""

    def __init__(self, requestor: Requestor) -> None:
        self._requestor = requestor
        self._visits: dict[str, StartedSession] = {}

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Handle a request."""
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
        try:
            if environ["REQUEST_METHOD"] == "POST":
                visit = secrets.token_urlsafe()
                self._visits[visit] = self._requestor.start_session(ADULT)
                cookie = f"{COOKIE}={visit}; Path=/; Secure; HttpOnly; SameSite=Lax"
                headers += [("Location", "/"), ("Set-Cookie", cookie)]
                status, page = "303 See Other", ""
            else:
                visit = read_cookie(environ.get("HTTP_COOKIE", ""), COOKIE)
                status, page = self._page(self._visits.get(visit))
        except IrmaError as error:  # the server is unreachable, or the shop is misconfigured
            log.error("no proof: %s", error)  # noqa: TRY400  # the message says what to check
            status, page = "503 Service Unavailable", f"Please try again in a minute. {BUTTON}"
        start(status, headers)
        return [page.encode()]

    def _page(self, session: StartedSession | None) -> tuple[str, str]:
        if session is None:
            return "200 OK", BUTTON
        try:
            self._requestor.get_answer(session)  # raises an error unless the age is proved
        except SessionNotFinishedError:
            return "200 OK", f'<a href="{escape(session.pointer.link())}">Open the app</a>'
        except AnswerError:
            return "403 Forbidden", f"We cannot sell you wine. {BUTTON}"
        return "200 OK", "Welcome to our wines."


def read_cookie(header: str, name: str) -> str:
    """Return the value of one cookie, or an empty string.

    `http.cookies` drops every cookie if one of them, set by any script, is malformed.
    """
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""


def from_environment() -> WineShop:
    """Return a shop for the server whose base URL is in `IRMA_SERVER`."""
    return WineShop(Requestor(os.environ["IRMA_SERVER"], Urllib3Transport()))
