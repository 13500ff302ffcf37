"""Run the scenarios of the contracts with a transport or a plugin.

A transport calls a misbehaving server. Every scenario is a coroutine, even for a sync transport or
plugin: the harness then runs each call on a thread. The harness runs the coroutines itself, so
authors do not need a pytest plugin for asyncio.
"""

from __future__ import annotations

import asyncio
import base64
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
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
from irma_testing.misbehaving_server import Behaviour, MisbehavingServer

__all__ = [
    "CONCURRENT_CALLS",
    "MAX_DELAY",
    "PATIENCE",
    "TOKEN",
    "AsyncPluginContract",
    "HarnessMixin",
    "PluginContract",
    "Scenario",
    "ThreadedTransport",
    "TransportHarness",
    "elapsed",
    "get",
    "leaked_secret",
    "post",
]


CONCURRENT_CALLS: Final = 32
"""The number of calls in a test of concurrency."""
PATIENCE: Final = 60.0
"""The deadline, in seconds, for calls that should end sooner even on a busy machine."""
MAX_DELAY: Final = 60.0
"""How many seconds after its deadline a call may end on a busy machine. A call that ignored its
deadline would end even later."""
TOKEN: Final = "abcdefghijKLMNOPQRST"  # noqa: S105  # made up
"""The requestor token in each URL. No error may contain it."""
_FULL_PEM_LINE: Final = 16
ErrorT = TypeVar("ErrorT", bound=TransportError)
PluginT = TypeVar("PluginT")


def get(server: MisbehavingServer) -> HttpRequest:
    """Return a request for a session's result."""
    return HttpRequest("GET", f"{server.url}/session/{TOKEN}/result", label="GET session/{token}/…")


def post(server: MisbehavingServer, body: bytes = b"{}", *headers: tuple[str, str]) -> HttpRequest:
    """Return a request that starts a session."""
    url = f"{server.url}/session"
    return HttpRequest("POST", url, label="POST session", headers=headers, body=body)


@final
class TransportHarness:
    """The transport under test and the server that it calls."""

    def __init__(self, transport: AsyncTransport, server: MisbehavingServer) -> None:
        self.transport = transport
        self.server = server

    async def send(self, request: HttpRequest, timeout: float = PATIENCE) -> HttpResponse:
        """Send the request, with a deadline `timeout` seconds from now."""
        return await self.transport.send(request, self.deadline(timeout))

    async def open(self, timeout: float = PATIENCE) -> AsyncByteStream:
        """Open a stream, with a deadline `timeout` seconds from now."""
        return await self.transport.open_stream(get(self.server), self.deadline(timeout))

    async def read(self, stream: AsyncByteStream, timeout: float = PATIENCE) -> bytes | ReadOutcome:
        """Read once, and check that the read ends by its deadline."""
        start = self.transport.clock.monotonic()
        try:
            return await stream.read(start + timeout)
        finally:
            duration = self.transport.clock.monotonic() - start
            assert duration <= max(timeout, 0) + MAX_DELAY, "a read outlasts its deadline"

    async def read_all(self, stream: AsyncByteStream) -> bytes:
        """Read a stream to its end."""
        body = b""
        while isinstance(piece := await self.read(stream), bytes):
            assert piece, "a read must return IDLE or END instead of empty bytes"
            body += piece
        assert piece is ReadOutcome.END, "the stream is idle although the server has ended it"
        return body

    async def failure(
        self, kind: type[ErrorT], call: Awaitable[object], timeout: float = PATIENCE
    ) -> ErrorT:
        """Check that awaiting `call` raises an error of the class `kind`, and return the error.

        The error must be raised within `timeout` seconds, and not contain the requestor token.
        """
        start = self.transport.clock.monotonic()
        with pytest.raises(kind) as caught:
            await call
        duration = self.transport.clock.monotonic() - start
        assert duration <= max(timeout, 0) + MAX_DELAY, "the call fails after its deadline"
        error = caught.value
        assert leaked_secret(error, [TOKEN]) is None, "the error contains the requestor token"
        return error

    async def wait_until_closed(self) -> None:
        """Wait until the server has closed all connections, and the transport has noticed."""
        await asyncio.to_thread(self.server.wait_until_closed)
        await self.transport.sleep(timedelta(seconds=0.05))

    def deadline(self, timeout: float) -> float:
        """Return the deadline `timeout` seconds from now, on the transport's clock."""
        return self.transport.clock.monotonic() + timeout


Scenario: TypeAlias = Callable[[TransportHarness], Awaitable[None]]


class HarnessMixin:
    """Runs the scenarios of a transport contract; the contract defines how to make a transport."""

    def open_transport(self) -> AbstractAsyncContextManager[AsyncTransport]:
        """Make the transport, and close it after the scenario."""
        raise NotImplementedError

    def run_scenario(
        self,
        scenario: Scenario,
        *behaviours: Behaviour,
        at_connect: Behaviour | None = None,
        idle_limit: timedelta = timedelta(minutes=1),
    ) -> MisbehavingServer:
        """Run a scenario against a misbehaving server, and return the server.

        The `behaviours` say how the server answers each request in turn; `at_connect` says what
        the server does when a connection opens.
        """

        async def run() -> MisbehavingServer:
            server = MisbehavingServer(*behaviours, at_connect=at_connect, idle_limit=idle_limit)
            with server:
                async with self.open_transport() as transport:
                    await scenario(TransportHarness(transport, server))
            return server

        return asyncio.run(run())


