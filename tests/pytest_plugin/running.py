"""Runs pytest as a user does: in a process of its own, with the plugins that are installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

__all__ = ["outcome", "run_pytest"]


def run_pytest(directory: Path, *arguments: str) -> str:
    """Run the tests in a directory; give all that was said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:asyncio", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def outcome(directory: Path) -> str:
    """Run them, and give the counts: `3 passed`."""
    said = run_pytest(directory, "-q", "-W", "error")
    found = re.search(r"^(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s", said, re.MULTILINE)
    assert found, said
    assert "failed" not in found[1], said
    return found[1]
