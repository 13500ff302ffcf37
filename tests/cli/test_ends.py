"""However a command ends, no session stays open that nobody waits for."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EventStream, InMemoryServer, SimulatedApp
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, CommandLine, read_until

ASK = ("session", "--disclose", f"age={OVER18}", "--json")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@attrs.define
class Gate:
    """Holds back one kind of request to the server, or answers in its place."""

    memory: InMemoryServer
    method: str = ""
    path: str = ""
    until: str = ""
    answer: Callable[[HttpRequest], HttpResponse] | None = None
    came: threading.Event = attrs.field(factory=threading.Event)
    opened: threading.Event = attrs.field(factory=threading.Event)

    def watch(self) -> None:
        """Stand before the server."""
        subscribe = self.memory.subscribe

        def handled(request: HttpRequest) -> EventStream | HttpResponse:
            if request.method == self.until:
                self.path = ""
            held = bool(self.path) and request.method == self.method
            if held and re.fullmatch(self.path, request.url.partition("//")[2]):
                if self.answer is not None:
                    return self.answer(request)
                response = subscribe(request)
                self.came.set()
                assert self.opened.wait(60)
                return response
            return subscribe(request)

        self.memory.subscribe = handled  # type: ignore[method-assign]


@pytest.fixture
def gate(memory: InMemoryServer, url: str) -> Iterator[Gate]:
    """A gate that opens before the server is stopped, which waits for what it still answers."""
    gate = Gate(memory)
    gate.watch()
    yield gate
    gate.opened.set()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; give exit status, standard output and the rest of the standard error."""
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_a_time_out_cancels_the_session(command_line: CommandLine, memory: InMemoryServer) -> None:
    """No person can disclose to nobody."""
    status, out, err = command_line.run(*ASK, "--timeout", "1")
    assert (status, json.loads(out)["error"]["name"]) == (4, "NobodyAnsweredError")
    assert "The session was cancelled." in err
    assert memory.open_sessions() == ()


