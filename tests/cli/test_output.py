"""Where output goes, and what becomes of it when it cannot be written there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from irma_backend.cli import exit_statuses as exits
from irma_backend.cli import state_files as keeping
from irma_backend.cli.main import main
from irma_core import DisclosureRequest, Requestor
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, CommandLine, other_variables, read_until

NAME = "Łukasz Żółć 😀 é"
ASK = ("session", "--disclose", f"name={FIRSTNAMES}")
ENCODINGS = (
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"PYTHONIOENCODING": "utf-16"},
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)
WITH_OUTPUT: dict[str, tuple[str, ...]] = {
    "session": ("session", "--disclose", OVER18),
    "request": ("request", "--disclose", OVER18),
    "status": ("status", "--state-file", "{state}"),
    "result": ("result", "--state-file", "{state}"),
    "verify": ("verify", "--help"),
    "public-key": ("public-key",),
    "plugins": ("plugins",),
    "demo": ("demo",),
    "dev-server": ("dev-server", "--port", "0"),
}
WITHOUT_OUTPUT = {"cancel", "health"}


@pytest.fixture
def app(memory: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(memory)
    app.add(CARD, {"over18": "Yes", "firstnames": NAME})
    memory.when_started(app.accept)
    return app


@pytest.fixture
def nobody_reads() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("variables", ENCODINGS, ids=str)
def test_an_answer_is_whole_in_every_encoding(
    variables: dict[str, str], command_line: CommandLine, app: SimulatedApp
) -> None:
    """JSON has escapes; in the table a character that is missing becomes its number."""
    there = command_line.at(**variables)
    encoding = variables.get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    status, out, err = there.run(*ASK, "--json", encoding=encoding)
    assert status == 0, err
    answer = json.loads(out)["answer"]
    assert answer["name"]["attributes"][0]["value"] == NAME
    status, out, err = there.run(*ASK, encoding=encoding)
    assert status == 0, err
    ascii_only = NAME.encode("ascii", "backslashreplace").decode()
    assert NAME.encode(encoding, "backslashreplace").decode(encoding) in out or ascii_only in out


def test_each_command_is_tried() -> None:
    """A new one is added to the table of this module."""
    commands = main.list_commands(click.Context(main))
    assert {*WITH_OUTPUT} | WITHOUT_OUTPUT == {*commands}


@pytest.mark.parametrize("command", WITH_OUTPUT)
def test_output_that_cannot_be_written_is_one_line_and_status_8(
    command: str,
    command_line: CommandLine,
    app: SimulatedApp,
    nobody_reads: int,
    tmp_path: Path,
) -> None:
    """For every command, on a full disk and where the reader has gone."""
    state = tmp_path / "state"
    there = command_line.at(TMPDIR=str(tmp_path))
    if command in {"status", "result"}:
        assert there.run(*ASK, "--state-file", str(state))[0] == 0
    arguments = [each.format(state=state) for each in WITH_OUTPUT[command]]
    with Path("/dev/full").open("w") as full:
        for stdout, unbuffered in ((full, ""), (nobody_reads, "1")):
            status, _, err = there.at(PYTHONUNBUFFERED=unbuffered).run(*arguments, stdout=stdout)
            assert status == 8, err
            assert "Traceback" not in err
            assert err.splitlines()[-1].startswith("Error: the output cannot be written: ")
            if command not in {"session", "demo", "dev-server"}:
                assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("session", "--help")])
def test_help_that_cannot_be_written_is_status_8(
    arguments: tuple[str, ...], command_line: CommandLine, nobody_reads: int
) -> None:
    """As any other output."""
    status, _, err = command_line.run(*arguments, stdout=nobody_reads)
    assert (status, err) == (8, "Error: the output cannot be written: Broken pipe\n")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_an_answer_that_cannot_be_written_is_kept(
    arguments: tuple[str, ...], command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """In a file that only its owner may read, and whose path is told."""
    there = command_line.at(TMPDIR=str(tmp_path))
    with Path("/dev/full").open("w") as full:
        status, _, err = there.run(*ASK, *arguments, stdout=full)
    (path,) = tmp_path.iterdir()
    assert (status, f"The answer is in {path}" in err) == (8, True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    answer = json.loads(path.read_text())["answer"]
    assert answer["name"]["attributes"][0]["value"] == NAME


def test_an_answer_that_no_file_takes_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the standard error, as JSON."""
    memory = InMemoryServer(clock=SystemClock())
    requestor = Requestor(memory.url, memory.transport())
    holder = SimulatedApp(memory)
    holder.add(CARD, {"firstnames": NAME})
    started = requestor.start_session(DisclosureRequest({"name": FIRSTNAMES}))
    holder.accept(started.pointer)

    def full(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    keeping.keep_answer(requestor.get_answer(started), started)
    told = capsys.readouterr().err.splitlines()
    answer = json.loads(told[-1])["answer"]
    assert answer["name"]["attributes"][0]["value"] == NAME


def test_nothing_is_asked_when_the_output_is_closed(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """Nobody would read what a person discloses."""
    started: list[object] = []
    memory.when_started(started.append)
    status, _, err = command_line.in_shell(f"irma-backend session --disclose {OVER18} >&-")
    assert (status, err) == (8, "Error: the output cannot be written: it is closed\n")
    assert started == []


@pytest.mark.parametrize("target", ["2>&-", "2>/dev/full"])
def test_a_session_that_cannot_be_shown_is_cancelled(
    target: str, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """No app can come to it."""
    status, out, _ = command_line.in_shell(f"irma-backend session --disclose {OVER18} {target}")
    assert (status, out) == (8, "")
    assert memory.open_sessions() == ()


def test_with_a_state_file_nothing_needs_to_be_shown(
    command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """A script may show the session itself: the file has its link."""
    line = f"irma-backend session --json --disclose {OVER18} --state-file {tmp_path / 's'} 2>&-"
    status, out, _ = command_line.in_shell(line)
    assert (status, json.loads(out)["answer"]["0"]["attributes"][0]["value"]) == (0, "Yes")


def test_a_session_that_nobody_sees_any_more_is_cancelled(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """Both streams are one pipe, whose reader leaves before an app comes."""
    holder = SimulatedApp(memory)
    holder.add(CARD, {"over18": "Yes"})
    reader, writer = os.pipe()
    with command_line.start(*ASK, stdout=writer, stderr=writer) as process:
        os.close(writer)
        with os.fdopen(reader) as lines:
            read_until(lines, "INITIALIZED")
        holder.scan(memory.open_sessions()[0].pointer)
        assert process.wait(timeout=60) == 8
    assert memory.open_sessions() == ()


def test_a_reader_of_the_link_may_leave(command_line: CommandLine, memory: InMemoryServer) -> None:
    """The answer goes elsewhere, and comes."""
    holder = SimulatedApp(memory)
    holder.add(CARD, {"firstnames": NAME})
    with command_line.start(*ASK, "--json") as process:
        read_until(process.stderr, "INITIALIZED")
        assert process.stderr is not None
        process.stderr.close()
        holder.accept(memory.open_sessions()[0].pointer)
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())["answer"]
        assert process.wait(timeout=60) == 0
    assert answer["name"]["attributes"][0]["value"] == NAME


def test_an_error_keeps_its_exit_status_where_nobody_reads_it(
    command_line: CommandLine, nobody_reads: int
) -> None:
    """Its line goes to the standard error in any case."""
    status, _, err = command_line.run(*ASK, "--json", "--timeout", "1", stdout=nobody_reads)
    assert (status, "Traceback" in err) == (4, False)
    assert err.splitlines()[-1].startswith("Error: session ")


@pytest.mark.parametrize(
    "line",
    [
        "irma-backend status <&-",
        "irma-backend session --request - <&-",
        "irma-backend status <<< $'\\xff'",
        "irma-backend session --request - <<< $'\\xff'",
        f"irma-backend session --pairing --disclose {OVER18} --timeout 1 <&- >/dev/null",
    ],
)
def test_input_that_cannot_be_read_is_a_clear_message(line: str, command_line: CommandLine) -> None:
    """A documented exit status, and no traceback."""
    status, out, err = command_line.in_shell(line)
    assert status in {2, 4}
    assert "Traceback" not in err + out
    assert err.splitlines()[-1].startswith("Error: ")


def test_a_fault_of_the_program_is_one_line_without_what_is_private(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says where, for a report."""

    @click.command()
    def failing() -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("sys.argv", ["irma-backend"])
    assert exits.run(failing) == 9
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("Error: a fault of irma-backend: RuntimeError in test_output.py, line ")
    assert "hunter2" not in err


@pytest.mark.parametrize("module", ["irma_backend", "irma_backend.cli"])
def test_it_runs_as_a_module(module: str) -> None:
    """Under the name that people install, too."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        env=other_variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("irma-backend, version ")
