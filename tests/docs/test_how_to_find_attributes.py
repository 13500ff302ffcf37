"""The how-to on attributes fetches a scheme from a web server, and finds attributes in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from irma_core import DisclosureRequest
from irma_core.errors import RequestError
from irma_transport_urllib3 import Urllib3Transport
from tests.cli.conftest import CommandLine, other_variables
from tests.docs.pages import ROOT, code_of, runs, step_blocks
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


@runs(PAGE, python=1)
def test_requests_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's request is valid, and a misspelt request is refused with the page's message."""
    write_copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = next(iter(step_blocks(PAGE, {})))
    misspelt = DisclosureRequest({"email": "pbdf.post.emial.email"})
    with Urllib3Transport() as transport, pytest.raises(RequestError) as caught:
        names["make_requestor"](transport).check(misspelt)
    assert f"`{caught.value}`" in (ROOT / PAGE).read_text("utf-8")


@runs(PAGE, python=1)
def test_server_in_memory_has_the_scheme(tmp_path: Path) -> None:
    """With the page's `conftest.py`, the server refuses attributes that the scheme lacks."""
    write_copy(tmp_path)
    (tmp_path / "conftest.py").write_text(code_of(PAGE)[1], "utf-8")
    (tmp_path / "test_asking.py").write_text(ASKING, "utf-8")
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_asking.py"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def write_copy(folder: Path) -> None:
    """Write the scheme's key, and the copy of the scheme that the page makes."""
    SCHEME.write(folder / "irma_configuration")
    (folder / "pbdf.pem").write_text(SCHEME.public_pem, "utf-8")


ASKING = """
import pytest
from irma_core import DisclosureRequest
from irma_core.errors import ServerRefusedError

def test_names(irma_requestor):
    irma_requestor.start_session(DisclosureRequest(["pbdf.post.email.email"]))
    with pytest.raises(ServerRefusedError):
        irma_requestor.start_session(DisclosureRequest(["pbdf.post.emial.email"]))
"""
