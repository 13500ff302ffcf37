"""Configure the suite: each run searches for secrets, and tries the same generated examples.

`make explore` tries random examples instead, and sets `IRMA_EXPLORE` to their number for each
property. A fix pins a failing example with `@example`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from hypothesis import settings

from tests.authorities import trust_one_authority
from tests.measured_processes import without_coverage
from tests.plugins.fresh_environment import FreshEnvironment

pytest_plugins = ["tests.secret_watch"]
trust_one_authority()

# A shell makes background jobs and their children ignore these signals, which the tests send to
# themselves and to programs that they start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True, database=None)
if examples := os.environ.get("IRMA_EXPLORE"):
    settings.register_profile(
        "explore", max_examples=int(examples), deadline=None, print_blob=True, database=None
    )
    settings.load_profile("explore")
else:
    settings.load_profile("fixed")


TRACER: Final = sys.gettrace()
"""The trace function that measures coverage; `None` without coverage."""


@contextmanager
def traced_by(tracer: Any) -> Generator[None]:
    """Run a block under a trace function, or without one, because tracing doubles its CPU time."""
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


def is_measured(item: pytest.Item) -> bool:
    """Return whether a test counts for coverage.

    A test with hundreds of inputs does not count, because no branch may be covered only by the
    inputs of a property or of a search. A test that measures memory does not count either, because
    it would measure the memory of coverage too.
    """
    return not any(item.get_closest_marker(name) for name in ("hypothesis", "search", "memory"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Measure only fixtures and tests, which the hooks below do, and not pytest's own work."""
    with without_coverage(), traced_by(None):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Measure the fixtures."""
    with traced_by(TRACER):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the tests that count for coverage."""
    with traced_by(TRACER if is_measured(item) else None):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Measure the teardown of fixtures."""
    with traced_by(TRACER):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measure nothing in a main process that only distributes tests to workers."""
    has_workers = bool(session.config.getoption("numprocesses", None))
    with traced_by(None if has_workers else TRACER):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage, which would take a quarter of the time.

    The tests stay in memory until the end, so garbage collection ignores them afterwards too. All
    workers import the same modules, so only the first worker measures the imports.
    """
    is_first = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    gc.disable()
    try:
        with traced_by(TRACER if is_first else None):
            return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slow tests first, so that none of them runs alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """An environment with the library and the example plugins, installed as by a user.

    The installation takes some seconds, so the processes of a run share the environment.
    """
    of_this_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_this_run = of_this_run.parent
    return FreshEnvironment(of_this_run / "fresh")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run twice as many processes as there are cores, because many tests wait for time-outs."""
    return 2 * len(os.sched_getaffinity(0))
