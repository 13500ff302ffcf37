"""Output in every encoding, and output that cannot be written."""

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
    "verify-signature": ("verify-signature", "--help"),
    "time-stamp-key": ("time-stamp-key", "--help"),
    "scheme": ("scheme", "--help"),
    "attributes": ("attributes", "--help"),
    "public-key": ("public-key",),
    "health": ("health",),
    "config": ("config",),
    "doctor": ("doctor", "--list"),
    "plugins": ("plugins",),
    "demo": ("demo",),
    "app": ("app", "--help"),
    "dev-server": ("dev-server", "--port", "0"),
    "browser-package": ("browser-package", "--help"),
    "help": ("help", "exit-codes"),
}
WITHOUT_OUTPUT = {"cancel"}


@pytest.fixture
def app(memory: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(memory)
    app.add(CARD, {"over18": "Yes", "firstnames": NAME})
    memory.when_started(app.accept)
    return app


@pytest.fixture
def broken_pipe() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("variables", ENCODINGS, ids=str)
def test_answer_is_complete_in_every_encoding(
    variables: dict[str, str], command_line: CommandLine, app: SimulatedApp
) -> None:
    """Characters that the encoding lacks are escaped, in JSON and in the table."""
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


def test_every_command_is_listed_here() -> None:
    """The tables of this module list every command."""
    commands = main.list_commands(click.Context(main))
    assert {*WITH_OUTPUT} | WITHOUT_OUTPUT == {*commands}


@pytest.mark.parametrize("command", WITH_OUTPUT)
def test_unwritable_output_is_status_8(
    command: str,
    command_line: CommandLine,
    app: SimulatedApp,
    broken_pipe: int,
    tmp_path: Path,
) -> None:
    """If the disk is full or the reader is gone, a command ends with one line and exit status 8."""
    state = tmp_path / "state"
    there = command_line.at(TMPDIR=str(tmp_path))
    if command in {"status", "result"}:
        assert there.run(*ASK, "--state-file", str(state))[0] == 0
    arguments = [each.format(state=state) for each in WITH_OUTPUT[command]]
    with Path("/dev/full").open("w") as full:
        for stdout, unbuffered in ((full, ""), (broken_pipe, "1")):
            status, _, err = there.at(PYTHONUNBUFFERED=unbuffered).run(*arguments, stdout=stdout)
            assert status == 8, err
            assert "Traceback" not in err
            assert err.splitlines()[-1].startswith("Error: the output cannot be written: ")
            if command not in {"session", "demo", "dev-server"}:
                assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("session", "--help")])
