"""A caller that stops waiting leaves no session behind, however it stops."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from irma_core import (
    AnswerError,
    AsyncRequestor,
    DisclosureRequest,
    GatewayAuthentication,
    GatewaySecret,
    NobodyAnsweredError,
    PairingMethod,
    ProofStatus,
    Requestor,
    SessionStatus,
)
from irma_core.errors import (
    ConfigurationError,
    ConnectionBrokenError,
    ProofNotValidError,
    SessionGoneError,
    SessionNotFinishedError,
    UsageError,
)
from irma_core.flows.driver import run, run_async
from irma_core.flows.effects import Flow, Sleep
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import AsyncScriptedTransport, ScriptedTransport
from irma_testing.scripted import Step
from irma_transport import SystemClock
from tests.flows.scripted_backend import AsyncScriptedBackend, ScriptedBackend
from tests.flows.shop import AGE, OVER18, Shop
from tests.front.test_both_requestors import LOST, STARTED, UNKNOWN, reply
from tests.memory_stores import memory_store
from tests.modes import MODES

A_MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=3)
INTERRUPTIONS = [KeyboardInterrupt(), SystemExit(1), RuntimeError("an alarm"), MemoryError()]


def wait(shop: Shop, session: Any, **settings: Any) -> Any:
    """Wait in the shop's mode, and return the answer or the error."""
    waiting: Any = shop.requestor.wait_for_answer
    try:
        return shop.done(waiting(session, timeout=A_MINUTE, **settings))
    except BaseException as error:  # noqa: BLE001 - it is looked at
        return error


def status_of(shop: Shop, session: Any) -> SessionStatus:
    """Return the session's status at the server."""
    asking: Any = shop.requestor.get_status
    status: SessionStatus = shop.done(asking(session))
    return status


def raising(error: BaseException) -> Callable[[], None]:
    """Return a function that raises the error."""

    def raise_it() -> None:
        raise error

    return raise_it


@MODES
def test_an_unanswered_session_is_cancelled(mode: str) -> None:
    """If no app responds, the wait cancels the session and raises an `AnswerError`."""
    shop = Shop(mode)
    session = shop.start()
    error = wait(shop, session)
    assert type(error) is NobodyAnsweredError
    assert isinstance(error, AnswerError)
    assert isinstance(error, TimeoutError)
    assert error.session == session.token.fingerprint
    assert status_of(shop, session) is SessionStatus.CANCELLED


@MODES
def test_a_caller_can_wait_again_for_a_kept_session(mode: str) -> None:
    """With `keep_session` the caller can wait for the session again."""
    shop = Shop(mode)
    session = shop.start()
    assert type(wait(shop, session, keep_session=True)) is NobodyAnsweredError
    shop.server.after(SOON, lambda: shop.app.accept(session.pointer))
    assert wait(shop, session)["age"].value == "yes"


