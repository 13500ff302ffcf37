"""How the suite runs: every run searches for secrets and tries the same generated examples.

`make explore` sets `IRMA_EXPLORE` to the number of random examples for each property instead. What
it finds is pinned with `@example` beside the mend.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

import coverage
import pytest
from hypothesis import settings

from tests.plugins.fresh_environment import FreshEnvironment

pytest_plugins = ["tests.secret_watch"]

# A shell lets what it runs in the background ignore these, and children inherit that. The tests
# send them to themselves and to programs that they start.
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


@contextmanager
def unmeasured() -> Generator[None]:
    """Measure no coverage in what this encloses, as tracing doubles the time that it takes."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage by the examples that are written down.

    A property is tried with a hundred inputs, and the searches for slow patterns with thousands.
    Neither may be what covers a branch.
    """
    is_search = item.path.name in {"test_growth.py", "test_patterns.py", "test_prose.py"}
    is_measured = not (item.get_closest_marker("hypothesis") or is_search)
    if is_measured or coverage.Coverage.current() is None:
        return (yield)
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measure nothing where workers run the tests: this process only hands them out."""
    has_workers = bool(session.config.getoption("numprocesses", None))
    if not has_workers or coverage.Coverage.current() is None:
        return (yield)
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage, which takes a quarter of the time.

    The thousands of tests stay until the end, so no later collection looks at them either.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the tests that take long first, so that none is left alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """The library and the plugins of the examples, installed as a user would.

    It takes some seconds, so the processes of one run share it.
    """
    of_this_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_this_run = of_this_run.parent
    return FreshEnvironment(of_this_run / "fresh")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores: many tests wait for others' time-outs."""
    return len(os.sched_getaffinity(0)) + 1
