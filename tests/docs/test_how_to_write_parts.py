"""The how-tos on status backends and stores show the examples as they are, and these work."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from irma_testing.contracts import StatusBackendContract, StoreContract
from tests.pytest_plugin.running import outcome

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
HOW_TOS = [
    ("write-a-status-backend.md", "sqlite_status", StatusBackendContract),
    ("write-a-store.md", "sqlite_store", StoreContract),
]


@pytest.mark.parametrize(("how_to", "example", "contract"), HOW_TOS)
def test_the_blocks_are_the_examples_files(how_to: str, example: str, contract: type) -> None:
    """Letter by letter, and no longer than a page."""
    text = (ROOT / "docs" / "how-to" / how_to).read_text(encoding="utf-8")
    names = (f"{example}.py", f"test_{example}.py")
    files = [(EXAMPLES / example / name).read_text(encoding="utf-8") for name in names]
    assert re.findall(r"```python\n(.*?)```", text, re.DOTALL) == files
    assert len(files[0].splitlines()) <= 60


@pytest.mark.parametrize(("how_to", "example", "contract"), HOW_TOS)
def test_the_example_passes_the_contract(how_to: str, example: str, contract: type) -> None:
    """As its readers run it."""
    said = outcome(EXAMPLES / example)
    assert re.fullmatch(r"\d+ passed", said)
    tests = inspect.getmembers(contract, inspect.isfunction)
    assert int(said.split()[0]) >= len([name for name, _ in tests if name.startswith("test_")])
