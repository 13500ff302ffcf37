"""Drivers: how effects are performed, what is thrown into a flow, and what passes through it."""

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
    Ask,
    CloseStream,
    DeleteStored,
    Effect,
    Flow,
    GetStored,
    NextStatus,
    PublishedResult,
    PublishStatus,
    PutIfAbsent,
    Send,
    Sign,
    Sleep,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import AsyncScriptedTransport, ScriptedTransport
from irma_testing.scripted import Step

GET = HttpRequest("GET", "https://irma.example/health", label="GET health")
BROKEN = TransportError("GET health", "reset", request_sent=True)
MODES = pytest.mark.parametrize("mode", ["sync", "async"])


def played(flow: Flow[Any], *steps: Step, mode: str) -> tuple[Any, list[timedelta]]:
    """Run a flow in one mode; give its result, and the sleeps."""
    if mode == "sync":
        transport = ScriptedTransport(steps)
        return run(flow, transport), transport.slept
    awaited = AsyncScriptedTransport(steps)
    return asyncio.run(run_async(flow, awaited)), awaited.slept


def asking(ends: list[str]) -> Flow[str]:
    """Ask once; say how it went, and how the flow itself was left."""
    try:
        response = yield from Send(GET, 0.0)
    except TransportError as error:
        return error.reason
    finally:
        ends.append("left")
    return str(response.status)


@MODES
def test_a_flow_may_end_by_the_error_it_was_given(mode: str) -> None:
    """A transport's error is thrown into it, and what it returns then is the result."""
    assert played(asking([]), BROKEN, mode=mode)[0] == "reset"


@MODES
@pytest.mark.parametrize("stray", [StopIteration("not a result"), KeyboardInterrupt(), OSError()])
def test_an_error_that_no_flow_acts_on_closes_it_and_passes(
    mode: str, stray: BaseException
) -> None:
    """A stray `StopIteration` of a transport reads as no success, least of all."""
    ends: list[str] = []

    def fail(_request: HttpRequest) -> HttpResponse:
        raise stray

    # A coroutine may not end by StopIteration: Python makes a RuntimeError of it.
    with pytest.raises((type(stray), RuntimeError)):
        played(asking(ends), fail, mode=mode)
    assert ends == ["left"]


@MODES
def test_a_sleep_is_the_transports(mode: str) -> None:
    """So the clock of a test moves at once."""

    def sleeping() -> Flow[str]:
        yield from Sleep(timedelta(seconds=3))
        return "awake"

    assert played(sleeping(), mode=mode) == ("awake", [timedelta(seconds=3)])


@MODES
def test_an_unknown_effect_is_named(mode: str) -> None:
    """A flow of somebody else's may yield what this driver does not know."""

    def odd() -> Generator[Effect, Any, None]:
        yield cast("Effect", timedelta(0))

    with pytest.raises(ConfigurationError, match="effect timedelta"):
        played(odd(), mode=mode)


class FutureSigner:
    """Gives something to await that is no coroutine, as a thread pool's future is none."""

    algorithm = "HS256"

    def sign(self, signing_input: bytes) -> "FutureSigner":
        return self

    def __await__(self) -> Generator[None, None, bytes]:
        yield
        return b"signature"


def signing() -> Flow[bytes]:
    return (yield from Sign(cast("Any", FutureSigner()), b"x", math.inf))


def test_whatever_is_awaitable_is_awaited_in_one_mode_and_refused_in_the_other() -> None:
    """Coroutine or not."""
    assert played(signing(), mode="async")[0] == b"signature"
    with pytest.raises(ConfigurationError, match="must be awaited"):
        played(signing(), mode="sync")


class Hanging:
    """Every part from outside, none of which ever answers."""

    algorithm = "HS256"

    def __init__(self) -> None:
        self.cancelled = 0

    async def hang(self, *_given: object) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    sign = put_if_absent = get = delete = next_status = publish = published_result = hang


class Late:
    """A part whose own call timed out."""

    algorithm = "HS256"

    async def sign(self, signing_input: bytes) -> bytes:
        raise TimeoutError


TOKEN, SOON = RequestorToken("abcdefghijKLMNOPQRST"), timedelta(seconds=1)


def bounded(part: Any, by: float) -> list[tuple[Effect, type[IrmaError], str]]:
    """Give each effect that calls a part from outside, with what a late answer is."""
    backend = StatusBackendError, "status backend"
    return [
        (Sign(part, b"x", by), SigningError, "signer"),
        (PutIfAbsent(part, "k", b"", SOON, by), StoreError, "store"),
        (GetStored(part, "k", by), StoreError, "store"),
        (DeleteStored(part, "k", by), StoreError, "store"),
        (NextStatus(part, TOKEN, None, SOON, by), *backend),
        (PublishStatus(part, TOKEN, SessionStatus.DONE, None, by), *backend),
        (PublishedResult(part, TOKEN, by), *backend),
        (Ask(part.hang, by), DeadlineError, "application's function"),
    ]


@pytest.mark.parametrize("which", range(8))
def test_whatever_is_awaited_is_cancelled_at_its_deadline(which: int) -> None:
    """And the error names the part that did not answer."""
    part, transport = Hanging(), AsyncScriptedTransport()
    effect, kind, whose = bounded(part, transport.clock.monotonic())[which]

    def flow() -> Flow[None]:
        yield from effect

    with pytest.raises(kind, match=f"the {whose} did not answer in time") as caught:
        asyncio.run(run_async(flow(), transport))
    assert part.cancelled == 1
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_every_effect_that_may_wait_has_an_end() -> None:
    """A deadline, or a duration of its own; closing is bounded by the transport."""
    for kind in get_args(Effect):
        fields = {each.name for each in attrs.fields(get_origin(kind) or kind)}
        assert fields & {"deadline", "duration"} or kind is CloseStream, kind


def test_a_time_out_of_a_parts_own_is_the_parts_failure() -> None:
    """The call had time left."""

    def flow() -> Flow[bytes]:
        return (yield from Sign(Late(), b"x", math.inf))

    with pytest.raises(SigningError, match="the signer failed: TimeoutError"):
        asyncio.run(run_async(flow(), AsyncScriptedTransport()))


class FailingSigner:
    """Fails in its own way."""

    algorithm = "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        raise OSError("token removed")


@MODES
def test_a_signers_error_is_thrown_into_the_flow(mode: str) -> None:
    """As a `SigningError`, with the signer's own as the cause."""

    def expecting() -> Flow[BaseException | None]:
        try:
            yield from Sign(FailingSigner(), b"x", math.inf)
        except SigningError as error:
            return error.__cause__
        return None

    assert isinstance(played(expecting(), mode=mode)[0], OSError)


@MODES
def test_what_the_application_raises_is_thrown_into_the_flow_and_passes(mode: str) -> None:
    """As it is, so that the flow can clean up behind it."""
    seen: list[Exception] = []

    def fail() -> None:
        raise LookupError

    def asking_the_application() -> Flow[None]:
        try:
            yield from Ask(fail, math.inf)
        except LookupError as error:
            seen.append(error)
            raise

    with pytest.raises(LookupError) as caught:
        played(asking_the_application(), mode=mode)
    assert seen == [caught.value]
