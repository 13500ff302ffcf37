"""What the how-to on testing shows is run; so is the example's own test-suite."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.pytest_plugin.running import outcome

ROOT = Path(__file__).parent.parent.parent
HOW_TO = ROOT / "docs" / "how-to" / "test-your-application.md"
EXAMPLE = ROOT / "docs" / "examples" / "wine_shop"


def written(directory: Path) -> str:
    """Write each block of the how-to to the file that its first line names; give all code."""
    text = HOW_TO.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == text.count("```python")
    for name, code in blocks:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code, encoding="utf-8")
    return "".join(code for _, code in blocks)


def test_the_how_to_works_as_it_stands(tmp_path: Path) -> None:
    """Each block is a file, and all of them together a test-suite that passes."""
    code = written(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    cheats = 4 - 1  # one function, four people
    assert outcome(tmp_path) == f"{code.count('def test_') + cheats} passed"


def test_the_blocks_are_written_as_our_code_is(tmp_path: Path) -> None:
    """Formatted, and with their imports in order."""
    written(tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    ours = ["--isolated", "--line-length=100", "--target-version=py311", str(tmp_path)]
    subprocess.run([*ruff, "format", "--check", *ours], check=True, capture_output=True)
    known = "lint.isort.known-first-party=['irma_core','irma_testing','irma_backend']"
    lint = ["--select=E,F,I,UP,ARG", f"--config={known}"]
    subprocess.run([*ruff, "check", *lint, *ours], check=True, capture_output=True)


def test_the_example_passes_its_own_tests() -> None:
    """As its readers run them."""
    tests = (EXAMPLE / "test_wine_shop.py").read_text(encoding="utf-8")
    people = 5 - 1  # one function, five people
    assert outcome(EXAMPLE) == f"{tests.count('def test_') + people} passed"
