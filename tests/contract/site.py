"""A website whose pages are data: it replies to a server's posts, and records them."""

from __future__ import annotations

import gzip
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import attrs

from irma_core.errors import ConnectionFailedError
from irma_core.protocol.messages import HttpRequest, HttpResponse

__all__ = ["Site", "Visit", "body_of", "running_site"]


@attrs.frozen
class Visit:
    """A request that the site received."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Site:
    """Replies with the page of the target in `pages`, or with 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: Mapping[str, Mapping[str, Any]] = {}
        self.visits: list[Visit] = []

    def open(self, pages: Mapping[str, Mapping[str, Any]]) -> None:
        """Serve these pages from now on, and forget earlier visits."""
        self.pages = pages
        self.visits = []

    def reply(self, visit: Visit) -> HttpResponse | None:
        """Return the page for a request, or None if the site closes the connection instead."""
        self.visits.append(visit)
        page = self.pages.get(visit.target, {"status": 404, "body": "no such page"})
        if "closes" in page:
            return None
        headers = tuple((name, value) for name, value in page.get("headers", ()))
        body = gzip.compress(body_of(page)) if page.get("gzip") else body_of(page)
        return HttpResponse(page["status"], headers, body=body)

    def deliver(self, request: HttpRequest) -> HttpResponse:
        """Receive a post of a server in memory.

        Raises:
            ConnectionFailedError: The site does not reply, or the URL leads elsewhere.
        """
        reply = None
        if request.url.removeprefix(self.url)[:1] in ("", "/", "?"):
            target = f"/{request.url.removeprefix(self.url).removeprefix('/')}"
            headers = {name.lower(): value for name, value in request.headers}
            body = request.body or b""
            reply = self.reply(Visit(request.method, target, headers, body))
        if reply is None:
            raise ConnectionFailedError(request.label, "no reply", request_sent=True)
        return reply


def body_of(entry: Mapping[str, Any]) -> bytes:
    """Return the body that an input describes: a string, or pieces with their counts."""
    if "bytes" in entry:
        return bytes(entry["bytes"], "latin-1")
    body: str | Sequence[Any] = entry.get("body", "")
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in body).encode()


@contextmanager
def running_site() -> Generator[Site]:
    """Serve a site on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = site.reply(Visit(self.command, self.path, headers, body))
            self.close_connection = True
            if reply is None:
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if reply.status not in _WITHOUT_BODY:
                self.send_header("Content-Length", str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if reply.status not in _WITHOUT_BODY:
                with suppress(ConnectionError):  # the server may have stopped reading
                    self.wfile.write(reply.body)

        do_GET = do_POST = handle_any  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


_WITHOUT_BODY = (204, 304)
