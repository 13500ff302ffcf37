"""A new virtual environment with the library and each example plugin as distributions.

Each distribution is built from its own `pyproject.toml`, and no folder of this tree is on the path.
So the tests see the entry points, dependencies and packed files that a user would have.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import final

from tests.authorities import machine_environment

__all__ = ["FreshEnvironment"]

ROOT = Path(__file__).parent.parent.parent


@final
class FreshEnvironment:
    """A virtual environment in a directory, made by the first process that asks for it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._python = directory / "venv" / "bin" / "python"
        directory.mkdir(exist_ok=True)
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file releases the lock
            ready = directory / "ready"
            if not ready.exists():
                self._install()
                ready.touch()

    def _install(self) -> None:
        wheels = self._directory / "wheels"
        for project in (ROOT, *_plugins()):
            hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
            _run([*hatchling, "-d", str(wheels)], cwd=project)
        venv.create(self._directory / "venv")
        wanted = [str(wheel) for wheel in sorted(wheels.iterdir())]
        library = next(each for each in wanted if "irma_backend-" in each)
        _run([*self._installer(), *wanted, f"{library}[aiohttp]"], cwd=self._directory)

    def _installer(self) -> list[str]:
        """Return the command that installs into this environment: pip, or uv if pip is missing."""
        if importlib.util.find_spec("pip") is None:
            return ["uv", "pip", "install", "--quiet", "--python", str(self._python)]
        pip = [sys.executable, "-m", "pip", "--python", str(self._python), "install", "--quiet"]
        # Compiling all modules of the dependencies would take three times as long as the rest.
        return [*pip, "--no-compile", "--disable-pip-version-check"]

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run the environment's Python with warnings as errors, and return the output."""
        return _run(self._command(arguments), cwd=self._directory, environment=environment)

    @contextmanager
    def running(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Generator[subprocess.Popen[str]]:
        """Run the environment's Python in parallel with the test, which reads the output."""
        with subprocess.Popen(
            self._command(arguments),
            cwd=self._directory,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(self._python), "-I", "-W", "error", *arguments]


def _plugins() -> list[Path]:
    """Return the examples that have an entry point for plugins."""
    projects = sorted((ROOT / "docs" / "examples").glob("*/pyproject.toml"))
    return [
        path.parent
        for path in projects
        if "irma_backend"
        in tomllib.loads(path.read_text(encoding="utf-8"))
        .get("project", {})
        .get("entry-points", {})
    ]


def _run(command: list[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**machine_environment(), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1][-200:]}\n{done.stdout}{done.stderr}"
    return done.stdout
