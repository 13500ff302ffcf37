"""Configure the suite: each run searches for secrets, and tries the same generated examples.

`make explore` tries random examples instead, and sets `IRMA_EXPLORE` to their number for each
property. A fix pins a failing example with `@example`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

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


TRACERS: Final = (sys.gettrace(), threading.gettrace())
"""The functions that measure coverage in this thread and in new ones; `None` without coverage."""
WHOLE_PROGRAMS: Final = frozenset(
    {"browser", "docs", "foreign_clients", "load", "programs", "realserver", "web_page"}
)
"""The directories of tests that run whole programs or websites. Other tests cover that code."""
counts: Final = ContextVar("counts", default=True)
"""Whether the directory of the running test counts for coverage."""


@contextmanager
def measured(*, on: bool) -> Generator[None]:
    """Measure the coverage of a block and its threads or not, because it doubles the CPU time."""
    before = (sys.gettrace(), threading.gettrace())
    in_thread, in_new_threads = TRACERS if on else (None, None)
    sys.settrace(in_thread)
    threading.settrace(in_new_threads)
    try:
        yield
    finally:
        sys.settrace(before[0])
        threading.settrace(before[1])


def is_measured(item: pytest.Item) -> bool:
    """Return whether a test counts for coverage.

    A test with hundreds of inputs does not count, because no branch may be covered only by the
    inputs of a property or of a search. A test that measures memory does not count either, because
    it would measure the memory of coverage too.
    """
    return counts.get() and not any(
        item.get_closest_marker(name) for name in ("hypothesis", "search", "memory")
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure only fixtures and tests, which the hooks below do, and not pytest's own work."""
    token = counts.set(item.path.parent.name not in WHOLE_PROGRAMS)
    try:
        with without_coverage(), measured(on=False):
            return (yield)
    finally:
        counts.reset(token)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Measure the fixtures."""
    with measured(on=counts.get()):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the tests that count for coverage."""
    with measured(on=is_measured(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Measure the teardown of fixtures."""
    with measured(on=counts.get()):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measure nothing in a main process that only distributes tests to workers."""
    has_workers = bool(session.config.getoption("numprocesses", None))
    with measured(on=not has_workers):
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
        with measured(on=is_first):
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
