from contextlib import ExitStack
from typing import Any, TypeVar, cast

import trio

from irma_core.flows.effects import Call, CloseStream, Flow, OpenStream, ReadStream, Send
from irma_core.flows.running_flow import RunningFlow
from irma_core.interfaces import ByteStream, Transport, boundary

ResultT = TypeVar("ResultT")
in_thread = trio.to_thread.run_sync


@boundary
async def run_on_trio(flow: Flow[ResultT], transport: Transport) -> ResultT:
    running = RunningFlow(flow)
    with ExitStack() as streams:
        while (effect := running.effect) is not None:
            # An interrupted flow has a few last effects, such as cancelling its session.
            with trio.CancelScope(shield=running.is_interrupted):
                try:
                    result = await perform(effect, transport, streams)
                except BaseException as error:
                    running.throw(error)
                else:
                    running.resume(result)
    return running.result


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
            with trio.fail_after(max(effect.deadline - transport.clock.monotonic(), 0)):
                return await in_thread(effect.function)
        case _:  # Sleep
            await trio.sleep(max(effect.duration.total_seconds(), 0))
    return None
