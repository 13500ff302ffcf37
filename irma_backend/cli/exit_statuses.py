"""Report an error as one line on standard error, and as the exit status.

Commands that print JSON also print the error as JSON: `{"error": {"name", "exitStatus",
"message"}}`. Some errors also have `slot`, `attribute` or `code`. The code is irmago's name for the
error, the code of a rejected JWT, or the check that a signature failed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import click

from irma_backend.cli.options import usage_message
from irma_backend.cli.output import OutputError, clean, print_json, print_message
from irma_core import Risk
from irma_core.errors import (
    AnswerError,
    IrmaError,
    JwtError,
    NobodyAnsweredError,
    ProofError,
    ServerRefusedError,
    SessionCancelledError,
    SessionGoneError,
    SessionTimedOutError,
    UsageError,
)
from irma_core.json_text import JsonValue
from irma_core.models.remote_errors import NOT_KNOWN

__all__ = [
    "EXIT_STATUSES",
    "FAILED",
    "FAULT",
    "OPTIONS",
    "OUTPUT",
    "REFUSED",
    "RISKS",
    "USAGE",
    "exit_status",
    "note_server",
    "reporting_errors",
    "run",
]

RISKS = {
    "plain-http": Risk.PLAIN_HTTP,
    "demo-attributes": Risk.DEMO_ATTRIBUTES,
    "token-in-return-url": Risk.TOKEN_IN_RETURN_URL,
    "simulated-proofs": Risk.SIMULATED_PROOFS,
}
"""The values of `--allow` for commands that call a server."""

EXIT_STATUSES = {
    0: "Success.",
    2: "Wrong usage: an option, a file, a setting or the request is invalid. Correct it.",
    3: "The session was cancelled, in the app or because the pairing code was wrong.",
    4: "Nobody answered in time, or the session timed out or is gone. Start a new one.",
    5: "The server refused. Check the token or key, and its permissions on the server.",
    6: "There is no answer yet, or no valid answer: a proof, a JWT or a value is not as required.",
    7: "The network or the server failed. Trying again later may help.",
    8: "The output cannot be written. An answer was saved in a file, whose path was printed.",
    9: "A bug in irma-backend. Please report the line that it printed.",
    129: "The terminal was closed (SIGHUP).",
    130: "Interrupted by Ctrl-C (SIGINT).",
    131: "Interrupted by SIGQUIT.",
    143: "Interrupted by SIGTERM, the signal that `kill` sends.",
}
USAGE = 2
OUTPUT = 8
FAULT = 9
REFUSED = 5
FAILED = 7
_BY_ERROR: tuple[tuple[type[IrmaError], int], ...] = (
    (UsageError, USAGE),
    (SessionCancelledError, 3),
    (SessionTimedOutError, 4),
    (SessionGoneError, 4),
    (NobodyAnsweredError, 4),
    (ServerRefusedError, REFUSED),
    (AnswerError, 6),
    (JwtError, 6),
    (ProofError, 6),
    (IrmaError, FAILED),
)
"""The exit status of each class of error. The first class that an error belongs to decides."""
_BY_APP_CODE = {"": USAGE, "SESSION_UNKNOWN": 4}
"""The exit statuses of the `app` commands, by error code. An error without a code means that the
app itself lacks something."""
_INVALID_REQUEST = "INVALID_REQUEST"
_SERVER = "irma_backend.server"
_BAD_REQUEST, _NOT_FOUND = 400, 404
OPTIONS = {
    "frontend_url": "--frontend-url",
    "settings: the file": "--settings: the file",
    "server_key": "--server-key-file",
    "either key or token": "either --key or --token-file",
    "in the argument from_file": "with --from",
    "use read_request for JSON": "--request also takes JSON",
    "use wait_for_answer or watch_status to wait": "irma-backend status prints its status",
    "name it in plugins=": "name it with --plugin",
    "in secrets= (": "in --secret-file (",
    "add a matching credential, or refuse": "give it with --has ATTRIBUTE=VALUE",
    "compare `authentication` with": "compare IRMA_TOKEN or --token-file (or --key and "
    "--requestor) with",
    **{
        f"allow Risk.{risk.name}": f"give --allow {risk.name.lower().replace('_', '-')}"
        for risk in Risk
    },
    **{f'add "{name}" to server.allow': f"give --allow {name}" for name in RISKS},
}
"""Phrases in the library's messages that name arguments, each with one that names the option."""


