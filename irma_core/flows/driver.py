"""Drivers: the functions that run a flow by performing its effects, one sync and one async.

Rules for drivers; `RunningFlow` implements those that every driver needs:

* Only `flow.send` and `flow.throw` are inside `try … except StopIteration`. Effects are performed
  outside that block. Otherwise a stray `StopIteration` from a transport would look like success.
* A flow handles errors from a transport, a signer, a store or a status backend, and any exception
  that the application's function raises. Any other exception, such as a cancellation, is an
  interruption. It is also thrown into the flow, so that the flow can perform a few last effects,
  and it is raised again whatever the flow does.
* A `GeneratorExit` closes the flow at once: a coroutine that is being destroyed cannot await.
* A call ends at its deadline. The async driver cancels a call that takes longer. The sync driver
  cannot, because the call blocks the driver's own thread.

Belongs here: how effects are performed. Does not belong here: which effects a flow needs.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from functools import cache
from inspect import isawaitable
from types import CoroutineType
from typing import Any, Never, TypeVar, cast

from irma_core.errors import ConfigurationError, DeadlineError
from irma_core.flows.effects import (
    Call,
    CloseStream,
    Effect,
    Flow,
    OpenStream,
    ReadStream,
    Send,
    Sleep,
)
from irma_core.flows.running_flow import RunningFlow
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import (
    AsyncByteStream,
    AsyncTransport,
    ByteStream,
    ReadOutcome,
    Transport,
)
from irma_core.tracebacks import boundary

__all__ = ["run", "run_async"]

ResultT = TypeVar("ResultT")
ReturnT = TypeVar("ReturnT")


@boundary
def run(flow: Flow[ReturnT], transport: Transport, streams: ExitStack | None = None) -> ReturnT:
    """Run a flow in the calling thread.

    Args:
        flow: The flow.
        transport: Sends requests and sleeps for the flow.
        streams: An exit stack that closes the flow's streams, if they must stay open after the flow
            has ended. Without this argument, the streams are closed when the flow ends.

    Raises:
        IrmaError: The flow raised it.
    """
    running = RunningFlow(flow)
    own: ExitStack | None = None  # most flows open no stream
    try:
        while (effect := running.effect) is not None:
            if streams is None and isinstance(effect, OpenStream):
                streams = own = ExitStack()
            try:
                result = _perform(effect, transport, streams)
            except BaseException as error:  # noqa: BLE001  # raised again, or handled by the flow
                running.throw(error)
            else:
                running.resume(result)
    finally:
        if own is not None:
            own.close()
    return running.result


@boundary
async def run_async(
    flow: Flow[ReturnT], transport: AsyncTransport, streams: AsyncExitStack | None = None
) -> ReturnT:
    """Run a flow in the current task; see `run`.

    Raises:
        ConfigurationError: No asyncio event loop is running; nothing was sent.
        IrmaError: The flow raised it.
    """
    _check_asyncio()
    running = RunningFlow(flow)
    own: AsyncExitStack | None = None
    try:
        while (effect := running.effect) is not None:
            if streams is None and isinstance(effect, OpenStream):
                streams = own = AsyncExitStack()
            try:
                result = await _perform_async(effect, transport, streams)
            except BaseException as error:  # noqa: BLE001  # raised again, or handled by the flow
                running.throw(error)
            else:
                running.resume(result)
    finally:
        if own is not None:
            await own.aclose()
    return running.result


@cache
def _running_loop() -> Callable[[], object]:
    from asyncio import get_running_loop  # noqa: PLC0415  # a sync program needs no event loop

    return get_running_loop


def _check_asyncio() -> None:
    try:
        _running_loop()()
    except RuntimeError:
        pass
    else:
        return
    raise ConfigurationError(
        "an AsyncRequestor needs a running asyncio event loop, which trio and curio do not have: "
        "run the program with asyncio.run()"
    )


def _perform(effect: Effect, transport: Transport, streams: ExitStack | None) -> object:
    match effect:
        case Send():
            sent: object = transport.send(effect.request, effect.deadline)
            if isinstance(sent, HttpResponse):
                return sent
            return _response(_not_awaitable(sent, "transport"))
        case Sleep():
            transport.sleep(effect.duration)
            return None
        case OpenStream():
            stream = transport.open_stream(effect.request, effect.deadline)
            _check_stream(_not_awaitable(stream, "transport"), "close")
            cast("ExitStack", streams).callback(stream.close)
            return stream
        case ReadStream():
            opened = cast("ByteStream", effect.stream)  # this driver opened it
            try:
                return _read_result(_not_awaitable(opened.read(effect.deadline), "stream"))
            except BaseException:
                opened.close()
                raise
        case CloseStream():
            cast("ByteStream", effect.stream).close()
            return None
        case Call():
            return _not_awaitable(effect.function(), effect.callee)
        case _:
            _unknown(effect)


async def _perform_async(
    effect: Effect, transport: AsyncTransport, streams: AsyncExitStack | None
) -> object:
    match effect:
        case Send():
            return _response(await _awaitable(transport.send(effect.request, effect.deadline)))
        case Sleep():
            await _awaitable(transport.sleep(effect.duration))
            return None
        case OpenStream():
            stream = await _awaitable(transport.open_stream(effect.request, effect.deadline))
            _check_stream(stream, "aclose")
            cast("AsyncExitStack", streams).push_async_callback(stream.aclose)
            return stream
        case ReadStream():
            opened = cast("AsyncByteStream", effect.stream)
            try:
                return _read_result(await _awaitable(opened.read(effect.deadline)))
            except BaseException:
                await opened.aclose()
                raise
        case CloseStream():
            await cast("AsyncByteStream", effect.stream).aclose()
            return None
        case Call():
            result = _on_thread(effect) if effect.computes else effect.function()
            return await _result_of(result, effect, transport)
        case _:
            _unknown(effect)


def _response(result: object) -> HttpResponse:
    if not isinstance(result, HttpResponse):
        raise ConfigurationError("transport: `send` must return an HttpResponse")
    return result


def _check_stream(stream: object, closing: str) -> None:
    methods = (getattr(stream, name, None) for name in ("read", closing))
    status: object = getattr(stream, "status", None)
    if (
        not all(map(callable, methods))
        or not isinstance(status, int)
        or not isinstance(getattr(stream, "headers", None), tuple)
    ):
        raise ConfigurationError(
            "transport: `open_stream` must return a stream with status, headers, read and "
            f"{closing}; see ByteStream"
        )


def _read_result(result: object) -> bytes | ReadOutcome:
    if isinstance(result, bytes) and result:
        return result
    if isinstance(result, ReadOutcome):
        return result
    raise ConfigurationError(
        "transport: a stream's `read` must return at least one byte, or a ReadOutcome"
    )


def _not_awaitable(result: object, callee: str) -> object:
    if isawaitable(result):
        if isinstance(result, Coroutine):
            result.close()  # otherwise Python warns that it was never awaited
        raise ConfigurationError(
            f"the {callee} is async: use AsyncRequestor and the other Async… classes"
        )
    return result


def _awaitable(result: Awaitable[ResultT]) -> Awaitable[ResultT]:
    awaitable: object = result
    if not isinstance(awaitable, CoroutineType) and not isawaitable(awaitable):
        raise ConfigurationError(
            "transport: every method of an AsyncTransport and its streams must be `async def`"
        )
    return result


def _on_thread(call: Call[Any]) -> Awaitable[object]:
    """Return an awaitable that runs a call in a thread.

    Cancelling the awaitable does not stop the call.
    """
    from asyncio import to_thread  # noqa: PLC0415  # a sync program needs no event loop

    return to_thread(call.function)


async def _result_of(result: object, call: Call[Any], transport: AsyncTransport) -> object:
    """Return the result of a call; await it if necessary, and cancel it at the call's deadline."""
    if not isawaitable(result):
        return result
    from asyncio import timeout  # noqa: PLC0415  # a sync program needs no event loop

    left = call.deadline - transport.clock.monotonic()
    bound = timeout(None if left == math.inf else left)
    try:
        async with bound:
            return await result
    except TimeoutError:
        if not bound.expired():
            raise  # raised by the callee, not by our timeout
    failure = call.failure or DeadlineError
    raise failure(f"the {call.callee} did not answer in time")


def _unknown(effect: object) -> Never:
    raise ConfigurationError(f"this driver cannot perform the effect {type(effect).__name__}")
