"""A flow that a driver of any kind runs: the values that it receives, and its results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_core.errors import ConfigurationError, SigningError, StoreError, TransportError
from irma_core.flows.effects import Call, Flow, Send, Sleep
from irma_core.flows.running_flow import RunningFlow
from irma_core.protocol.messages import HttpRequest, HttpResponse

GET = HttpRequest("GET", "https://irma.example/health", label="GET health")
NO_TIME = timedelta(0)
GONE = HttpResponse(404)
BROKEN = TransportError("GET health", "reset", request_sent=True)


def waits_for(running: RunningFlow[Any]) -> type[object]:
    return type(running.effect)


def asking() -> Flow[int]:
    """Request the status once; return it, or 0 if the network failed."""
    try:
        response = yield from Send(GET, 0.0)
    except TransportError:
        return 0
    return response.status


def calling(failure: type[StoreError] | None, caught: list[Exception]) -> Flow[None]:
    """Call a part once, and record its exception."""
    try:
        yield from Call(str, 0.0, callee="store", failure=failure)
    except Exception as error:
        caught.append(error)
        raise


def test_a_flow_runs_up_to_its_effects_and_its_result() -> None:
    """A flow receives each effect's result; when it ends, it has a result and no effect."""
    running = RunningFlow(asking())
    assert waits_for(running) is Send
    running.resume(GONE)
    assert running.effect is None
    assert (running.result, running.is_interrupted) == (404, False)


def test_a_flow_handles_an_error_of_the_network() -> None:
    """A flow may handle a failed effect, and return a result."""
    running = RunningFlow(asking())
    running.throw(BROKEN)
    assert (running.effect, running.result) == (None, 0)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), ValueError("a bug")])
def test_an_interruption_is_raised_after_the_last_effects(interruption: BaseException) -> None:
    """A flow may perform effects after an interruption, which is raised in the end regardless."""

    def cleaning_up() -> Flow[str]:
        try:
            yield from Send(GET, 0.0)
        except BaseException:  # noqa: BLE001  # it is raised again
            yield from Sleep(duration=NO_TIME)
        return "as if nothing had happened"

    running = RunningFlow(cleaning_up())
    running.throw(interruption)
    assert waits_for(running) is Sleep
    assert running.is_interrupted
    with pytest.raises(type(interruption)) as raised:
        running.resume(None)
    assert raised.value is interruption


def test_the_end_of_a_coroutine_closes_the_flow() -> None:
    """When a coroutine ends with `GeneratorExit`, the flow is closed and the exception passes."""
    flow = asking()
    running = RunningFlow(flow)
    with pytest.raises(GeneratorExit):
        running.throw(GeneratorExit())
    with pytest.raises(StopIteration):
        next(flow)


@pytest.mark.parametrize("stray", [StopIteration, StopAsyncIteration])
def test_a_stray_stop_iteration_becomes_a_runtime_error(stray: type[Exception]) -> None:
    """A `StopIteration` would look like the flow's result, so it becomes a `RuntimeError`."""
    running = RunningFlow(asking())
    with pytest.raises(RuntimeError) as raised:
        running.throw(stray())
    assert isinstance(raised.value.__cause__, stray)


@pytest.mark.parametrize("error", [OSError("secret"), SigningError("another part's")])
def test_a_parts_exception_becomes_the_expected_error(error: Exception) -> None:
    """A part's exception becomes the expected class, without its message, which may be secret."""
    caught: list[Exception] = []
    running = RunningFlow(calling(StoreError, caught))
    with pytest.raises(StoreError) as raised:
        running.throw(error)
    assert caught == [raised.value]
    assert raised.value.__cause__ is error
    assert str(error) not in str(raised.value)


@pytest.mark.parametrize("error", [StoreError("its own"), ConfigurationError("wrong mode")])
def test_an_expected_error_stays_unchanged(error: Exception) -> None:
    """An error of the expected class, and a ConfigurationError, reach the flow unchanged."""
    running = RunningFlow(calling(StoreError, []))
    with pytest.raises(type(error)) as raised:
        running.throw(error)
    assert raised.value is error
    assert running.is_interrupted == isinstance(error, ConfigurationError)


def test_an_applications_exception_stays_unchanged() -> None:
    """An exception of the application, whose call has no class of failure, stays unchanged."""
    error = OSError("the application's")
    running = RunningFlow(calling(None, []))
    with pytest.raises(OSError, match="the application's") as raised:
        running.throw(error)
    assert raised.value is error
    assert not running.is_interrupted
