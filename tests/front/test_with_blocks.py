"""The result of a function for `with` can be used for only one block."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import pytest

from irma_backend.dev_server import running_dev_server, running_server
from irma_core.errors import UsageError
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from tests.front.doors import DOORS, Door, World

SECRET = "a-secret-that-no-error-may-show"


def _serving(function: Callable[..., Any]) -> Door:
    def make(_world: World) -> tuple[Any, dict[str, Any]]:
        return function, {"server": InMemoryServer(clock=SystemClock())}

    return Door(function.__name__, make)


SERVING = [_serving(running_server), _serving(running_dev_server)]


def blocks() -> Iterator[Any]:
    """Yield every public function whose result is for a `with` block."""
    for door in (*DOORS.values(), *SERVING):
        function, arguments = door.make(World())
        if isinstance(function, type):
            continue
        is_coroutine = inspect.iscoroutinefunction(function)
        if is_coroutine or "Generator[" not in str(
            getattr(function, "__annotations__", {}).get("return")
        ):
            continue
        yield pytest.param(function, arguments, id=door.name)


def enter(made: Any) -> None:
    if isinstance(made, AbstractContextManager):
        with made:
            return
    assert isinstance(made, AbstractAsyncContextManager)

    async def entered() -> None:
        async with made:
            return

    asyncio.run(entered())


def test_all_functions_for_with_are_found() -> None:
    """The search by annotation finds the functions for `with` in the documentation."""
    found = {each.id for each in blocks()}
    assert found >= {"connect", "connect_async", "open_parts", "open_parts_async"}
    assert found >= {"Requestor.watch_status", "AsyncRequestor.watch_status", "running_server"}


@pytest.mark.parametrize(("function", "arguments"), list(blocks()))
def test_entering_a_result_twice_raises_our_error(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    """Entering a result for a second time raises an error that names the function to call again."""
    made = function(**arguments)
    enter(made)
    with pytest.raises(UsageError, match=rf"^{function.__name__}: .*call {function.__name__}\(\)"):
        enter(made)


@pytest.mark.parametrize(("function", "arguments"), list(blocks()))
def test_an_unknown_argument_is_refused_at_the_call(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    """An unknown argument is refused at the call, and no frame of the traceback shows its value."""
    is_connect = function.__name__.startswith("connect")  # it accepts a requestor's settings
    positional, more = ((SECRET, SECRET), {}) if is_connect else ((), {"misspelt": SECRET})
    with pytest.raises(UsageError, match=f"^{function.__name__}: ") as caught:
        function(*positional, **({} if is_connect else arguments), **more)
    stack = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    shown = [str(frame.locals) for frame in stack if "/irma_" in frame.filename]
    assert shown
    assert not any(SECRET in each for each in shown)
