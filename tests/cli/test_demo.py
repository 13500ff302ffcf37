"""`irma-backend demo`, and the overview of all commands."""

from __future__ import annotations

from tests.cli.conftest import CommandLine


def test_demo_shows_answers_and_refusals(command_line: CommandLine) -> None:
    """The demo shows the statuses in order, the answer, and one line for each refused result."""
    status, out, err = command_line.run("demo")
    assert status == 0
    shown = [err.index(word) for word in ("INITIALIZED", "CONNECTED", "DONE", "Never accepted")]
    assert shown == sorted(shown)
    assert out.startswith("age\t")
    assert "\tAda\t" in out
    assert "a refusal: SessionCancelledError" in err
    assert "a cheating app: ProofNotValidError" in err
    assert "a wrong value: WrongValueError" in err


def test_overview_lists_the_commands(command_line: CommandLine) -> None:
    """`--help` lists the commands, and each command has its own --help."""
    status, out, _ = command_line.run("--help")
    assert status == 0
    for name in ("session", "status", "result", "cancel", "public-key", "health", "help"):
        assert f"  {name} " in out
        assert command_line.run(name, "--help")[0] == 0
