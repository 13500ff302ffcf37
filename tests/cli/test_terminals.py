"""Terminals of all kinds: narrow, dumb, without modes, without a size, not in UTF-8."""

from __future__ import annotations

import pytest

from irma_testing import InMemoryServer, SimulatedApp
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, CommandLine

ASK = ("session", "--disclose", f"age={OVER18}", "--disclose", f"name={FIRSTNAMES}")
NAMES = "Ada Augusta Byron King Countess of Lovelace"
BLOCK = "\u2580"


@pytest.fixture
def app(memory: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(memory)
    app.add(CARD, {"over18": "Yes", "firstnames": NAMES})
    memory.when_started(app.accept)
    return app


def seen_at(command_line: CommandLine, columns: int, *arguments: str, **variables: str) -> str:
    """Run a session to its answer; give what the terminal showed."""
    there = command_line.at(**variables)
    with there.at_terminal(*ASK, *arguments, columns=columns) as terminal:
        assert terminal.end() == 0, terminal.seen
    assert "https://open.yivi.app/-/session#" in terminal.seen.replace("\r\n", "")
    return terminal.seen


@pytest.mark.parametrize("columns", [1, 20, 40])
def test_a_qr_that_does_not_fit_gives_way_to_the_link(
    columns: int, command_line: CommandLine, app: SimulatedApp
) -> None:
    """With the reason; and every value is still whole."""
    seen = seen_at(command_line, columns)
    assert BLOCK not in seen
    assert f"and the terminal has {columns}." in seen.replace("\r\n", " ")
    for value in (OVER18, FIRSTNAMES, NAMES, "Yes"):
        assert value in seen


@pytest.mark.parametrize("columns", [0, 60, 200])
def test_the_qr_is_drawn_where_it_fits(
    columns: int, command_line: CommandLine, app: SimulatedApp
) -> None:
    """Also where the terminal does not know its width."""
    assert BLOCK in seen_at(command_line, columns)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_qr_without_characters_for_it_gives_way_to_the_link(
    encoding: str, command_line: CommandLine, app: SimulatedApp
) -> None:
    """With the reason."""
    seen = seen_at(command_line, 200, PYTHONIOENCODING=encoding)
    assert f"The QR is not drawn: the encoding {encoding} has no characters for it." in seen
    assert NAMES in seen


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": "unknown"}, {"NO_COLOR": "1"}])
def test_the_qr_needs_no_modes(
    variables: dict[str, str], command_line: CommandLine, app: SimulatedApp
) -> None:
    """It is drawn in characters alone."""
    seen = seen_at(command_line, 100, **variables)
    assert BLOCK in seen
    assert "\x1b[3" not in seen


def test_a_token_is_asked_for_at_a_terminal_and_not_shown(command_line: CommandLine) -> None:
    """Reading in silence looks like a program that hangs."""
    token = "A1b2C3d4E5f6G7h8I9j0"
    with command_line.at_terminal("status") as terminal:
        terminal.read_until("Requestor token: ")
        terminal.type(f"{token}\n")
        assert terminal.end() == 4
    assert token not in terminal.seen


@pytest.mark.parametrize("command", ["status", "result", "cancel"])
@pytest.mark.parametrize(("keys", "expected"), [("\x03", 130), ("\x04", 2), ("\n", 2)])
def test_a_token_that_is_not_given_ends_the_command(
    keys: str, expected: int, command: str, command_line: CommandLine
) -> None:
    """By Ctrl-C, at the end of the input, or by an empty line."""
    with command_line.at_terminal(command) as terminal:
        terminal.read_until("Requestor token: ")
        terminal.type(keys)
        assert terminal.end() == expected
    assert "Traceback" not in terminal.seen


def test_the_terminal_says_what_is_read_from_it(command_line: CommandLine) -> None:
    """Here a request."""
    with command_line.at_terminal("request", "--request", "-") as terminal:
        terminal.read_until("Type or paste the request, then press Ctrl-D")
        terminal.type("\x04")
        assert terminal.end() == 2
