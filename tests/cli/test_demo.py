"""`irma-backend demo`, and the overview of all commands."""

from __future__ import annotations

from tests.cli.conftest import CommandLine


def test_the_demo_shows_an_answer_and_what_is_none(command_line: CommandLine) -> None:
    """Statuses in order, a table, and one line for each thing that is not accepted."""
    status, out, err = command_line.run("demo")
    assert status == 0
    shown = [err.index(word) for word in ("INITIALIZED", "CONNECTED", "DONE", "never taken")]
    assert shown == sorted(shown)
    assert out.startswith("Proved\n")
    assert "Ada" in out
    assert "a refusal: SessionCancelledError" in err
    assert "a cheating app: ProofNotValidError" in err
    assert "a wrong value: WrongValueError" in err


def test_the_overview_names_each_command(command_line: CommandLine) -> None:
    """Each of them says its options."""
    status, out, _ = command_line.run("--help")
    assert status == 0
    for name in ("session", "status", "result", "cancel", "public-key", "health", "dev-server"):
        assert f"  {name} " in out
        assert command_line.run(name, "--help")[0] == 0
