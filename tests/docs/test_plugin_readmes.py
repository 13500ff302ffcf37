"""The READMEs of the example plugins show code that runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

import irma_backend
from irma_core import Requestor
from irma_testing import InMemoryServer, SimulatedApp
from tests.docs.pages import run_blocks, runs

PAGE = "docs/examples/irma-signing-pkcs11/README.md"


@runs(PAGE, python=1)
def test_pkcs11_readme_gets_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's code gets an answer when `connect` is replaced by a version without a token."""
    server = InMemoryServer()
    app = SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    server.when_started(app.accept)

    @contextmanager
    def connect(url: str, **settings: object) -> Generator[Requestor]:
        assert settings.keys() == {"name", "key", "plugins", "secrets"}
        assert str(settings["key"]).startswith("pkcs11:token=")
        yield Requestor(server.url, server.transport())

    monkeypatch.setattr(irma_backend, "connect", connect)
    run_blocks(PAGE)
    assert capsys.readouterr().out.endswith("\nyes\n")
