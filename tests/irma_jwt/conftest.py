"""The official package `irma-jwt` from npm, run by node.

It is fetched once into the tests' cache, and compared with the lock file in this directory. Without
npm or node the tests are skipped with a message; on CI they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import pytest

from tests.realserver.build import cache_folder, cached, digest_of, run

PACKAGE = Path(__file__).parent / "npm"
Official: TypeAlias = Callable[[list[dict[str, Any]]], list[Any]]


def _missing(what: str) -> NoReturn:
    why = f"the tests with irma-jwt need {what}: no such command was found"
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def official() -> Official:
    """Run the package; `npm/irma_jwt.js` describes its input and output."""
    node = shutil.which("node") or _missing("node")

    def fetch(folder: Path) -> None:
        npm = shutil.which("npm") or _missing("npm")
        shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    folder = cached(cache_folder(), f"irma-jwt-{digest_of(PACKAGE)}", fetch)

    def ask(asked: list[dict[str, Any]]) -> list[Any]:
        script = subprocess.run(
            [node, "irma_jwt.js"],
            input=json.dumps(asked).encode(),
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
        )
        answers: list[Any] = json.loads(script.stdout)
        assert len(answers) == len(asked)
        return answers

    return ask
