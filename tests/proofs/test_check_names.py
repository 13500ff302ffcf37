"""Each check is one function, and has an error and a test of the same name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TESTS = [
    *Path(__file__).parent.glob("test_checks_of_*.py"),
    Path(__file__).parent / "test_schemes.py",
]
TESTED = {
    name for path in TESTS for name in re.findall(r"def test_(\w+)\(", path.read_text("utf-8"))
}


def functions_with_checks() -> Iterator[tuple[str, str]]:
    """Yield each function that raises a `ProofError` with a check, and the check."""
    for path in (ROOT / "irma_proofs").glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "ProofError":
                    for keyword in node.keywords:
                        if keyword.arg == "check":
                            yield function.name, ast.literal_eval(keyword.value)


FOUND = sorted(functions_with_checks())


def test_no_check_is_made_twice() -> None:
    """No two functions make the same check."""
    checks = [check for _, check in FOUND]
    assert len(checks) == len(set(checks)) > 40


@pytest.mark.parametrize(("function", "check"), FOUND)
def test_a_check_is_named_after_its_function_and_has_a_test(function: str, check: str) -> None:
    """A check is named after its function, and a test of that name exists."""
    assert function.removeprefix("check_") == check
    assert check in TESTED


def test_each_check_has_a_test() -> None:
    """Each function named `check_…` has a test of its name, whichever error it raises."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "irma_proofs").glob("*.py"))
    checks = {name for source in sources for name in re.findall(r"def check_(\w+)\(", source)}
    assert checks - TESTED == set()
