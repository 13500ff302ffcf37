"""Tests wait long enough for a machine that is busy with other work."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TESTS = sorted(
    path
    for folder in ("tests", "docs/examples")
    for path in (ROOT / folder).rglob("*.py")
    if folder == "tests" or "test" in path.name
)
A_MINUTE = 60

PROCESSES = {"check_call", "check_output", "communicate", "run"}
CONNECTIONS = {"HTTPConnection", "HTTPSConnection", "create_connection", "urlopen"}
BY_KEYWORD = {*PROCESSES, *CONNECTIONS, "get", "join", "result", "wait", "wait_for"}
"""Calls whose `timeout` is in seconds, and is reached only if something is wrong."""
BY_POSITION = {"join": 0, "result": 0, "wait": 0, "wait_for": 1}
"""The positions of the time in calls of threads, processes, futures and `asyncio`."""
BROWSER_CALLS = {"set_default_timeout", "set_options", "wait_for_selector", "wait_for_url"}
"""Calls of Playwright, whose time is in milliseconds."""


def impatient_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line of each call that may give up too early, and what to do about it."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func).rpartition(".")[2]
        if name == "MisbehavingServer":
            # If a client gives up before it sends its request, the next client meets the silence.
            if any(ast.unparse(each) == "silence" for each in call.args[:-1]):
                yield call.lineno, "`silence` must be the last behaviour; or use `for_target`"
        elif name in BROWSER_CALLS:
            if is_below(time_of(call, 0), A_MINUTE * 1000):
                yield call.lineno, f"`{name}` must wait for a minute, in milliseconds"
        elif name in BY_KEYWORD and is_below(time_of(call, BY_POSITION.get(name)), A_MINUTE):
            yield call.lineno, f"`{name}` must wait for a minute"


def time_of(call: ast.Call, position: int | None) -> ast.expr | None:
    """Return the argument that says how long a call waits, or None if it has none."""
    for each in call.keywords:
        if each.arg == "timeout":
            return each.value
    if position is None or len(call.args) <= position:
        return None
    return call.args[position]


def is_below(given: ast.expr | None, least: float) -> bool:
    """Return whether this is a number between 0 and the least; 0 itself does not wait at all."""
    return (
        isinstance(given, ast.Constant)
        and isinstance(given.value, int | float)
        and 0 < given.value < least
    )


def test_no_test_gives_up_early() -> None:
    """No test fails before a minute of waiting, and a server's silence comes last."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {wrong}"
        for path in TESTS
        for tree in [ast.parse(path.read_text(encoding="utf-8"))]
        for line, wrong in impatient_calls(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "process.communicate(timeout=30)",
        "subprocess.run(command, check=True, timeout=59.5)",
        "event.wait(5)",
        "thread.join(0.5)",
        "future.result(timeout=10)",
        "asyncio.wait_for(reading, 5)",
        "HTTPConnection(host, timeout=2)",
        "page.set_default_timeout(5000)",
        "page.wait_for_selector(QR, timeout=30_000)",
        "expect.set_options(timeout=10_000)",
        "MisbehavingServer(answer(), silence, hang_up)",
    ],
)
def test_each_impatient_call_is_found(source: str) -> None:
    """The check of waiting times finds each kind of call that may give up too early."""
    assert len(list(impatient_calls(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "process.communicate(timeout=300)",
        "process.wait()",
        "event.wait(0)",
        "', '.join(names)",
        "peer.wait(timedelta(seconds=1))",
        "requestor.wait_for(session, timeout=A_MINUTE)",
        "page.wait_for_timeout(100)",
        "page.set_default_timeout(60_000)",
        "MisbehavingServer(answer(), silence)",
    ],
)
def test_patient_calls_are_accepted(source: str) -> None:
    """The check of waiting times accepts long times, times without a number, and pauses."""
    assert list(impatient_calls(ast.parse(source))) == []
