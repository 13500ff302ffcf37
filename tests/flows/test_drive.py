"""Drivers: how they perform effects, and which errors they throw into a flow."""

import asyncio
import math
from collections.abc import Generator
from datetime import timedelta
from typing import Any, cast, get_args, get_origin

import attrs
import pytest

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import (
    ConfigurationError,
    DeadlineError,
    IrmaError,
    SigningError,
    StatusBackendError,
    StoreError,
    TransportError,
)
from irma_core.flows.driver import run, run_async
from irma_core.flows.effects import (
    Call,
    CloseStream,
    Effect,
    Flow,
    Send,
    Sleep,
    call_application,
    delete_stored,
    get_stored,
    publish_end,
    put_if_absent,
    sign,
    wait_for_end,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import AsyncScriptedTransport, ScriptedTransport
from irma_testing.scripted import Step
from tests.modes import MODES

GET = HttpRequest("GET", "https://irma.example/health", label="GET health")
BROKEN = TransportError("GET health", "reset", request_sent=True)


def played(flow: Flow[Any], *steps: Step, mode: str) -> tuple[Any, list[timedelta]]:
    """Run a flow in one mode; return its result and the sleeps."""
    if mode == "sync":
        transport = ScriptedTransport(steps)
        return run(flow, transport), transport.slept
    awaited = AsyncScriptedTransport(steps)
    return asyncio.run(run_async(flow, awaited)), awaited.slept


def asking(ends: list[str]) -> Flow[str]:
    """Send a request; return how it ended, and how the flow itself ended."""
    try:
        response = yield from Send(GET, 0.0)
    except TransportError as error:
        return error.reason
    finally:
        ends.append("left")
    return str(response.status)


@MODES
def test_a_flow_may_handle_a_transports_error(mode: str) -> None:
    """A transport's error is thrown into the flow, whose return value is the result."""
    assert played(asking([]), BROKEN, mode=mode)[0] == "reset"


@MODES
@pytest.mark.parametrize("stray", [StopIteration("not a result"), KeyboardInterrupt(), OSError()])
def test_an_unexpected_error_closes_the_flow_and_is_raised(mode: str, stray: BaseException) -> None:
    """An unexpected error of a transport closes the flow and is raised, even `StopIteration`."""
    ends: list[str] = []

    def fail(_request: HttpRequest) -> HttpResponse:
        raise stray

    # A coroutine must not raise StopIteration, which Python turns into a RuntimeError.
    with pytest.raises((type(stray), RuntimeError)):
        played(asking(ends), fail, mode=mode)
    assert ends == ["left"]


@MODES
def test_sleeping_uses_the_transport(mode: str) -> None:
    """Sleeping uses the transport, so that a test's clock moves at once."""

    def sleeping() -> Flow[str]:
        yield from Sleep(timedelta(seconds=3))
        return "awake"

    assert played(sleeping(), mode=mode) == ("awake", [timedelta(seconds=3)])


@MODES
def test_an_unknown_effect_is_named(mode: str) -> None:
    """The driver names an effect that it does not know."""

    def odd() -> Generator[Effect, Any, None]:
        yield cast("Effect", timedelta(0))

    with pytest.raises(ConfigurationError, match="effect timedelta"):
        played(odd(), mode=mode)


class FutureSigner:
    """A signer that returns an awaitable but no coroutine, as one that uses a thread pool."""

    algorithm = "HS256"

    def sign(self, signing_input: bytes) -> "FutureSigner":
        return self

    def __await__(self) -> Generator[None, None, bytes]:
        yield
        return b"signature"


def signing(signer: Any) -> Flow[bytes]:
    return (yield from sign(signer, b"x", math.inf))


def test_async_driver_awaits_any_awaitable() -> None:
    """The async driver awaits an awaitable that is not a coroutine."""
    assert played(signing(FutureSigner()), mode="async")[0] == b"signature"


def test_sync_driver_rejects_awaitables() -> None:
    """The sync driver raises ConfigurationError if a part returns an awaitable."""
    with pytest.raises(ConfigurationError, match="is async"):
        played(signing(FutureSigner()), mode="sync")


class Hanging:
    """Parts of all kinds that never respond."""

    algorithm = "HS256"

    def __init__(self) -> None:
        self.cancelled = 0

    async def hang(self, *_given: object) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    sign = put_if_absent = get = delete = publish = wait = hang


class Late:
    """A part whose own call timed out."""

    algorithm = "HS256"

    async def sign(self, signing_input: bytes) -> bytes:
        raise TimeoutError


TOKEN, SOON = RequestorToken("abcdefghijKLMNOPQRST"), timedelta(seconds=1)


def calls(part: Any, by: float) -> list[tuple[Call[Any], type[IrmaError], str]]:
    """Return each call of a part, with the error for a call that takes too long."""
    backend = StatusBackendError, "status backend"
    return [
        (sign(part, b"x", by), SigningError, "signer"),
        (put_if_absent(part, "k", b"", SOON, by), StoreError, "store"),
        (get_stored(part, "k", by), StoreError, "store"),
        (delete_stored(part, "k", by), StoreError, "store"),
        (publish_end(part, TOKEN, PublishedEnd(SessionStatus.DONE), by), *backend),
        (wait_for_end(part, TOKEN, SOON, by), *backend),
        (call_application(part.hang, by), DeadlineError, "application's function"),
    ]


@pytest.mark.parametrize("which", range(7))
def test_awaited_call_is_cancelled_at_its_deadline(which: int) -> None:
    """The async driver cancels a call at its deadline, and the error names the part."""
    part, transport = Hanging(), AsyncScriptedTransport()
    call, failure, callee = calls(part, transport.clock.monotonic())[which]

    def flow() -> Flow[None]:
        yield from call

    with pytest.raises(failure, match=f"the {callee} did not answer in time") as caught:
        asyncio.run(run_async(flow(), transport))
    assert part.cancelled == 1
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_every_effect_is_limited_in_time() -> None:
    """Every effect has a deadline or a duration, except closing, which the transport bounds."""
    for kind in get_args(Effect):
        fields = {each.name for each in attrs.fields(get_origin(kind) or kind)}
        assert fields & {"deadline", "duration"} or kind is CloseStream, kind


def test_a_parts_own_time_out_is_an_error_of_the_part() -> None:
    """A part's own time-out is an error of the part, since the call has time left."""
    with pytest.raises(SigningError, match="the signer failed: TimeoutError"):
        asyncio.run(run_async(signing(Late()), AsyncScriptedTransport()))


class FailingSigner:
    """A signer that fails with its own exception."""

    algorithm = "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        raise OSError("token removed")


@MODES
def test_a_signers_error_is_thrown_into_the_flow(mode: str) -> None:
    """A signer's exception becomes the cause of a `SigningError`."""

    def expecting() -> Flow[BaseException | None]:
        try:
            yield from sign(FailingSigner(), b"x", math.inf)
        except SigningError as error:
            return error.__cause__
        return None

    assert isinstance(played(expecting(), mode=mode)[0], OSError)


@MODES
def test_an_applications_error_passes_through_the_flow(mode: str) -> None:
    """An application's error is thrown into the flow, which can clean up, and then raised."""
    seen: list[Exception] = []

    def fail() -> None:
        raise LookupError

    def asking_the_application() -> Flow[None]:
        try:
            yield from call_application(fail, math.inf)
        except LookupError as error:
            seen.append(error)
            raise

    with pytest.raises(LookupError) as caught:
        played(asking_the_application(), mode=mode)
    assert seen == [caught.value]


class Careless(ScriptedTransport):
    """A transport whose `send` returns only the body."""

    def send(self, request: HttpRequest, deadline: float) -> Any:
        return b"{}"


class AsyncCareless(AsyncScriptedTransport):
    """A transport for asyncio whose `send` returns only the body."""

    async def send(self, request: HttpRequest, deadline: float) -> Any:
        return b"{}"


@MODES
def test_response_of_another_type_is_refused(mode: str) -> None:
    """The error names a transport whose `send` returns no response, and the flow is closed."""

    def flow() -> Flow[HttpResponse]:
        return (yield from Send(HttpRequest("GET", "https://irma.example", label="GET /"), 1.0))

    def driven() -> object:
        if mode == "sync":
            return run(flow(), Careless())
        return asyncio.run(run_async(flow(), AsyncCareless()))

    with pytest.raises(ConfigurationError, match=r"^transport: `send` must return"):
        driven()
