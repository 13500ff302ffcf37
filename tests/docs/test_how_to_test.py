"""The blocks of the how-to on testing pass as a test suite, and so does the example's suite."""

from __future__ import annotations

from pathlib import Path

from tests.docs.pages import ROOT, check_style, code_of, runs, write_files
from tests.pytest_plugin.running import outcome

PAGE = "docs/how-to/test-your-application.md"
ADAPTER = ROOT / "docs" / "examples" / "any_framework"
EXAMPLE = ROOT / "docs" / "examples" / "wine_shop"


@runs(PAGE, python=12)
def test_how_to_passes_its_own_tests(tmp_path: Path) -> None:
    """The blocks of the page are the files of a test suite that passes."""
    code = "".join(write_files(PAGE, tmp_path).values())
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = . {ADAPTER}\n")
    more = (4 - 1) + (3 - 1) + (2 - 1)  # the additional parameters of three functions
    # The marker of the asynchronous test comes from anyio, which FastAPI installs.
    counts = outcome(tmp_path, "-p", "anyio.pytest_plugin")
    assert counts == f"{code.count('def test_') + more} passed"


@runs(PAGE, py=1)
def test_the_browser_test_is_one_of_ours() -> None:
    """The block about a browser is a test of ours, which runs in a real browser."""
    (block,) = code_of(PAGE, "py")
    assert block in (ROOT / "tests" / "browser" / "test_browser_app.py").read_text(encoding="utf-8")


def test_blocks_are_in_our_style(tmp_path: Path) -> None:
    """The blocks are formatted and linted like our own code."""
    write_files(PAGE, tmp_path)
    check_style(tmp_path, "'irma_core','irma_testing','irma_backend'")


def test_example_passes_its_own_tests() -> None:
    """The example's test suite passes when it is run as a reader runs it."""
    tests = (EXAMPLE / "test_wine_shop.py").read_text(encoding="utf-8")
    more_people = 5 - 1  # one function has five parameters
    assert outcome(EXAMPLE) == f"{tests.count('def test_') + more_people} passed"
