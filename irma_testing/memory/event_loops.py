"""Await the functions of an asynchronous application from a synchronous server.

The server runs on other threads, so that the application's event loop is free to await the server's
deliveries. Calls to the server take turns, so that the clock stands still during a delivery. Calls
that the application makes during a delivery belong to the same turn.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from contextvars import copy_context
from typing import Final, TypeVar, final

from irma_core.errors import UsageError
from irma_testing.memory.nesting import Nesting

__all__ = ["EventLoops"]

ResultT = TypeVar("ResultT")
_POLL_SECONDS: Final = 0.002
_LIMIT_SECONDS: Final = 30.0
"""How many real seconds to wait for a turn or a delivery.

Only an application that awaits its own next call takes longer.
"""


@final
class EventLoops:
    """Remembers the event loop from which a server is called, and awaits functions on it."""

    def __init__(self) -> None:
        self._home = threading.get_ident()
        self._turn = threading.Lock()
        self._nesting = Nesting()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self) -> None:
        """Remember the event loop that runs in this thread, if there is one."""
        self._loop = _running_loop() or self._loop

    async def run(self, function: Callable[[], ResultT]) -> ResultT:
        """Call a function on a new thread, when its turn comes, and return its result."""
        if self._nesting.depth:
            return await _on_thread(function)
        # Other threads take turns too, so there is no asyncio event to wait for.
        while not self._turn.acquire(blocking=False):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        self.note()

        def take_turn() -> ResultT:
            try:
                with self._nesting.deeper():
                    return function()
            finally:
                self._turn.release()

        return await _on_thread(take_turn)

    def run_soon(self, function: Callable[[], bool], failed: Callable[[Exception], None]) -> None:
        """Call a function repeatedly, while the application waits, until the call returns false.

        If the application's event loop does not run in the test's thread, nothing happens: the test
        can then call the server itself, and that event loop may end after a single request.
        """
        if self._tasks or threading.get_ident() != self._home:
            return
        task = asyncio.get_running_loop().create_task(self._repeat(function, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _repeat(
        self, function: Callable[[], bool], failed: Callable[[Exception], None]
    ) -> None:
        try:
            # Wait first, so that the application gets the reply to its call.
            await asyncio.sleep(_POLL_SECONDS)
            while await self.run(function):  # noqa: ASYNC110  # it acts each time
                await asyncio.sleep(_POLL_SECONDS)
        except Exception as error:  # noqa: BLE001  # nobody awaits this task
            failed(error)

    def wait_for(self, function: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Await a function on the application's event loop, or on a new one if none runs.

        Raises:
            UsageError: The calling thread runs an event loop, or the function takes too long.
            Exception: The function raised it.
        """
        if _running_loop() is not None:
            raise UsageError(
                "deliver: cannot be awaited here, because this call blocks the event loop; "
                "write `await irma_server.run(irma_app.accept, pointer)`"
            )
        with self._own_turn():
            if self._loop is None or not self._loop.is_running():
                return asyncio.run(_coroutine(function))
            future = asyncio.run_coroutine_threadsafe(_coroutine(function), self._loop)
            return _result(future)

    @contextmanager
    def _own_turn(self) -> Generator[None]:
        if self._nesting.depth:
            yield
            return
        if not self._turn.acquire(timeout=_LIMIT_SECONDS):
            raise UsageError("deliver: the application has not yet replied to another delivery")
        try:
            with self._nesting.deeper():
                yield
        finally:
            self._turn.release()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _coroutine(function: Callable[[], Awaitable[ResultT]]) -> ResultT:
    return await function()


def _result(future: Future[ResultT]) -> ResultT:
    try:
        return future.result(_LIMIT_SECONDS)
    except TimeoutError:
        if future.done():
            raise  # the application itself timed out
        future.cancel()
        raise UsageError(
            f"deliver: the application did not reply within {_LIMIT_SECONDS:.0f} s"
        ) from None
    except CancelledError:
        raise UsageError(
            "deliver: the application's event loop stopped before the application replied"
        ) from None


def _on_thread(function: Callable[[], ResultT]) -> asyncio.Future[ResultT]:
    """Call a function on a new thread; all threads in the loop's pool may be waiting for turns."""
    future: Future[ResultT] = Future()
    future.set_running_or_notify_cancel()  # a caller that is cancelled does not stop the thread
    context = copy_context()

    def work() -> None:
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001  # the caller gets it
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work, name="irma_testing", daemon=True).start()
    return asyncio.wrap_future(future)
