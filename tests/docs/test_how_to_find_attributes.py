"""The how-to on attributes fetches a scheme from a web server, and finds attributes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, other_variables
from tests.docs.pages import code_of, runs
from tests.scheme_server import SCHEME, scheme_files, serving_scheme

PAGE = "docs/how-to/find-attributes.md"
URL = "https://scheme.example/pbdf"


@runs(PAGE, text=2)
def test_commands_print_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of the page, run one after the other, print the blocks that follow them."""
    monkeypatch.chdir(tmp_path)
    Path("pbdf.pem").write_text(SCHEME.public_pem, "utf-8")
    command_line = CommandLine(other_variables())
    for command, shown in zip(code_of(PAGE, "sh"), code_of(PAGE, "text"), strict=True):
        with serving_scheme(scheme_files()) as url:
            status, out, err = command_line.in_shell(command.replace(URL, url))
        assert (status, err) == (0, "")
        assert out == shown
