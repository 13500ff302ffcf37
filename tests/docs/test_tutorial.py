"""The code of README and the tutorial runs unchanged."""

from __future__ import annotations

import json
import os
import re
import runpy
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import click
import pytest

from irma_backend.cli.main import main
from irma_backend.dev_server import running_server
from irma_core import ResultJwtError
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.docs.pages import ROOT, code_of, files_of, runs
from tests.ports import unused_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = "docs/tutorial.md"
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = files_of(PAGE)
SHOP = ROOT / "docs" / "examples" / "wine_shop"
DEV_SERVER = "http://127.0.0.1:8088"


@pytest.fixture
def memory() -> InMemoryServer:
    return InMemoryServer(clock=SystemClock())


@pytest.fixture
def app(memory: InMemoryServer) -> SimulatedApp:
    return SimulatedApp(memory)


@pytest.fixture
def url(memory: InMemoryServer) -> Iterator[str]:
    with running_server(memory) as url:
        yield url


def run_block(name: str, directory: Path, url: str) -> None:
    """Run one of the first blocks with this development server instead of the usual one."""
    script = directory / name
    assert DEV_SERVER in BLOCKS[name]
    script.write_text(BLOCKS[name].replace(DEV_SERVER, url), encoding="utf-8")
    runpy.run_path(str(script))


@runs("README.md", python=1)
@runs(PAGE, python=5)
def test_each_block_is_known() -> None:
    """This module runs all blocks but the login's; README's second block is the tutorial's first.

    `test_first_login` runs the login.
    """
    assert code_of("README.md")[1:] == [BLOCKS["ask.py"]]
    names = ["ask.py", "ask_async.py", "from wine_shop.py", "serve.py", "production.py"]
    assert [name for name in BLOCKS if not name.startswith("shop/")] == names
    assert BLOCKS["from wine_shop.py"] in (SHOP / "wine_shop.py").read_text(encoding="utf-8")


@runs("README.md", text=1)
@pytest.mark.parametrize("name", ["ask.py", "ask_async.py"])
def test_accepted_session_prints_the_issuer(
    name: str,
    memory: InMemoryServer,
    app: SimulatedApp,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The tutorial's first scripts print the answer and its issuer as README shows."""
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    memory.when_started(app.accept)
    run_block(name, tmp_path, url)
    shown = code_of("README.md", "text")[0].splitlines()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(shown[0].partition("u%22")[0])
    assert printed[1:] == shown[1:]


@pytest.mark.parametrize("name", ["ask.py", "ask_async.py"])
def test_refused_session_raises_the_named_error(
    name: str, memory: InMemoryServer, app: SimulatedApp, url: str, tmp_path: Path
) -> None:
    """If the app refuses, the tutorial's first scripts raise the error that the tutorial names."""
    memory.when_started(app.refuse)
    with pytest.raises(Exception, match="cancelled") as refused:
        run_block(name, tmp_path, url)
    assert f"`{refused.type.__name__}`" in TUTORIAL


def test_the_shop_is_served(
    memory: InMemoryServer, app: SimulatedApp, url: str, tmp_path: Path
) -> None:
    """The tutorial's server process sells wine to a visitor whose app accepts."""
    app.add("example.town.age", {"over18": "yes"})
    memory.when_started(app.accept)
    port = unused_port()
    script = tmp_path / "serve.py"
    script.write_text(BLOCKS["serve.py"].replace("8000", str(port)), encoding="utf-8")
    environment = {**os.environ, "IRMA_SERVER": url, "PYTHONPATH": str(SHOP)}
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(port))
            moved, cookie, _ = visit(port, "POST")
            assert moved == 303
            # The app answers in another thread. Until it has answered, the page shows the link.
            wait_until(lambda: visit(port, "GET", cookie)[2] == "Welcome to our wines.")
        finally:
            process.terminate()


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for another thread or process; fail after a minute."""
    deadline = monotonic() + 60
    while not is_true():
        assert monotonic() < deadline
        sleep(0.05)


def listens(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("localhost", port)):
        return True
    return False


def visit(port: int, method: str, cookie: str = "") -> tuple[int, str, str]:
    """Send a request to the shop; return the status, the cookie and the page."""
    with closing(HTTPConnection("localhost", port, timeout=60)) as connection:
        connection.request(method, "/", headers={"Cookie": cookie.partition(";")[0]})
        reply = connection.getresponse()
        return reply.status, reply.getheader("Set-Cookie", ""), reply.read().decode()


@runs(PAGE, json=1)
def test_production_authenticates_and_rejects_simulated_proofs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The production script authenticates with its token, and rejects a simulated proof."""
    (listed,) = code_of(PAGE, "json")
    known = {name: RequestorSettings(**entry) for name, entry in json.loads(listed).items()}
    server = InMemoryServer(ServerSettings(requestors=known), clock=SystemClock())
    app = SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    server.when_started(app.accept)
    key, script = tmp_path / "jwt-public.pem", tmp_path / "production.py"
    key.write_text(server.public_key_pem, encoding="utf-8")
    script.write_text(BLOCKS["production.py"], encoding="utf-8")
    monkeypatch.syspath_prepend(SHOP)
    with running_server(server) as url:
        monkeypatch.setenv("IRMA_SERVER", url)
        monkeypatch.setenv("IRMA_TOKEN", json.loads(listed)["shop"]["key"])
        monkeypatch.setenv("IRMA_SERVER_KEY", str(key))
        made = runpy.run_path(str(script))
        adult = runpy.run_path(str(SHOP / "wine_shop.py"))["ADULT"]
        with made["transport"]:
            session = made["requestor"].start_session(adult)
            with pytest.raises(ResultJwtError) as refused:
                made["requestor"].wait_for_answer(session, timeout=timedelta(minutes=1))
    assert refused.value.code == "simulated"


def test_the_shown_commands_exist() -> None:
    """The commands in README and the tutorial are targets of `make` or `irma-backend` commands."""
    shown = "".join([*code_of("README.md", "sh"), *code_of(PAGE, "sh")])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    assert set(re.findall(r"^make ([a-z]+)$", shown, re.MULTILINE)) <= {*targets}
    commands = re.findall(r"^irma-backend ([a-z-]+)", shown, re.MULTILINE)
    assert commands == ["dev-server"]
    assert {*commands} <= {*main.list_commands(click.Context(main))}


def test_the_shown_flags_of_the_official_server_exist() -> None:
    """The tutorial shows only flags with which the tests start the official server."""
    flags = set(re.findall(r" (--[a-z-]+)", TUTORIAL.partition("## 5.")[2]))
    source = (ROOT / "tests" / "realserver" / "official_server.py").read_text(encoding="utf-8")
    assert flags == {"--url", "--no-auth", "--sse", "--jwt-privkey-file"}
    assert [flag for flag in flags if flag not in source] == []
