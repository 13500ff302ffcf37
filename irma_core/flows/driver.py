"""Drivers: they run a flow by performing its effects, one function a mode.

Rules that keep this honest. Only `flow.send` and `flow.throw` stand inside `try … except
StopIteration`: performing an effect stands outside, or a stray `StopIteration` of a transport
would read as success. A flow acts on the errors of a transport, a signer, a store or a status
backend, and on whatever the application's own function raises. Anything else, cancellation
included, is an interruption: it is thrown into the flow too, which may perform a few last effects,
and is raised whatever the flow does. A `GeneratorExit` closes the flow at once, since a coroutine
that is destroyed cannot await anything.

What waits for a part from outside ends at its deadline: the async driver cancels it, while the sync
driver has to wait for a part that blocks its thread.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from inspect import isawaitable
from typing import Any, Generic, Never, TypeAlias, TypeVar, cast

from irma_core.errors import (
    ConfigurationError,
    DeadlineError,
    IrmaError,
    SigningError,
    StatusBackendError,
    StoreError,
    TransportError,
)
from irma_core.flows.effects import (
    Ask,
    CloseStream,
    DeleteStored,
    Effect,
    Flow,
    GetStored,
    NextStatus,
    OpenStream,
    PublishedResult,
    PublishStatus,
    PutIfAbsent,
    ReadStream,
    Send,
    Sign,
    Sleep,
    UseStatusBackend,
    UseStore,
)
from irma_core.protocol.transport import AsyncByteStream, AsyncTransport, ByteStream, Transport
from irma_core.tracebacks import boundary

__all__ = ["run", "run_async"]

ReturnT = TypeVar("ReturnT")
_Bounded: TypeAlias = Sign | UseStore | UseStatusBackend | Ask[Any]
_FLOW_ERRORS = (TransportError, SigningError, StoreError, StatusBackendError)
_NOT_THROWN = (GeneratorExit, StopIteration, StopAsyncIteration)
"""The last two would be a RuntimeError behind a generator's frame."""


@boundary
def run(flow: Flow[ReturnT], transport: Transport, streams: ExitStack | None = None) -> ReturnT:
    """Run a flow on the calling thread.

    Args:
        flow: What to run.
        transport: What performs it.
        streams: Closes what the flow opens, where that is to outlive it; else it is closed here.

    Raises:
        IrmaError: Whatever the flow raises.
    """
    if streams is None:
        with ExitStack() as own:
            return run(flow, transport, own)
    course = _RunningFlow(flow)
    while (effect := course.effect) is not None:
        try:
            answer = _perform(effect, transport, streams)
        except BaseException as error:  # noqa: BLE001  # it is raised again, or the flow's
            course.failed(error)
        else:
            course.answered(answer)
    return course.result


@boundary
async def run_async(
    flow: Flow[ReturnT], transport: AsyncTransport, streams: AsyncExitStack | None = None
) -> ReturnT:
    """Run a flow in the current task; see `run`.

    Raises:
        ConfigurationError: No asyncio event loop runs here; nothing was sent.
        IrmaError: Whatever the flow raises.
    """
    _check_asyncio()
    if streams is None:
        async with AsyncExitStack() as own:
            return await run_async(flow, transport, own)
    course = _RunningFlow(flow)
    while (effect := course.effect) is not None:
        try:
            answer = await _perform_async(effect, transport, streams)
        except BaseException as error:  # noqa: BLE001  # it is raised again, or the flow's
            course.failed(error)
        else:
            course.answered(answer)
    return course.result


class _RunningFlow(Generic[ReturnT]):
    """A flow under way: the effect it waits for, or None and its result."""

    __slots__ = ("_flow", "_interruption", "_result", "effect")

    def __init__(self, flow: Flow[ReturnT]) -> None:
        self._flow = flow
        self._result: ReturnT | None = None
        self._interruption: BaseException | None = None
        self.effect: Effect | None = None
        self.answered(None)

    @property
    def result(self) -> ReturnT:
        return cast("ReturnT", self._result)

    def answered(self, answer: object) -> None:
        try:
            self.effect = self._flow.send(answer)
        except StopIteration as stop:
            self._end(stop)

    def failed(self, error: BaseException) -> None:
        may_act = Exception if isinstance(self.effect, Ask) else _FLOW_ERRORS
        if isinstance(error, _NOT_THROWN):
            self._flow.close()
            raise error
        if not isinstance(error, may_act):
            self._interruption = error
        try:
            self.effect = self._flow.throw(error)
        except StopIteration as stop:
            self._end(stop)

    def _end(self, stop: StopIteration) -> None:
        if self._interruption is not None:
            raise self._interruption
        self.effect, self._result = None, stop.value


