"""The reference has every public name once, with its docstring."""

from __future__ import annotations

import re
from importlib import import_module
from signal import SIGHUP, SIGINT, SIGQUIT, SIGTERM

import pytest

from docs.tools.reference import GROUPS, PAGE, drawn
from irma_backend.cli.exit_statuses import FAULT, OUTPUT, exit_status
from irma_core.errors import (
    AnswerError,
    ConfigurationError,
    NobodyAnsweredError,
    ServerRefusedError,
    SessionCancelledError,
    StoreError,
)

OTHER_ENDS = {OUTPUT, FAULT, *(128 + number for number in (SIGHUP, SIGINT, SIGQUIT, SIGTERM))}


@pytest.mark.parametrize("door", GROUPS)
def test_each_public_name_is_in_one_group(door: str) -> None:
    """The groups of the reference contain exactly the public names, each in one group."""
    named = " ".join(GROUPS[door].values()).split()
    assert sorted(named) == sorted(import_module(door).__all__)


def test_the_page_matches_the_docstrings() -> None:
    """The reference equals what `make reference` writes from the docstrings."""
    assert PAGE.read_text(encoding="utf-8") == drawn()


def test_the_page_names_every_exit_status() -> None:
    """The reference's table has exactly the exit statuses of the command line."""
    table = drawn().partition("## Exit statuses")[2]
    errors = [
        ConfigurationError("x"),
        SessionCancelledError("x"),
        NobodyAnsweredError("x"),
        ServerRefusedError("x", 403),
        AnswerError("x", "y"),
        StoreError("x"),
    ]
    in_the_library = {0, *OTHER_ENDS, *(exit_status(error) for error in errors)}
    assert {
        int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)
    } == in_the_library
