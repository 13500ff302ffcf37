"""The page that explains the design: its code runs, and its diagram is the table of statuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docs.tools.state_diagram import PAGE, drawn

CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
OUTPUT = re.compile(r"```text\n(.*?)```", re.DOTALL)


def test_the_code_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks of the page, run one after the other, print the page's outputs."""
    page = PAGE.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for number, block in enumerate(CODE.findall(page)):
        exec(compile(block, f"how-it-works, block {number}", "exec"), names)
    floors, *printed = OUTPUT.findall(page)
    assert "flows" in floors
    assert capsys.readouterr().out == "".join(printed)


def test_the_diagram_is_the_table_of_statuses() -> None:
    """`python -m docs.tools.state_diagram` draws it; the page has what it draws."""
    assert PAGE.read_text(encoding="utf-8") == drawn()
