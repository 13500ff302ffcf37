"""The pages of the documentation and their code blocks, as Sybil reads and runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from sybil import Document
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

__all__ = [
    "PAGES",
    "ROOT",
    "Block",
    "blocks",
    "check_style",
    "code_of",
    "files_of",
    "run_blocks",
    "runs",
    "step_blocks",
    "write_files",
]

ROOT: Final = Path(__file__).parent.parent.parent
PAGES: Final = [
    *sorted(ROOT.glob("*.md")),
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if ".pytest_cache" not in path.parts),
]
"""Every page in `docs`, and the pages at the root of the repository."""
_LEXER = FencedCodeBlockLexer(language=r".+", mapping={"language": "arguments", "source": "source"})
_FILE_NAME = re.compile(r"# (\S.*)\n")
TestT = TypeVar("TestT", bound=Callable[..., object])


class Block(NamedTuple):
    """A code block: its language, its source, and the line of its page where it begins."""

    language: str
    source: str
    line: int


def blocks(page: str) -> list[Block]:
    """Return all code blocks of a page, whose path is relative to the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    document = Document(text, str(ROOT / page))
    return [
        Block(
            str(region.lexemes["arguments"]),
            str(region.lexemes["source"]),
            text.count("\n", 0, region.start) + 1,
        )
        for region in _LEXER(document)
    ]


def code_of(page: str, language: str = "python") -> list[str]:
    """Return the sources of the blocks of one language."""
    return [block.source for block in blocks(page) if block.language == language]


def files_of(page: str) -> dict[str, str]:
    """Return a page's Python blocks by the file name in their first line, and without that line."""
    files: dict[str, str] = {}
    for source in code_of(page):
        name = _FILE_NAME.match(source)
        assert name is not None, f"a block of {page} must begin with a comment that names its file"
        files[name[1]] = source[name.end() :]
    return files


def write_files(page: str, directory: Path) -> dict[str, str]:
    """Write the Python blocks of a page to the files that they name, and return the blocks."""
    files = files_of(page)
    for name, source in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return files


def step_blocks(page: str, replacements: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Run the Python blocks of a page one after the other, and yield their namespace after each.

    Args:
        page: The path of the page, relative to the repository.
        replacements: Parts of the page, such as its URLs, and the strings that replace them.
    """
    path = ROOT / page
    text = path.read_text(encoding="utf-8")
    for part, replacement in replacements.items():
        assert part in text
        text = text.replace(part, replacement)
    document = Document(text, str(path))
    for region in CodeBlockParser("python", _run_python)(document):
        document.add(region)
    for example in document.examples():
        example.evaluate()
        yield document.namespace


def run_blocks(page: str) -> dict[str, Any]:
    """Run the Python blocks of a page one after the other, and return their namespace."""
    *_, names = step_blocks(page, {})
    return names


def _run_python(example: Any) -> None:
    # The padding gives a traceback the line numbers of the page.
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    exec(compile(source, example.path, "exec", dont_inherit=True), example.namespace)


def runs(page: str, **counts: int) -> Callable[[TestT], TestT]:
    """Declare how many blocks of a page a test covers, by language.

    A test covers a block if it runs the block, or compares it with code that runs. `test_blocks`
    checks that these declarations cover every block.
    """

    def declare(test: TestT) -> TestT:
        declared = getattr(test, "declared_blocks", ())
        test.declared_blocks = (*declared, (page, counts))  # type: ignore[attr-defined]
        return test

    return declare


def check_style(directory: Path, known_first_party: str, rules: str = "E,F,I,UP,ARG") -> None:
    """Check that the files in a directory are formatted and linted like our own code."""
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length=100", "--target-version=py311", str(directory)]
    subprocess.run([*ruff, "format", "--check", *options], check=True, capture_output=True)
    config = f"--config=lint.isort.known-first-party=[{known_first_party}]"
    lint = [*ruff, "check", f"--select={rules}", config, *options]
    subprocess.run(lint, check=True, capture_output=True)
