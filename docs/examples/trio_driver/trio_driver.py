from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar, cast

import trio

from irma_core.errors import TransportError
from irma_core.flows.effects import Call, CloseStream, Flow, OpenStream, ReadStream, Send
from irma_core.interfaces import ByteStream, Transport

ResultT = TypeVar("ResultT")
in_thread = trio.to_thread.run_sync


async def run_on_trio(flow: Flow[ResultT], transport: Transport) -> ResultT:
    proceed: Callable[[Any], Any] = flow.send
    value: Any = None
    interruption: BaseException | None = None
    streams = ExitStack()
    try:
        while True:
            try:
                effect = proceed(value)
            except StopIteration as end:
                if interruption is not None:
                    raise interruption from None
                return cast("ResultT", end.value)
            try:
                # An interrupted flow has a few last effects, such as cancelling its session.
                with trio.CancelScope(shield=interruption is not None):
                    value = await perform(effect, transport, streams)
                proceed = flow.send
            except (Exception, trio.Cancelled, KeyboardInterrupt) as error:
                proceed, value = flow.throw, error
                is_call = isinstance(effect, Call)
                handled = (effect.failure or Exception) if is_call else TransportError
                interruption = interruption if isinstance(error, handled) else error
    finally:
        streams.close()


async def perform(effect: Any, transport: Transport, streams: ExitStack) -> Any:
    match effect:
        case Send():
            return await in_thread(transport.send, effect.request, effect.deadline)
        case OpenStream():
            stream = await in_thread(transport.open_stream, effect.request, effect.deadline)
            streams.callback(stream.close)
            return stream
        case ReadStream():
            return await in_thread(effect.stream.read, effect.deadline)
        case CloseStream():
            cast("ByteStream", effect.stream).close()
        case Call():
            return await call(effect, effect.deadline - transport.clock.monotonic())
        case _:  # Sleep
            await trio.sleep(max(effect.duration.total_seconds(), 0))
    return None


async def call(effect: Call[Any], seconds: float) -> Any:
    try:
        with trio.fail_after(max(seconds, 0)):
            return await in_thread(effect.function)
    except Exception as error:
        if effect.failure is None or isinstance(error, effect.failure):
            raise
        raise effect.failure(f"the {effect.callee} failed: {type(error).__name__}") from error