def exit_status(error: IrmaError) -> int:
    """Return the exit status for an error."""
    if isinstance(error, ServerRefusedError) and error.code == _INVALID_REQUEST:
        # Usually the options name a credential or attribute that does not exist in any scheme.
        of_request = error.http_status == _BAD_REQUEST and error.remote_message != NOT_KNOWN
        return USAGE if of_request else REFUSED
    from irma_testing import AppError  # noqa: PLC0415  # only a command that fails needs it

    if isinstance(error, AppError):
        return _BY_APP_CODE.get(error.code, REFUSED)
    return next(status for kind, status in _BY_ERROR if isinstance(error, kind))


def run(command: click.Command) -> int:
    """Run the command that the process's arguments select, and return its exit status.

    This function raises only `Interrupted`. It reports unexpected errors, too, as one line and an
    exit status.
    """
    try:
        # A command that ends early returns its status; other commands return None.
        status: int | None = command.main(prog_name="irma-backend", standalone_mode=False)
    except click.ClickException as error:
        for line in usage_message(error).split("\n"):
            print_message(line)
        return USAGE
    except click.Abort:  # end of input at a prompt
        print_message("Error: standard input ended before an answer")
        return USAGE
    except OutputError as error:
        print_message(f"Error: the output cannot be written: {error.reason}")
        return OUTPUT
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else FAULT
    except Exception as error:  # noqa: BLE001  # a traceback would show private values
        print_message(
            f"Error: this is a bug in irma-backend ({_location(error)}). Please report this line."
        )
        return FAULT
    return status or 0


@contextmanager
def reporting_errors(*, as_json: bool = False) -> Generator[None]:
    """If the block raises an `IrmaError`, print it as a line on standard error, and exit.

    Args:
        as_json: Whether to also print the error as JSON, on standard output.
    """
    try:
        yield
    except IrmaError as error:
        status, message = exit_status(error), _message(error)
        if as_json:
            with suppress(OutputError):  # the line below has the same message
                print_json({"error": _error_value(error, status, message)})
        print_message(f"Error: {message}")
        sys.exit(status)


def _message(error: IrmaError) -> str:
    message = clean(str(error))
    for argument, option in OPTIONS.items():
        message = message.replace(argument, option)
    if (
        isinstance(error, ServerRefusedError)
        and error.http_status == _NOT_FOUND
        and error.code == _INVALID_REQUEST
    ):
        message += ": --server must be the base URL of an IRMA server, without /irma or /session"
    context = click.get_current_context(silent=True)
    server = "" if context is None else context.meta.get(_SERVER, "")
    if isinstance(error, SessionGoneError) and urlsplit(server).path.rstrip("/").endswith("/irma"):
        message += (
            ". Or --server is wrong: only apps and browsers use URLs below /irma, so give the base "
            "URL without /irma"
        )
    return message


def note_server(url: str) -> None:
    """Remember the server URL of a command, because it may explain a later error."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_SERVER] = url


def _location(error: Exception) -> str:
    """Return the class and location of an error, but not its message, which may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def _error_value(error: IrmaError, status: int, message: str) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = {
        "name": type(error).__name__,
        "exitStatus": status,
        "message": message,
    }
    if isinstance(error, ProofError):
        value["code"] = error.check
    for name in ("code", "slot", "attribute"):
        fact = getattr(error, name, None)
        if fact is not None and fact != "":
            value[name] = fact
    return value
