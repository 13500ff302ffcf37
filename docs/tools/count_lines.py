"""Count the lines about IRMA in an example site: what a developer must write for a login.

    python -m docs.tools.count_lines

A line counts if it belongs to a statement about IRMA: an import from this library, a setting, or a
function with its decorator. In a list of other things, such as `urlpatterns`, only the lines that
name IRMA count. A function that makes the application is read like a module. An import counts once,
however many names it has. Empty lines, comments and docstrings do not count, and neither do tests
and programs for the demo.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

__all__ = [
    "FASTAPI",
    "FLASK",
    "SIGNING",
    "Counts",
    "count_lines",
    "count_module",
    "lines_about_irma",
]

ROOT: Final = Path(__file__).parent.parent.parent
EXAMPLE: Final = ROOT / "docs" / "examples" / "django_login" / "cellar"
FLASK: Final = ROOT / "docs" / "examples" / "flask_login" / "shop.py"
SIGNING: Final = ROOT / "docs" / "examples" / "flask_signing" / "garden.py"
FASTAPI: Final = ROOT / "docs" / "examples" / "fastapi_age" / "wine_club.py"
_IRMA: Final = re.compile(
    r"irma|proved|proof|WebAnswer|DisclosureRequest|AttributeRequest|IssuanceRequest|ChainStep"
    r"|SessionOutcome|WebRequest|SignatureRequest|verifier|verified|Archive|LOGIN_URL|timedelta",
    re.IGNORECASE,
)
"""`timedelta` is imported only for the age of a proof."""
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_OF_ADULTS: Final = re.compile(r"proved|over_18|timedelta", re.IGNORECASE)


@attrs.frozen
class Counts:
    """The number of lines about IRMA.

    Args:
        login: Lines of Python, for the login alone.
        with_adults: Lines of Python, for the login and the page for adults.
        html: Lines of HTML.
    """

    login: int
    with_adults: int
    html: int


def count_lines(example: Path = EXAMPLE) -> Counts:
    """Return the counts of a Django project, without its own commands, which are for the demo."""
    python = [
        line
        for path in sorted(example.glob("*.py"))
        for line in lines_about_irma(path.read_text(encoding="utf-8"))
    ]
    html = [
        line
        for path in sorted(example.rglob("*.html"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"{%[^%]*\birma\b", line)
    ]
    return Counts(
        login=sum(not is_of_adults for _, is_of_adults in python),
        with_adults=len(python),
        html=len(html),
    )


def count_module(path: Path) -> int:
    """Return the number of lines about IRMA in an application of one module."""
    return sum(1 for _ in lines_about_irma(path.read_text(encoding="utf-8")))


def lines_about_irma(source: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines about IRMA, and whether each is for the page for adults."""
    lines = source.splitlines()
    for node in _statements(ast.parse(source).body):
        whole = _lines_of(node, lines)
        if not any(map(_IRMA.search, whole)):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            whole = whole[:1]
        chosen = whole if _is_whole(node) else [line for line in whole if _IRMA.search(line)]
        is_of_adults = _OF_ADULTS.search(whole[0]) is not None
        yield from ((line, is_of_adults) for line in chosen)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module; for a function that makes an application, those in it."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(each, _FUNCTIONS) for each in node.body
        ):
            yield from _statements(node.body)
        else:
            yield node


def _is_whole(node: ast.stmt) -> bool:
    """Return whether all lines of a statement are about IRMA, rather than only some of a list."""
    if isinstance(node, _FUNCTIONS):
        head = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        return any(_IRMA.search(ast.unparse(each)) for each in head)
    if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef | ast.AugAssign):
        return True
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(_IRMA.search(ast.unparse(target)) for target in targets)


def _lines_of(node: ast.stmt, lines: list[str]) -> list[str]:
    """Return the lines of a statement that hold code, without docstrings."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    skipped: set[int] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
            skipped |= set(range(each.lineno, (each.end_lineno or each.lineno) + 1))
    return [
        lines[number - 1]
        for number in range(first, (node.end_lineno or first) + 1)
        if number not in skipped
        and lines[number - 1].strip()
        and not lines[number - 1].lstrip().startswith("#")
    ]


if __name__ == "__main__":
    counts = count_lines()
    print(f"Django: {counts.login}; with the page for adults: {counts.with_adults} lines of Python")  # noqa: T201
    print(f"{counts.html} lines of HTML")  # noqa: T201
    for module in (FLASK, FASTAPI, SIGNING):
        print(f"{module.name}: {count_module(module)} lines of Python")  # noqa: T201
