"""The first command of a page installs the packages that its code and its commands need."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, requires
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.pages import ROOT, code_of

EXAMPLES: Final = ROOT / "docs" / "examples"
PAGES: Final = {
    "docs/how-to/django.md": "django_login",
    "docs/how-to/django-allauth.md": None,
    "docs/how-to/fastapi.md": "fastapi_age",
    "docs/how-to/flask.md": "flask_login",
    "docs/how-to/sign-documents.md": "flask_signing",
}
"""The pages on web frameworks, and the examples whose commands they show."""
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_DEV_SERVER: Final = ("click", "aiohttp", "jinja2")
"""The packages that the command line and the development server need."""
LATER: Final = {"csp"}
"""The extras that a page only mentions as options."""


def installed(page: str) -> set[str]:
    """Return the distributions that the first `pip install` of a page installs."""
    (line, *_) = (
        line
        for source in code_of(page, "sh")
        for line in source.splitlines()
        if line.startswith("pip install")
    )
    found: set[str] = set()
    for word in line.removeprefix("pip install ").replace("'", "").split():
        found |= _closure(Requirement(word))
    return found


def _closure(requirement: Requirement) -> set[str]:
    name = canonicalize_name(requirement.name)
    if name == "irma-backend":
        lines = [*PROJECT["dependencies"]]
        for extra in requirement.extras:
            lines += PROJECT["optional-dependencies"][extra]
    else:
        lines = [each for each in requires(name) or [] if "extra ==" not in each]
    needed = [Requirement(line) for line in lines]
    here = [each for each in needed if each.marker is None or each.marker.evaluate()]
    return {str(name)}.union(*map(_closure, here))


def imports(source: str) -> Iterator[str]:
    """Yield the names of the modules that a program imports, without their submodules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def distributions(modules: Iterable[str]) -> set[str]:
    """Return the distributions of these modules, without our own and the standard library."""
    known = packages_distributions()
    return {
        canonicalize_name(known[each][0])
        for each in {*modules} - LATER - {*sys.stdlib_module_names}
        if each in known and not each.startswith("irma_")
    }


@pytest.mark.parametrize("page", PAGES)
def test_first_command_installs_what_the_page_imports(page: str) -> None:
    """A reader who runs the page's commands in a new environment has every module they need."""
    sources = code_of(page)
    commands = "\n".join(code_of(page, "sh"))
    example = PAGES[page]
    if example is not None:
        programs = (EXAMPLES / example).rglob("*.py")
        sources += [
            path.read_text(encoding="utf-8")
            for path in programs
            if not path.name.startswith(("test_", "conftest"))
        ]
    needed = distributions(name for source in sources for name in imports(source))
    if "starlette.middleware.sessions" in "".join(sources):
        needed.add("itsdangerous")
    if re.search(r"irma-backend |manage\.py irma_|python \w+\.py", commands):
        needed |= {*OF_DEV_SERVER}
    for program in ("uvicorn", "flask"):
        if re.search(rf"^{program} ", commands, re.MULTILINE):
            needed.add(program)
    assert needed <= installed(page)
