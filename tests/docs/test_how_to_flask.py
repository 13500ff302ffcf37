"""The how-to on Flask: its applications log people in, and the example's own tests pass."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import cli as flask_command

from irma_core import Risk, SessionPointer, SessionType
from irma_testing import InMemoryServer, SimulatedApp, wsgi
from irma_web_flask.flask_settings import SETTINGS
from tests.docs.pages import ROOT, check_style, code_of, runs, write_files
from tests.pytest_plugin.running import outcome

PAGE = "docs/how-to/flask.md"
EXAMPLE = ROOT / "docs" / "examples" / "flask_login"
SITE = "https://shop.example"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write the files of the page to a directory from which they can import each other."""
    names = {Path(name).stem for name in write_files(PAGE, tmp_path)}
    monkeypatch.syspath_prepend(tmp_path)
    for name in names:
        sys.modules.pop(name, None)
    yield tmp_path
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> InMemoryServer:
    """Return the server that the environment names."""
    made = InMemoryServer()
    monkeypatch.setenv("FLASK_SECRET_KEY", "a long random string")
    monkeypatch.setenv("FLASK_IRMA_SERVER", made.url)
    return made


def answer(
    browser: Any, server: InMemoryServer, name: str, *, email: str = "<b>Ada@example.com"
) -> Any:
    """Answer a question, and return the reply to the page."""
    person = SimulatedApp(server)
    person.add("pbdf.sidn-pbdf.email", {"email": email})
    person.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    started = browser.post(f"/irma/start/{name}", json={}, base_url=SITE).json
    pointer = started["sessionPtr"]
    person.accept(SessionPointer(pointer["u"], SessionType(pointer["irmaqr"])))
    body = {"handle": started["handle"]}
    return browser.post(f"/irma/finish/{name}", json=body, base_url=SITE)


def connected(
    server: InMemoryServer, monkeypatch: pytest.MonkeyPatch, folder: Path, **more: Any
) -> None:
    """Configure each application to use the server in memory."""
    original = Flask.__init__

    def made(self: Flask, name: str) -> None:
        original(self, name, instance_path=str(folder))
        self.config["IRMA_CONNECT"] = {"transport": server.transport(), **more}

    monkeypatch.setattr(Flask, "__init__", made)


@runs(PAGE, python=2)
def test_page_logs_people_in(
    folder: Path, server: InMemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The login greets one person by address and refuses another; the wines need a proof of age."""
    connected(server, monkeypatch, folder)
    browser = import_module("wines").with_wines().test_client()
    assert 'data-irma="login"' in browser.get("/", base_url=SITE).text
    assert browser.get("/wines", base_url=SITE).status_code == 302
    assert answer(browser, server, "login").status_code == 200
    refused = answer(browser, server, "login", email="bob@example.com")
    assert refused.json["error"]["code"] == "other_person"
    assert "Welcome, &lt;b&gt;ada@example.com." in browser.get("/", base_url=SITE).text
    assert answer(browser, server, "adult").status_code == 200
    assert "over18" in browser.get("/wines", base_url=SITE).text


@runs(PAGE, python=1)
def test_callback_outcome_is_recorded_with_its_order(
    folder: Path, server: InMemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's application records a callback's outcome under the number of the order."""
    monkeypatch.setenv("FLASK_IRMA_URL", SITE)
    connected(
        server,
        monkeypatch,
        folder,
        server_key=server.public_key_pem,
        allow={Risk.SIMULATED_PROOFS},
    )
    orders = import_module("orders")
    app = orders.create_app()
    server.deliver = wsgi(app)
    browser = app.test_client()
    with browser.session_transaction(base_url=SITE) as session:
        session["order"] = "17"
    assert answer(browser, server, "order").status_code == 200
    assert orders.paid == {"17": "paid"}


@runs(PAGE, sh=1)
def test_kept_callback_is_delivered_by_the_command(
    folder: Path, server: InMemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the database fails, a callback's outcome is kept until the page's command delivers it."""
    monkeypatch.setenv("FLASK_IRMA_URL", SITE)
    connected(
        server,
        monkeypatch,
        folder,
        server_key=server.public_key_pem,
        allow={Risk.SIMULATED_PROOFS},
    )
    orders = import_module("orders")
    app = orders.create_app()
    server.deliver = wsgi(app)
    browser = app.test_client()
    with browser.session_transaction(base_url=SITE) as session:
        session["order"] = "17"
    with monkeypatch.context() as patched:
        patched.delattr(orders, "paid")
        answer(browser, server, "order")
    assert orders.paid == {}
    [command] = [line for line in code_of(PAGE, "sh")[-1].splitlines() if "replay" in line]
    words = command.removeprefix("flask ").split()
    done = CliRunner().invoke(flask_command, words)
    assert (done.exit_code, orders.paid) == (0, {"17": "paid"}), done.output
    assert done.output.endswith("Delivered 1 callback.\n")


def test_blocks_are_in_our_style(tmp_path: Path) -> None:
    """The blocks are formatted and linted like our own code."""
    write_files(PAGE, tmp_path)
    check_style(tmp_path, "'irma_core','irma_web_flask'")


def test_table_has_every_setting() -> None:
    """The page's table has exactly the settings that the extension reads."""
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `IRMA_")}
    assert rows == set(SETTINGS)


def test_example_passes_its_own_tests() -> None:
    """The example's test suite passes when it is run as a reader runs it."""
    tests = (EXAMPLE / "test_shop.py").read_text(encoding="utf-8")
    assert outcome(EXAMPLE) == f"{tests.count('def test_')} passed"
