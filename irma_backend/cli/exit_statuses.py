"""How a command ends: one line on the standard error, and an exit status by kind of error.

A script that reads JSON reads the error, too: `{"error": {"name", "exitStatus", "message"}}`, with
`code` (irmago's name, or a JWT's fault), `slot` and `attribute` where they apply.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from irma_backend.cli.options import usage_text
from irma_backend.cli.output import OutputError, clean, print_json, tell
from irma_core import Risk
from irma_core.errors import (
    AnswerError,
    IrmaError,
    JwtError,
    NobodyAnsweredError,
    ServerRefusedError,
    SessionCancelledError,
    SessionGoneError,
    SessionTimedOutError,
    UsageError,
)
from irma_core.json_text import JsonValue
from irma_core.models.remote_errors import NOT_KNOWN

__all__ = ["FAULT", "OPTIONS", "OUTPUT", "RISKS", "USAGE", "ending", "exit_status", "run"]

RISKS = {
    "plain-http": Risk.PLAIN_HTTP,
    "demo-attributes": Risk.DEMO_ATTRIBUTES,
    "token-in-return-url": Risk.TOKEN_IN_RETURN_URL,
}
"""What `--allow` takes where a server is asked."""

USAGE = 2
OUTPUT = 8
FAULT = 9
_REFUSED = 5
_BY_ERROR: tuple[tuple[type[IrmaError], int], ...] = (
    (UsageError, USAGE),
    (SessionCancelledError, 3),
    (SessionTimedOutError, 4),
    (SessionGoneError, 4),
    (NobodyAnsweredError, 4),
    (ServerRefusedError, _REFUSED),
    (AnswerError, 6),
    (JwtError, 6),
    (IrmaError, 7),
)
"""The first that fits counts."""
_INVALID_REQUEST = "INVALID_REQUEST"
_BAD_REQUEST, _NOT_FOUND = 400, 404
OPTIONS = {
    "frontend_url": "--frontend-url",
    "either key or token": "either --key or --token-file",
    "read_request reads JSON": "--request takes JSON, too",
    "use wait_for_answer or watch_status to wait": "irma-backend status says how far it is",
    "plugins= names": "--plugin names",
    "in secrets= (": "in --secret-file (",
    "compare `authentication` with": "compare IRMA_TOKEN or --token-file (or --key and "
    "--requestor) with",
    **{
        f"allow Risk.{risk.name}": f"give --allow {risk.name.lower().replace('_', '-')}"
        for risk in Risk
    },
}
"""The library speaks to programs and names their arguments: what a person reads in their place."""


def exit_status(error: IrmaError) -> int:
    """Return the exit status that stands for an error."""
    if isinstance(error, ServerRefusedError) and error.code == _INVALID_REQUEST:
        # Mostly a credential or an attribute that no scheme has: wrong usage, as seen from here.
        of_request = error.http_status == _BAD_REQUEST and error.remote_message != NOT_KNOWN
        return USAGE if of_request else _REFUSED
    return next(status for kind, status in _BY_ERROR if isinstance(error, kind))


def run(command: click.Command) -> int:
    """Run the command of the process's arguments, and return its exit status.

    Nothing but `Interrupted` comes out of it: what is not foreseen is a line and a status too.
    """
    try:
        # A command that ends early returns its status; the others return None.
        status: int | None = command.main(prog_name="irma-backend", standalone_mode=False)
    except click.ClickException as error:
        for line in usage_text(error).split("\n"):
            tell(line)
        return USAGE
    except click.Abort:  # the end of the input, where an answer was expected
        tell("Error: the standard input has ended")
        return USAGE
    except OutputError as error:
        tell(f"Error: the output cannot be written: {error.reason}")
        return OUTPUT
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else FAULT
    except Exception as error:  # noqa: BLE001  # a traceback would show what is private
        tell(f"Error: a fault of irma-backend: {_place(error)}. Please report this line.")
        return FAULT
    return status or 0


@contextmanager
def ending(*, as_json: bool = False) -> Generator[None]:
    """Turn what the library raises into a line on the standard error and an exit status.

    Args:
        as_json: Whether the standard output is JSON: then it has the error, too.
    """
    try:
        yield
    except IrmaError as error:
        status, words = exit_status(error), _for_a_terminal(error)
        if as_json:
            with suppress(OutputError):  # the line below says the same
                print_json({"error": _facts(error, status, words)})
        tell(f"Error: {words}")
        sys.exit(status)


def _for_a_terminal(error: IrmaError) -> str:
    words = clean(str(error))
    for argument, option in OPTIONS.items():
        words = words.replace(argument, option)
    if (
        isinstance(error, ServerRefusedError)
        and error.http_status == _NOT_FOUND
        and error.code == _INVALID_REQUEST
    ):
        words += ": --server must be the base URL of an IRMA server, without /irma or /session"
    return words


def _place(error: Exception) -> str:
    """Return the kind of an error and where it was raised; its text may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def _facts(error: IrmaError, status: int, words: str) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {
        "name": type(error).__name__,
        "exitStatus": status,
        "message": words,
    }
    for name in ("code", "slot", "attribute"):
        fact = getattr(error, name, None)
        if fact is not None:
            facts[name] = fact
    return facts
