"""No module imports itself through other modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = sorted(
    path.parent
    for pattern in ("irma_*/__init__.py", "docs/examples/irma-*/irma_*/__init__.py")
    for path in ROOT.glob(pattern)
)


def module_imports(body: list[ast.stmt]) -> Iterator[ast.ImportFrom | ast.Import]:
    """Yield the imports of a module outside functions, those for type checkers included."""
    for node in body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            yield node
        elif isinstance(node, ast.If | ast.Try):
            yield from module_imports([*node.body, *node.orelse])


def graph(package: Path) -> dict[str, set[str]]:
    """Return each module of a package, with the modules of the package that it imports."""
    paths = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in package.rglob("*.py")
    }
    imports: dict[str, set[str]] = {}
    for name, path in paths.items():
        names: set[str] = set()
        for node in module_imports(ast.parse(path.read_text(encoding="utf-8")).body):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif node.module and not node.level:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= submodules & paths.keys() or {node.module}
        imports[name] = names & paths.keys()
    return imports


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_package_has_no_import_cycle(package: Path) -> None:
    """The modules of a package can be put in an order in which each imports only earlier ones."""
    order = tuple(TopologicalSorter(graph(package)).static_order())
    assert package.name in order
    assert len(order) == len(list(package.rglob("*.py")))


def test_cycle_is_found(tmp_path: Path) -> None:
    """A cycle of three modules is found, even if one of its imports is for type checkers only."""
    package = tmp_path / "loop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from loop.b import x\n")
    (package / "b.py").write_text("if TYPE_CHECKING:\n    from loop import c\n")
    (package / "c.py").write_text("def late():\n    import loop.b\n\n\nimport loop.a\n")
    with pytest.raises(CycleError) as caught:
        TopologicalSorter(graph(package)).prepare()
    assert set(caught.value.args[1]) == {"loop.a", "loop.b", "loop.c"}


def test_import_within_a_function_is_not_a_cycle(tmp_path: Path) -> None:
    """An import within a function is not part of a cycle, because it runs later."""
    package = tmp_path / "late"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("import late.b\n")
    (package / "b.py").write_text("def call():\n    import late.a\n")
    assert set(TopologicalSorter(graph(package)).static_order()) == {"late", "late.a", "late.b"}
