"""A website of one mode with the web sessions under test, a server in memory, and browsers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from irma_core import (
    AsyncRequestor,
    AsyncWebSessions,
    AttributeRequest,
    DisclosureRequest,
    Finished,
    Requestor,
    SessionPointer,
    SessionType,
    WebAnswer,
    WebRequest,
    WebSessions,
    new_sealing_key,
)
from irma_core.protocol.messages import HttpResponse
from irma_core.web.web_answers import Complete
from irma_testing import InMemoryServer, SimulatedApp
from tests.memory_stores import async_memory_store, memory_store

__all__ = ["COOKIE", "EMAIL", "OVER18", "QUESTIONS", "SITE", "Browser", "Reply", "Site", "slot_in"]

SITE = "https://shop.example"
COOKIE = "__Host-irma"
EMAIL = "example.mail.address.email"
OVER18 = "example.town.age.over18"
QUESTIONS: Mapping[str, Any] = {
    "login": DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)}),
    "adult": DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")}),
}


def slot_in(url: str) -> int:
    """Return the number that a page finds in the fragment of its URL."""
    page, _, number = url.rpartition("-")
    assert page.startswith(SITE)
    return int(number)


class Reply:
    """A reply for a page, read like in a browser."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response
        self.status = response.status
        self.json: dict[str, Any] = json.loads(response.body)
        names = [name for name, _ in response.headers]
        assert len(set(names)) == len(names), "browsers refuse a CORS header that comes twice"
        assert response.header("content-type") == "application/json"
        assert response.header("cache-control") == "no-store"

    @property
    def code(self) -> str | None:
        """The code of the error, or None."""
        return self.json["error"]["code"] if "error" in self.json else None

    @property
    def again(self) -> str | None:
        """The next step that the page may take."""
        return self.json["error"]["again"]  # type: ignore[no-any-return]

    @property
    def handle(self) -> str:
        """The handle of a started session."""
        assert self.status == 200, self.json
        return str(self.json["handle"])

    @property
    def pointer(self) -> SessionPointer:
        """The pointer for the app."""
        pointer = self.json["sessionPtr"]
        return SessionPointer(pointer["u"], SessionType(pointer["irmaqr"]))


class Site:
    """A website: its web sessions, the people that it logged in, and a server with an app.

    Args:
        mode: `sync` or `async`.
        settings: More settings of `WebSessions`; some of them replace defaults.
    """

    def __init__(
        self, mode: str, *, requestor: Mapping[str, Any] | None = None, **settings: Any
    ) -> None:
        self.is_async = mode == "async"
        self.server = settings.pop("server", None) or InMemoryServer()
        self.clock = self.server.clock
        self.app = SimulatedApp(self.server)
        if self.server.scheme.is_open:
            self.app.add("example.mail.address", {"email": "ada@example.com"})
        self.app.add("example.town.age", {"over18": "yes"})
        self.logins: list[WebAnswer] = []
        self.on_login: Callable[[WebAnswer], Any] = lambda _web: None
        common: Any = {"keys": [new_sealing_key()], "questions": QUESTIONS, **settings}
        given = settings.get("store")
        self.sessions: Any
        if self.is_async:
            self.store: Any = common.setdefault("store", given or async_memory_store(self.clock))
            transport: Any = self.server.async_transport()
            asking = AsyncRequestor(self.server.url, transport, **(requestor or {}))
            self.sessions = AsyncWebSessions(asking, **common)
        else:
            self.store = common.setdefault("store", given or memory_store(self.clock))
            transport = self.server.transport()
            self.sessions = WebSessions(
                Requestor(self.server.url, transport, **(requestor or {})), **common
            )
        self.transport = transport

    def result_of(self, made: Any) -> Any:
        """Return the result of a call of either mode."""
        return asyncio.run(made) if self.is_async else made

    def complete(self, web: WebAnswer) -> Any:
        """Log a person in: the application's function of either mode."""
        if not self.is_async:
            return self._login(web)

        async def login() -> Any:
            await asyncio.sleep(0)
            return self._login(web)

        return login()

    def _login(self, web: WebAnswer) -> Any:
        value = self.on_login(web)
        self.logins.append(web)
        return value if value is not None else f"session-{len(self.logins)}"

    def browser(self, **headers: str) -> Browser:
        """Return a browser without cookies, which sends these headers too."""
        return Browser(self, headers)


class Browser:
    """A browser that keeps one cookie, and sends the calls that the page's script makes."""

    def __init__(self, site: Site, headers: Mapping[str, str]) -> None:
        self.site = site
        self.cookie: str | None = None
        self.set_cookies: list[str] = []
        self.headers: dict[str, str] = {
            "Content-Type": "application/json",
            "Origin": SITE,
            "Sec-Fetch-Site": "same-origin",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }

    def request(self, path: str, fields: Any, **changes: Any) -> WebRequest:
        """Return a request with these fields in its body, or with the given changes."""
        headers = {**self.headers, **changes.pop("headers", {})}
        if self.cookie is not None:
            headers.setdefault("Cookie", self.cookie)
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        arguments: Any = {"method": "POST", "url": f"{SITE}/irma/{path}", "body": body, **changes}
        return WebRequest(
            headers={name: value for name, value in headers.items() if value}, **arguments
        )

    def send(self, step: str, name: str, fields: Any, **changes: Any) -> Reply:
        """Make a call from the page, and keep the cookie that comes with the reply."""
        request = self.request(f"{step}/{name}", fields, **changes)
        return self.read(self.site.result_of(getattr(self.site.sessions, step)(name, request)))

    def read(self, response: HttpResponse) -> Reply:
        """Read a reply, and keep its cookie."""
        for key, value in response.headers:
            if key == "set-cookie":
                self.set_cookies.append(value)
                self.cookie = value.partition(";")[0]
        return Reply(response)

    def start(self, name: str = "login", **fields: Any) -> Reply:
        """Start a session."""
        return self.send("start", name, fields)

    def started(self, name: str = "login") -> str:
        """Start a session that the app answers, and return its handle."""
        reply = self.start(name)
        self.site.app.accept(reply.pointer)
        return reply.handle

    def started_on_phone(self, name: str = "login", *, accepted: bool = True) -> tuple[int, str]:
        """Start a session on a phone; return the number in the page's fragment, and the handle."""
        reply = self.start(name, page="/login/", same_device=True)
        scanned = self.site.app.scan(reply.pointer)
        if accepted:
            scanned.accept()
        return slot_in(scanned.request["clientReturnUrl"]), reply.handle

    def finish(
        self,
        handle: str | None,
        name: str = "login",
        *,
        complete: Complete | None = None,
        **fields: Any,
    ) -> Finish:
        """Finish a session."""
        if handle is not None:
            fields["handle"] = handle
        request = self.request(f"finish/{name}", fields)
        return self.finish_with(name, request, complete)

    def finish_with(
        self, name: str, request: WebRequest, complete: Complete | None = None
    ) -> Finish:
        """Finish a session with that request."""
        made = self.site.sessions.finish(name, request, complete or self.site.complete)
        finished: Finished = self.site.result_of(made)
        return Finish(finished, self.read(finished.reply))


class Finish:
    """How a finish ended, and the reply."""

    def __init__(self, finished: Finished, reply: Reply) -> None:
        self.finished = finished
        self.reply = reply
        self.status, self.code, self.json = reply.status, reply.code, reply.json
        assert finished.succeeded == (reply.status == 200)
        assert finished.code == reply.code

    @property
    def again(self) -> str | None:
        """The next step that the page may take."""
        return self.reply.again
