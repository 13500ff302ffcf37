"""Serves on a thread, from the port that is taken to the last request that is answered.

Belongs here: the socket, the thread, and what is switched on for as long as it serves. Does not
belong here: requests and responses (`bridge`).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from aiohttp import web

from irma_backend.dev_server.bridge import Bridge
from irma_backend.dev_server.callback_sender import delivering
from irma_backend.dev_server.guard import only_hosts, own_hosts
from irma_backend.dev_server.pages import Pages
from irma_backend.dev_server.player import Player
from irma_backend.dev_server.waiting import LOG_OF_HTTP, LONGEST_WAIT, WaitingRoom
from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer, ManualClock

__all__ = ["running_dev_server", "running_server"]

_NAME = "irma-dev-server"
_ADDRESS = "127.0.0.1"
_LAST_PORT = 65535
_LAST_ANSWERS = 1.0
# A receiver of callbacks may call back while its callback is delivered, up to ten deep.
_THREADS = 32


@contextmanager
def running_server(
    server: InMemoryServer, port: int = 0, *, callbacks_anywhere: bool = False
) -> Generator[str]:
    """Serve a server in memory over HTTP, on a thread, to this machine only.

    Meanwhile its `url` is the one given here, what is due by its clock is done by itself, and its
    posts are sent over HTTP, unless it has a `deliver` of its own. The path of its `url` stays, as
    the prefix of an API.

    In a browser, only pages of this server may make the calls of requestors. Pages of any origin
    may follow a session below `/irma/`, as at the official server.

    Args:
        server: The server. Its clock must run by itself: `InMemoryServer(clock=SystemClock())`.
        port: Where it listens on 127.0.0.1; 0 for any free port.
        callbacks_anywhere: Whether callbacks and `nextSession` posts may leave this machine. By
            default they go to `localhost` and loopback addresses only.

    Yields:
        The base URL: `http://127.0.0.1:8088`.

    Raises:
        ConfigurationError: An argument has another type, the port is taken or out of range, or
            the clock is a `ManualClock`.
    """
    with _running(server, port, callbacks_anywhere=callbacks_anywhere) as url:
        yield url


@contextmanager
def running_dev_server(
    server: InMemoryServer, port: int = 0, *, callbacks_anywhere: bool = False
) -> Generator[str]:
    """Serve it likewise, with a page at the root on which a person plays the app.

    Arguments, what it yields and what it raises are as of `running_server`.
    """
    pages = Pages(Player(server))
    with _running(server, port, pages, callbacks_anywhere=callbacks_anywhere) as url:
        yield url


@contextmanager
def _running(
    server: InMemoryServer,
    port: int,
    pages: Pages | None = None,
    *,
    callbacks_anywhere: bool,
) -> Generator[str]:
    given: object = server
    if not isinstance(given, InMemoryServer):
        raise ConfigurationError("server: must be an irma_testing.InMemoryServer")
    # A truthy string such as "no" must not open the way out of this machine.
    given = callbacks_anywhere
    if not isinstance(given, bool):
        raise ConfigurationError("callbacks_anywhere: must be True or False")
    if isinstance(server.clock, ManualClock):
        raise ConfigurationError(
            "over HTTP time passes by itself, and a ManualClock does not: "
            "use InMemoryServer(clock=SystemClock()), of irma_transport"
        )
    with closing(_listen(port)) as listening, ThreadPoolExecutor(_THREADS, _NAME) as threads:
        port = listening.getsockname()[1]
        bridge = Bridge(server, threads)
        waiting = WaitingRoom()
        application = web.Application(middlewares=[only_hosts(own_hosts(port)), waiting.read_first])
        if pages is not None:
            pages.add_to(application)
        application.router.add_route("*", "/{path:.*}", bridge.respond)
        with (
            _at(server, port),
            delivering(server, anywhere=callbacks_anywhere),
            _serving(application, bridge, waiting, listening),
        ):
            yield server.url


def _listen(port: int) -> socket.socket:
    given: object = port
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= _LAST_PORT:
        raise ConfigurationError(f"port: must be an integer from 0 to {_LAST_PORT}")
    try:
        return socket.create_server((_ADDRESS, port))
    except OSError as error:
        reason = (
            "another program listens there"
            if error.errno == errno.EADDRINUSE
            else str(error.strerror)
        )
    raise ConfigurationError(
        f"port {port} of {_ADDRESS}: {reason}; choose another, or 0 for any that is free"
    )


@contextmanager
def _at(server: InMemoryServer, port: int) -> Generator[None]:
    before = server.url
    server.url = f"http://{_ADDRESS}:{port}{urlsplit(before).path}"
    try:
        yield
    finally:
        server.url = before


@contextmanager
def _serving(
    application: web.Application, bridge: Bridge, waiting: WaitingRoom, listening: socket.socket
) -> Generator[None]:
    runner = web.AppRunner(
        application,
        access_log=None,  # it would have requestor tokens
        auto_decompress=False,  # as the official server
        keepalive_timeout=LONGEST_WAIT,
        lingering_time=LONGEST_WAIT,
        logger=LOG_OF_HTTP,
        shutdown_timeout=_LAST_ANSWERS,
    )
    with ThreadPoolExecutor(1, f"{_NAME}-http") as thread:
        loop = asyncio.Runner()

        def run(step: Coroutine[object, object, None]) -> Future[None]:
            return thread.submit(loop.run, step)

        try:
            run(_begin(runner, waiting, listening)).result()
            served = run(bridge.let_time_pass())
            try:
                yield
            finally:
                bridge.close()
                served.result()
        finally:
            run(_end(runner, waiting)).result()
            thread.submit(loop.close).result()


async def _begin(runner: web.AppRunner, waiting: WaitingRoom, listening: socket.socket) -> None:
    await runner.setup()
    if runner.server is not None:  # it is there after `setup`, which the type does not say
        await waiting.open(runner.server, listening)


async def _end(runner: web.AppRunner, waiting: WaitingRoom) -> None:
    await waiting.close()
    await runner.cleanup()
