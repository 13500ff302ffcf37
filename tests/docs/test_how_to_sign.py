"""The how-to on signing shows blocks of an example whose own tests pass."""

from __future__ import annotations

from textwrap import dedent

from tests.docs.pages import ROOT, code_of, runs
from tests.pytest_plugin.running import outcome

PAGE = "docs/how-to/sign-documents.md"
EXAMPLE = ROOT / "docs" / "examples" / "flask_signing"


@runs(PAGE, python=4)
def test_blocks_are_in_the_example() -> None:
    """Each block is a part of the example, so the example's tests run it."""
    sources = [path.read_text(encoding="utf-8") for path in EXAMPLE.glob("*.py")]
    lines = [{dedent(line).strip() for line in source.splitlines()} for source in sources]
    for block in code_of(PAGE):
        is_whole = any(block in source for source in sources)
        assert is_whole or any({*block.splitlines()} <= each for each in lines), block


def test_example_passes_its_own_tests() -> None:
    """The example's test suite passes when it is run as a reader runs it."""
    tests = (EXAMPLE / "test_garden.py").read_text(encoding="utf-8")
    assert outcome(EXAMPLE) == f"{tests.count('def test_')} passed"
