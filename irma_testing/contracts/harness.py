"""Where a contract is played: a server that misbehaves on loopback, and the transport in question.

Each test is written once, awaited; a sync transport does its part on a thread. So third parties
need no pytest plugin for asyncio.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from inspect import isawaitable
from typing import Any, Final, Generic, TypeAlias, TypeVar, final

import pytest

from irma_core.errors import ConfigurationError, TransportError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import (
    AsyncByteStream,
    AsyncTransport,
    ByteStream,
    Clock,
    ReadOutcome,
    Transport,
)
from irma_testing.contracts.signer import told
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer

__all__ = [
    "AT_ONCE",
    "LENIENCE",
    "TOKEN",
    "AwaitedPartContract",
    "HarnessMixin",
    "OnThread",
    "PluginContract",
    "Scenario",
    "Stage",
    "elapsed",
    "get",
    "post",
]


TOKEN: Final = "abcdefghijKLMNOPQRST"  # noqa: S105  # made up
"""Stands for a requestor token in each URL; no error may tell it."""
_LENIENCE: Final = 10.0
"""Seconds that a call may be late on a busy machine. A call without a bound is later than that."""
ErrorT = TypeVar("ErrorT", bound=TransportError)


def get(server: MisbehavingServer) -> HttpRequest:
    """Give a request for a session's result."""
    return HttpRequest("GET", f"{server.url}/session/{TOKEN}/result", label="GET session/{token}/…")


def post(server: MisbehavingServer, body: bytes = b"{}", *headers: tuple[str, str]) -> HttpRequest:
    """Give a request that starts a session."""
    url = f"{server.url}/session"
    return HttpRequest("POST", url, label="POST session", headers=headers, body=body)


@final
class Stage:
    """The transport and the server of one test."""

    def __init__(self, transport: AsyncTransport, server: MisbehavingServer) -> None:
        self.transport = transport
        self.server = server

    async def send(self, request: HttpRequest, within: float = 15) -> HttpResponse:
        """Send within some seconds."""
        return await self.transport.send(request, self.at(within))

    async def open(self, within: float = 15) -> AsyncByteStream:
        """Open a stream within some seconds."""
        return await self.transport.open_stream(get(self.server), self.at(within))

    async def read(self, stream: AsyncByteStream, within: float = 15) -> bytes | ReadOutcome:
        """Read within some seconds, and check that it takes no longer."""
        begun = self.transport.clock.monotonic()
        try:
            return await stream.read(begun + within)
        finally:
            took = self.transport.clock.monotonic() - begun
            assert took <= max(within, 0) + _LENIENCE, "a read takes longer than its deadline"

    async def all_of(self, stream: AsyncByteStream) -> bytes:
        """Read a stream to its end."""
        body = b""
        while isinstance(piece := await self.read(stream), bytes):
            assert piece, "a stream gives no empty bytes: QUIET or END"
            body += piece
        assert piece is ReadOutcome.END, "the stream is quiet, though the server has ended it"
        return body

    async def failure(
        self, kind: type[ErrorT], act: Awaitable[object], within: float = 15
    ) -> ErrorT:
        """Give the error of an act that must fail so, in time and without telling the token."""
        begun = self.transport.clock.monotonic()
        with pytest.raises(kind) as caught:
            await act
        took = self.transport.clock.monotonic() - begun
        assert took <= max(within, 0) + _LENIENCE, "the failure comes after the deadline"
        error = caught.value
        told = "".join((str(error), repr(error), *traceback.format_exception(error)))
        assert TOKEN not in told, "the error tells the requestor token"
        return error

    async def closed(self) -> None:
        """Wait until the server has closed all connections, and the transport could see it."""
        await asyncio.to_thread(self.server.wait_until_closed)
        await self.transport.sleep(timedelta(seconds=0.05))

    def at(self, within: float) -> float:
        """Give a deadline some seconds from now."""
        return self.transport.clock.monotonic() + within


