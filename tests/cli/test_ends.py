"""However a command ends, it leaves no session open unattended and loses no answer."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from irma_core import SessionPointer
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EventStream, InMemoryServer, SimulatedApp
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, CommandLine, read_until

ASK = ("session", "--disclose", f"age={OVER18}", "--json")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@attrs.define
class Gate:
    """Holds back one kind of request to the server, or responds to it."""

    memory: InMemoryServer
    method: str = ""
    path: str = ""
    until: str = ""
    """The method of the request after which the gate no longer holds anything back."""
    accepted: threading.Event | None = None
    """An optional event that the request waits for, while the app answers in another thread."""
    answer: Callable[[HttpRequest], HttpResponse] | None = None
    came: threading.Event = attrs.field(factory=threading.Event)
    opened: threading.Event = attrs.field(factory=threading.Event)

    def watch(self) -> None:
        """Put the gate in front of the server."""
        subscribe = self.memory.subscribe

        def handled(request: HttpRequest) -> EventStream | HttpResponse:
            if request.method == self.until:
                assert self.accepted is None or self.accepted.wait(300)
                self.path = ""
            held = bool(self.path) and request.method == self.method
            if held and re.fullmatch(self.path, request.url.partition("//")[2]):
                if self.answer is not None:
                    return self.answer(request)
                response = subscribe(request)
                self.came.set()
                assert self.opened.wait(300)
                return response
            return subscribe(request)

        self.memory.subscribe = handled  # type: ignore[method-assign]


@pytest.fixture
def gate(memory: InMemoryServer, url: str) -> Iterator[Gate]:
    """A gate that opens before the server stops, because the stop waits for running requests."""
    gate = Gate(memory)
    gate.watch()
    yield gate
    gate.opened.set()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return exit status, standard output and rest of standard error."""
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_timeout_cancels_the_session(command_line: CommandLine, memory: InMemoryServer) -> None:
    """A session without an answer is cancelled at the timeout."""
    status, out, err = command_line.run(*ASK, "--timeout", "1")
    assert (status, json.loads(out)["error"]["name"]) == (4, "NobodyAnsweredError")
    assert "The session was cancelled." in err
    assert memory.open_sessions() == ()


