"""`make mutants` removes checks and names the tests that fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mutants.removing import PACKAGE, mutants

ROOT = Path(__file__).parent.parent.parent
FORGED = ROOT / "tests" / "proofs" / "test_forged_signatures.py"


def test_every_check_can_be_removed() -> None:
    """The program can remove each function of the verifier that checks something."""
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    checks = re.findall(r"^ *def (_?check_\w+)", sources, re.MULTILINE)
    removable = {mutant.function.rpartition(".")[2] for mutant in mutants()}
    assert set(checks) <= removable
    assert len(removable) > len(checks) > 30


@pytest.mark.parametrize(
    ("check", "line", "status"),
    [
        (
            "check_pinned_key",
            "test_forged_signatures.py::test_a_time_stamp_of_an_unpinned_key_is_refused",
            0,
        ),
        ("check_alpha_length", "NOT NOTICED", 1),  # no signature of these tests is revocable
    ],
)
def test_the_failing_test_is_named(check: str, line: str, status: int) -> None:
    """The program names the test that fails without a check, and fails if no test does."""
    command = (sys.executable, "-m", "mutants", check, "--tests", FORGED)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert re.search(f"{check} +{re.escape(line)}$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith(f"1 checks removed in turn, {1 - status} of them noticed\n")
