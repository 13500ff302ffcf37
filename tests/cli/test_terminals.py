"""Terminals that are narrow or dumb, of unknown size, without ANSI styles, or not in UTF-8."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import irma_backend.cli
from irma_testing import InMemoryServer, SimulatedApp
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, CommandLine
from tests.scheme_server import scheme_files

ASK = ("session", "--disclose", f"age={OVER18}", "--disclose", f"name={FIRSTNAMES}")
NAMES = "Ada Augusta Byron King Countess of Lovelace"
BLOCK = "\u2580"


@pytest.fixture
def app(memory: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(memory)
    app.add(CARD, {"over18": "Yes", "firstnames": NAMES})
    memory.when_started(app.accept)
    return app


@pytest.fixture
def public(command_line: CommandLine, memory: InMemoryServer) -> CommandLine:
    """The command line of a server whose links lead to another machine."""
    memory.url = "https://irma.example"
    return command_line


def seen_at(command_line: CommandLine, columns: int, *arguments: str, **variables: str) -> str:
    """Run a session to its answer; return the output of the terminal."""
    there = command_line.at(**variables)
    with there.at_terminal(*ASK, *arguments, columns=columns) as terminal:
        assert terminal.end() == 0, terminal.seen
    assert "https://open.yivi.app/-/session#" in terminal.seen.replace("\r\n", "")
    return terminal.seen


@pytest.mark.parametrize("columns", [1, 40])
def test_narrow_terminal_shows_only_the_link(
    columns: int, public: CommandLine, app: SimulatedApp
) -> None:
    """A narrow terminal shows the link, the reason, and every value unbroken."""
    seen = seen_at(public, columns)
    assert BLOCK not in seen
    assert f"and the terminal has {columns} and 50." in seen.replace("\r\n", " ")
    for value in (OVER18, FIRSTNAMES, NAMES, "Yes"):
        assert value in seen


@pytest.mark.parametrize("columns", [1, 20])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("plugins",), ("irma-backend", "sqlite:")),
        (("config",), ("server.url", "http://127.0.0.1:1/prefix", "IRMA_SERVER")),
        (("attributes", "search", "email"), ("pbdf.town.email.email", "deprecated since")),
    ],
)
def test_narrow_terminal_breaks_no_field(
    arguments: tuple[str, ...],
    expected: tuple[str, ...],
    columns: int,
    command_line: CommandLine,
    tmp_path: Path,
) -> None:
    """A table that does not fit is shown field by field, and nothing of it is lost."""
    for path, content in scheme_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    if "search" in arguments:
        arguments = (*arguments, "--scheme", str(tmp_path))
    there = command_line.at(IRMA_SERVER="http://127.0.0.1:1/prefix")
    with there.at_terminal(*arguments, columns=columns) as terminal:
        assert terminal.end() == 0, terminal.seen
    for field in expected:
        assert field in terminal.seen


def test_one_function_draws_all_tables() -> None:
    """All tables are drawn by one function, so each of them fits narrow terminals."""
    users = {
        file.name
        for file in Path(irma_backend.cli.__path__[0]).glob("*.py")
        if "rich.table" in file.read_text(encoding="utf-8")
    }
    assert users == {"terminal.py"}


def test_encoding_without_blocks_shows_only_the_link(
    public: CommandLine, app: SimulatedApp
) -> None:
    """If the encoding lacks block characters, the terminal shows the link and the reason."""
    seen = seen_at(public, 200, PYTHONIOENCODING="cp1252")
    assert "The QR code is not drawn: the encoding cp1252 lacks the characters for it." in seen
    assert NAMES in seen


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_qr_code_needs_no_ansi_styles(
    variables: dict[str, str], public: CommandLine, app: SimulatedApp
) -> None:
    """The QR code is drawn without escape sequences."""
    seen = seen_at(public, 100, **variables)
    assert BLOCK in seen
    assert "\x1b[3" not in seen


def test_no_qr_shows_only_the_link(public: CommandLine, app: SimulatedApp) -> None:
    """With --no-qr the QR code is not drawn."""
    assert BLOCK not in seen_at(public, 100, "--no-qr")


def test_json_is_indented_at_a_terminal(command_line: CommandLine, app: SimulatedApp) -> None:
    """At a terminal, JSON is indented and highlighted."""
    with command_line.at_terminal("health", "--json") as terminal:
        assert terminal.end() == 0
    assert '\r\n  \x1b[1;34m"status"' in terminal.seen
    with command_line.at(NO_COLOR="1", TERM="dumb").at_terminal("health", "--json") as terminal:
        assert terminal.end() == 0
    assert json.loads(terminal.seen) == {"status": "up"}


def test_token_prompt_does_not_echo(command_line: CommandLine) -> None:
    """At a terminal, `status` prompts for the token and does not echo it."""
    token = "A1b2C3d4E5f6G7h8I9j0"
    with command_line.at_terminal("status") as terminal:
        terminal.read_until("Requestor token: ")
        terminal.type(f"{token}\n")
        assert terminal.end() == 4
    assert token not in terminal.seen


@pytest.mark.parametrize("command", ["status", "result", "cancel"])
@pytest.mark.parametrize(("keys", "expected"), [("\x03", 130), ("\x04", 2), ("\n", 2)])
def test_missing_token_ends_the_command(
    keys: str, expected: int, command: str, command_line: CommandLine
) -> None:
    """Ctrl-C, end of input and an empty line at the prompt end the command."""
    with command_line.at_terminal(command) as terminal:
        terminal.read_until("Requestor token: ")
        terminal.type(keys)
        assert terminal.end() == expected
    assert "Traceback" not in terminal.seen


def test_terminal_prompts_for_the_request(command_line: CommandLine) -> None:
    """At a terminal, `--request -` says what to type."""
    with command_line.at_terminal("request", "--request", "-") as terminal:
        terminal.read_until("Type or paste the request, then press Ctrl-D")
        terminal.type("\x04")
        assert terminal.end() == 2
