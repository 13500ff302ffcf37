"""The blocks of the how-to on logging pass as a test suite, and its log line is genuine."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from irma_backend import LoggingObserver
from irma_core.interfaces import WebRefused
from tests.docs.pages import check_style, code_of, runs, write_files
from tests.pytest_plugin.running import outcome

PAGE = "docs/how-to/log-and-observe.md"


@runs(PAGE, python=3)
def test_how_to_passes_its_own_tests(tmp_path: Path) -> None:
    """The blocks of the page are the files of a test suite that passes."""
    write_files(PAGE, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    assert outcome(tmp_path) == "2 passed"


def test_blocks_are_in_our_style(tmp_path: Path) -> None:
    """The blocks are formatted and linted like our own code."""
    write_files(PAGE, tmp_path)
    check_style(tmp_path, "'irma_core','irma_testing','irma_backend'")


@runs(PAGE, text=1)
def test_log_line_on_the_page_is_real(caplog: pytest.LogCaptureFixture) -> None:
    """The log line on the page equals the line that `LoggingObserver` writes for that event."""
    LoggingObserver().observe(WebRefused("login", "no_cookie", "4d06e09a1c5f"))
    lines = [logging.Formatter(logging.BASIC_FORMAT).format(record) for record in caplog.records]
    assert code_of(PAGE, "text") == [f"{line}\n" for line in lines]
