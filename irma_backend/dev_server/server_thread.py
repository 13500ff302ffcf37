"""Serve an in-memory server over HTTP on a thread, until a `with` block ends."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from aiohttp import web

from irma_backend.dev_server.bridge import Bridge
from irma_backend.dev_server.callback_sender import sending_callbacks
from irma_backend.dev_server.descriptions import Descriptions
from irma_backend.dev_server.guard import PUBLIC_ORIGIN, only_hosts
from irma_backend.dev_server.pages import Pages
from irma_backend.dev_server.player import Player
from irma_backend.dev_server.reach import Reach
from irma_backend.dev_server.waiting import HTTP_LOG, LONGEST_WAIT, WaitingRoom
from irma_backend.played_app import Cards
from irma_core.blocks import with_block
from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer, ManualClock

__all__ = ["running_dev_server", "running_server"]

_NAME = "irma-dev-server"
_LAST_PORT = 65535
_SHUTDOWN_TIMEOUT = 1.0
# While a receiver handles a callback, it may call the server, up to ten levels deep.
_THREADS = 32


@with_block
def running_server(
    server: InMemoryServer, port: int = 0, *, callbacks_anywhere: bool = False
) -> Generator[str]:
    """Serve an in-memory server over HTTP, on a thread, to this machine only.

    During the block, the server's `url` is the yielded URL, which keeps the path of the server's
    earlier `url` as the API prefix. Timeouts and planned actions happen on time. Callbacks are sent
    over HTTP, unless the server has its own `deliver`.

    Only pages of this server can call the requestor's endpoints; other web pages cannot. Pages from
    any origin may follow a session under `/irma/`, as with the official server.

    Args:
        server: The server. It needs a real clock: `InMemoryServer(clock=SystemClock())`.
        port: The port on 127.0.0.1; 0 selects any free port.
        callbacks_anywhere: Whether callbacks and `nextSession` requests may leave this machine. By
            default they go to `localhost` and loopback addresses only.

    Yields:
        The base URL, such as `http://127.0.0.1:8088`.

    Raises:
        ConfigurationError: An argument has the wrong type, the port is in use or out of range, or
            the clock is a `ManualClock`.
    """
    _check(server, callbacks_anywhere=callbacks_anywhere)
    with _running(server, port, Reach(), callbacks_anywhere=callbacks_anywhere) as url:
        yield url


@with_block
def running_dev_server(
    server: InMemoryServer,
    port: int = 0,
    *,
    callbacks_anywhere: bool = False,
    reach: Reach | None = None,
    cards: Cards | None = None,
) -> Generator[str]:
    """Serve an in-memory server with a page on which a person plays the app.

    The first three arguments, the yielded URL and the errors are those of `running_server`. The
    page is at the root, or at `/app-SECRET/` if other machines can reach it.

    Args:
        server: The server.
        port: The port; 0 selects any free port.
        callbacks_anywhere: Whether callbacks may leave this machine.
        reach: The address to listen on, and the URL; by default 127.0.0.1.
        cards: Cards that the adult's app holds instead of the usual cards, or in addition to them:
            attributes by credential type.
    """
    _check(server, callbacks_anywhere=callbacks_anywhere)
    pages = Pages(Player(server, cards))
    reach = Reach() if reach is None else reach
    with _running(server, port, reach, pages, callbacks_anywhere=callbacks_anywhere) as url:
        yield url


def _check(server: object, *, callbacks_anywhere: object) -> None:
    if not isinstance(server, InMemoryServer):
        raise ConfigurationError("server: must be an irma_testing.InMemoryServer")
    # A truthy string such as "no" must not let callbacks leave this machine.
    if not isinstance(callbacks_anywhere, bool):
        raise ConfigurationError("callbacks_anywhere: must be True or False")
    if isinstance(server.clock, ManualClock):
        raise ConfigurationError(
            "server: a ManualClock cannot be used over HTTP; use "
            "InMemoryServer(clock=SystemClock()), with SystemClock from irma_transport"
        )


@contextmanager
def _running(
    server: InMemoryServer,
    port: int,
    reach: Reach,
    pages: Pages | None = None,
    *,
    callbacks_anywhere: bool,
) -> Generator[str]:
    with (
        closing(_listen(reach.host, port)) as listening,
        ThreadPoolExecutor(_THREADS, _NAME) as threads,
    ):
        port = listening.getsockname()[1]
        url = reach.base_url(port, urlsplit(server.url).path)
        bridge = Bridge(server, threads, reach.secret)
        waiting = WaitingRoom()
        application = _application(server, url, reach, port=port, waiting=waiting, pages=pages)
        application.router.add_route("*", "/{path:.*}", bridge.respond)
        with (
            _at(server, url),
            sending_callbacks(server, anywhere=callbacks_anywhere),
            _serving(
                application, bridge, pages, waiting=waiting, listening=listening, tls=reach.tls
            ),
        ):
            yield server.url


def _application(
    server: InMemoryServer,
    url: str,
    reach: Reach,
    *,
    port: int,
    waiting: WaitingRoom,
    pages: Pages | None,
) -> web.Application:
    application = web.Application(middlewares=[only_hosts(reach, port), waiting.read_first])
    parts = urlsplit(url)
    application[PUBLIC_ORIGIN] = f"{parts.scheme}://{parts.netloc}".lower()
    folder = f"{parts.path}/app{'-' if reach.secret else ''}{reach.secret}"
    Descriptions(server).add_to(application, parts.path, folder)
    if pages is not None:
        pages.add_to(application, f"{folder if reach.secret else parts.path}/", folder)
    return application


def _listen(host: str, port: int) -> socket.socket:
    given: object = port
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= _LAST_PORT:
        raise ConfigurationError(f"port: must be an integer from 0 to {_LAST_PORT}")
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        reason = _reason(error)
    raise ConfigurationError(f"port {port} on {host}: {reason}")


def _reason(error: OSError) -> str:
    """Return the reason why the server cannot listen, and what to do."""
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address; choose one of its own"
    in_use = error.errno == errno.EADDRINUSE
    reason = "another program listens there" if in_use else str(error.strerror)
    return f"{reason}; choose another port, or 0 for any free port"


@contextmanager
def _at(server: InMemoryServer, url: str) -> Generator[None]:
    before = server.url
    server.url = url
    try:
        yield
    finally:
        server.url = before


@contextmanager
def _serving(
    application: web.Application,
    bridge: Bridge,
    pages: Pages | None,
    *,
    waiting: WaitingRoom,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
) -> Generator[None]:
    runner = web.AppRunner(
        application,
        access_log=None,  # it would contain requestor tokens
        auto_decompress=False,  # the official server does not decompress
        keepalive_timeout=LONGEST_WAIT,
        lingering_time=LONGEST_WAIT,
        logger=HTTP_LOG,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
    )
    with ThreadPoolExecutor(1, f"{_NAME}-http") as thread:
        loop = asyncio.Runner()

        def run(step: Coroutine[object, object, None]) -> Future[None]:
            return thread.submit(loop.run, step)

        try:
            run(_begin(runner, waiting, listening, tls)).result()
            served = run(bridge.let_time_pass())
            try:
                yield
            finally:
                bridge.close()
                if pages is not None:
                    pages.close()
                served.result()
        finally:
            run(_end(runner, waiting)).result()
            thread.submit(loop.close).result()


async def _begin(
    runner: web.AppRunner,
    waiting: WaitingRoom,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
) -> None:
    await runner.setup()
    if runner.server is not None:  # `setup` has set it, which its type does not show
        await waiting.open(runner.server, listening, tls)


async def _end(runner: web.AppRunner, waiting: WaitingRoom) -> None:
    await waiting.close()
    await runner.cleanup()
