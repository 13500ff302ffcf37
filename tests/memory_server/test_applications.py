"""Posts of the server to WSGI and ASGI applications without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from flask import Flask
from flask import request as flask_request

from irma_core import (
    AnswerError,
    AsyncCallbackReceiver,
    AsyncRequestor,
    DisclosureRequest,
    ExtendedRequest,
    NobodyAnsweredError,
    Requestor,
    Risk,
    Sealer,
    SessionOutcome,
    StartedSession,
    new_sealing_key,
)
from irma_core.errors import UsageError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import AppError, InMemoryServer, SimulatedApp, asgi, wsgi
from tests.memory_stores import async_memory_store

EMAIL = DisclosureRequest({"email": "pbdf.sidn-pbdf.email.email"})
PAGE = "https://shop.example/irma/callback"
POST = HttpRequest(
    "POST",
    "https://shop.example:8443/a%20b/%C3%A9?x=1%202",
    label="POST",
    headers=(("content-type", "text/plain"), ("x-one", "1")),
    body=b"body",
)


@pytest.fixture
def server() -> Iterator[InMemoryServer]:
    server = InMemoryServer()
    yield server
    server.raise_missed()


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    return app


class AsyncShop:
    """An asynchronous application that takes orders, awaits callbacks, and records their loops."""

    def __init__(self, server: InMemoryServer) -> None:
        self.ends: dict[str, str] = {}
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.real_seconds = 0.0
        self.requestor = AsyncRequestor(
            server.url,
            server.async_transport(),
            server_key=server.public_key_pem,
            allow={Risk.SIMULATED_PROOFS},
        )
        self.callbacks = AsyncCallbackReceiver(
            self.requestor,
            PAGE,
            sealer=Sealer([new_sealing_key()]),
            store=async_memory_store(server.clock),
            deliver=self.ended,
        )
        self.app = FastAPI()
        self.app.post("/orders")(self.order_page)
        self.app.post("/orders/finished")(self.finished_page)
        self.app.api_route("/irma/callback/{sealed}/", methods=["POST"])(self.callback_page)
        self._finished: dict[str, asyncio.Event] = {}

    async def order(self) -> StartedSession:
        request = self.callbacks.with_callback(EMAIL)
        session = await self.requestor.start_session(request)
        self._finished[session.token.reveal()] = asyncio.Event()
        return session

    async def order_and_wait(self) -> str:
        token = (await self.order()).token.reveal()
        await self._finished[token].wait()
        return self.ends[token]

    async def ended(self, outcome: SessionOutcome) -> None:
        self.loops.append(asyncio.get_running_loop())
        token = outcome.token.reveal()
        await asyncio.sleep(self.real_seconds)
        # The application calls the server from inside the callback, as applications do.
        await self.requestor.get_status(outcome.token)
        try:
            self.ends[token] = outcome.get_answer()["email"].value
        except AnswerError as error:
            self.ends[token] = type(error).__name__
        if token in self._finished:
            self._finished[token].set()

    async def order_page(self) -> dict[str, Any]:
        return {"u": (await self.order()).pointer.url, "irmaqr": "disclosing"}

    async def finished_page(self) -> str:
        session = await self.order()
        answer = await self.requestor.wait_for_answer(session, timeout=timedelta(minutes=1))
        # The callback arrived during this call, before the answer.
        return f"{answer['email'].value}, {self.ends[session.token.reveal()]}"

    async def callback_page(self, request: Request) -> Response:
        reply = await self.callbacks.receive(
            request.method, request.url.path, request.headers.items(), await request.body()
        )
        return Response(reply.body, reply.status, dict(reply.headers))


@pytest.fixture
def shop(server: InMemoryServer) -> AsyncShop:
    shop = AsyncShop(server)
    server.deliver = asgi(shop.app)
    return shop


async def test_planned_actions_run_while_a_callback_is_awaited(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop
) -> None:
    """A planned action runs although the application only awaits the callback."""
    server.when_started(app.accept)
    assert await shop.order_and_wait() == "ada@example.com"
    assert shop.loops == [asyncio.get_running_loop()]


async def test_the_clock_stands_still_during_a_callback(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop
) -> None:
    """A long wait of one order does not make other orders time out during their callbacks."""

    async def buy() -> str:
        session = await shop.order()
        server.after(timedelta(seconds=1), lambda: app.accept(session.pointer))
        answer = await shop.requestor.wait_for_answer(session, timeout=timedelta(seconds=5))
        return f"{answer['email'].value}, {shop.ends[session.token.reveal()]}"

    async def wait_in_vain() -> str:
        session = await shop.order()
        with pytest.raises(NobodyAnsweredError):
            await shop.requestor.wait_for_answer(session, timeout=timedelta(minutes=10))
        return "nobody"

    shop.real_seconds = 0.1
    ends = await asyncio.gather(wait_in_vain(), *(buy() for _ in range(10)))
    assert ends == ["nobody", *["ada@example.com, ada@example.com"] * 10]
    assert set(shop.loops) == {asyncio.get_running_loop()}


async def test_an_async_test_plays_the_app_with_run(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop
) -> None:
    """`run` awaits the callback on the test's loop, and then returns the function's result."""
    session = await shop.order()
    scanned = await server.run(app.accept, session.pointer)
    assert scanned.outcome is not None
    assert list(shop.ends.values()) == ["ada@example.com"]
    assert shop.loops == [asyncio.get_running_loop()]


async def test_a_call_that_blocks_the_loop_raises_with_advice(
    app: SimulatedApp, shop: AsyncShop
) -> None:
    """A call of the app that blocks the loop raises, and the error says to use `run`."""
    session = await shop.order()
    with pytest.raises(UsageError, match=r"await irma_server\.run"):
        app.accept(session.pointer)


async def test_time_that_passes_with_run_delivers_time_outs(
    server: InMemoryServer, shop: AsyncShop
) -> None:
    """Without an app, the server posts the time-out to the application when the time is up."""
    await shop.order()
    await server.run(server.pass_time, timedelta(minutes=16))
    assert set(shop.ends.values()) == {"SessionTimedOutError"}


@pytest.mark.parametrize("keeps_loop", [False, True])
def test_a_synchronous_test_plays_the_app(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop, keeps_loop: bool
) -> None:
    """A synchronous test can play the app, with one loop or a loop for each request."""
    client = TestClient(shop.app)
    if not keeps_loop:
        app.accept(client.post("/orders").json())
        assert list(shop.ends.values()) == ["ada@example.com"]
        return
    with client:
        app.accept(client.post("/orders").json())
        assert list(shop.ends.values()) == ["ada@example.com"]
        assert client.portal is not None
        own_loop = client.portal.call(asyncio.get_running_loop)
        assert shop.loops == [own_loop]


def test_a_planned_action_runs_while_a_page_waits(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop
) -> None:
    """A planned action can accept while a page of the application awaits the answer."""
    server.when_started(app.accept)
    reply = TestClient(shop.app).post("/orders/finished")
    assert reply.json() == "ada@example.com, ada@example.com"


def test_a_synchronous_test_catches_up(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop
) -> None:
    """In a synchronous test, a planned action waits until the test calls `catch_up`."""
    server.when_started(app.accept)
    TestClient(shop.app).post("/orders")
    assert not shop.ends
    server.catch_up()
    assert list(shop.ends.values()) == ["ada@example.com"]


async def test_a_callbacks_error_is_raised_by_the_call(
    server: InMemoryServer, app: SimulatedApp, shop: AsyncShop
) -> None:
    """If a callback raises an error, the test's call to the app raises it."""

    async def fail(_request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    session = await shop.order()
    server.deliver = fail
    with pytest.raises(ZeroDivisionError):
        await server.run(app.accept, session.pointer)


async def test_a_planned_actions_error_is_raised_by_the_next_call(
    server: InMemoryServer, shop: AsyncShop, caplog: pytest.LogCaptureFixture
) -> None:
    """The error of a planned action is logged, and raised by the next call to the server."""
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fail(_pointer: object) -> None:
        loop.call_soon_threadsafe(failed.set)
        raise AppError("the phone fell into the water")

    server.when_started(fail)
    session = await shop.order()
    await failed.wait()
    # The error is kept once the thread of the failed action has ended.
    while not caplog.messages:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    with pytest.raises(AppError, match="water"):
        await shop.requestor.get_status(session)
    server.raise_missed()
    assert "A planned action failed" in caplog.text


async def test_an_application_that_never_replies_fails(
    server: InMemoryServer, shop: AsyncShop, app: SimulatedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the application never replies to a callback, the call raises an error that says so."""
    monkeypatch.setattr("irma_testing.memory.event_loops._LIMIT_SECONDS", 0.05)

    async def never(_request: HttpRequest) -> HttpResponse:
        await asyncio.Event().wait()
        raise AssertionError

    session = await shop.order()
    server.deliver = never
    with pytest.raises(UsageError, match="did not reply"):
        await server.run(app.accept, session.pointer)


async def test_a_cancelled_call_does_not_block_the_next(
    server: InMemoryServer, shop: AsyncShop, app: SimulatedApp
) -> None:
    """If a test cancels a call to the app, the next call is not blocked."""
    entered = asyncio.Event()
    deliver = server.deliver
    assert deliver is not None

    async def wait(request: HttpRequest) -> HttpResponse:
        entered.set()
        await asyncio.sleep(0.05)
        reply = deliver(request)
        assert isinstance(reply, Awaitable)
        return await reply

    session = await shop.order()
    server.deliver = wait
    task = asyncio.ensure_future(server.run(app.accept, session.pointer))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await shop.requestor.get_status(session)
    assert list(shop.ends.values()) == ["ada@example.com"]


class AsyncReceiver:
    """A receiver whose `__call__` is async."""

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200)


async def test_an_object_with_an_async_call_is_awaited(
    server: InMemoryServer, shop: AsyncShop
) -> None:
    """The server awaits an object with an async `__call__` like a coroutine function."""
    session = await shop.order()
    server.deliver = AsyncReceiver()
    await server.run(SimulatedApp(server).refuse, session.pointer)
    assert [post.label for post in server.posted] == ["POST callback"]


@pytest.mark.parametrize("deliver", [AsyncReceiver, 3, "x"])
def test_deliver_must_be_a_function(server: InMemoryServer, deliver: Any) -> None:
    """`deliver` must be a function, and the error shows what to write."""
    with pytest.raises(UsageError, match="deliver: must be a function, such as"):
        server.deliver = deliver


async def test_a_hidden_coroutine_is_refused(server: InMemoryServer, shop: AsyncShop) -> None:
    """If a plain function for `deliver` returns a coroutine, the error says to use `async def`."""
    receiver = AsyncReceiver()
    session = await shop.order()
    server.deliver = lambda request: receiver(request)  # noqa: PLW0108  # hides that it is async
    with pytest.raises(UsageError, match="async def"):
        SimulatedApp(server).refuse(session.pointer)


def test_a_reply_must_be_a_response(server: InMemoryServer) -> None:
    """If a function for `deliver` returns None, the error says that it must return a response."""
    server.deliver = lambda _request: None  # type: ignore[assignment,return-value]
    requestor = Requestor(server.url, server.transport())
    receiver_url = f"{PAGE}/x"
    session = requestor.start_session(ExtendedRequest(EMAIL, callback_url=receiver_url))
    with pytest.raises(UsageError, match="deliver: must be a function that returns a response"):
        SimulatedApp(server).refuse(session.pointer)


# The requests that an application sees.

Message = MutableMapping[str, Any]


def test_a_wsgi_application_sees_the_whole_request() -> None:
    """A WSGI application receives all parts of the request, as over HTTP."""
    app = Flask("app")

    @app.post("/<path:rest>")
    def page(rest: str) -> tuple[dict[str, str], int, dict[str, str]]:
        seen = {
            "rest": rest,
            "url": flask_request.url,
            "x": flask_request.args["x"],
            "one": flask_request.headers["X-One"],
            "type": flask_request.mimetype,
            "body": flask_request.get_data(as_text=True),
        }
        return seen, 202, {"x-two": "2"}

    reply = wsgi(app)(POST)
    assert (reply.status, reply.header("x-two")) == (202, "2")
    seen = httpx.Response(200, content=reply.body).json()
    assert seen == {
        "rest": "a b/é",
        "url": "https://shop.example:8443/a%20b/é?x=1%202",
        "x": "1 2",
        "one": "1",
        "type": "text/plain",
        "body": "body",
    }


def test_a_wsgi_application_may_write_and_close() -> None:
    """The reply includes the output of WSGI's `write` function, and the body is closed."""
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"two"

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Callable[..., Callable[[bytes], object]]) -> Body:
        start_response("200 OK", [])(b"one ")
        return Body()

    assert wsgi(app)(POST).body == b"one two"
    assert closed == [True]


def test_a_wsgi_applications_error_reaches_the_caller() -> None:
    """An error of a WSGI application reaches the caller, as WSGI's `exc_info` demands."""
    app = Flask("app")
    app.testing = True

    @app.post("/<path:_rest>")
    def page(_rest: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wsgi(app)(POST)


async def test_an_asgi_application_sees_the_whole_request() -> None:
    """An ASGI application receives all parts of the request, as over HTTP."""
    app = FastAPI()

    @app.post("/{rest:path}")
    async def page(rest: str, x: str, request: Request) -> Response:
        seen = f"{rest} {request.url} {x} {request.headers['x-one']} {(await request.body())!r}"
        return Response(seen, 202, {"x-two": "2"})

    reply = await asgi(app)(POST)
    assert (reply.status, reply.header("x-two")) == (202, "2")
    expected = "a b/é https://shop.example:8443/a b/é?x=1%202 1 2 1 b'body'"
    assert reply.body.decode() == expected


async def test_an_asgi_application_sees_the_end_of_the_request() -> None:
    """An ASGI application receives a disconnect after the body, so that it never waits for more."""
    seen: list[str] = []

    async def app(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    assert (await asgi(app)(POST)).status == 204
    assert seen == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("adapt", [wsgi, asgi])
@pytest.mark.parametrize("app", [None, Flask, "app:app"])
def test_an_invalid_application_is_refused(adapt: Callable[[Any], object], app: object) -> None:
    """An import string, a class and None are refused as an application."""
    with pytest.raises(UsageError, match="app: must be a WSGI or ASGI application"):
        adapt(app)
