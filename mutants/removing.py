"""Remove one check from the verifier of proofs, in this process."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import TypeAlias

from attrs import frozen

__all__ = ["PACKAGE", "Mutant", "mutants", "remove"]

PACKAGE = Path(__file__).parent.parent / "irma_proofs"

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@frozen
class Mutant:
    """A check that can be removed: a whole function, or one condition under which it raises.

    Args:
        module: The module's name.
        function: The name of the function, with the name of its class.
        line: The line of the function or of the `if`.
        is_condition: Whether only one `if` of the function is removed.
    """

    module: str
    function: str
    line: int
    is_condition: bool

    def __str__(self) -> str:
        where = f"{self.module.partition('.')[2]}.{self.function}"
        return f"{where}, line {self.line}" if self.is_condition else where


def mutants() -> list[Mutant]:
    """Return everything that can be removed, in the order of the sources.

    A function whose name begins with `check_` is removed as a whole. In all other functions, each
    `if` that only raises can be removed.
    """
    return [each for path in sorted(PACKAGE.glob("*.py")) for each in _mutants_of(path)]


def _mutants_of(path: Path) -> Iterator[Mutant]:
    module = f"{PACKAGE.name}.{path.stem}"
    for name, function in _functions(ast.parse(path.read_text(encoding="utf-8"))):
        if _is_check(function):
            yield Mutant(module, name, function.lineno, is_condition=False)
        else:
            for node in ast.walk(function):
                if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
                    yield Mutant(module, name, node.lineno, is_condition=True)


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Function):
                    yield f"{node.name}.{inner.name}", inner
        elif isinstance(node, Function):
            yield node.name, node


def _is_check(function: Function) -> bool:
    return function.name.lstrip("_").startswith("check_")


def remove(mutant: Mutant) -> None:
    """Replace the code of the function that contains the check, wherever it was imported."""
    path = PACKAGE / f"{mutant.module.partition('.')[2]}.py"
    import_module(mutant.module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = dict(_functions(tree))
    function = functions[mutant.function]
    if mutant.is_condition:
        for node in ast.walk(function):
            if isinstance(node, ast.If) and node.lineno == mutant.line:
                node.test = ast.copy_location(ast.Constant(value=False), node.test)
    else:
        function.body = [ast.copy_location(ast.Pass(), function.body[0])]
    code = _code_of(compile(tree, str(path), "exec", dont_inherit=True), mutant.function)
    gc.unfreeze()  # tests/conftest.py has frozen all objects, which hides them
    found = [
        each
        for each in gc.get_objects()
        if isinstance(each, FunctionType)
        and each.__module__ == mutant.module
        and each.__code__.co_qualname == mutant.function
        and each.__code__.co_filename == str(path)
    ]
    assert found, mutant
    for each in found:
        each.__code__ = code


def _code_of(module: CodeType, function: str) -> CodeType:
    """Return the code of a function within the code of its module."""
    code = module
    for name in function.split("."):
        code = next(
            each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name
        )
    return code