def test_state_file_keeps_the_session_open(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """A session in a state file survives the timeout, and its answer has the slot names."""
    state = ("--state-file", str(tmp_path / "state"))
    assert command_line.run(*ASK, *state, "--timeout", "1")[0] == 4
    (session,) = memory.open_sessions()
    app.accept(session.pointer)
    status, out, _ = command_line.run("result", *state)
    assert (status, list(json.loads(out)["answer"])) == (0, ["age"])


def test_failing_test_ends_its_command(command_line: CommandLine) -> None:
    """If the block that uses a command fails, a command that runs until Ctrl-C is killed."""
    with pytest.raises(ZeroDivisionError), command_line.start("app", "watch") as process:
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_cancels_the_session(
    number: int, command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """A signal cancels the session, with or without a state file, and sets the exit status."""
    with command_line.start(*ASK, "--state-file", str(tmp_path / "state")) as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(number)
        status, out, err = ended(process)
    assert (status, out) == (128 + number, "")
    assert err.splitlines()[-1].startswith("Interrupted")
    assert memory.open_sessions() == ()


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_waits_for_the_start(
    number: int, gate: Gate, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """A signal during the start takes effect after the reply, which has the session to cancel."""
    gate.method, gate.path = "POST", "[^/]*/session"
    with command_line.start(*ASK) as process:
        assert gate.came.wait(300)
        process.send_signal(number)
        read_until(process.stderr, "Press Ctrl-C again")
        gate.opened.set()
        status, _, _ = ended(process)
    assert status == 128 + number
    assert memory.open_sessions() == ()


def test_second_ctrl_c_ends_at_once(gate: Gate, command_line: CommandLine) -> None:
    """A second Ctrl-C ends the command even while the server does not reply."""
    gate.method, gate.path = "POST", "[^/]*/session"
    with command_line.start(*ASK) as process:
        assert gate.came.wait(300)
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, "Press Ctrl-C again")
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] == 130


def test_repeated_signals_still_cancel(
    gate: Gate, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """Repeated signals, as from a closed terminal, do not prevent the cancelling."""
    gate.method, gate.path = "DELETE", ".*"
    with command_line.start(*ASK) as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(signal.SIGHUP)
        assert gate.came.wait(300)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        gate.opened.set()
        status, _, err = ended(process)
    assert (status, "The session was cancelled." in err) == (129, True)
    assert memory.open_sessions() == ()


def test_ignored_signals_stay_ignored(command_line: CommandLine, memory: InMemoryServer) -> None:
    """A signal that the parent process ignores, as `nohup` does, stays ignored."""
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with command_line.start(*ASK, preexec_fn=ignore) as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 143
    assert memory.open_sessions() == ()


def saved_file(err: str, folder: Path, kind: str) -> Path:
    """Return the one private file in a directory, which the message names."""
    (path,) = folder.iterdir()
    assert path.name.startswith(f"irma-{kind}-")
    assert str(path) in err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path


def test_signal_during_the_fetch_saves_the_answer(
    gate: Gate, command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """If a signal arrives while the answer is fetched, the answer is saved in a file."""
    gate.method, gate.path = "GET", ".*/session/[^/]*/result"
    gate.memory.when_started(app.accept)
    with command_line.at(TMPDIR=str(tmp_path)).start(*ASK) as process:
        assert gate.came.wait(300)
        process.send_signal(signal.SIGTERM)
        said = read_until(process.stderr, "Press Ctrl-C again")
        gate.opened.set()
        status, out, err = ended(process)
    assert (status, out) == (143, "")
    kept = json.loads(saved_file(said + err, tmp_path, "answer").read_text())
    assert kept["answer"]["age"]["attributes"][0]["value"] == "Yes"


def test_signal_during_the_output_saves_the_answer(
    command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """If a signal arrives while the output blocks, the answer is saved in a file."""
    holder = SimulatedApp(memory)
    holder.add(CARD, {"over18": "Yes", "firstnames": "A" * 150_000})
    memory.when_started(holder.accept)
    asked = ("session", "--disclose", f"name={FIRSTNAMES}", "--json")
    with command_line.at(TMPDIR=str(tmp_path)).start(*asked) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        said = read_until(process.stderr, "Interrupted")
        assert process.wait(timeout=300) == 143
        rest = process.stdout.read()
    kept = saved_file(said, tmp_path, "answer").read_text()
    assert json.loads(kept)["answer"]["name"]["attributes"][0]["value"] == "A" * 150_000
    assert len(first + rest) < len(kept)


@pytest.mark.parametrize("keys", ["\x03", "\x1c"])
def test_ctrl_c_at_the_pairing_question_cancels(
    keys: str, command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """Ctrl-C at the pairing question cancels the session."""
    with command_line.at_terminal(*ASK, "--pairing") as terminal:
        terminal.read_until("INITIALIZED")
        app.accept(memory.open_sessions()[0].pointer)
        terminal.read_until("Does the app show that code?")
        terminal.type(keys)
        assert terminal.end() == {"\x03": 130, "\x1c": 131}[keys]
    assert "Traceback" not in terminal.seen
    assert memory.open_sessions() == ()


def test_pairing_question_has_the_timeout(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """The pairing question waits no longer than `--timeout`."""
    with command_line.at_terminal(*ASK, "--pairing", "--timeout", "10") as terminal:
        terminal.read_until("INITIALIZED")
        app.accept(memory.open_sessions()[0].pointer)
        assert terminal.end() == 4
    assert "Does the app show that code?" in terminal.seen
    assert memory.open_sessions() == ()


def test_late_yes_reports_the_end(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """If the app refuses during the pairing question, a later yes reports the cancellation."""
    with command_line.at_terminal(*ASK, "--pairing") as terminal:
        terminal.read_until("INITIALIZED")
        (session,) = memory.open_sessions()
        scanned = app.scan(session.pointer)
        terminal.read_until("Does the app show that code?")
        scanned.refuse()
        terminal.type("y\n")
        assert terminal.end() == 3


@pytest.mark.parametrize("word", ["INITIALIZED", "Does the app show that code?"])
def test_closing_the_terminal_cancels(
    word: str, command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """Closing the terminal cancels the session, while watching and at the pairing question."""
    with command_line.at_terminal(*ASK, "--pairing") as terminal:
        terminal.read_until("INITIALIZED")
        if word != "INITIALIZED":
            app.accept(memory.open_sessions()[0].pointer)
            terminal.read_until(word)
        terminal.close()
        assert terminal.process.wait(timeout=300) == 129
    assert memory.open_sessions() == ()


def refuse(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(403, (("content-type", "text/plain"),), body=b"no")


@pytest.mark.parametrize("kept", [False, True])
def test_failing_pairing_cancels_the_session(
    kept: bool, gate: Gate, command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """A session without pairing would accept any app, so it is cancelled even with a state file."""
    gate.method, gate.path, gate.answer = "POST", ".*/frontend/options", refuse
    state = ("--state-file", str(tmp_path / "state")) if kept else ()
    status, _, err = command_line.run(*ASK, "--pairing", *state)
    assert (status, "Traceback" in err) == (5, False)
    assert memory.open_sessions() == ()


def test_failed_fetch_saves_the_session(
    gate: Gate, command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """If the answer cannot be fetched, the session is saved for `result --state-file`."""
    gate.method, gate.path, gate.answer = "GET", ".*/session/[^/]*/result", refuse
    gate.memory.when_started(app.accept)
    status, _, err = command_line.at(TMPDIR=str(tmp_path)).run(*ASK)
    assert status == 5
    path = saved_file(err, tmp_path, "session")
    gate.path = ""
    assert f"irma-backend result --state-file {path}" in err
    status, out, _ = command_line.run("result", "--state-file", str(path))
    assert (status, list(json.loads(out)["answer"])) == (0, ["age"])


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_answer_just_before_the_cancel_is_not_lost(
    number: int | None, gate: Gate, command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """If an answer arrives just before the cancelling, it is printed, or its session is saved."""
    stale = HttpResponse(200, (("content-type", "application/json"),), body=b'"INITIALIZED"')

    def stale_status(request: HttpRequest) -> HttpResponse:
        return refuse(request) if request.url.endswith("events") else stale

    accepted = gate.accepted = threading.Event()

    def accept(pointer: SessionPointer) -> None:
        app.accept(pointer)
        accepted.set()

    gate.method, gate.path, gate.until, gate.answer = (
        "GET",
        ".*/status(events)?",
        "DELETE",
        stale_status,
    )
    gate.memory.when_started(accept)
    there = command_line.at(TMPDIR=str(tmp_path))
    with there.start(*ASK, "--timeout", "1" if number is None else "60") as process:
        said = read_until(process.stderr, "INITIALIZED")
        if number is not None:
            process.send_signal(number)
        status, out, err = ended(process)
    if number is None:
        assert (status, "Yes" in out) == (0, True)
    else:
        assert (status, out) == (143, "")
        saved_file(said + err, tmp_path, "session")


DEAF = """
import os, signal, sys, time
from irma_backend.cli.interrupts import Interrupted, catch_signals, ignore_signals

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):  # the handler runs here, and Python drops what it raises
            pass

catch_signals()
try:
    Deaf()
    time.sleep(60)
except Interrupted as interrupt:
    try:
        time.sleep(0.5)  # nothing is raised while it is being handled
        print("cleaned up")
    finally:
        ignore_signals()
    sys.exit(interrupt.status)
"""


def test_signal_during_a_finalizer_ends_the_command() -> None:
    """A signal ends a command even if Python drops the exception of its handler."""
    ended = subprocess.run(
        [sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (143, "cleaned up\n", "")


STARTING = """
import os, signal, sys

class Impatient:
    def find_spec(self, name, *_):
        if name == "irma_core":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Impatient())
sys.argv = ["irma-backend", "plugins"]
from irma_backend.cli.__main__ import begin
begin()
"""


def test_signal_during_the_imports_ends_the_command() -> None:
    """A signal that comes while a command is still being imported shows no traceback."""
    ended = subprocess.run(
        [sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=300, check=False
    )
    result = (ended.returncode, ended.stdout, ended.stderr)
    assert result == (143, "", "Interrupted by SIGTERM.\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_ends_the_dev_server(number: int, command_line: CommandLine) -> None:
    """A signal ends the development server without reporting a bug."""
    with command_line.start("dev-server", "--port", "0") as process:
        read_until(process.stderr, "Press Ctrl-C to stop")
        process.send_signal(number)
        status, out, err = ended(process)
    assert (status, out.count("\n")) == (128 + number, 2)
    assert err.splitlines()[-1].startswith("Interrupted")


def test_signal_ends_the_demo(command_line: CommandLine) -> None:
    """A signal ends the demo, its server and its app."""
    with command_line.start("demo") as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 143
