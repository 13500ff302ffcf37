"""Build distributions from a `pyproject.toml`, and install them.

A wheel is installed by unpacking it into a directory on the path. This works for wheels of pure
Python, and needs neither `pip` nor a network.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

__all__ = ["install", "make_project"]

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.2"

[project.entry-points.irma_backend]
{entries}

[tool.hatch.build.targets.wheel]
include = ["*.py"]
"""


def make_project(
    folder: Path, name: str, entry_points: Mapping[str, str], modules: Mapping[str, str]
) -> Path:
    """Write a project with these modules, and return its folder."""
    project = folder / name
    project.mkdir()
    entries = "\n".join(f'{entry} = "{target}"' for entry, target in entry_points.items())
    (project / "pyproject.toml").write_text(_PROJECT.format(name=name, entries=entries))
    for module, text in modules.items():
        (project / f"{module}.py").write_text(text)
    return project


def install(project: Path, into: Path) -> None:
    """Build a project's wheel and install it into a directory."""
    wheels = into.parent / f"{into.name}-wheels" / project.name
    # This calls the builder of `hatchling build` without starting Python for each project.
    (wheel,) = WheelBuilder(str(project)).build(directory=str(wheels))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(into)
