"""Commands limit what they read, because a file may be a stranger's, and a pipe may have no end."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import irma_backend
from tests.cli.conftest import CommandLine

PACKAGE = Path(irma_backend.__path__[0])
SOURCES = sorted(PACKAGE.rglob("*.py"))
LIMITED = {"scheme_copy.py": 2, "state_files.py": 1, "bridge.py": 1, "opener.py": 1}
"""The number of reads without a limit in a module: of our own files, or limited elsewhere."""


def unlimited_reads(code: str) -> Iterator[str]:
    """Yield the calls that read a file or a stream to its end."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(attr="read_bytes" | "read_text")) as call:
                # Not our own functions, which take a path.
                if not call.args or isinstance(call.args[0], ast.Constant):
                    yield ast.unparse(call)
            case ast.Call(func=ast.Attribute(attr="read", value=stream), args=[]) as call:
                if "reference" not in ast.unparse(stream):
                    yield ast.unparse(call)
            case _:
                pass


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_read_without_a_limit(source: Path) -> None:
    """Each call that reads a file or a stream limits the number of bytes."""
    found = [*unlimited_reads(source.read_text(encoding="utf-8"))]
    assert len(found) == LIMITED.get(source.name, 0), found


def test_an_unlimited_read_is_found() -> None:
    """The search above finds each way to read to the end, and no read with a limit."""
    found = ["path.read_bytes()", "path.read_text('utf-8')", "sys.stdin.buffer.read()"]
    assert [*unlimited_reads("\n".join(found))] == found
    assert [*unlimited_reads("file.read(20); reference.read(); read_bytes(path)")] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify-signature", "-", "--scheme", "pbdf", "--scheme-key", "pbdf={file}"),
        ("time-stamp-key", "-", "https://time.example"),
        ("verify", "--server-key-file", "{file}"),
        ("request", "--request", "-"),
        ("request", "--request", "{file}"),
        ("session", "--request", "{file}"),
        ("scheme", "get", "pbdf", "--from", "https://scheme.example", "--key", "{file}"),
        ("dev-server", "--requestors", "{file}"),
        ("status",),
    ],
)
def test_too_large_input_is_refused(
    arguments: tuple[str, ...],
    command_line: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file or a pipe that is too large is refused as wrong usage, and is not read to its end."""
    monkeypatch.chdir(tmp_path)
    Path("pbdf").mkdir()
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(2**40)
    given = [argument.format(file=large) for argument in arguments]
    with large.open("rb") as stdin, command_line.start(*given, stdin=stdin) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "larger than" in err
