"""The cost of a start and a finish with a web adapter, above that of a bare view.

The IRMA server is a function that answers at once, and the store is in memory, so that neither
hides the cost of the adapter. In Django, a finish is still a transaction, in an SQLite database in
memory.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from hashlib import sha256
from http.cookies import SimpleCookie
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from benchmarks.reading import attribute
from benchmarks.rounds import Effort, Row, Work, alternate, ratios
from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
from irma_core import (
    AsyncRequestor,
    AsyncWebSessions,
    AttributeRequest,
    DisclosureRequest,
    Requestor,
    Risk,
    WebRequest,
    WebSessions,
    new_sealing_key,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import wsgi
from irma_transport import SystemClock

__all__ = ["rows"]

AGE: Final = "pbdf.gemeente.personalData.over18"
QUESTIONS: Final = {"adult": DisclosureRequest({"age": AttributeRequest(AGE)})}
ORIGIN, SERVER = "https://shop.example", "https://irma.example"
TOKEN: Final = "t" * 32
"""Django's CSRF token, in its cookie and in the header."""
Reply: TypeAlias = tuple[int, list[tuple[str, str]], bytes]
Post: TypeAlias = Callable[[str, bytes, str], Reply]
"""Posts JSON to a path, with cookies."""


class Server:
    """A transport whose server answers each request at once, as if the person had accepted."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self._numbers = count()

    def jitter(self) -> float:
        return 0.5

    def send(self, request: HttpRequest, _deadline: float) -> HttpResponse:
        path = request.url.removeprefix(f"{SERVER}/session/")
        value: Any = {}
        if path.endswith("/result"):
            value = {
                "token": path.partition("/")[0],
                "status": "DONE",
                "type": "disclosing",
                "proofStatus": "VALID",
                "disclosed": [[attribute(AGE)]],
            }
        elif request.method == "POST":
            token = sha256(f"{next(self._numbers)}".encode()).hexdigest()[:20]
            value = {
                "token": token,
                "sessionPtr": {"u": f"{SERVER}/irma/session/{token[::-1]}", "irmaqr": "disclosing"},
                "frontendRequest": {"authorization": "a" * 20, "maxProtocolVersion": "1.1"},
            }
        body = json.dumps(value).encode()
        return HttpResponse(200, (("content-type", "application/json"),), body=body)

    def open_stream(self, _request: HttpRequest, _deadline: float) -> Any:
        raise NotImplementedError

    def sleep(self, _duration: timedelta) -> None:
        raise NotImplementedError


class AsyncServer:
    """An async transport whose server answers in the same way."""

    def __init__(self) -> None:
        self._server = Server()
        self.clock, self.jitter = self._server.clock, self._server.jitter

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        return self._server.send(request, deadline)

    async def open_stream(self, _request: HttpRequest, _deadline: float) -> Any:
        raise NotImplementedError

    async def sleep(self, _duration: timedelta) -> None:
        raise NotImplementedError


def rows(effort: Effort) -> Iterator[Row]:
    """Return the figures for the web adapter of each framework."""
    with ExitStack() as opened:
        loop = opened.enter_context(closing(asyncio.new_event_loop()))
        floor, async_floor = opened.enter_context(_floor()), _async_floor(loop)
        for name, post, beside in (
            ("Django", opened.enter_context(_django()), floor),
            ("Flask", opened.enter_context(_flask()), floor),
            ("Starlette", opened.enter_context(_starlette(loop)), async_floor),
        ):
            yield from _framework(effort, name, post, beside)


def _framework(effort: Effort, name: str, post: Post, floor: Post) -> Iterator[Row]:
    calls, rounds = 50, effort.rounds + 1
    wanted = rounds * effort.times(calls) + 1
    finishes = iter([_started(post) for _ in range(wanted)])
    floors = iter([_started(floor) for _ in range(wanted)])
    works: dict[str, Work] = {
        "bare": lambda: _checked(post("/bare", b"{}", "")),
        "start": lambda: _started(post),
        "floor start": lambda: _started(floor),
        "finish": lambda: _checked(post("/irma/finish/adult", *next(finishes))),
        "floor finish": lambda: _checked(floor("/irma/finish/adult", *next(floors))),
    }
    taken = alternate(effort, calls, works)
    for step, goal, above in zip(("start", "finish"), *GOALS[name], strict=True):
        yield Row(f"{name}: {step} / a bare view", ratios(taken[step], taken["bare"]), "x", goal)
        parts = zip(taken[step], taken["bare"], taken[f"floor {step}"], strict=True)
        ours = [(whole - bare - alone) * 1e6 for whole, bare, alone in parts]
        yield Row(f"{name}: {step}, above the bare view and `WebSessions` alone", ours, "us", above)


GOALS: Final = {
    "Django": ((3, 10), (400, 4000)),
    "Flask": ((5, 8), (400, 1200)),
    "Starlette": ((10, 14), (400, 600)),
}
"""The goals for a start and a finish: first the ratios, then the microseconds."""


def _started(post: Post) -> tuple[bytes, str]:
    """Start a session in a new browser; return the body for its finish, and the cookie."""
    _, headers, body = _checked(post("/irma/start/adult", b"{}", ""))
    (cookie,) = (value for name, value in headers if name.lower() == "set-cookie")
    ((name, morsel),) = SimpleCookie(cookie).items()
    return json.dumps({"handle": json.loads(body)["handle"]}).encode(), f"{name}={morsel.value}"


def _checked(reply: Reply) -> Reply:
    assert reply[0] == 200, reply
    return reply


def _headers(cookie: str) -> list[tuple[str, str]]:
    cookies = f"csrftoken={TOKEN}; {cookie}".rstrip("; ")
    return [
        ("content-type", "application/json"),
        ("origin", ORIGIN),
        ("x-csrftoken", TOKEN),
        ("cookie", cookies),
    ]


@contextmanager
def _floor() -> Generator[Post]:
    """Yield a function that posts to `WebSessions` without a framework."""
    server = Server()
    store = MemoryStore(server.clock, allow={Risk.MEMORY_STORE})
    requestor = Requestor(SERVER, cast("Any", server))
    sessions = WebSessions(requestor, [new_sealing_key()], store=store, questions=QUESTIONS)

    def post(path: str, body: bytes, cookie: str) -> Reply:
        request = WebRequest("POST", f"{ORIGIN}{path}", _headers(cookie), body)
        if "start" in path:
            reply = sessions.start("adult", request)
        else:
            reply = sessions.finish("adult", request, lambda _answer: None).reply
        return reply.status, list(reply.headers), reply.body

    with closing(store):
        yield post


def _async_floor(loop: asyncio.AbstractEventLoop) -> Post:
    server = AsyncServer()
    store = AsyncMemoryStore(server.clock, allow={Risk.MEMORY_STORE})
    requestor = AsyncRequestor(SERVER, cast("Any", server))
    sessions = AsyncWebSessions(requestor, [new_sealing_key()], store=store, questions=QUESTIONS)

    async def call(path: str, body: bytes, cookie: str) -> Reply:
        request = WebRequest("POST", f"{ORIGIN}{path}", _headers(cookie), body)
        if "start" in path:
            reply = await sessions.start("adult", request)
        else:
            reply = (await sessions.finish("adult", request, lambda _answer: None)).reply
        return reply.status, list(reply.headers), reply.body

    def post(path: str, body: bytes, cookie: str) -> Reply:
        return loop.run_until_complete(call(path, body, cookie))

    return post


def _by_wsgi(app: Any) -> Post:
    deliver = wsgi(app)

    def post(path: str, body: bytes, cookie: str) -> Reply:
        reply = deliver(
            HttpRequest(
                "POST", f"{ORIGIN}{path}", label="post", headers=tuple(_headers(cookie)), body=body
            )
        )
        return reply.status, list(reply.headers), reply.body

    return post


@contextmanager
def _django() -> Generator[Post]:
    # Django is configured on import, which the other subjects do not need.
    from tests.web_django import conftest  # noqa: PLC0415  # isort: skip
    from django.core.handlers.wsgi import WSGIHandler  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import override_settings  # noqa: PLC0415

    irma = {
        "SERVER": SERVER,
        "CONNECT": {"transport": Server(), "allow": [Risk.MEMORY_STORE]},
        "STORE": "memory:",
        "QUESTIONS": QUESTIONS,
    }
    conftest.point("default", Path("file:benchmark?mode=memory&cache=shared"))
    with closing(sqlite3.connect("file:benchmark?mode=memory&cache=shared", uri=True)):
        call_command("migrate", verbosity=0)
        with override_settings(IRMA=irma, ROOT_URLCONF="benchmarks.django_urls"):
            yield _by_wsgi(WSGIHandler())
    conftest.point("default", Path())


@contextmanager
def _flask() -> Generator[Post]:
    from flask import Flask  # noqa: PLC0415

    from irma_web_flask import Irma  # noqa: PLC0415

    app = Flask("shop")
    app.config.update(
        SECRET_KEY="a-secret-of-the-session",
        SESSION_COOKIE_SECURE=True,
        IRMA_SERVER=SERVER,
        IRMA_CONNECT={"transport": Server(), "allow": {Risk.MEMORY_STORE}},
        IRMA_STORE="memory:",
        IRMA_SEALING_KEYS=[new_sealing_key()],
    )
    Irma(questions=QUESTIONS, url_prefix="/irma").init_app(app)

    @app.post("/bare")
    def bare() -> Mapping[str, str]:
        return {}

    yield _by_wsgi(app)


@contextmanager
def _starlette(loop: asyncio.AbstractEventLoop) -> Generator[Post]:
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    from irma_web_starlette import Irma  # noqa: PLC0415

    async def bare(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse({})

    transport = AsyncServer()
    irma = Irma(
        SERVER,
        questions=QUESTIONS,
        keys=[new_sealing_key()],
        store=AsyncMemoryStore(transport.clock, allow={Risk.MEMORY_STORE}),
        transport=cast("Any", transport),
        allow={Risk.MEMORY_STORE},
    )
    app = Starlette(routes=[Route("/bare", bare, methods=["POST"]), *irma.routes])
    app.add_middleware(SessionMiddleware, secret_key="a-secret", https_only=True)
    lifespan = irma.lifespan()
    loop.run_until_complete(lifespan.__aenter__())
    yield _by_asgi(app, loop)
    loop.run_until_complete(lifespan.__aexit__(None, None, None))


def _by_asgi(
    app: Callable[[Any, Any, Any], Awaitable[None]], loop: asyncio.AbstractEventLoop
) -> Post:
    async def call(path: str, body: bytes, cookie: str) -> Reply:
        sent: list[Any] = []
        headers = [("host", "shop.example"), *_headers(cookie)]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "server": ("shop.example", 443),
            "client": ("127.0.0.1", 50000),
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        got = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return sent[0]["status"], got, b"".join(each.get("body", b"") for each in sent[1:])

    def post(path: str, body: bytes, cookie: str) -> Reply:
        return loop.run_until_complete(call(path, body, cookie))

    return post
