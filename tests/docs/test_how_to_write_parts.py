"""The how-tos on status backends and stores show the files of examples that pass contracts."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from irma_testing.contracts import StatusBackendContract, StoreContract
from tests.docs.pages import ROOT, code_of, runs
from tests.pytest_plugin.running import outcome

EXAMPLES = ROOT / "docs" / "examples"
HOW_TOS = [
    ("docs/how-to/write-a-status-backend.md", "sqlite_status", StatusBackendContract),
    ("docs/how-to/write-a-store.md", "sqlite_store", StoreContract),
]


@runs("docs/how-to/write-a-status-backend.md", python=2)
@runs("docs/how-to/write-a-store.md", python=2)
@pytest.mark.parametrize(("how_to", "example", "contract"), HOW_TOS)
def test_blocks_are_the_example_files(how_to: str, example: str, contract: type) -> None:
    """The blocks equal the files of the example, which has at most 70 lines."""
    names = (f"{example}.py", f"test_{example}.py")
    files = [(EXAMPLES / example / name).read_text(encoding="utf-8") for name in names]
    assert code_of(how_to) == files
    assert len(files[0].splitlines()) <= 70


@pytest.mark.parametrize(("how_to", "example", "contract"), HOW_TOS)
def test_example_passes_the_contract(how_to: str, example: str, contract: type) -> None:
    """The example passes every test of the contract when it is run as a reader runs it."""
    counts = outcome(EXAMPLES / example)
    assert re.fullmatch(r"\d+ passed", counts)
    tests = inspect.getmembers(contract, inspect.isfunction)
    assert int(counts.split()[0]) >= len([name for name, _ in tests if name.startswith("test_")])


@pytest.mark.parametrize("name", ["sqlite_status", "sqlite_store"])
def test_files_are_private(name: str, tmp_path: Path) -> None:
    """Only the owner can read an example's database and journal, which hold attribute values."""
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
