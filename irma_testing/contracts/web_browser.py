"""Simulated browsers for tests of web adapters. They keep cookies and check each reply."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final, TypeAlias, TypeVar, final

from irma_core.json_text import JsonTextError, read_json, write_json
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing.contracts.web_site import ORIGIN

__all__ = ["COOKIE", "Application", "Browser", "Line", "Reply"]

Application: TypeAlias = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
"""A function that sends a request to the application, such as `wsgi(app)` or `asgi(app)`."""
ResultT = TypeVar("ResultT")
COOKIE: Final = "__Host-irma"
_LIMIT: Final = 60.0
"""Seconds after which a test assumes that a request hangs."""


@final
class Line:
    """The connection to the application. An ASGI application keeps one event loop for the test."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request."""
        return self.send_at_once([request])[0]

    def send_at_once(self, requests: Sequence[HttpRequest]) -> list[HttpResponse]:
        """Send requests at the same time, and return their replies in order."""
        with ThreadPoolExecutor(len(requests)) as threads:
            return list(threads.map(self._send, requests))

    def _send(self, request: HttpRequest) -> HttpResponse:
        async def send() -> HttpResponse:
            reply = self._application(request)
            return await reply if isawaitable(reply) else reply

        if self.is_async:
            return self._wait(send())
        reply = self._application(request)
        assert isinstance(reply, HttpResponse), "the application must return an HttpResponse"
        return reply

    @property
    def is_async(self) -> bool:
        """Whether the application is a coroutine function, as with ASGI."""
        return iscoroutinefunction(self._application)

    def _wait(self, coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_LIMIT)

    def close(self) -> None:
        """End the event loop."""
        self._wait(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT)
        self._loop.close()


@final
class Reply:
    """A reply to the page's script. It is either a 200 or a JSON error, and must not be cached."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response
        self.status = response.status
        media_type = response.header("content-type").partition(";")[0]
        assert media_type == "application/json", f"the reply is {media_type or 'of no type'}"
        assert "no-store" in response.header("cache-control"), "a cache may keep the reply"
        self.json = _read_object(response.body)
        if self.status == 200:
            assert "error" not in self.json, "a reply with an error must not have the status 200"
            return
        assert 400 <= self.status < 600, f"the status is {self.status}"
        assert set(self.json) == {"error"}, "the reply is neither 200 nor an error"
        assert set(self.json["error"]) == {"code", "message", "again"}, "the error is incomplete"
        assert self.json["error"]["message"], "the error has no sentence for the person"

    @property
    def code(self) -> str | None:
        """The code of the error, or None."""
        return self.json["error"]["code"] if "error" in self.json else None

    @property
    def again(self) -> str | None:
        """The step that the page may take after an error, or None if there is no error."""
        return self.json["error"]["again"] if "error" in self.json else None

    @property
    def message(self) -> str:
        """The message of an error, for the person."""
        return str(self.json["error"]["message"])

    @property
    def handle(self) -> str:
        """The handle of a started session."""
        assert self.status == 200, f"the start failed: {self.code}"
        return str(self.json["handle"])

    @property
    def pointer(self) -> dict[str, str]:
        """The session pointer of a started session, for the app."""
        assert self.status == 200, f"the start failed: {self.code}"
        pointer: dict[str, str] = self.json["sessionPtr"]
        return pointer


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = read_json(body)
    except JsonTextError:
        raise AssertionError("the reply is not JSON") from None
    assert isinstance(value, dict), "the reply is not a JSON object"
    return dict(value)


@final
class Browser:
    """A simulated browser that has a page of the website open.

    Attributes:
        cookies: The browser's cookies, by name.
        set_cookies: Each `Set-Cookie` header that the browser has received.
        replies: Each reply to a call from the page.
    """

    def __init__(self, line: Line, prefix: str, csrf: tuple[str, str] | None) -> None:
        self._line = line
        self._prefix = prefix
        self._csrf = csrf
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.replies: list[Reply] = []

    @property
    def binding(self) -> str | None:
        """The value of the cookie that binds sessions to this browser."""
        return self.cookies.get(COOKIE)

    def get(self, path: str) -> HttpResponse:
        """Open a page."""
        return self._receive(self._line.send(self._request("GET", path, {}, None)))

    def call(
        self,
        step: str,
        name: str = "login",
        *,
        method: str = "POST",
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        **fields: object,
    ) -> Reply:
        """Make a call as the page's script does.

        Args:
            step: `start`, `finish`, `status` or `cancel`.
            name: The name of the question.
            method: The HTTP method.
            body: The body; by default, `fields` in JSON.
            headers: Headers to add or change; a header whose value is None is left out.
            fields: The members of the JSON body.
        """
        request = self.request(step, name, method=method, body=body, headers=headers, **fields)
        return self.read(self._line.send(request))

    def request(
        self,
        step: str,
        name: str = "login",
        *,
        method: str = "POST",
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        **fields: Any,
    ) -> HttpRequest:
        """Return the request that `call` sends."""
        sent: dict[str, str | None] = {
            "content-type": "application/json",
            "origin": ORIGIN,
            "sec-fetch-site": "same-origin",
        }
        if self._csrf is not None:
            cookie, header = self._csrf
            if cookie not in self.cookies:
                self.get("/")
            sent[header.lower()] = self.cookies.get(cookie)
        sent |= headers or {}
        content = write_json(fields).encode() if body is None else body
        return self._request(method, f"{self._prefix}/{step}/{name}", sent, content)

    def read(self, response: HttpResponse) -> Reply:
        """Read the reply to a call from the page, and keep its cookies."""
        reply = Reply(self._receive(response))
        self.replies.append(reply)
        return reply

    def call_at_once(self, requests: Sequence[HttpRequest]) -> list[Reply]:
        """Make several calls from the page at the same time."""
        return [self.read(response) for response in self._line.send_at_once(requests)]

    def user(self) -> str | None:
        """Return the e-mail address of the logged-in person, according to the application."""
        response = self.get("/who")
        assert response.status == 200, "GET /who must say who is logged in"
        return _read_object(response.body)["email"]  # type: ignore[no-any-return]

    def _request(
        self, method: str, path: str, headers: Mapping[str, str | None], body: bytes | None
    ) -> HttpRequest:
        pairs = [(name, value) for name, value in headers.items() if value is not None]
        if self.cookies:
            pairs.append(("cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items())))
        return HttpRequest(
            method, ORIGIN + path, label=f"{method} {path}", headers=tuple(pairs), body=body
        )

    def _receive(self, response: HttpResponse) -> HttpResponse:
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                value = value.strip()  # noqa: PLW2901  # Django begins it with a space
                self.set_cookies.append(value)
                pair, _, attributes = value.partition(";")
                key, _, content = pair.partition("=")
                if "max-age=0" in attributes.lower().replace(" ", ""):
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = content
        return response