def test_unwritable_help_is_status_8(
    arguments: tuple[str, ...], command_line: CommandLine, broken_pipe: int
) -> None:
    """If help cannot be written, the exit status is 8, as for any other output."""
    status, _, err = command_line.run(*arguments, stdout=broken_pipe)
    assert (status, err) == (8, "Error: the output cannot be written: Broken pipe\n")


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_unwritable_answer_is_saved(
    arguments: tuple[str, ...], command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """An answer that cannot be written is saved in a private file, whose path is printed."""
    there = command_line.at(TMPDIR=str(tmp_path))
    with Path("/dev/full").open("w") as full:
        status, _, err = there.run(*ASK, *arguments, stdout=full)
    (path,) = tmp_path.iterdir()
    assert (status, f"The answer was saved in {path}" in err) == (8, True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    answer = json.loads(path.read_text())["answer"]
    assert answer["name"]["attributes"][0]["value"] == NAME


def test_unsavable_answer_is_printed_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If an answer cannot be saved either, it is printed on standard error, as JSON."""
    memory = InMemoryServer(clock=SystemClock())
    requestor = Requestor(memory.url, memory.transport())
    holder = SimulatedApp(memory)
    holder.add(CARD, {"firstnames": NAME})
    started = requestor.start_session(DisclosureRequest({"name": FIRSTNAMES}))
    holder.accept(started.pointer)

    def full(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    keeping.save_answer(requestor.get_answer(started), started)
    lines = capsys.readouterr().err.splitlines()
    answer = json.loads(lines[-1])["answer"]
    assert answer["name"]["attributes"][0]["value"] == NAME


def test_no_session_starts_if_the_output_is_closed(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """If standard output is closed, no session is started."""
    started: list[object] = []
    memory.when_started(started.append)
    status, _, err = command_line.in_shell(f"irma-backend session --disclose {OVER18} >&-")
    assert (status, err) == (8, "Error: the output cannot be written: it is closed\n")
    assert started == []


@pytest.mark.parametrize("target", ["2>&-", "2>/dev/full"])
def test_session_without_a_qr_code_is_cancelled(
    target: str, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """If the QR code cannot be shown, the session is cancelled, because no app can join it."""
    status, out, _ = command_line.in_shell(f"irma-backend session --disclose {OVER18} {target}")
    assert (status, out) == (8, "")
    assert memory.open_sessions() == ()


def test_state_file_replaces_the_qr_code(
    command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """With a state file, which holds the link, the QR code need not be shown."""
    line = f"irma-backend session --json --disclose {OVER18} --state-file {tmp_path / 's'} 2>&-"
    status, out, _ = command_line.in_shell(line)
    assert (status, json.loads(out)["answer"]["0"]["attributes"][0]["value"]) == (0, "Yes")


def test_session_without_readers_is_cancelled(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """If the readers of both streams leave before an app joins, the session is cancelled."""
    holder = SimulatedApp(memory)
    holder.add(CARD, {"over18": "Yes"})
    reader, writer = os.pipe()
    with command_line.start(*ASK, stdout=writer, stderr=writer) as process:
        os.close(writer)
        with os.fdopen(reader) as lines:
            read_until(lines, "INITIALIZED")
        holder.scan(memory.open_sessions()[0].pointer)
        assert process.wait(timeout=300) == 8
    assert memory.open_sessions() == ()


def test_reader_of_the_link_may_leave(command_line: CommandLine, memory: InMemoryServer) -> None:
    """If only the reader of standard error leaves, the answer is still printed."""
    holder = SimulatedApp(memory)
    holder.add(CARD, {"firstnames": NAME})
    with command_line.start(*ASK, "--json") as process:
        read_until(process.stderr, "INITIALIZED")
        assert process.stderr is not None
        process.stderr.close()
        holder.accept(memory.open_sessions()[0].pointer)
        assert process.stdout is not None
        answer = json.loads(process.stdout.read())["answer"]
        assert process.wait(timeout=300) == 0
    assert answer["name"]["attributes"][0]["value"] == NAME


def test_unreadable_error_keeps_its_status(command_line: CommandLine, broken_pipe: int) -> None:
    """An error keeps its exit status if its JSON cannot be written."""
    status, _, err = command_line.run(*ASK, "--json", "--timeout", "1", stdout=broken_pipe)
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
def test_unreadable_input_is_a_clear_message(line: str, command_line: CommandLine) -> None:
    """If input cannot be read, the exit status is a documented one, and there is no traceback."""
    status, out, err = command_line.in_shell(line)
    assert status in {2, 4}
    assert "Traceback" not in err + out
    assert err.splitlines()[-1].startswith("Error: ")


def test_bug_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug is reported as one line with its location and without private values."""

    @click.command()
    def failing() -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("sys.argv", ["irma-backend"])
    assert exits.run(failing) == 9
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(
        "Error: this is a bug in irma-backend (RuntimeError in test_output.py, line "
    )
    assert "hunter2" not in err


@pytest.mark.parametrize("module", ["irma_backend", "irma_backend.cli"])
def test_command_line_runs_as_a_module(module: str) -> None:
    """The command line runs as `python -m irma_backend` and as `python -m irma_backend.cli`."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"],
        env=other_variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("irma-backend, version ")