@final
class ThreadedTransport:
    """An async transport that runs a sync transport on threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def clock(self) -> Clock:
        """The clock of the sync transport."""
        return self._transport.clock

    def jitter(self) -> float:
        """Return the jitter of the sync transport."""
        return self._transport.jitter()

    async def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        """Send the request on a thread."""
        return await asyncio.to_thread(self._transport.send, request, deadline)

    async def open_stream(self, request: HttpRequest, deadline: float) -> AsyncByteStream:
        """Open a stream on a thread."""
        stream = await asyncio.to_thread(self._transport.open_stream, request, deadline)
        return _ThreadedStream(stream)

    async def sleep(self, duration: timedelta) -> None:
        """Sleep on a thread."""
        await asyncio.to_thread(self._transport.sleep, duration)


@final
class _ThreadedStream:
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.status, self.headers = stream.status, stream.headers

    async def read(self, deadline: float) -> bytes | ReadOutcome:
        return await asyncio.to_thread(self._stream.read, deadline)

    async def aclose(self) -> None:
        self._stream.close()


class PluginContract(Generic[PluginT]):
    """Runs the scenarios of a contract for sync plugins.

    Attributes:
        secrets: Values that no `repr` or error of the plugin may show, such as passwords and URLs
            that contain a password.
    """

    secrets: Sequence[str | bytes] = ()

    def make_plugin(self) -> PluginT:
        """Make the plugin under test. Each contract calls its own method, such as `make_store`."""
        raise NotImplementedError

    def make_failing_plugin(self) -> PluginT:
        """Make a plugin whose service cannot be reached; see `make_plugin`."""
        raise NotImplementedError

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        """Call a method of the plugin on a thread."""
        answer = await asyncio.to_thread(method, *arguments)
        assert not isawaitable(answer), "a sync plugin must not return an awaitable"
        return answer

    async def close(self, plugin: Any) -> None:
        """Close the plugin."""
        await self.call(plugin.close)

    def run_scenario(self, scenario: Callable[..., Awaitable[None]], count: int = 1) -> None:
        """Run a scenario with `count` plugins that share their state, and close them."""

        async def run() -> None:
            executor = ThreadPoolExecutor(2 * CONCURRENT_CALLS)
            asyncio.get_running_loop().set_default_executor(executor)
            plugins = [self.make_plugin() for _ in range(count)]
            try:
                await scenario(*plugins)
            finally:
                for plugin in plugins:
                    await self.close(plugin)

        asyncio.run(run())

    def run_failing_scenario(
        self, scenario: Callable[[Any], Awaitable[None]], timeout: float
    ) -> None:
        """Check that a scenario raises an error in time, and that the error contains no secret."""

        async def run() -> None:
            plugin = self.make_failing_plugin()
            start = time.monotonic()
            failure: Exception | None = None
            try:
                await scenario(plugin)
            except Exception as error:  # noqa: BLE001  # every kind of error is checked
                failure = error
            assert failure is not None, "the service cannot be reached, and no error is raised"
            assert elapsed(start) <= timeout, f"the failure takes more than {timeout} s"
            assert not isinstance(failure, ConfigurationError), "no setting is wrong here"
            assert leaked_secret(failure, self.secrets) is None, "the error contains a secret"
            await self.close(plugin)

        asyncio.run(run())


class AsyncPluginContract(PluginContract[PluginT]):
    """Runs the scenarios of a contract for async plugins."""

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        """Await a method of the plugin."""
        return await method(*arguments)

    async def close(self, plugin: Any) -> None:
        """Close the plugin."""
        await plugin.aclose()


def elapsed(start: float) -> float:
    """Return the seconds since `start`."""
    return time.monotonic() - start


def leaked_secret(thing: object, secrets: Iterable[str | bytes]) -> str | None:
    """Return how `thing` shows a secret, such as "in base64", or None if it shows no secret.

    The function searches the `repr` and `str` of `thing` for each secret in plain form, in
    hexadecimal and in base64. If `thing` is an error, the function also searches its traceback.
    """
    strings = [f"{thing!r} {thing}"]
    if isinstance(thing, BaseException):
        strings += traceback.format_exception(thing)
    if isinstance(thing, bytes):
        strings.append(thing.decode("latin-1"))
    text = "\n".join(strings)
    return next((form for secret in secrets for form, part in _forms(secret) if part in text), None)


def _forms(secret: str | bytes) -> Iterator[tuple[str, str]]:
    data = secret.encode() if isinstance(secret, str) else secret
    lines = [line for line in data.decode("latin-1").splitlines() if "-----" not in line]
    for line in lines:
        # The last line of a PEM may be so short that the same characters occur elsewhere.
        if len(lines) == 1 or len(line) >= _FULL_PEM_LINE:
            yield "verbatim", line
    yield "verbatim", repr(data)[2:-1]
    yield "in hexadecimal", data.hex()
    yield "in base64", base64.b64encode(data).decode().rstrip("=")
    yield "in base64", base64.urlsafe_b64encode(data).decode().rstrip("=")
