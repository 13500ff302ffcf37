"""Runs pytest as a user does: in a separate process, and with the plugin of this library."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["outcome", "run_pytest"]


def run_pytest(directory: Path, *arguments: str, all_plugins: bool = False) -> str:
    """Run the tests in a directory, and return pytest's output.

    Args:
        directory: Where the tests are.
        arguments: Options of pytest.
        all_plugins: Load every installed plugin, except for asyncio. By default only ours is
            loaded, because loading the plugins of the development environment takes a second.
    """
    some = {} if all_plugins else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = ("-p", "no:asyncio") if all_plugins else ("-p", "irma")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *arguments],
        cwd=directory,
        env={**os.environ, **some},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def outcome(directory: Path, *arguments: str) -> str:
    """Run the tests, and return the counts, such as `3 passed`."""
    said = run_pytest(directory, "-q", "-W", "error", *arguments)
    found = re.search(r"^(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s", said, re.MULTILINE)
    assert found, said
    assert "failed" not in found[1], said
    return found[1]
