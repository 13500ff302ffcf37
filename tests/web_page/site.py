"""A website on the how-to's adapter, whose pages have a strict content security policy."""

from __future__ import annotations

import html
import json
import secrets
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from io import BytesIO
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final, final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from docs.examples.any_framework.irma_wsgi import IrmaPages
from irma_core import (
    DisclosureRequest,
    ExtendedRequest,
    Requestor,
    WebAnswer,
    WebSessions,
    new_sealing_key,
)
from irma_core.interfaces import Transport
from irma_web import STATIC, csp_sources, page_settings
from tests.memory_stores import memory_store

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ASKED", "NAME", "Website", "running_website"]

NAME: Final = "example.town.resident.firstname"
ASKED: Final = DisclosureRequest({"name": NAME})
PAGE: Final = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/irma_web/irma.css">
<link rel="stylesheet" href="/yivi.css">
<main>
<h1>{title}</h1>
{elements}
</main>
<script src="/yivi.js"></script>
<script type="module" src="/static/irma_web/irma.js"></script>
</html>
"""
ELEMENT: Final = """<div class="irma" data-irma="{name}" {attributes}>{content}</div>
<script type="application/json" id="irma-{name}">{settings}</script>"""
KINDS: Final = {".js": "text/javascript", ".css": "text/css"}
OWN_BUTTON: Final = '<button type="button" class="button">Show that you are Ada</button>'


@final
class Website:
    """Pages, static files, and the pages of `WebSessions` below `/irma/`.

    Args:
        server: The IRMA server's URL.
        transport: The transport for the calls to it.
        package: The browser package as one script.
        style: The browser package's style, if it is its own file.
        api: The URL of the endpoints, if another website serves the pages.
        origins: The origins of other websites whose pages may call the endpoints.

    Attributes:
        asked: The request of the next session; it has a slot `name`.
        calls: The step, the JSON and the CSRF token of each call from a page.
        logins: The people who logged in, in order.
    """

    def __init__(
        self,
        server: str,
        transport: Transport,
        package: bytes,
        style: bytes = b"",
        *,
        api: str = "",
        origins: Iterable[str] = (),
    ) -> None:
        self._api = api
        self.asked: DisclosureRequest | ExtendedRequest = ASKED
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []
        self.logins: list[str] = []
        self._visits: dict[str, str] = {}
        self._server = server
        self._files = {
            "/yivi.js": ("text/javascript", package),
            "/yivi.css": ("text/css", style),
        }
        sessions = WebSessions(
            Requestor(server, transport),
            [new_sealing_key()],
            store=memory_store(transport.clock),
            questions={"login": lambda _: self.asked, "other": lambda _: self.asked},
            origins=origins,
            plain_cookie=True,
        )
        self._pages = IrmaPages(self._show, sessions, self._log_in, self._cookie)

    @property
    def steps(self) -> list[str]:
        """The steps of the pages' calls, in order."""
        return [step for step, _, _ in self.calls]

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"].startswith("/irma/"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
            environ["wsgi.input"] = BytesIO(body)
            step = environ["PATH_INFO"].split("/")[2]
            if environ["REQUEST_METHOD"] == "POST":
                self.calls.append((step, json.loads(body), environ.get("HTTP_X_TOKEN")))
        return self._pages(environ, start)

    def _log_in(self, web_answer: WebAnswer) -> str:
        visit = secrets.token_urlsafe()
        self._visits[visit] = web_answer.answer["name"].value
        self.logins.append(self._visits[visit])
        return visit

    def _cookie(self, visit: str) -> str:
        return f"visit={visit}; Path=/; HttpOnly; SameSite=Lax"

    def _show(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        visit = SimpleCookie(environ.get("HTTP_COOKIE", "")).get("visit")
        found = self._page(path, self._visits.get(visit.value, "") if visit else "")
        found = found or self._files.get(path) or _static_file(path)
        kind, body = found or ("text/plain", b"")
        policy: dict[str, tuple[str, ...]] = {
            **csp_sources(self._server),
            "default-src": ("'none'",),
        }
        if self._api:
            policy["connect-src"] = (*policy["connect-src"], self._api)
        written = "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items())
        headers = [
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Security-Policy", written),
        ]
        start("200 OK" if found else "404 Not Found", headers)
        return [body]

    def _page(self, path: str, person: str) -> tuple[str, bytes] | None:
        match path:
            case "/login":
                return _html("Log in", [("login", "", "")], api=self._api)
            case "/inloggen":
                return _html("Inloggen", [("login", "", "")], language="nl-NL")
            case "/auto":
                return _html("Log in", [("login", 'data-irma-start="auto"', "")])
            case "/own-button":
                return _html("Log in", [("login", "", OWN_BUTTON)])
            case "/own-words":
                words = {"start": "Show that you are Ada", "again": "Once more"}
                return _html("Log in", [("login", "", "")], texts=words)
            case "/two":
                return _html("Log in", [("login", "", ""), ("other", "", "")])
            case "/stay":
                return _html("Log in", [("login", "", "")], next_url=None)
            case "/welcome":
                return _html(f"Welcome, {person}" if person else "Nobody is logged in", [])
            case _:
                return None


def _html(
    title: str,
    elements: list[tuple[str, str, str]],
    *,
    language: str = "en",
    next_url: str | None = "/welcome",
    api: str = "",
    texts: Mapping[str, str] | None = None,
) -> tuple[str, bytes]:
    made = [
        ELEMENT.format(
            name=name,
            attributes=attributes,
            content=content,
            settings=page_settings(
                prefix=f"{api}/irma/",
                name=name,
                language=language,
                next_url=next_url,
                csrf_header="X-Token",
                csrf_token="<of the page>",
                texts=texts,
            ),
        )
        for name, attributes, content in elements
    ]
    page = PAGE.format(title=html.escape(title), language=language[:2], elements="\n".join(made))
    return "text/html", page.encode()


def _static_file(path: str) -> tuple[str, bytes] | None:
    if not path.startswith("/static/"):
        return None
    known = {file.relative_to(STATIC).as_posix(): file for file in STATIC.rglob("*.*")}
    file = known.get(path.removeprefix("/static/"))
    return None if file is None else (KINDS[file.suffix], file.read_bytes())


class _Server(ThreadingMixIn, WSGIServer):
    """A server with threads, because a connection opened in advance would block a single one."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing, because pytest reports failures."""


@contextmanager
def running_website(application: WSGIApplication) -> Generator[str]:
    """Serve the website on this machine, and yield the URL without a slash at the end."""
    with make_server(
        "127.0.0.1", 0, application, server_class=_Server, handler_class=_Handler
    ) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()
