"""The command line with the official server and a real wallet, in pipes and in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.cli.conftest import CommandLine
from tests.processes import Process
from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.plain_http import start_session
from tests.realserver.session_requests import issuance
from tests.realserver.test_first_disclosure import OVER18 as PERSONAL_DATA
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Succeeded

TOKEN = "a token of the command line"
OVER18, EMAIL = "example.town.age.over18", "example.town.resident.email"
ADULT = ("session", "--disclose", f"age={OVER18}==yes", "--json")
LINK = re.compile(r"https://\S+/-/session#(\S+)")


@pytest.fixture
def server(start_official_server: ServerPool) -> OfficialServer:
    requestors = {"shop": {"auth_method": "token", "key": TOKEN}}
    return start_official_server(ServerOptions(requestors=requestors))


@pytest.fixture
def command_line(server: OfficialServer) -> CommandLine:
    others = {name: value for name, value in os.environ.items() if not name.startswith("IRMA_")}
    return CommandLine({**others, "IRMA_SERVER": server.url, "IRMA_TOKEN": TOKEN})


@pytest.fixture
def ada(start_wallet: StartWallet, official_server: OfficialServer) -> Iterator[Wallet]:
    """A wallet with the attributes that the demo requests."""
    with start_wallet() as wallet:
        package = start_session(official_server.url, issuance(PERSONAL_DATA))
        assert isinstance(wallet.accept(package["sessionPtr"]), Succeeded)
        yield wallet


def play(
    command_line: CommandLine, act: Callable[[str], object], *arguments: str
) -> tuple[int, str, str]:
    """Run a session, and let a wallet act as soon as the command shows the link."""
    with command_line.start(*arguments) as process:
        assert process.stderr is not None
        shown = ""
        while (link := LINK.search(shown)) is None:
            line = process.stderr.readline()
            assert line, shown
            shown += line
        act(unquote(link[1]))
        out, err = process.communicate(timeout=300)
    return process.returncode, out, shown + err


def test_an_answered_session_can_be_looked_up_later(
    command_line: CommandLine, wallet: Wallet, tmp_path: Path
) -> None:
    """A session with an answer exits with status 0; later commands find it by the state file."""
    state = ("--state-file", str(tmp_path / "state.json"))
    status, out, err = play(command_line, wallet.accept, *ADULT, *state)
    assert status == 0, err
    assert json.loads(out)["answer"]["age"]["attributes"][0]["value"] == "yes"
    assert command_line.run("status", *state)[:2] == (0, "DONE\n")
    status, out, _ = command_line.run("result", *state)
    assert status == 0
    assert json.loads(out)["answer"]["age"]["attributes"][0]["value"] == "yes"
    assert command_line.run("cancel", *state)[0] == 0


def test_unanswered_sessions_have_their_own_exit_status(
    command_line: CommandLine, wallet: Wallet
) -> None:
    """A refused session exits with status 3, and a session that no app answers with 4."""
    status, out, err = play(command_line, wallet.refuse, *ADULT)
    assert (status, json.loads(out)["error"]["name"]) == (3, "SessionCancelledError")
    assert "Traceback" not in err
    status, _, _ = play(command_line, lambda _pointer: None, *ADULT, "--timeout", "1")
    assert status == 4


def test_the_servers_refusals_have_their_own_exit_status(command_line: CommandLine) -> None:
    """An unknown attribute exits with status 2, and a missing or wrong token with 5."""
    status, _, err = command_line.run("session", "--disclose", "nothing.town.age.over18")
    assert (status, "the server's schemes do not have" in err) == (2, True)
    for token in ("wrong", ""):
        status, _, err = command_line.at(IRMA_TOKEN=token).run(*ADULT)
        assert status == 5
        assert "Traceback" not in err


def test_the_servers_key_and_health_are_printed(
    command_line: CommandLine, server: OfficialServer
) -> None:
    """The command line prints the key and the health that the server returns."""
    status, out, _ = command_line.run("public-key")
    assert (status, out.strip()) == (0, server.jwt_public_key_pem.strip())
    assert command_line.run("health") == (0, "up\n", "")


def test_the_demo_shows_the_answer_in_a_terminal(command_line: CommandLine, ada: Wallet) -> None:
    """In a terminal, the demo shows the status and the table of the answer from a real server."""
    main, other = pty.openpty()
    with Process[bytes](
        [sys.executable, "-m", "irma_backend.cli", "demo", "--server", command_line.server],
        env={**command_line.environment, "TERM": "dumb", "COLUMNS": "200"},
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
    ) as process:
        os.close(other)
        seen, answering = b"", None
        try:
            while chunk := os.read(main, 65536):
                seen += chunk
                link = LINK.search(seen.decode(errors="replace"))
                if answering is None and link and b"INITIALIZED" in seen:
                    answering = threading.Thread(target=ada.accept, args=[unquote(link[1])])
                    answering.start()
        except OSError:  # Linux raises it at the end of a terminal
            pass
        os.close(main)
        process.wait(timeout=300)
    assert answering is not None
    answering.join()
    assert process.returncode == 0, seen
    text = seen.decode()
    for part in ("on this machine", "DONE", "Proved", "pbdf.gemeente.personalData.over18", "Ada"):
        assert part in text, part
