"""The explanation of plugins prints what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import code_of, run_blocks, runs

PAGE = "docs/explanation/plugins.md"


@runs(PAGE, python=1, text=1)
def test_block_prints_the_shown_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The code of the page runs without a server and prints the page's output."""
    monkeypatch.chdir(tmp_path)
    run_blocks(PAGE)
    assert capsys.readouterr().out == "".join(code_of(PAGE, "text"))
