"""The explanation of plugins prints what it shows."""

from __future__ import annotations

import pytest

from tests.docs.pages import code_of, run_blocks, runs

PAGE = "docs/explanation/plugins.md"


@runs(PAGE, python=1, text=1)
def test_block_prints_the_shown_output(capsys: pytest.CaptureFixture[str]) -> None:
    """The code of the page runs without a server and prints the page's output."""
    run_blocks(PAGE)
    assert capsys.readouterr().out == "".join(code_of(PAGE, "text"))
