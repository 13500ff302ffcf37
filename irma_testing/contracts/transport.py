"""The two contracts that authors of transports subclass, one a colour."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Final

from irma_core.protocol.transport import AsyncTransport, Transport
from irma_testing.contracts.calls import CallsContract
from irma_testing.contracts.stage import OnThread, Stage, get
from irma_testing.contracts.streams import StreamsContract
from irma_testing.misbehaving_streams import stream_when_asked
from irma_testing.misbehaviours import silence

__all__ = ["AsyncTransportContract", "TransportContract"]

_LOOKS: Final = 100
"""How often to look, ten times a second, whether the tasks of a cancelled call have ended."""


class TransportContract(CallsContract, StreamsContract):
    """What a `Transport` must do. Subclass it, and say how yours is made."""

    def make_transport(self) -> AbstractContextManager[Transport]:
        """Make the transport; it is entered before a test and left after it."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[AsyncTransport]:
        """Put it on a thread."""
        with self.make_transport() as transport:
            yield OnThread(transport)


class AsyncTransportContract(CallsContract, StreamsContract):
    """What an `AsyncTransport` must do. Subclass it, and say how yours is made."""

    def make_transport(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Make the transport; it is entered before a test, on its event loop, and left after it."""
        raise NotImplementedError

    def opened(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Take it as it is."""
        return self.make_transport()

    def test_a_cancelled_call_leaves_nothing_open(self) -> None:
        """No task of it, and no connection that a later call would get."""

        async def story(stage: Stage) -> None:
            before = asyncio.all_tasks()
            call = asyncio.create_task(stage.send(get(stage.server)))
            opening = asyncio.create_task(stage.open())
            await asyncio.sleep(0.2)
            for task in (call, opening):
                task.cancel()
            await asyncio.wait({call, opening})
            assert call.cancelled()
            assert opening.cancelled()
            for _ in range(_LOOKS):
                if asyncio.all_tasks() <= before:
                    break
                await asyncio.sleep(0.1)
            assert asyncio.all_tasks() <= before, "a task goes on after its call was cancelled"

        self.play(story, silence)

    def test_a_cancelled_read_loses_nothing(self) -> None:
        """A task may stop listening, and another go on."""
        asked = threading.Semaphore(1)

        async def story(stage: Stage) -> None:
            stream = await stage.open()
            assert await stage.read(stream) == b":\n"
            reading = asyncio.create_task(stage.read(stream))
            await asyncio.sleep(0.1)
            reading.cancel()
            await asyncio.wait({reading})
            asked.release()
            assert await stage.read(stream) == b"data: 1\n\n"
            await stream.aclose()

        self.play(story, stream_when_asked(asked, b":\n", b"data: 1\n\n"))
