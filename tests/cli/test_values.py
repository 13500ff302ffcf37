"""`--value`, `status --watch` and `help`, for scripts that do not read JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irma_backend.cli.terminal import age_in_words, duration_in_words
from irma_core import SessionPointer
from irma_testing import InMemoryServer, SimulatedApp
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, CommandLine, read_until

ASK = ("session", "--disclose", f"age={OVER18}", "--disclose", f"name?={FIRSTNAMES}")


def test_only_the_value_is_printed(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """With --value, `session` and `result` print one value and nothing else."""
    memory.when_started(app.accept)
    state = ("--state-file", str(tmp_path / "state"))
    assert command_line.run(*ASK, *state, "--value", "name")[:2] == (0, "Ada\n")
    assert command_line.run("result", *state, "--value", "age")[:2] == (0, "Yes\n")
    numbered = ("session", "--disclose", OVER18, "--value", "0")
    assert command_line.run(*numbered)[:2] == (0, "Yes\n")


def test_terminal_gets_no_control_characters_of_a_value(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """A value goes unchanged into a pipe, but without control characters to a terminal."""
    odd = SimulatedApp(memory)
    odd.add(CARD, {"over18": "a\x1b[31mb\tc"})
    memory.when_started(odd.accept)
    asked = ("session", "--disclose", OVER18, "--value", "0")
    assert command_line.run(*asked)[1] == "a\x1b[31mb\tc\n"
    with command_line.at_terminal(*asked) as terminal:
        assert terminal.end() == 0
    assert "a\ufffd[31mb\ufffdc" in terminal.seen
    assert command_line.run("session", "--disclose", OVER18)[1].count("\t") == 3


def test_missing_value_is_status_6(
    command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """If a slot was left out or has no value, nothing is printed, and the exit status is 6."""
    without = SimulatedApp(memory)
    without.add(CARD, {"over18": None})
    memory.when_started(without.accept)
    for slot, words in (("name", "the person left this slot out"), ("age", "has no value")):
        status, out, err = command_line.at(TMPDIR=str(tmp_path)).run(*ASK, "--value", slot)
        assert (status, out, words in err) == (6, "", True), err
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*ASK, "--value", "nmae"), "must be one of the slots: age, name. Did you mean name?"),
        ((*ASK, "--value", "name", "--json"), "either --json or --value"),
        (("session", "--disclose", f"{OVER18}+{FIRSTNAMES}", "--value", "0"), "use --json"),
        (("result", "--value", "name"), "--value needs --state-file"),
        (("status", "--watch"), "--watch needs --state-file"),
    ],
)
def test_unusable_options_are_wrong_usage(
    arguments: tuple[str, ...], words: str, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """For options that cannot work, the exit status is 2, and no session is started."""
    started: list[SessionPointer] = []
    memory.when_started(started.append)
    status, out, err = command_line.run(*arguments)
    assert (status, words in err) == (2, True), err
    assert started == []
    assert "Traceback" not in out + err


def test_watch_prints_each_status(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """`status --watch` prints each status until the end, which decides the exit status."""
    state = ("--state-file", str(tmp_path / "state"))
    assert command_line.run(*ASK, *state, "--timeout", "1")[0] == 4
    (session,) = memory.open_sessions()
    with command_line.start("status", "--watch", "--json", *state) as process:
        read_until(process.stdout, "INITIALIZED")
        scanned = app.scan(session.pointer)
        read_until(process.stdout, "CONNECTED")
        scanned.refuse()
        out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (3, "")
    last = json.loads(out)
    assert (last["status"], last["isFinal"]) == ("CANCELLED", True)
    assert command_line.run("status", "--watch", *state)[:2] == (3, "CANCELLED\n")


def test_terminal_describes_the_status(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """At a terminal, `status` says in words what the status means and when the session began."""
    memory.when_started(app.accept)
    state = ("--state-file", str(tmp_path / "state"))
    assert command_line.run(*ASK, *state)[0] == 0
    with command_line.at_terminal("status", *state) as terminal:
        assert terminal.end() == 0
    assert "DONE: the app has answered, started " in terminal.seen
    assert " ago" in terminal.seen


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "this week"),
        (6, "this week"),
        (7, "last week"),
        (14, "2 weeks ago"),
        (60, "8 weeks ago"),
        (61, "2 months ago"),
        (730, "23 months ago"),
        (731, "2 years ago"),
        (3700, "10 years ago"),
    ],
)
def test_time_of_issuance_is_in_words(days: int, words: str) -> None:
    """A table shows how long ago a credential was issued, no more precisely than in weeks."""
    assert age_in_words(datetime.now(UTC) - timedelta(days=days, hours=1)) == words


def test_time_of_issuance_in_the_future_is_a_date() -> None:
    """If a time of issuance is in the future, because a clock is wrong, the table has the date."""
    future = datetime.now(UTC) + timedelta(days=3)
    assert age_in_words(future) == f"{future:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (300, "5 minutes"),
        (7200, "2 hours"),
    ],
)
def test_durations_are_in_words(seconds: int, words: str) -> None:
    """A duration is shown in the largest unit of which it has at least two."""
    assert duration_in_words(timedelta(seconds=seconds)) == words


def test_terminal_describes_the_status_of_a_token(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """With only a token, the description of a status does not say when the session began."""
    memory.when_started(app.accept)
    state = tmp_path / "state"
    assert command_line.run(*ASK, "--state-file", str(state))[0] == 0
    with command_line.at_terminal("status") as terminal:
        terminal.read_until("Requestor token: ")
        terminal.type(f"{json.loads(state.read_text())['token']}\n")
        assert terminal.end() == 0
    assert "DONE: the app has answered\r\n" in terminal.seen


def test_help_explains_commands_and_exit_statuses(command_line: CommandLine) -> None:
    """`help COMMAND` is the command's --help, and `help exit-codes` lists the exit statuses."""
    assert command_line.run("help", "session") == command_line.run("session", "--help")
    assert command_line.run("help") == command_line.run("--help")
    status, out, _ = command_line.run("help", "exit-codes")
    assert (status, "  6  There is no answer yet" in out) == (0, True)


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        (("sesion",), "mean session?"),
        (("exit-code",), "mean exit-codes?"),
        (("demo", "x"), "no help"),
    ],
)
def test_help_suggests_topics(
    topic: tuple[str, ...], words: str, command_line: CommandLine
) -> None:
    """For a misspelt topic, the exit status is 2, and the error suggests the right one."""
    status, out, err = command_line.run("help", *topic)
    assert (status, out, words in err) == (2, "", True)


def test_no_arguments_show_the_help_once(command_line: CommandLine) -> None:
    """Without arguments, the help is shown once, and not as an error."""
    status, out, err = command_line.run()
    assert (status, out) == (2, "")
    assert err == command_line.run("--help")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_complete_commands_and_options(shell: str, command_line: CommandLine) -> None:
    """The completion of click works: its script is printed, and it completes a command."""
    there = command_line.at(_IRMA_BACKEND_COMPLETE=f"{shell}_source")
    assert "_IRMA_BACKEND_COMPLETE" in there.run()[1]
    words = {"COMP_WORDS": "irma-backend session --disc", "COMP_CWORD": "2"}
    there = command_line.at(_IRMA_BACKEND_COMPLETE=f"{shell}_complete", **words)
    assert "--disclose" in there.run()[1]