@MODES
@pytest.mark.parametrize("error", INTERRUPTIONS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("keep", [False, True])
def test_an_interrupted_wait_cancels(mode: str, error: BaseException, *, keep: bool) -> None:
    """An interrupted wait raises the interruption, and cancels a session that is not kept."""
    shop = Shop(mode)
    session = shop.start()
    shop.server.after(SOON, raising(error))
    assert wait(shop, session, keep_session=keep) is error
    expected = SessionStatus.INITIALIZED if keep else SessionStatus.CANCELLED
    assert status_of(shop, session) is expected


def test_ctrl_c_cancels() -> None:
    """A real SIGINT cancels the session."""
    shop = Shop("sync")
    session = shop.start()
    shop.server.after(SOON, lambda: signal.raise_signal(signal.SIGINT))
    assert type(wait(shop, session)) is KeyboardInterrupt
    assert status_of(shop, session) is SessionStatus.CANCELLED


def test_a_wait_while_pairing_cancels() -> None:
    """A wait that ends during pairing cancels the session."""
    shop = Shop("sync")
    session = shop.start()
    requestor: Any = shop.requestor
    requestor.set_pairing(session, PairingMethod.PIN)
    shop.app.scan(session.pointer)
    assert status_of(shop, session) is SessionStatus.PAIRING
    assert type(wait(shop, session)) is NobodyAnsweredError
    assert status_of(shop, session) is SessionStatus.CANCELLED


def cancel_task(shop: Shop, waiting: Awaitable[Any]) -> Awaitable[Any]:
    task = asyncio.ensure_future(waiting)
    shop.server.after(SOON, task.cancel)
    return task


async def leave_by_timeout(_shop: Shop, waiting: Awaitable[Any]) -> Any:
    async with asyncio.timeout(0.05):
        return await waiting


@pytest.mark.parametrize(
    ("leave", "expected"),
    [(cancel_task, asyncio.CancelledError), (leave_by_timeout, TimeoutError)],
)
def test_a_cancelled_task_cancels_the_session(leave: Any, expected: type[BaseException]) -> None:
    """A cancelled task cancels the session, and `asyncio.timeout` works."""
    shop = Shop("async", clock=None if leave is cancel_task else SystemClock())
    session = shop.start()
    requestor: Any = shop.requestor

    async def main() -> None:
        with pytest.raises(expected):
            await leave(shop, requestor.wait_for_answer(session, timeout=A_MINUTE))

    asyncio.run(main())
    assert status_of(shop, session) is SessionStatus.CANCELLED


def test_a_second_interruption_ends_the_cancelling() -> None:
    """A second interruption is raised at once, even while the server hangs."""
    first, second = KeyboardInterrupt(), KeyboardInterrupt()

    def interrupted(_request: HttpRequest) -> HttpResponse:
        raise second

    transport = ScriptedTransport([STARTED, raising_step(first), interrupted])
    requestor = Requestor("https://irma.example", transport)
    session = requestor.start_session(AGE)
    with pytest.raises(KeyboardInterrupt) as caught:
        requestor.wait_for_answer(session, timeout=A_MINUTE)
    assert caught.value is second
    assert [request.method for request in transport.requests] == ["POST", "GET", "DELETE"]


def raising_step(error: BaseException) -> Callable[[HttpRequest], HttpResponse]:
    def step(_request: HttpRequest) -> HttpResponse:
        raise error

    return step


def test_a_destroyed_coroutine_sends_nothing() -> None:
    """A destroyed coroutine sends nothing, because no event loop could await it."""
    shop = Shop("async")
    session = shop.start()
    requestor: Any = shop.requestor

    async def destroy() -> None:
        coroutine = requestor.wait_for_answer(session, timeout=A_MINUTE)
        coroutine.send(None)
        coroutine.close()

    asyncio.run(destroy())
    assert status_of(shop, session) is SessionStatus.INITIALIZED


@MODES
def test_an_answer_during_the_cancel_is_returned(mode: str) -> None:
    """An answer that arrives during the cancel is returned."""
    shop = Shop(mode)
    session = shop.start()
    before_cancelling(shop, lambda: shop.app.accept(session.pointer))
    assert wait(shop, session)["age"].value == "yes"


def test_invalid_proof_during_the_cancel() -> None:
    """An invalid proof that arrives during the cancel is raised, not the time-out."""
    shop = Shop("sync")
    session = shop.start()
    before_cancelling(shop, lambda: shop.app.scan(session.pointer).cheat(ProofStatus.INVALID))
    assert type(wait(shop, session)) is ProofNotValidError


def falsely_ended(mode: str) -> Shop:
    """Return a shop whose status backend reports an end that never happened."""
    kind = ScriptedBackend if mode == "sync" else AsyncScriptedBackend
    return Shop(mode, status_backend=kind([PublishedEnd(SessionStatus.DONE)]))


@MODES
@pytest.mark.parametrize("keep", [False, True])
def test_false_end_cancels(mode: str, *, keep: bool) -> None:
    """A wait that a false end cuts short cancels the session, unless the caller keeps it."""
    shop = falsely_ended(mode)
    session = shop.start()
    assert type(wait(shop, session, keep_session=keep)) is SessionNotFinishedError
    expected = SessionStatus.INITIALIZED if keep else SessionStatus.CANCELLED
    assert status_of(shop, session) is expected


@MODES
def test_answer_after_a_false_end_is_returned(mode: str) -> None:
    """An answer that arrives just before the cancel is returned, even after a false end."""
    shop = falsely_ended(mode)
    session = shop.start()
    before_cancelling(shop, lambda: shop.app.accept(session.pointer))
    assert wait(shop, session)["age"].value == "yes"


def before_cancelling(shop: Shop, act: Callable[[], object]) -> None:
    """Call a function when the cancel reaches the server."""
    handle = shop.server.handle

    def handling(request: HttpRequest) -> HttpResponse:
        if request.method == "DELETE":
            act()
        return handle(request)

    server: Any = shop.server
    server.handle = handling


POLLS = [reply("CONNECTED")] * 60
FAULT = OSError("a fault of the transport's own")


@pytest.mark.parametrize(
    ("steps", "error", "methods"),
    [
        ([UNKNOWN], SessionGoneError, "GET"),
        ([*POLLS, *[LOST] * 6], NobodyAnsweredError, "DELETE DELETE DELETE GET GET GET"),
        ([LOST] * 66, ConnectionBrokenError, "DELETE DELETE DELETE GET GET GET"),
        ([*POLLS, UNKNOWN, UNKNOWN], NobodyAnsweredError, "DELETE GET"),
        ([*POLLS, HttpResponse(200), FAULT], NobodyAnsweredError, "DELETE GET"),
        ([*POLLS, FAULT, UNKNOWN], NobodyAnsweredError, "DELETE GET"),
    ],
)
def test_a_failing_cancel_hides_no_error(
    steps: list[Any], error: type[Exception], methods: str
) -> None:
    """An error of the cancel does not replace the error that led to it."""
    transport = ScriptedTransport([STARTED, *steps])
    began = transport.clock.monotonic()
    requestor = Requestor("https://irma.example", transport)
    session = requestor.start_session(AGE)
    with pytest.raises(error) as caught:
        requestor.wait_for_answer(session, timeout=A_MINUTE)
    assert type(caught.value) is error
    sent = [request.method for request in transport.requests]
    assert " ".join(sent[-methods.count(" ") - 1 :]) == methods
    assert len(sent) == len(steps) + 1
    assert transport.clock.monotonic() - began <= 65


def test_a_wrong_argument_cancels_nothing() -> None:
    """A wrong argument leaves the session open, so that the caller can wait again."""
    shop = Shop("sync")
    session = shop.start()
    requestor: Any = shop.requestor
    with pytest.raises(UsageError):
        requestor.wait_for_answer(session, timeout=5)
    assert status_of(shop, session) is SessionStatus.INITIALIZED


@MODES
def test_leaving_a_watch_cancels_nothing(mode: str) -> None:
    """Leaving a watch does not cancel the session."""
    shop = Shop(mode)
    session = shop.start()
    requestor: Any = shop.requestor

    async def watch() -> None:
        async with requestor.watch_status(session, timeout=SOON) as statuses:
            async for _ in statuses:
                pass

    def watch_sync() -> None:
        with requestor.watch_status(session, timeout=SOON) as statuses:
            list(statuses)

    with pytest.raises(NobodyAnsweredError):
        watch_sync() if mode == "sync" else shop.done(watch())
    assert status_of(shop, session) is SessionStatus.INITIALIZED


class Chain:
    """A chain of two sessions whose first one is answered, and the token of the second."""

    def __init__(self, mode: str, **settings: Any) -> None:
        self.shop = Shop(mode, choose=lambda _step: DisclosureRequest({"again": OVER18}))
        self.session = self.shop.start_chain()
        scanned = self.shop.app.scan(self.session.pointer)
        scanned.accept(follow=False)
        self.nexts: Any = self.shop.nexts
        self.settings = {"timeout": A_MINUTE, **settings}

    def follow(self, *, leave_after: int) -> list[Any]:
        """Follow the chain for a number of answers; return the answers and the error, if any."""
        answers: list[Any] = []

        async def follow_async() -> None:
            async with aclosing(self.nexts.follow(self.session, **self.settings)) as chain:
                async for answer in chain:
                    answers.append(answer)
                    if len(answers) == leave_after:
                        break

        def follow() -> None:
            for answer in self.nexts.follow(self.session, **self.settings):
                answers.append(answer)
                if len(answers) == leave_after:
                    break

        try:
            follow() if self.shop.mode == "sync" else self.shop.done(follow_async())
        except Exception as error:  # noqa: BLE001 - it is looked at
            answers.append(error)
        return answers

    @property
    def second(self) -> SessionStatus:
        """The status of the session that follows the first."""
        asking: Any = self.shop.requestor.get_answer
        first = self.shop.done(asking(self.session))
        return status_of(self.shop, first.next_session)


@MODES
@pytest.mark.parametrize(
    ("keep", "expected"), [(False, SessionStatus.CANCELLED), (True, SessionStatus.CONNECTED)]
)
@pytest.mark.parametrize("leave_after", [1, 9])
def test_leaving_a_chain_cancels_its_current_session(
    mode: str, leave_after: int, expected: SessionStatus, *, keep: bool
) -> None:
    """Leaving a chain or running out of time cancels its current session."""
    chain = Chain(mode, keep_session=keep)
    answers = chain.follow(leave_after=leave_after)
    assert answers[0]["age"].value == "yes"
    assert [type(each) for each in answers[1:]] == [NobodyAnsweredError] * (leave_after == 9)
    assert chain.second is expected


@pytest.mark.parametrize(
    ("keep", "expected"), [(False, SessionStatus.CANCELLED), (True, SessionStatus.CONNECTED)]
)
def test_a_chain_that_cannot_be_followed_is_cancelled(
    expected: SessionStatus, *, keep: bool
) -> None:
    """A chain whose record is missing is cancelled, because it can have no answer."""
    chain = Chain("sync", keep_session=keep)
    chain.nexts = chain.shop.next_receiver(store=memory_store(chain.shop.server.clock))
    answer, error = chain.follow(leave_after=9)
    assert answer["age"].value == "yes"
    assert isinstance(error, ConfigurationError)
    assert chain.second is expected


def test_an_unstarted_or_ended_chain_cancels_nothing() -> None:
    """Leaving a chain before its start or after its end cancels nothing."""
    shop = Shop("sync")
    session = shop.start()
    nexts: Any = shop.nexts
    nexts.follow(session, timeout=A_MINUTE).close()
    assert status_of(shop, session) is SessionStatus.INITIALIZED
    shop.app.accept(session.pointer)
    for _answer in nexts.follow(session, timeout=A_MINUTE):
        break
    assert status_of(shop, session) is SessionStatus.DONE


@MODES
def test_a_cancel_goes_through_the_gateway(mode: str) -> None:
    """A cancel sends the gateway's token, even after an interruption."""
    token = reply({"access_token": "gateway-token", "token_type": "Bearer", "expires_in": 3600})
    steps: list[Step] = [token, STARTED, raising_step(KeyboardInterrupt()), HttpResponse(200)]
    url, transports = "https://irma.example", (ScriptedTransport, AsyncScriptedTransport)
    transport: Any = transports[mode == "async"](steps)
    gateway = GatewayAuthentication("https://login.example/token", GatewaySecret("shop", "secret"))

    async def wait_async() -> None:
        requestor = AsyncRequestor(url, transport, gateway=gateway)
        session = await requestor.start_session(AGE)
        await requestor.wait_for_answer(session, timeout=A_MINUTE)

    def wait() -> None:
        requestor = Requestor(url, transport, gateway=gateway)
        requestor.wait_for_answer(requestor.start_session(AGE), timeout=A_MINUTE)

    with pytest.raises(KeyboardInterrupt):
        wait() if mode == "sync" else asyncio.run(wait_async())
    last = transport.requests[-1]
    assert last.method == "DELETE"
    assert ("authorization", "Bearer gateway-token") in last.headers


def suppressing() -> Flow[str]:
    """A flow that suppresses an interruption."""
    try:
        yield from Sleep(SOON)
    except BaseException:  # noqa: BLE001 - the point of it
        yield from Sleep(SOON)
    return "done"


@MODES
def test_a_flow_cannot_swallow_an_interruption(mode: str) -> None:
    """A flow may finish a few last steps before the interruption is raised."""
    error = KeyboardInterrupt()
    slept: list[timedelta] = []

    def sleep(duration: timedelta) -> None:
        slept.append(duration)
        if len(slept) == 1:
            raise error

    async def sleep_async(duration: timedelta) -> None:
        sleep(duration)

    sync: Any = ScriptedTransport()
    sync.sleep = sleep
    other: Any = AsyncScriptedTransport()
    other.sleep = sleep_async
    with pytest.raises(KeyboardInterrupt) as caught:
        run(suppressing(), sync) if mode == "sync" else asyncio.run(run_async(suppressing(), other))
    assert caught.value is error
    assert len(slept) == 2
