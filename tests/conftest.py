"""Configure the suite: every run searches for secrets and tries the same generated examples.

`make explore` sets `IRMA_EXPLORE` to the number of random examples for each property instead.
Failing examples are then pinned with `@example` in the fix.
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

from tests.authorities import trust_one_authority
from tests.plugins.fresh_environment import FreshEnvironment

pytest_plugins = ["tests.secret_watch"]
trust_one_authority()

# A shell lets background jobs ignore these signals, and their children inherit that. The tests send
# the signals to themselves and to programs that they start.
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
    """Measure no coverage inside this block, as tracing doubles its time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage only in tests with written examples.

    A property is tried with a hundred inputs, and slow patterns are searched with thousands. No
    branch may be covered only by these.
    """
    is_search = item.path.name in {"test_growth.py", "test_patterns.py", "test_prose.py"}
    is_measured = not (item.get_closest_marker("hypothesis") or is_search)
    if is_measured or coverage.Coverage.current() is None:
        return (yield)
    with unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measure nothing in the main process if workers run the tests: it only distributes them."""
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
    """Start the slow tests first, so that none of them runs alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """The library and the plugins of the examples, installed as a user would.

    This takes some seconds, so the processes of a run share the result.
    """
    of_this_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_this_run = of_this_run.parent
    return FreshEnvironment(of_this_run / "fresh")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run twice as many processes as there are cores, because many tests wait for time-outs."""
    return 2 * len(os.sched_getaffinity(0))