def test_a_state_file_keeps_the_session_after_a_time_out(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """Its answer can be fetched later, with the names of its slots."""
    state = ("--state-file", str(tmp_path / "state"))
    assert command_line.run(*ASK, *state, "--timeout", "1")[0] == 4
    (session,) = memory.open_sessions()
    app.accept(session.pointer)
    status, out, _ = command_line.run("result", *state)
    assert (status, list(json.loads(out)["answer"])) == (0, ["age"])


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_cancels_the_session(
    number: int, command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """The exit status is the one by which shells know the signal; a state file changes nothing."""
    with command_line.start(*ASK, "--state-file", str(tmp_path / "state")) as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(number)
        status, out, err = ended(process)
    assert (status, out) == (128 + number, "")
    assert err.splitlines()[-1].startswith("Interrupted")
    assert memory.open_sessions() == ()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_the_start_waits_for_the_reply(
    number: int, gate: Gate, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """Only the reply names the session that is to be cancelled."""
    gate.method, gate.path = "POST", "[^/]*/session"
    with command_line.start(*ASK) as process:
        assert gate.came.wait(60)
        process.send_signal(number)
        read_until(process.stderr, "Ctrl-C again ends at once")
        gate.opened.set()
        status, _, _ = ended(process)
    assert status == 128 + number
    assert memory.open_sessions() == ()


def test_a_second_ctrl_c_ends_at_once(gate: Gate, command_line: CommandLine) -> None:
    """Also while the server does not reply."""
    gate.method, gate.path = "POST", "[^/]*/session"
    with command_line.start(*ASK) as process:
        assert gate.came.wait(60)
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, "Ctrl-C again ends at once")
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] == 130


def test_a_signal_that_comes_twice_still_cancels(
    gate: Gate, command_line: CommandLine, memory: InMemoryServer
) -> None:
    """A terminal that is closed sends SIGHUP more than once."""
    gate.method, gate.path = "DELETE", ".*"
    with command_line.start(*ASK) as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(signal.SIGHUP)
        assert gate.came.wait(60)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        gate.opened.set()
        status, _, err = ended(process)
    assert (status, "The session was cancelled." in err) == (129, True)
    assert memory.open_sessions() == ()


def test_a_signal_that_the_parent_ignores_is_ignored(
    command_line: CommandLine, memory: InMemoryServer
) -> None:
    """As `nohup` asks for."""
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with command_line.start(*ASK, preexec_fn=ignore) as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 143
    assert memory.open_sessions() == ()


def kept_file(err: str, folder: Path, kind: str) -> Path:
    """Give the one private file that was named and left in a directory."""
    (path,) = folder.iterdir()
    assert path.name.startswith(f"irma-{kind}-")
    assert str(path) in err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path


def test_a_signal_while_the_answer_is_fetched_loses_nothing(
    gate: Gate, command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """The person has answered, so the answer is kept in a file."""
    gate.method, gate.path = "GET", ".*/session/[^/]*/result"
    gate.memory.when_started(app.accept)
    with command_line.at(TMPDIR=str(tmp_path)).start(*ASK) as process:
        assert gate.came.wait(60)
        process.send_signal(signal.SIGTERM)
        said = read_until(process.stderr, "Ctrl-C again ends at once")
        gate.opened.set()
        status, out, err = ended(process)
    assert (status, out) == (143, "")
    kept = json.loads(kept_file(said + err, tmp_path, "answer").read_text())
    assert kept["answer"]["age"]["attributes"][0]["value"] == "Yes"


def test_a_signal_while_the_answer_is_printed_loses_nothing(
    command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """Here nobody reads the pipe, which is smaller than the answer."""
    holder = SimulatedApp(memory)
    holder.add(CARD, {"over18": "Yes", "firstnames": "A" * 150_000})
    memory.when_started(holder.accept)
    asked = ("session", "--disclose", f"name={FIRSTNAMES}", "--json")
    with command_line.at(TMPDIR=str(tmp_path)).start(*asked) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        said = read_until(process.stderr, "Interrupted")
        assert process.wait(timeout=60) == 143
        rest = process.stdout.read()
    kept = kept_file(said, tmp_path, "answer").read_text()
    assert json.loads(kept)["answer"]["name"]["attributes"][0]["value"] == "A" * 150_000
    assert len(first + rest) < len(kept)


@pytest.mark.parametrize("keys", ["\x03", "\x1c"])
def test_ctrl_c_at_the_pairing_question_cancels(
    keys: str, command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """As anywhere else."""
    with command_line.at_terminal(*ASK, "--pairing") as terminal:
        terminal.read_until("INITIALIZED")
        app.accept(memory.open_sessions()[0].pointer)
        terminal.read_until("Does the app show that code?")
        terminal.type(keys)
        assert terminal.end() == {"\x03": 130, "\x1c": 131}[keys]
    assert "Traceback" not in terminal.seen
    assert memory.open_sessions() == ()


def test_the_pairing_question_waits_no_longer_than_the_session(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """Nobody types anything: the timeout of the command counts."""
    with command_line.at_terminal(*ASK, "--pairing", "--timeout", "3") as terminal:
        terminal.read_until("INITIALIZED")
        app.accept(memory.open_sessions()[0].pointer)
        assert terminal.end() == 4
    assert "Does the app show that code?" in terminal.seen
    assert memory.open_sessions() == ()


def test_a_yes_that_comes_too_late_tells_how_the_session_ended(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """The app has gone meanwhile."""
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
    """While watching, and at the question."""
    with command_line.at_terminal(*ASK, "--pairing") as terminal:
        terminal.read_until("INITIALIZED")
        if word != "INITIALIZED":
            app.accept(memory.open_sessions()[0].pointer)
            terminal.read_until(word)
        terminal.close()
        assert terminal.process.wait(timeout=60) == 129
    assert memory.open_sessions() == ()


def no(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(403, (("content-type", "text/plain"),), body=b"no")


@pytest.mark.parametrize("kept", [False, True])
def test_a_failing_pairing_cancels_the_session(
    kept: bool, gate: Gate, command_line: CommandLine, memory: InMemoryServer, tmp_path: Path
) -> None:
    """Also one in a state file: it would be open to any app."""
    gate.method, gate.path, gate.answer = "POST", ".*/frontend/options", no
    state = ("--state-file", str(tmp_path / "state")) if kept else ()
    status, _, err = command_line.run(*ASK, "--pairing", *state)
    assert (status, "Traceback" in err) == (5, False)
    assert memory.open_sessions() == ()


def test_an_answer_that_cannot_be_fetched_can_be_fetched_later(
    gate: Gate, command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """The session is kept in a file, and the command that reads it is named."""
    gate.method, gate.path, gate.answer = "GET", ".*/session/[^/]*/result", no
    gate.memory.when_started(app.accept)
    status, _, err = command_line.at(TMPDIR=str(tmp_path)).run(*ASK)
    assert status == 5
    path = kept_file(err, tmp_path, "session")
    gate.path = ""
    assert f"irma-backend result --state-file {path}" in err
    status, out, _ = command_line.run("result", "--state-file", str(path))
    assert (status, list(json.loads(out)["answer"])) == (0, ["age"])


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_an_answer_at_the_last_moment_is_not_lost(
    number: int | None, gate: Gate, command_line: CommandLine, app: SimulatedApp, tmp_path: Path
) -> None:
    """The person was faster than the cancelling: it is printed, or can be fetched later."""
    stale = HttpResponse(200, (("content-type", "application/json"),), body=b'"INITIALIZED"')

    def told(request: HttpRequest) -> HttpResponse:
        return no(request) if request.url.endswith("events") else stale

    gate.method, gate.path, gate.until, gate.answer = "GET", ".*/status(events)?", "DELETE", told
    gate.memory.when_started(app.accept)
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
        kept_file(said + err, tmp_path, "session")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_development_server_ends_by_a_signal(number: int, command_line: CommandLine) -> None:
    """It serves up to then, and says nothing of a fault."""
    with command_line.start("dev-server", "--port", "0") as process:
        read_until(process.stderr, "Ctrl-C ends it")
        process.send_signal(number)
        status, out, err = ended(process)
    assert (status, out.count("\n")) == (128 + number, 2)
    assert err.splitlines()[-1].startswith("Interrupted")


def test_the_demo_ends_by_a_signal(command_line: CommandLine) -> None:
    """Its server and its app end with it."""
    with command_line.start("demo") as process:
        read_until(process.stderr, "INITIALIZED")
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 143
