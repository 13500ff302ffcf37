"""A website with pages that start sessions, under a strict content security policy."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import attrs

from irma_web import STATIC, csp_sources, page_settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Website", "running_website"]

PAGE = """<!doctype html>
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
ELEMENT = """<div class="irma" data-irma="{name}" {attributes}>{content}</div>
<script type="application/json" id="irma-{name}">{settings}</script>"""
KINDS = {".js": "text/javascript", ".css": "text/css"}


@final
@attrs.define
class Website:
    """Pages, static files, and endpoints below `/irma/`.

    Args:
        endpoints: What answers below `/irma/`.
        server: The IRMA server's URL for browsers.
        package: The browser package as one script.
        style: The browser package's style, if it is a file of its own.
    """

    endpoints: WSGIApplication
    server: str
    package: bytes
    style: bytes = b""

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if path.startswith("/irma/"):
            return self.endpoints(environ, start)
        found = self._page(path) or self._file(path)
        kind, body = found or ("text/plain", b"")
        policy = {**csp_sources(self.server), "default-src": ("'none'",)}
        headers = [
            ("Content-Type", f"{kind}; charset=utf-8"),
            (
                "Content-Security-Policy",
                "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items()),
            ),
        ]
        start("200 OK" if found else "404 Not Found", headers)
        return [body]

    def _page(self, path: str) -> tuple[str, bytes] | None:
        title, language, elements = "Log in", "en", [("login", "", "")]
        match path:
            case "/login":
                pass
            case "/inloggen":
                title, language = "Inloggen", "nl-NL"
            case "/auto":
                elements = [("login", 'data-irma-start="auto"', "")]
            case "/own-button":
                content = '<button type="button" class="button">Show that you are Ada</button>'
                elements = [("login", "", content)]
            case "/two":
                elements = [("login", "", ""), ("other", "", "")]
            case "/stay":
                return self._html(title, language, elements, next_url=None)
            case "/welcome":
                title, elements = "Welcome", []
            case _:
                return None
        return self._html(title, language, elements, next_url="/welcome")

    def _html(
        self,
        title: str,
        language: str,
        elements: list[tuple[str, str, str]],
        next_url: str | None,
    ) -> tuple[str, bytes]:
        made = [
            ELEMENT.format(
                name=name,
                attributes=attributes,
                content=content,
                settings=page_settings(
                    prefix="/irma/",
                    name=name,
                    language=language,
                    next_url=next_url,
                    csrf_header="X-Token",
                    csrf_token="<of the page>",
                ),
            )
            for name, attributes, content in elements
        ]
        page = PAGE.format(
            title=html.escape(title), language=language[:2], elements="\n".join(made)
        )
        return "text/html", page.encode()

    def _file(self, path: str) -> tuple[str, bytes] | None:
        if path == "/yivi.js":
            return "text/javascript", self.package
        if path == "/yivi.css":
            return "text/css", self.style
        if path.startswith("/static/") and ".." not in path:
            file = STATIC / path.removeprefix("/static/")
            if file.is_file():
                return KINDS[file.suffix], file.read_bytes()
        return None


class _Server(ThreadingMixIn, WSGIServer):
    """Browsers open connections before they need them, which would block a single thread."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: pytest shows what is of interest."""


@contextmanager
def running_website(application: WSGIApplication) -> Generator[str]:
    """Serve it on this machine; yield the URL without a slash at the end."""
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


def json_reply(value: Mapping[str, object]) -> bytes:
    """Return the body of a reply."""
    return json.dumps(value).encode()