Scenario: TypeAlias = Callable[[Stage], Awaitable[None]]


class HarnessMixin:
    """What plays a story; the two contracts say how a transport is made."""

    def opened(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Make the transport; closed after the story."""
        raise NotImplementedError

    def play(
        self, story: Scenario, *behaviours: Behaviour, at_connect: Behaviour | None = None
    ) -> MisbehavingServer:
        """Play a story at a server that behaves so; give the server, with what it received."""

        async def whole() -> MisbehavingServer:
            with MisbehavingServer(*behaviours, at_connect=at_connect) as server:
                async with self.opened() as transport:
                    await story(Stage(transport, server))
            return server

        return asyncio.run(whole())


@final
class OnThread:
    """A sync transport behind the awaited protocol."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def clock(self) -> Clock:
        """The transport's."""
        return self._transport.clock

    def jitter(self) -> float:
        """The transport's."""
        return self._transport.jitter()

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send on a thread."""
        return await asyncio.to_thread(self._transport.send, request, deadline)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        """Open on a thread."""
        opened = await asyncio.to_thread(self._transport.open_stream, request, deadline)
        return _StreamOnThread(opened)

    async def sleep(self, duration: timedelta) -> None:
        """Sleep on a thread."""
        await asyncio.to_thread(self._transport.sleep, duration)


@final
class _StreamOnThread:
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.status, self.headers = stream.status, stream.headers

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        return await asyncio.to_thread(self._stream.read, deadline)

    async def aclose(self) -> None:
        self._stream.close()


AT_ONCE: Final = 32
"""How many calls are made at once, where that is the question."""
LENIENCE: Final = 10.0
"""Seconds that a call may be late on a busy machine. A call without a bound is later than that."""
PartT = TypeVar("PartT")


class PluginContract(Generic[PartT]):
    """What plays; the contracts say what, their subclasses with what.

    Attributes:
        secrets: What no text may tell: passwords, addresses with a password in them.
    """

    secrets: Sequence[str | bytes] = ()

    def make_part(self) -> PartT:
        """Make one; see the contract."""
        raise NotImplementedError

    def make_failing_part(self) -> PartT:
        """Make one whose service is away; see the contract."""
        raise NotImplementedError

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        """Call a method of the part: a sync one on a thread."""
        answer = await asyncio.to_thread(method, *arguments)
        assert not isawaitable(answer), "a sync part answers at once"
        return answer

    async def close(self, part: Any) -> None:
        """Close the part."""
        await self.call(part.close)

    def play(self, story: Callable[..., Awaitable[None]], parts: int = 1) -> None:
        """Make so many that know the same, play a story with them, and close them."""

        async def whole() -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * AT_ONCE))
            made = [self.make_part() for _ in range(parts)]
            try:
                await story(*made)
            finally:
                for part in made:
                    await self.close(part)

        asyncio.run(whole())

    def play_failing(self, story: Callable[[Any], Awaitable[None]], within: float) -> None:
        """Play with one whose service is away: it must fail in time, and tell no secret."""

        async def whole() -> None:
            part = self.make_failing_part()
            begun = time.monotonic()
            failure: Exception | None = None
            try:
                await story(part)
            except Exception as error:  # noqa: BLE001  # whatever it raises is looked at
                failure = error
            assert failure is not None, "its service is away, and it does not say so"
            assert elapsed(begun) <= within, f"it takes over {within} s to fail"
            assert not isinstance(failure, ConfigurationError), "its service fails, not a setting"
            assert told(failure, self.secrets) is None, "the error tells a secret"
            await self.close(part)

        asyncio.run(whole())


class AwaitedPartContract(PluginContract[PartT]):
    """The same for a part that is awaited."""

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        """Await a method of the part."""
        return await method(*arguments)

    async def close(self, part: Any) -> None:
        """Close the part."""
        await part.aclose()


def elapsed(begun: float) -> float:
    """Give the seconds since then."""
    return time.monotonic() - begun
