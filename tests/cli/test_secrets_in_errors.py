"""No error repeats the user's input, which may be a secret in the wrong place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from irma_backend.cli import exit_statuses as exits
from irma_backend.cli.exit_statuses import OPTIONS
from irma_backend.cli.main import main

SECRET = "hunter2Hunter2Hunter"  # as long as a requestor token
ROOT = Path(__file__).parent.parent.parent
NEEDED = {"--server": "http://127.0.0.1:1", "--disclose": "a.b.c.d", "--server-key-file": "x"}
"""Options that let a command read the other options; no server listens at the URL."""


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        yield name, command


def places() -> Iterator[tuple[str, ...]]:
    """Yield every command line with the secret in one place."""
    for name, command in commands():
        options = {
            option.opts[0]: option for option in command.params if isinstance(option, click.Option)
        }
        for flag, option in options.items():
            needed = [
                part
                for other, value in NEEDED.items()
                if other in options and other != flag
                for part in (other, value)
            ]
            if option.is_flag:
                yield name, *needed, f"{flag}={SECRET}"
            elif flag != "--sign":
                yield name, *needed, flag, SECRET
                yield name, *needed, flag, f"{SECRET}={SECRET}"
        # A directory is printed when the browser package has been put there.
        yield (name, "--from", SECRET) if name == "browser-package" else (name, SECRET)
        yield name, f"--{SECRET}"
        yield name, f"-{SECRET}"
    yield (SECRET,)
    yield (f"--{SECRET}",)
    yield ("--request", SECRET)


def is_finding(arguments: tuple[str, ...]) -> bool:
    """Return whether a command reports what is wrong on its standard output."""
    return arguments[0] == "doctor"


@pytest.mark.parametrize("arguments", [*places()], ids=" ".join)
def test_no_error_repeats_the_input(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A secret in any place of any command line is not printed."""
    monkeypatch.setattr("sys.argv", ["irma-backend", *arguments])
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO()))
    status = exits.run(main)
    out, err = capsys.readouterr()
    assert status in {0, 2, 7}, err
    assert SECRET not in out + err
    assert status == 0 or is_finding(arguments) or err.splitlines()[-1].startswith("Error: ")


def test_misspelt_command_is_suggested() -> None:
    """The error for a misspelt command suggests the right one without repeating the input."""
    assert "Did you mean session?" in CliRunner().invoke(main, ["sesion"]).output


def strings_of(path: Path) -> Iterator[str]:
    """Yield the strings of a module; the placeholders of a formatted string become "{}"."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield "".join(map(str, parts))


def test_replaced_words_exist_in_the_library() -> None:
    """Each phrase that the command line replaces occurs in an error of the library."""
    table = Path(str(exits.__file__))
    strings = [
        string
        for package in ("irma_core", "irma_backend", "irma_testing", "irma_web")
        for path in (ROOT / package).rglob("*.py")
        if path != table
        for string in strings_of(path)
    ]
    words = [words for words in OPTIONS if not words.startswith(("allow Risk.", 'add "'))]
    # The name of the argument is a placeholder in the error.
    words[words.index("settings: the file")] = "{}: the file"
    assert [each for each in words if not any(each in string for string in strings)] == []