def _check_asyncio() -> None:
    from asyncio import get_running_loop  # noqa: PLC0415  # a sync program needs no event loop

    try:
        get_running_loop()
    except RuntimeError:
        pass
    else:
        return
    raise ConfigurationError(
        "an AsyncRequestor needs a running asyncio event loop, which trio and curio do not have: "
        "run the program with asyncio.run()"
    )


def _perform(effect: Effect, transport: Transport, streams: ExitStack) -> object:
    match effect:
        case Send():
            return _not_awaited(transport.send(effect.request, effect.deadline), "transport")
        case Sleep():
            transport.sleep(effect.duration)
            return None
        case Sign():
            with _Failing(SigningError, "the signer"):
                return _not_awaited(effect.signer.sign(effect.signing_input), "signer")
        case OpenStream():
            stream = transport.open_stream(effect.request, effect.deadline)
            _not_awaited(stream, "transport")
            streams.callback(stream.close)
            return stream
        case ReadStream():
            opened = cast("ByteStream", effect.stream)  # by this driver, so of its mode
            try:
                return opened.read(effect.deadline)
            except BaseException:
                opened.close()
                raise
        case CloseStream():
            cast("ByteStream", effect.stream).close()
            return None
        case PutIfAbsent() | GetStored() | DeleteStored():
            with _Failing(StoreError, "the store"):
                return _not_awaited(effect.call(), "store")
        case NextStatus() | PublishStatus() | PublishedResult():
            with _Failing(StatusBackendError, "the status backend"):
                return _not_awaited(effect.call(), "status backend")
        case Ask():
            return _not_awaited(effect.function(), "application's function")
        case _:
            _unknown(effect)


async def _perform_async(
    effect: Effect, transport: AsyncTransport, streams: AsyncExitStack
) -> object:
    match effect:
        case Send():
            return await transport.send(effect.request, effect.deadline)
        case Sleep():
            await transport.sleep(effect.duration)
            return None
        case Sign():
            with _Failing(SigningError, "the signer"):
                signature = effect.signer.sign(effect.signing_input)
                return await _awaited(signature, effect, transport, SigningError, "the signer")
        case OpenStream():
            stream = await transport.open_stream(effect.request, effect.deadline)
            streams.push_async_callback(stream.aclose)
            return stream
        case ReadStream():
            opened = cast("AsyncByteStream", effect.stream)
            try:
                return await opened.read(effect.deadline)
            except BaseException:
                await opened.aclose()
                raise
        case CloseStream():
            await cast("AsyncByteStream", effect.stream).aclose()
            return None
        case PutIfAbsent() | GetStored() | DeleteStored():
            with _Failing(StoreError, "the store"):
                return await _awaited(effect.call(), effect, transport, StoreError, "the store")
        case NextStatus() | PublishStatus() | PublishedResult():
            kind, whose = StatusBackendError, "the status backend"
            with _Failing(kind, whose):
                return await _awaited(effect.call(), effect, transport, kind, whose)
        case Ask():
            whose = "the application's function"
            return await _awaited(effect.function(), effect, transport, DeadlineError, whose)
        case _:
            _unknown(effect)


def _not_awaited(answer: object, whose: str) -> object:
    if isawaitable(answer):
        if isinstance(answer, Coroutine):
            answer.close()  # or Python warns that nobody awaited it
        raise ConfigurationError(f"the {whose} must be awaited: use what is named Async…")
    return answer


async def _awaited(
    answer: object, effect: _Bounded, transport: AsyncTransport, kind: type[IrmaError], whose: str
) -> object:
    """Wait for what a part from outside gives, and cancel it at the deadline of its effect."""
    if not isawaitable(answer):
        return answer
    from asyncio import timeout  # noqa: PLC0415  # a sync program needs no event loop

    left = effect.deadline - transport.clock.monotonic()
    bound = timeout(None if left == math.inf else left)
    try:
        async with bound:
            return await answer
    except TimeoutError:
        if not bound.expired():
            raise  # the part's own
    raise kind(f"{whose} did not answer in time")


class _Failing:
    """Whatever a part from outside raises is an error of the tree, with that as its cause."""

    def __init__(self, kind: type[IrmaError], whose: str) -> None:
        self._kind = kind
        self._whose = whose

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, self._kind | ConfigurationError):
            raise self._kind(f"{self._whose} failed: {type(error).__name__}") from error


def _unknown(effect: object) -> Never:
    raise ConfigurationError(f"this driver cannot perform the effect {type(effect).__name__}")
