"""A tiny backend of a website: a page with the browser package, a start and a result.

It answers the two paths that the package requests, `/session` and `/session/<handle>/result`, each
with 200. The page receives a separate handle; the requestor token stays in the backend.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol, final

from irma_core import DisclosureRequest, Requestor, StartedSession
from irma_core.errors import AnswerError

__all__ = ["Backend", "Website", "running_backend"]

PAGE = """<!doctype html>
<html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<main id="irma"></main><p id="said"></p>
<script src="/yivi.js"></script><script src="/page.js"></script>
"""
SCRIPT = """
window.states = [];
const element = document.querySelector("#irma");
const look = () => {
  const found = /<!-- State: (\\w+) -->/.exec(element.innerHTML);
  if (found && window.states.at(-1) !== found[1]) window.states.push(found[1]);
};
new MutationObserver(look).observe(element, {childList: true, subtree: true});
yivi.newWeb({element: "#irma", language: "en", session: {url: ""}}).start()
  .then(said => { document.querySelector("#said").textContent = said.words; });
"""
# The two hashes are those of the styles that yivi-frontend 0.1.3 puts into the page.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self' {server}; img-src data:; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-Zwk+NVBmf68wTb1CJNBPEjdlO5paJ/3c7bCr9AocQ1Y='; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Website(Protocol):
    """The files that a website serves, and its content security policy."""

    policy: str

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return the media type and body of a path; None if the path is unknown."""


@final
class Backend:
    """The website's side of its sessions.

    Args:
        requestor: The library.
        script: The browser package.
        server: The IRMA server's origin, which the page calls.

    Attributes:
        asked: The request of every session, which has a slot `name`.
        errors: The reasons for missing answers, in the order of the results.
    """

    asked: DisclosureRequest

    def __init__(self, requestor: Requestor, *, script: bytes, server: str) -> None:
        self._requestor = requestor
        self._script = script
        self._sessions: dict[str, StartedSession] = {}
        self.policy = POLICY.format(server=server)
        self.errors: list[str] = []

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return the media type and body of a path; None if the path is unknown."""
        match path.split("/")[1:]:
            case [""]:
                return "text/html", PAGE.encode()
            case ["yivi.js"]:
                return "text/javascript", self._script
            case ["page.js"]:
                return "text/javascript", SCRIPT.encode()
            case ["session"]:
                return "application/json", self._start().encode()
            case ["session", handle, "result"]:
                return "application/json", json.dumps({"words": self._result(handle)}).encode()
            case _:
                return None

    def _start(self) -> str:
        session = self._requestor.start_session(self.asked)
        handle = secrets.token_urlsafe()
        self._sessions[handle] = session
        return session.browser_json(handle)

    def _result(self, handle: str) -> str:
        try:
            answer = self._requestor.get_answer(self._sessions.pop(handle))
        except AnswerError as error:
            self.errors.append(type(error).__name__)
            return "You have not shown it."
        return f"Welcome, {answer['name'].value}."


@contextmanager
def running_backend(backend: Website) -> Generator[str]:
    """Serve the backend on this machine; yield the URL of its page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = backend.answer(self.path)
            kind, body = answer or ("text/plain", b"")
            self.send_response(200 if answer else 404)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-security-policy", backend.policy)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002
            """Log nothing, because pytest shows everything of interest."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}/"
        finally:
            httpd.shutdown()
            thread.join()
