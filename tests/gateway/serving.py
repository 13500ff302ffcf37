"""A small HTTP server on loopback, on a thread, for as long as a test runs."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Handler", "serving"]


class Handler(BaseHTTPRequestHandler):
    """A handler that logs nothing, and can read a body."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # Python's name
        return

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))


@contextmanager
def serving(handler: type[Handler]) -> Generator[str]:
    """Run a server with the handler, and provide its base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
