"""The page on settings has the table of the code, and its files, program and error are real."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from docs.tools.settings import PAGE, drawn
from irma_backend import parts, read_settings
from irma_backend.settings_kinds import RISK_NAMES
from irma_core.errors import ConfigurationError
from irma_testing import InMemoryServer, SimulatedApp
from tests.docs.pages import ROOT, blocks, code_of, run_blocks, runs

ADULT = ROOT / "tests" / "vectors" / "settings" / "adult.json"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with the page's settings files, and the files to which they refer."""
    for block in blocks("docs/settings.md"):
        if block.language == "toml":
            name = block.source.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(block.source)
    shutil.copy(ADULT, tmp_path / "adult.json")
    return tmp_path


@runs("docs/settings.md", python=1, toml=3)
def test_the_program_runs_with_the_pages_files(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's files are valid settings, and its program gets an answer with one of them."""
    production = read_settings(files / "shop.toml")
    assert production.value("server.url") == "https://irma.example"
    assert production.value("authentication.token").text == "file:/run/secrets/irma-token"
    development = read_settings(files / "development.toml")
    assert development.requests == production.requests
    signing = read_settings(files / "signing.toml")
    assert signing.value("proofs.scheme_keys") == (("pbdf", files / "pbdf.pem"),)

    server = InMemoryServer()
    app = SimulatedApp(server)
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    server.when_started(app.accept)
    monkeypatch.setenv("IRMA_SETTINGS", str(files / "development.toml"))
    monkeypatch.setenv("IRMA_SERVER", server.url)
    monkeypatch.setattr(parts, "Urllib3Transport", lambda: _Block(server))
    assert run_blocks("docs/settings.md")["answer"][0].value == "Yes"


class _Block:
    """Stands for a transport that a `with` block closes."""

    def __init__(self, server: InMemoryServer) -> None:
        self._transport = server.transport()

    def __enter__(self) -> object:
        return self._transport

    def __exit__(self, *_: object) -> None: ...


@runs("docs/settings.md", text=1)
def test_the_page_shows_the_real_error(files: Path) -> None:
    """A literal token in a settings file is refused with the message on the page."""
    literal = (files / "shop.toml").read_text().replace("file:/run/secrets/irma-token", "a-token")
    (files / "shop.toml").write_text(literal)
    with pytest.raises(ConfigurationError) as caught:
        read_settings(files / "shop.toml")
    assert (
        str(caught.value).replace(f"{files}/", "") == code_of("docs/settings.md", "text")[0].strip()
    )


def test_the_table_matches_the_code() -> None:
    """The table of the page equals what `make reference` writes, and each risk is on the page."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == drawn()
    assert all(f"`{name}`" in page for name in RISK_NAMES)
