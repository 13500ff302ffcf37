"""The contract of web adapters, with two adapters that pass it: for WSGI and for ASGI."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from docs.examples.any_framework.irma_wsgi import IrmaPages
from irma_core import WebAnswer, WebRequest
from irma_core.protocol.messages import HttpResponse
from irma_testing import asgi, wsgi
from irma_testing.contracts import WebAdapterContract
from irma_testing.contracts.web_browser import Application
from irma_testing.contracts.web_site import WebSite

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LOGIN_COOKIE = "__Host-login"
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class People:
    """The people who are logged in, by the value of a cookie."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._emails: dict[str, str] = {}

    def log_in(self, web_answer: WebAnswer) -> str:
        """Log a person in, and return the key of the session."""
        email = self._site.login(web_answer)
        key = secrets.token_urlsafe()
        self._emails[key] = email
        return key

    @staticmethod
    def cookie(key: str) -> str:
        """Return the header that brings a browser into a session."""
        return f"{LOGIN_COOKIE}={key}; Path=/; Secure; HttpOnly; SameSite=Lax"

    def page(self, cookies: str) -> bytes:
        """Return the page `/who`."""
        prefix = f"{LOGIN_COOKIE}="
        keys = [each.removeprefix(prefix) for each in cookies.split("; ") if prefix in each]
        return json.dumps({"email": self.email(keys[0]) if keys else None}).encode()

    def email(self, key: str) -> str | None:
        """Return the e-mail address of the person in a session, or None."""
        return self._emails.get(key)


class TestWsgi(WebAdapterContract):
    """The adapter for any WSGI application from the how-to."""

    def make_application(self, site: WebSite) -> Application:
        parts, people = site.parts(), People(site)

        def pages(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("content-type", "application/json")])
            return [people.page(environ.get("HTTP_COOKIE", ""))]

        return wsgi(
            IrmaPages(
                pages,
                parts.sessions,
                people.log_in,
                people.cookie,
                callbacks=parts.callbacks,
                next_sessions=parts.next_sessions,
            )
        )


class TestAsgi(WebAdapterContract):
    """An adapter for ASGI, without a framework."""

    prefix = "/proofs"

    def make_application(self, site: WebSite) -> Application:
        return asgi(AsgiPages(site, self.prefix))

    def replay(self) -> Sequence[str]:
        """Replay with the receiver for asyncio."""
        replayed = asyncio.run(self.site.async_parts().callbacks.replay())
        return [each.problem for each in replayed]


class AsgiPages:
    """The smallest ASGI application that serves the pages."""

    def __init__(self, site: WebSite, prefix: str) -> None:
        self._parts = site.async_parts()
        self._people = People(site)
        self._prefix = prefix

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        reply = await self._reply(scope, body)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Message, body: bytes) -> HttpResponse:
        _, _, path = scope["path"].partition(f"{self._prefix}/")
        step, _, name = path.partition("/")
        headers: Any = scope["headers"]
        if step in {"callback", "next"}:
            receiver: Any = (
                self._parts.callbacks if step == "callback" else self._parts.next_sessions
            )
            try:
                reply: HttpResponse = await receiver.receive(
                    scope["method"], scope["path"], headers, body
                )
            except Exception:  # noqa: BLE001  # the site's function may raise anything
                reply = HttpResponse(500)
            return reply
        host = dict(headers)[b"host"].decode()
        url = f"{scope['scheme']}://{host}{scope['raw_path'].decode()}"
        request = WebRequest(scope["method"], url, headers, body)
        sessions = self._parts.sessions
        if not path:
            cookies = dict(headers).get(b"cookie", b"").decode()
            return HttpResponse(200, body=self._people.page(cookies))
        if request.method == "OPTIONS":
            return sessions.preflight(request)
        if step == "finish":
            return await self._finish(name, request)
        made: HttpResponse = await getattr(sessions, step)(name, request)
        return made

    async def _finish(self, name: str, request: WebRequest) -> HttpResponse:
        async def log_in(web_answer: WebAnswer) -> str:
            return self._people.log_in(web_answer)

        finished = await self._parts.sessions.finish(name, request, log_in)
        reply = finished.reply
        if not finished.succeeded:
            return reply
        cookie = ("set-cookie", self._people.cookie(str(finished.value)))
        return HttpResponse(reply.status, (*reply.headers, cookie), body=reply.body)
