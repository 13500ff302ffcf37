"""The page about the design has code that runs, and a diagram drawn from the table of statuses."""

from __future__ import annotations

import pytest

from docs.tools.state_diagram import PAGE, drawn
from tests.docs.pages import code_of, run_blocks, runs

HOW_IT_WORKS = "docs/explanation/how-it-works.md"


@runs(HOW_IT_WORKS, python=4, text=3)
def test_the_code_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks of the page, run one after the other, print the page's outputs."""
    run_blocks(HOW_IT_WORKS)
    floors, *printed = code_of(HOW_IT_WORKS, "text")
    assert "flows" in floors
    assert capsys.readouterr().out == "".join(printed)


@runs(HOW_IT_WORKS, mermaid=1)
def test_the_diagram_matches_the_statuses() -> None:
    """The page's diagram equals what `python -m docs.tools.state_diagram` draws."""
    assert PAGE.read_text(encoding="utf-8") == drawn()
