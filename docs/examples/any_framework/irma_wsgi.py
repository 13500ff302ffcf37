"""Middleware that serves `WebSessions` below `/irma`, for any WSGI application.

    application = IrmaPages(application, sessions, log_in, login_cookie)

To receive the IRMA server's posts, also pass `callbacks` or `next_sessions`. An adapter for another
framework must do the same: read the request, call one method, send its reply, and set the cookie.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.util import request_uri

from irma_core import (
    CallbackReceiver,
    NextSessionReceiver,
    WebAnswer,
    WebRequest,
    WebSessions,
)
from irma_core.interfaces import HttpResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST_BODY = 1024 * 1024  # for a callback; a call from the browser may have at most 64 KiB
LOGGER = logging.getLogger(__name__)


@dataclass
class IrmaPages:
    """Handles the calls from browsers and from the IRMA server, in front of an application.

    Args:
        application: Handles every other request.
        sessions: Serves `start/NAME`, `finish/NAME`, `status/NAME` and `cancel/NAME`.
        log_in: Logs a person in, and returns the key of the web session that it made.
        login_cookie: Returns the `Set-Cookie` header for such a key.
        prefix: The path below which the calls arrive.
        callbacks: Serves `callback/…`.
        next_sessions: Serves `next/…`.
    """

    application: WSGIApplication
    sessions: WebSessions
    log_in: Callable[[WebAnswer], str]
    login_cookie: Callable[[str], str]
    prefix: str = "/irma"
    callbacks: CallbackReceiver | None = None
    next_sessions: NextSessionReceiver | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request, or pass it to the application."""
        reply = self.reply(environ)
        if reply is None:
            return self.application(environ, start_response)
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(reply.headers))
        return [reply.body]

    def reply(self, environ: WSGIEnvironment) -> HttpResponse | None:
        """Return the reply, or None if the request is for the application."""
        path = environ["PATH_INFO"]
        if not path.startswith(f"{self.prefix}/"):
            return None
        step, _, name = path.removeprefix(f"{self.prefix}/").partition("/")
        receiver = {"callback": self.callbacks, "next": self.next_sessions}.get(step)
        if receiver is None and step not in {"start", "finish", "status", "cancel"}:
            return None
        method, body = environ["REQUEST_METHOD"], read_body(environ)
        if receiver is not None:
            try:
                return receiver.receive(method, path, environ, body)
            except Exception:  # your own function may raise anything
                LOGGER.exception("A post from the IRMA server failed")
                return HttpResponse(500)
        request = WebRequest(method, request_uri(environ), environ, body, environ)
        if method == "OPTIONS":
            return self.sessions.preflight(request)
        call = self.finish if step == "finish" else getattr(self.sessions, step)
        reply: HttpResponse = call(name, request)
        return reply

    def finish(self, name: str, request: WebRequest) -> HttpResponse:
        """Log the person in; a repeated call sets the same cookie again."""
        finished = self.sessions.finish(name, request, self.log_in)
        if finished.error is not None:
            LOGGER.error("A login failed: %s", finished.code, exc_info=finished.error)
        if not finished.succeeded:
            return finished.reply
        cookie = ("set-cookie", self.login_cookie(str(finished.value)))
        reply = finished.reply
        return HttpResponse(reply.status, (*reply.headers, cookie), body=reply.body)


def read_body(environ: WSGIEnvironment) -> bytes:
    """Read the body, but at most one byte more than the limit."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch("[0-9]{1,9}", length):
        return b""
    body: bytes = environ["wsgi.input"].read(min(int(length), LARGEST_BODY + 1))
    return body
