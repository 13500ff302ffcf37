"""The code of the how-to on signatures verifies a signature that a prover made."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from irma_core.errors import ConfigurationError
from irma_transport_urllib3 import Urllib3Transport
from tests.cli.conftest import CommandLine
from tests.docs.pages import code_of, runs, step_blocks
from tests.proofs.signed_file import MESSAGE, TIME_STAMP_KEY, TIME_STAMPS, write_signed_files

PAGE = "docs/how-to/verify-signatures.md"
KEY_ON_PAGE = "NyhbGLTXdfoHl3PkPRpL0bsQSUzJcgZaVCJfTlRbWm8="
"""An example key, which the tests replace by the key of their own time-stamp server."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_signed_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@runs(PAGE, python=2)
def test_signature_is_verified_later(folder: Path) -> None:
    """The blocks make a requestor with a verifier, and verify a stored signature."""
    *_, names = step_blocks(
        PAGE, {KEY_ON_PAGE: TIME_STAMP_KEY, "https://time.example/": TIME_STAMPS}
    )
    with Urllib3Transport() as transport:
        assert names["make_requestor"](transport).context.signature_verifier is not None
    signature = (folder / "signature.json").read_bytes()
    assert names["who_signed"](signature, MESSAGE) == "Ada Lovelace signed on 29 November 2026"
    with pytest.raises(SystemExit, match="message"):
        names["who_signed"](signature, "something else")


def test_a_scheme_signed_with_another_key_is_refused(folder: Path) -> None:
    """A verifier refuses a scheme whose index was signed by another key than the expected one."""
    (folder / "pbdf.pem").write_bytes((folder / "other.pem").read_bytes())
    *_, names = step_blocks(PAGE, {})
    with pytest.raises(ConfigurationError, match="index"):
        names["make_verifier"]()


def test_command_of_the_page(folder: Path) -> None:
    """The page's second command verifies the same signature."""
    line = code_of(PAGE, "sh")[1].replace("\\\n", " ").replace(KEY_ON_PAGE, TIME_STAMP_KEY)
    words = shlex.split(line.replace("https://time.example/", TIME_STAMPS))
    status, out, err = CommandLine({"IRMA_SERVER": "", "PATH": ""}).run(*words[1:])
    assert (status, err) == (0, "")
    assert json.loads(out)["message"] == MESSAGE
