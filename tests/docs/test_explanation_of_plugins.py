"""The explanation of plugins: its block runs, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "plugins.md"


def test_the_block_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands, without a server."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (_, code), (_, printed) = blocks
    exec(compile(code, PAGE.name, "exec"), {})
    assert capsys.readouterr().out == printed
