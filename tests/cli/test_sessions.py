"""`irma-backend session`: exit statuses for people and JSON for scripts."""

from __future__ import annotations

import json
import re
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from irma_backend.dev_server import running_server
from irma_core import ProofStatus, SessionPointer
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.cli.conftest import CARD, FIRSTNAMES, OVER18, TOKEN, CommandLine, read_until

ADULT = ("session", "--disclose", f"age={OVER18}==Yes", "--disclose", f"name?={FIRSTNAMES}")
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
Act = Callable[[SimulatedApp, SessionPointer], object]


def test_answer_is_bare_lines_in_a_pipe(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """In a pipe, the answer is lines with tabs, and standard error has link and statuses."""
    memory.when_started(app.accept)
    status, out, err = command_line.run(*ADULT)
    assert status == 0
    assert "https://open.yivi.app/-/session#" in err
    assert "DONE" in err
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[:3] for row in rows] == [["age", OVER18, "Yes"], ["name", FIRSTNAMES, "Ada"]]
    assert all(ISO_TIME.fullmatch(row[3]) for row in rows)
    assert "Ada" not in err


def test_answer_is_json_for_scripts(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """With --json the answer is one line, which identifies the session by a fingerprint."""
    memory.when_started(app.accept)
    status, out, _err = command_line.run(*ADULT, "--json")
    assert status == 0
    value = json.loads(out)
    assert re.fullmatch("[0-9a-f]{12}", value["session"])
    assert (value["type"], value["evidence"]) == ("disclosing", "transport")
    (age,) = value["answer"]["age"]["attributes"]
    assert (age["id"], age["value"]) == (OVER18, "Yes")
    assert value["answer"]["name"]["attributes"][0]["value"] == "Ada"


def test_signature_and_issuance(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """--sign and --issue start signature and issuance sessions."""
    memory.when_started(app.accept)
    status, out, _ = command_line.run(
        "session", "--sign", "I agree", "--disclose", OVER18, "--json"
    )
    assert status == 0
    assert json.loads(out)["signature"]["message"] == "I agree"
    status, out, _ = command_line.run("session", "--issue", f"{CARD}:over18=No", "--json")
    assert (status, json.loads(out)["type"]) == (0, "issuing")


def test_issued_credentials_are_shown(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """The types of issued credentials are shown as text and as JSON."""
    memory.when_started(app.accept)
    issue = ("session", "--issue", f"{CARD}:over18=No")
    assert command_line.run(*issue)[:2] == (0, f"{CARD}\n")
    with command_line.at_terminal(*issue, "--disclose", OVER18) as terminal:
        assert terminal.end() == 0
    assert "Proved" in terminal.seen
    assert f"Issued: {CARD}" in terminal.seen
    _, out, _ = command_line.run(*issue, "--json")
    assert json.loads(out)["issuedCredentials"] == [CARD]


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_request_from_a_file_or_the_input(
    way: str, command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """--request reads JSON as in the IRMA documentation, from a file or standard input."""
    memory.when_started(app.accept)
    context = "https://irma.app/ld/request/disclosure/v2"
    text = json.dumps({"@context": context, "disclose": [[[OVER18]]]})
    path = tmp_path / "request.json"
    path.write_text(text)
    source = str(path) if way == "file" else "-"
    status, out, _ = command_line.run("session", "--request", source, "--json", stdin=text)
    assert status == 0
    assert json.loads(out)["answer"]["0"]["attributes"][0]["value"] == "Yes"


def cheat(app: SimulatedApp, pointer: SessionPointer) -> None:
    app.scan(pointer).cheat(ProofStatus.INVALID)


@pytest.mark.parametrize(
    ("act", "expected", "words"),
    [
        (SimulatedApp.refuse, 3, "cancelled"),
        (cheat, 6, "not valid"),
    ],
)
def test_missing_answers_have_exit_statuses(
    act: Act,
    expected: int,
    words: str,
    command_line: CommandLine,
    memory: InMemoryServer,
    app: SimulatedApp,
) -> None:
    """Each reason for a missing answer has its exit status, and a message as text and JSON."""
    memory.when_started(lambda pointer: act(app, pointer))
    status, out, err = command_line.run(*ADULT, "--json")
    assert status == expected
    error = json.loads(out)["error"]
    assert error["exitStatus"] == expected
    assert error["name"].endswith("Error")
    assert words in err.splitlines()[-1]
    assert err.splitlines()[-1] == f"Error: {error['message']}"
    assert "Traceback" not in err


def test_wrong_path_is_suspected_when_a_session_is_gone(command_line: CommandLine) -> None:
    """If --server ends in /irma, as the URL of a session does, the error says to leave it out."""
    for path, is_suspected in (("/irma", True), ("/irma/", True), ("", False)):
        wrong = command_line.at(IRMA_SERVER=f"{command_line.server}{path}")
        status, _, err = wrong.run("status", stdin="a" * 20)
        assert (status, "so give the base URL without /irma" in err) == (4, is_suspected), err


def test_unanswered_session_is_status_4(command_line: CommandLine) -> None:
    """If a session is not answered, the exit status is 4."""
    status, _, err = command_line.run(*ADULT, "--timeout", "1")
    assert status == 4
    assert err.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("session",), "expected --disclose"),
        (("session", "--disclose", "age"), "--disclose 1: "),
        (("session", "--disclose", f"a={OVER18}", "--disclose", f"a={OVER18}"), "same name"),
        (("session", "--disclose", OVER18, "--request", "-"), "expected --disclose"),
        (("session", "--sign", "x", "--issue", f"{CARD}:over18=No"), "either --sign or --issue"),
        (("session", "--issue", f"{CARD}:over18"), "NAME=VALUE"),
        (
            ("session", "--request", "/nowhere.json"),
            "--request: cannot read the file: No such file",
        ),
        (("session", "--request", sys.executable), "must be in UTF-8"),
        (("session", "--disclose", "irma-demo.a.b.c"), "give --allow demo-attributes"),
        (("session", "--mode"), "No such option"),
        (("status", "--state-file", "/nowhere"), "No such file"),
        (
            ("status", "--state-file", "/dev/null"),
            "expected a file that irma-backend session wrote",
        ),
        (("status",), "expected --state-file FILE, or the requestor token"),
        (("nothing",), "No such command"),
    ],
)
def test_wrong_usage_is_a_clear_message(
    arguments: tuple[str, ...], words: str, command_line: CommandLine
) -> None:
    """For wrong usage, the exit status is 2, and there is a message without a traceback."""
    status, out, err = command_line.run(*arguments)
    assert words in err.replace("\n", " ")
    assert (status, out) == (2, "")
    assert "Traceback" not in err


def test_unknown_credential_is_wrong_usage(command_line: CommandLine) -> None:
    """For a credential that the server's schemes lack, the exit status is 2."""
    strict = InMemoryServer(clock=SystemClock(), scheme=EXAMPLE_SCHEME)
    with running_server(strict) as url:
        there = command_line.at(IRMA_SERVER=url, IRMA_TOKEN="")
        status, _, err = there.run("session", "--disclose", "a.b.c.d")
    assert status == 2
    assert "HTTP 400 INVALID_REQUEST" in err
    assert "Traceback" not in err


def test_refusing_or_missing_server(command_line: CommandLine) -> None:
    """The exit status is 5 if the server refuses, and 7 if it is down; no message has the token."""
    status, _, err = command_line.at(IRMA_TOKEN="wrong-token-5").run(*ADULT)
    assert status == 5
    assert "wrong-token-5" not in err
    status, _, err = command_line.at(IRMA_SERVER="http://127.0.0.1:1").run(*ADULT)
    assert status == 7
    assert TOKEN not in err
    status, _, err = command_line.at(IRMA_SERVER="http://irma.example").run(*ADULT)
    assert status == 2
    assert "give --allow plain-http" in err


def test_wrong_url_or_token_names_the_option(command_line: CommandLine) -> None:
    """If the server refuses the base URL or the token, the message names the option to check."""
    for path in ("/irma", "/nothing"):
        there = command_line.at(IRMA_SERVER=f"{command_line.server}{path}")
        status, _, err = there.run(*ADULT)
        assert (status, "Traceback" in err) == (5, False)
        assert "base URL" in err
    for token in ("wrong", "a b"):
        status, _, err = command_line.at(IRMA_TOKEN=token).run(*ADULT)
        assert (status, "IRMA_TOKEN or --token-file" in err) == (5, True)
        assert "`authentication`" not in err


def test_json_errors_have_details(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """JSON errors have the server's error code, or the slot and attribute of the mismatch."""
    _, out, _ = command_line.at(IRMA_TOKEN="wrong").run(*ADULT, "--json")
    assert json.loads(out)["error"]["code"] == "UNAUTHORIZED"
    status, out, _ = command_line.run("result", stdin="A" * 20)
    assert (status, json.loads(out)["error"]["name"]) == (4, "SessionGoneError")
    path = tmp_path / "session.json"
    memory.when_started(app.accept)
    assert command_line.run("session", "--disclose", OVER18, "--state-file", str(path))[0] == 0
    asked = {"type": OVER18, "value": "No"}
    path.write_text(path.read_text().replace(f'"{OVER18}"', json.dumps(asked)))
    status, out, _ = command_line.run("result", "--state-file", str(path))
    error = json.loads(out)["error"]
    assert (status, error["name"]) == (6, "WrongValueError")
    assert (error["slot"], error["attribute"]) == (0, OVER18)


@pytest.mark.parametrize("arguments", [ADULT, ("demo", "--server", "{server}")])
def test_ctrl_c_cancels_the_session(
    arguments: tuple[str, ...], command_line: CommandLine, memory: InMemoryServer
) -> None:
    """Ctrl-C cancels the session at the server and exits with status 130."""
    server = command_line.server
    with command_line.start(*[each.format(server=server) for each in arguments]) as process:
        read_until(process.stderr, "INITIALIZED")
        assert len(memory.open_sessions()) == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert memory.open_sessions() == ()


def test_commands_read_the_state_file(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """status, result and cancel read a private state file, which is never overwritten."""
    memory.when_started(app.accept)
    path = tmp_path / "session.json"
    state = ("--state-file", str(path))
    assert command_line.run(*ADULT, *state)[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert command_line.run("status", *state)[:2] == (0, "DONE\n")
    status, out, _ = command_line.run("result", *state)
    assert status == 0
    assert json.loads(out)["answer"]["age"]["attributes"][0]["value"] == "Yes"
    assert command_line.run("cancel", *state)[0] == 0
    status, _, err = command_line.run(*ADULT, *state)
    assert (status, "File exists" in err) == (2, True)


def test_token_from_the_input(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp, tmp_path: Path
) -> None:
    """With only a token, `status` works, and `result` prints an unchecked result."""
    memory.when_started(app.accept)
    path = tmp_path / "session.json"
    command_line.run(*ADULT, "--state-file", str(path))
    token = json.loads(path.read_text())["token"]
    assert command_line.run("status", stdin=token)[:2] == (0, "DONE\n")
    status, out, err = command_line.run("result", stdin=f"{token}\n")
    assert status == 0
    assert json.loads(out)["proofStatus"] == "VALID"
    assert token not in out + err
    status, _, err = command_line.run("status", stdin="0" * 20)
    assert (status, "expired or lost" in err) == (4, True)


def test_public_key_and_health(command_line: CommandLine) -> None:
    """`public-key` prints the server's key in PEM, and `health` prints that the server is up."""
    status, out, _ = command_line.run("public-key")
    assert status == 0
    assert out.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert command_line.run("health") == (0, "up\n", "")


def test_terminal_shows_the_qr_code_and_a_table(
    command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """A terminal shows the QR code, how long the command waits, and the answer as a table."""
    memory.url = "https://irma.example"
    memory.when_started(app.accept)
    with command_line.at_terminal(*ADULT) as terminal:
        assert terminal.end() == 0
    assert "\u2580" in terminal.seen
    assert "\x1b[" in terminal.seen
    for words in ("Waiting up to 5 minutes.", "Proved", "Ada", "this week"):
        assert words in terminal.seen


@pytest.mark.parametrize(("answer", "expected"), [("y\n", 0), ("n\n", 3), ("\n", 3), ("\x04", 3)])
def test_pairing_asks_for_confirmation(
    answer: str, expected: int, command_line: CommandLine, memory: InMemoryServer, app: SimulatedApp
) -> None:
    """The pairing code is shown before and at the question, and any answer but yes cancels."""
    with command_line.at_terminal(*ADULT, "--pairing") as terminal:
        seen = terminal.read_until("INITIALIZED")
        assert len(re.findall(r"The app must show this code: \d{4}", seen)) == 1
        app.accept(memory.open_sessions()[0].pointer)
        seen = terminal.read_until("Does the app show that code?")
        assert len(set(re.findall(r"The app must show this code: (\d{4})", seen))) == 1
        assert seen.count("The app must show this code") == 2
        terminal.type(answer)
        assert terminal.end() == expected
    assert ("Proved" in terminal.seen) is (expected == 0)


def test_pairing_needs_the_frontend_url(command_line: CommandLine, memory: InMemoryServer) -> None:
    """Pairing fails unless session pointers lead to --frontend-url or IRMA_FRONTEND_URL."""
    waiting = (*ADULT, "--pairing", "--timeout", "1")
    status, _, err = command_line.run(*waiting, "--frontend-url", command_line.server)
    assert (status, "The app must show this code" in err) == (4, True)
    for elsewhere in (
        command_line.run(*waiting, "--frontend-url", "https://irma.example"),
        command_line.at(IRMA_FRONTEND_URL="https://irma.example").run(*waiting),
    ):
        status, _, err = elsewhere
        assert status == 2
        assert err.count("--frontend-url") == 2
    status, _, err = command_line.run(*waiting, "--frontend-url", "irma.example")
    assert (status, "Error: --frontend-url" in err) == (2, True)
    assert memory.open_sessions() == ()


def test_control_characters_are_replaced(command_line: CommandLine, memory: InMemoryServer) -> None:
    """Escape sequences and direction marks in attribute values do not reach the terminal."""
    odd = SimulatedApp(memory)
    name = "\x1b[2J\u202eadA\x07\x9b1m\U000e0041"
    odd.add(CARD, {"over18": "Yes", "firstnames": name})
    memory.when_started(odd.accept)
    status, out, _ = command_line.run(*ADULT)
    assert status == 0
    assert "\ufffd[2J\ufffdadA\ufffd" in out
    assert not set(name) & set(out) - set("[2JadA1m")
    status, out, _ = command_line.run(*ADULT, "--json")
    assert not set(name) & set(out) - set("[2JadA1m")
    assert json.loads(out)["answer"]["name"]["attributes"][0]["value"] == name
