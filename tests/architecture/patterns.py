"""Find every regular expression in the library, its plugins, its examples and its pages."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from tests.architecture.backtracking import Text

__all__ = ["Found", "find_in", "find_patterns"]

ROOT = Path(__file__).parent.parent.parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("irma_*/__init__.py"))
_NEEDS_A_SITE = "irma_web_django"
"""The package whose modules cannot be imported without the settings of a Django site."""
EXAMPLES = "docs/examples"
_FUNCTIONS = frozenset(
    {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
)
_USE = re.compile(rf"\bre\.({'|'.join(sorted(_FUNCTIONS))})\b")
_MAY_USE = re.compile(r"\bre\s*\.|\bfrom\s+re\b")
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@attrs.frozen
class Found:
    """A pattern, and its place."""

    place: str
    pattern: Text
    flags: int


def find_patterns() -> list[Found]:
    """Find the patterns in all packages and pages."""
    found: list[Found] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            source, place = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
            found += find_in(source, place, is_imported=package != _NEEDS_A_SITE)
        if package != _NEEDS_A_SITE:
            found += _found_by_importing(package)
    for path in sorted((ROOT / EXAMPLES).rglob("*.py")):
        found += find_in(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for number, block in enumerate(_BLOCK.findall(path.read_text(encoding="utf-8")), 1):
            if _USE.search(block):
                found += find_in(block, f"{path.relative_to(ROOT)} block {number}")
    by_pattern: dict[tuple[Text, int], Found] = {}
    for each in found:
        by_pattern.setdefault((each.pattern, re.compile(each.pattern, each.flags).flags), each)
    return list(by_pattern.values())


def find_in(source: str, place: str, *, is_imported: bool = False) -> Generator[Found]:
    """Find the patterns in source code.

    Args:
        source: The code.
        place: The place of the source.
        is_imported: Whether importing it also finds the patterns at its top level.

    Raises:
        ValueError: A pattern is only known at run time, so it cannot be tried.
    """
    if not _MAY_USE.search(source):
        return  # true of most files; parsing all of them would take seconds
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: ast.Module = compile(source, place, "exec", flags)
    known: dict[str, Any] = {"re": re}
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            raise ValueError(
                f"{place}:{node.lineno}: write `import re`, or its calls are not found"
            )
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                if isinstance(value, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Tuple):
                    with suppress(ValueError):
                        known[name] = _value_of(value, known, place)
            case _:
                pass
    in_functions = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attr)) if (
                attr in _FUNCTIONS
            ):
                try:
                    yield _found(node, attr, known, f"{place}:{node.lineno}")
                except ValueError:
                    if id(node) in in_functions or not is_imported:
                        raise
            case _:
                pass


def _found_by_importing(package: str) -> Generator[Found]:
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not info.name.endswith("__main__"):
            module = importlib.import_module(info.name)
            for pattern in _patterns_in(vars(module), depth=4):
                yield Found(info.name, pattern.pattern, pattern.flags & ~re.UNICODE)


def _patterns_in(value: object, depth: int) -> Generator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping) and depth:
        for each in tuple(value.values()):
            yield from _patterns_in(each, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset) and depth:
        for each in tuple(value):
            yield from _patterns_in(each, depth - 1)
    elif isinstance(value, type) and depth and value.__module__.startswith("irma_"):
        yield from _patterns_in(vars(value), depth - 1)


def _found(node: ast.Call, function: str, known: dict[str, Any], place: str) -> Found:
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    pattern = node.args[0] if node.args else named["pattern"]
    flags = named.get("flags")
    if flags is None and function == "compile" and len(node.args) > 1:
        flags = node.args[1]
    return Found(
        place,
        _value_of(pattern, known, place),
        int(_value_of(flags, known, place)) if flags is not None else 0,
    )


def _value_of(node: ast.expr, known: dict[str, Any], place: str) -> Any:
    try:
        # In angle brackets, because coverage would otherwise look for a file of that name.
        return eval(compile(ast.Expression(node), f"<{place}>", "eval"), dict(known))
    except (NameError, TypeError) as error:
        raise ValueError(f"{place}: the pattern is not known before the program runs") from error
