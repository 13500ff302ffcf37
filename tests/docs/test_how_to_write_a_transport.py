"""The how-to on transports shows the example as it is, and the example passes the contract."""

from __future__ import annotations

import re
from pathlib import Path

from irma_testing.contracts import AsyncTransportContract
from tests.pytest_plugin.running import outcome

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "httpx_transport"


def test_the_blocks_are_the_examples_files() -> None:
    """Letter by letter."""
    how_to = (ROOT / "docs" / "how-to" / "write-a-transport.md").read_text(encoding="utf-8")
    files = [EXAMPLE / name for name in ("httpx_transport.py", "test_httpx_transport.py")]
    blocks = re.findall(r"```python\n(.*?)```", how_to, re.DOTALL)
    assert blocks == [path.read_text(encoding="utf-8") for path in files]


def test_the_example_passes_the_contract() -> None:
    """As its readers run it."""
    tests = [name for name in dir(AsyncTransportContract) if name.startswith("test_")]
    assert outcome(EXAMPLE) == f"{len(tests)} passed"
