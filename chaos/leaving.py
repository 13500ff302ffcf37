"""Stop work halfway: cancel it, interrupt it, close its transport, or fork."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

from chaos.findings import Finding
from chaos.leftovers import Leftovers, settled
from chaos.status_server import running_status_server
from chaos.threads import echo
from irma_core import AsyncRequestor, DisclosureRequest, Requestor, RequestorToken
from irma_core.errors import ConfigurationError
from irma_testing.misbehaving_server import MisbehavingServer
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["findings"]

ASKED = DisclosureRequest({"age": "a.b.c.d"})
AN_HOUR = timedelta(hours=1)
HOURS = 20_000.0
THREADS = 32


def findings(watches: int, forks: int, seed: int) -> Iterator[Finding]:
    """Stop many watches at once, fork often, and cancel a wait at each of its steps."""
    with running_status_server(1, 2.0, seed) as url:
        steps, left = asyncio.run(_cancel_at_each_step(url))
    yield Finding("await points of a session at which it was cancelled", steps, 5, at_least=True)
    yield Finding("sockets, tasks and threads that were left", left, 0)
    with running_status_server(1, HOURS, seed) as url:
        for mode in ("sync", "async"):
            yield Finding(
                f"sockets, tasks and threads left after Ctrl-C, {mode}", _interrupt(url, mode), 0
            )
        learned, left = asyncio.run(_close_amid(url, watches))
        name = f"of {watches} watches, those that raise after a close"
        yield Finding(name, learned, watches, at_least=True)
        yield Finding("sockets, tasks and threads that were left", left, 0)
        learned, left = _close_amid_threads(url)
    yield Finding(f"of {THREADS} on threads, those that raise", learned, THREADS, at_least=True)
    yield Finding("sockets and threads that were left", left, 0)
    yield Finding(f"of {forks} forks during use, children with wrong answers", _fork(forks), 0)


class _CancelledAt:
    """Awaits a coroutine, and cancels the task when it waits for the nth time."""

    def __init__(self, awaited: Coroutine[Any, Any, object], step: int) -> None:
        self._awaited = awaited
        self._step = step
        self.is_over = False

    def __await__(self) -> Generator[object, object, None]:
        running = self._awaited.__await__()
        task = asyncio.current_task()
        assert task is not None
        answer: object = None
        while True:
            try:
                waits_for = running.send(answer)
            except StopIteration:
                self.is_over = True
                return
            self._step -= 1
            if not self._step:
                task.cancel()
            try:
                answer = yield waits_for
            except BaseException as error:
                waits_for = running.throw(error)
                raise AssertionError("it continues to wait after it was cancelled") from error


async def _cancel_at_each_step(url: str) -> tuple[int, int]:
    """Cancel a session at each of its waits in turn; return their number and the leftovers."""
    left = step = 0
    while True:
        step += 1
        before = Leftovers.now()
        transport = AiohttpTransport()
        run = _CancelledAt(_session(url, transport), step)
        with suppress(asyncio.CancelledError):
            await asyncio.create_task(_await(run))
        await settled()
        if run.is_over:
            await transport.aclose()
            return step - 1, left
        left += max(len(asyncio.all_tasks()) - before.tasks, 0)
        await transport.aclose()
        await settled()
        left += Leftovers.now().beyond(before)


async def _await(run: _CancelledAt) -> None:
    await run


async def _session(url: str, transport: AiohttpTransport) -> None:
    requestor = AsyncRequestor(url, transport)
    session = await requestor.start_session(ASKED)
    async with requestor.watch_status(session, timeout=AN_HOUR) as statuses:
        async for _ in statuses:
            pass
    await requestor.get_status(session)


def _interrupt(url: str, mode: str) -> int:
    """Send Ctrl-C to a process that watches a session, and return its leftovers."""
    command = [sys.executable, "-m", "chaos.interrupted", url, mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        while True:
            # If a signal arrives just before a blocking call, Python notices it only after this
            # call.
            process.send_signal(signal.SIGINT)
            if select.select([process.stdout], [], [], 10)[0]:
                return int(process.stdout.readline())


async def _close_amid(url: str, count: int) -> tuple[int, int]:
    """Close the transport of many watches; return how many raise the error, and the leftovers."""
    before = Leftovers.now()
    transport = AiohttpTransport()
    requestor = AsyncRequestor(url, transport)
    gate, learned = asyncio.Semaphore(64), asyncio.Semaphore(0)

    async def watch(_: int) -> bool:
        await gate.acquire()
        session = await requestor.start_session(ASKED)
        try:
            async with requestor.watch_status(session) as statuses:
                async for _status in statuses:
                    gate.release()
                    learned.release()
        except ConfigurationError:
            return True
        return False

    tasks = [asyncio.create_task(watch(number)) for number in range(count)]
    for _ in tasks:
        await learned.acquire()
    await transport.aclose()
    ended, _ = await asyncio.wait(tasks, timeout=120)
    await settled()
    left = Leftovers.now().beyond(before)
    return sum(task.result() for task in ended), left


def _close_amid_threads(url: str) -> tuple[int, int]:
    """Close the transport of many watches in sync mode, with the same results."""
    before = Leftovers.now()
    transport = Urllib3Transport()
    requestor = Requestor(url, transport)
    learned = threading.Semaphore(0)

    def watch(_: int) -> bool:
        session = requestor.start_session(ASKED)
        try:
            with requestor.watch_status(session) as statuses:
                for _status in statuses:
                    learned.release()
        except ConfigurationError:
            return True
        return False

    with ThreadPoolExecutor(THREADS) as pool:
        watching = [pool.submit(watch, number) for number in range(THREADS)]
        for _ in watching:
            learned.acquire()
        transport.close()
        ended = sum(each.result(timeout=120) for each in watching)
    return ended, Leftovers.now().beyond(before)


def _fork(forks: int) -> int:
    """Fork while threads use the same requestor; return how many children failed."""
    stopped = threading.Event()
    wrong = 0
    with MisbehavingServer(echo) as server, Urllib3Transport() as transport:
        requestor = Requestor(server.url, transport)

        def ask_on(thread: int) -> None:
            # Use only a few tokens, because the suite remembers each token and searches logs for
            # it.
            for turn in itertools.count():
                if stopped.is_set():
                    return
                _ask(requestor, thread * 100 + turn % 16)

        with ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(ask_on, thread) for thread in range(1, 9)]
            for turn in range(forks):
                wrong += _child(requestor, turn)
            stopped.set()
            for each in asking:
                each.result()
    return wrong


def _ask(requestor: Requestor, number: int) -> None:
    token = RequestorToken(f"{number:020d}")
    assert requestor.get_unchecked_result(token).token == token


def _child(requestor: Requestor, turn: int) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the other threads are intended
        child = os.fork()
    if not child:
        status = 1
        try:
            signal.alarm(60)  # a lock that a thread held at the fork would never be released
            logging.disable()  # nor would the lock of the stream with which pytest captures logs
            for number in range(5):
                _ask(requestor, 10**6 + turn * 10 + number)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] != 0
