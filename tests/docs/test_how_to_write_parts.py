"""The how-tos on status backends and stores show the examples as they are, and these work."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
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
    assert len(files[0].splitlines()) <= 70


@pytest.mark.parametrize(("how_to", "example", "contract"), HOW_TOS)
def test_the_example_passes_the_contract(how_to: str, example: str, contract: type) -> None:
    """As its readers run it."""
    said = outcome(EXAMPLES / example)
    assert re.fullmatch(r"\d+ passed", said)
    tests = inspect.getmembers(contract, inspect.isfunction)
    assert int(said.split()[0]) >= len([name for name, _ in tests if name.startswith("test_")])


@pytest.mark.parametrize("name", ["sqlite_status", "sqlite_store"])
def test_the_examples_files_are_for_their_own_user_alone(name: str, tmp_path: Path) -> None:
    """They hold attribute values in the clear; also where SQLite writes a journal beside them."""
    path = tmp_path / "file.db"
    program = (
        "import os, sys; os.umask(0o022); from datetime import timedelta\n"
        "from irma_core import RequestorToken, SessionStatus\n"
        "from irma_core.protocol.status_backends import PublishedEnd\n"
        f"import {name} as example\n"
        "path = sys.argv[1]\n"
        "if hasattr(example, 'SqliteStore'):\n"
        "    part = example.SqliteStore(path)\n"
        "    call = lambda: part.put_if_absent('key', b'', timedelta(minutes=1))\n"
        "else:\n"
        "    part = example.SqliteStatusBackend(path)\n"
        "    token = RequestorToken('abcdefghijKLMNOPQRST')\n"
        "    call = lambda: part.publish(token, PublishedEnd(SessionStatus.DONE))\n"
        "call(); part.close()\n"
        "try: call()\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=EXAMPLES / name,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{EXAMPLES / name}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("is closed\n")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
