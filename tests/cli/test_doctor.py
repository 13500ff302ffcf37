"""`irma-backend doctor`: its output for people, pipes, programs and issue trackers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irma_backend.doctor.checkup import CHECKS
from irma_testing.misbehaving_server import unused_port
from tests.cli.conftest import TOKEN, CommandLine
from tests.cli.test_schema import check


def test_rows_in_a_pipe(command_line: CommandLine) -> None:
    """In a pipe, each check is a line with its outcome, name, finding and remedy between tabs."""
    status, out, err = command_line.run("doctor", "authentication", "pointer", "store")
    assert status == 0, err
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[:3] for row in rows] == [
        ["ok", "authentication", ""],
        ["warning", "pointer", "pointer.loopback"],
        ["skipped", "store", ""],
    ]
    assert rows[0][3] == "the server accepts the token"
    assert "`url`" in rows[1][4]


def test_json_and_list(command_line: CommandLine) -> None:
    """`--list` names every check, and the JSON of the checks follows the schema."""
    listed = command_line.run("doctor", "--list")[1]
    names = [line.split("\t")[0] for line in listed.splitlines()]
    assert names == [each.name for each in CHECKS]
    assert len(check("doctor", command_line.run("doctor", "--list", "--json")[1])["checks"]) == 15
    status, out, err = command_line.run("doctor", "reachable", "cors", "pointer", "--json")
    assert status == 0, err
    found = {each["name"]: each for each in check("doctor", out)["checks"]}
    assert found["cors"]["findings"] == []
    assert found["pointer"]["findings"][0]["level"] == "warning"


def test_exit_statuses(command_line: CommandLine, tmp_path: Path) -> None:
    """The exit status shows whether the first error is a setting, a refusal or the network."""
    assert command_line.at(IRMA_TOKEN="hunter2").run("doctor", "authentication")[0] == 5
    missing = ("doctor", "settings", "--token-file", str(tmp_path / "missing"))
    assert command_line.run(*missing)[0] == 2
    with unused_port() as port:
        away = ("doctor", "reachable", "events", "--server", f"http://127.0.0.1:{port}", "--json")
        status, out, _ = command_line.run(*away)
    assert status == 7
    assert [each["outcome"] for each in check("doctor", out)["checks"]] == ["error", "skipped"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hunter2",), "must be one of: settings, reachable"),
        (("--named", "login"), "the settings file has no such request"),
        (("--request", "-"), "must be a request in JSON"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str, command_line: CommandLine) -> None:
    """For an unknown check or request, the exit status is 2, and the error repeats no input."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.AAAA"
    status, _, err = command_line.run("doctor", *arguments, stdin=jwt)
    assert (status, words in err, "hunter2" in err) == (2, True, False), err


def test_a_given_request(command_line: CommandLine) -> None:
    """The permissions are checked for the request that the options describe."""
    ask = ("--disclose", "pbdf.gemeente.personalData.over18")
    status, out, err = command_line.run("doctor", "permissions", *ask, "--json")
    assert status == 0, err
    assert json.loads(out)["checks"][0]["seen"].endswith("for the request")


def test_report_has_no_secret(command_line: CommandLine) -> None:
    """The report for an issue tracker has versions and findings, and no token, URL or host."""
    status, out, err = command_line.run("doctor", "pointer", "tls", "--report")
    assert status == 0, err
    assert "irma-backend " in out
    assert "settings: server.url, authentication.token\n" in out
    assert "| pointer | warning | pointer.loopback: " in out
    assert not any(value in out for value in (TOKEN, command_line.server, "127.0.0.1"))


def test_findings_at_a_terminal(command_line: CommandLine) -> None:
    """At a terminal, each finding follows its check, with what to do about it."""
    with command_line.at_terminal("doctor", "--list") as terminal:
        terminal.read_until("Is the official browser package")
        assert terminal.end() == 0
    with command_line.at_terminal("doctor", "tls", "pointer", columns=300) as terminal:
        seen = terminal.read_until("[pointer.loopback]")
        assert terminal.end() == 0
    assert "The QR code points to a loopback address" in seen
    broken = command_line.at(IRMA_TOKEN="hunter2")
    with broken.at_terminal("doctor", "authentication", columns=300) as terminal:
        assert "$ irma-backend config" in terminal.read_until("[authentication.refused]")
        assert terminal.end() == 5
