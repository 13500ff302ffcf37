"""How a command ends: one line on the standard error, and an exit status by kind of error.

A script that reads JSON reads the error, too: `{"error": {"name", "exitStatus", "message"}}`, with
`code` (irmago's name, or a JWT's fault), `slot` and `attribute` where they apply.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from irma_backend.cli.results import print_json
from irma_backend.cli.screen import clean
from irma_core import Risk
from irma_core.errors import (
    AnswerError,
    DeadlineError,
    IrmaError,
    JwtError,
    NobodyAnsweredError,
    ServerRefusedError,
    SessionCancelledError,
    SessionGoneError,
    SessionTimedOutError,
    UsageError,
)
from irma_core.models.json_text import JsonValue
from irma_core.protocol.replies import NOT_KNOWN

__all__ = ["INTERRUPTED", "RISKS", "USAGE", "ending", "exit_status"]

RISKS = {"plain-http": Risk.PLAIN_HTTP, "demo-attributes": Risk.DEMO_ATTRIBUTES}
"""What `--allow` takes where a server is asked."""

USAGE = 2
INTERRUPTED = 130
_BY_ERROR: tuple[tuple[type[IrmaError], int], ...] = (
    (UsageError, USAGE),
    (SessionCancelledError, 3),
    (SessionTimedOutError, 4),
    (SessionGoneError, 4),
    (DeadlineError, 4),
    (NobodyAnsweredError, 4),
    (ServerRefusedError, 5),
    (AnswerError, 6),
    (JwtError, 6),
    (IrmaError, 7),
)
"""The first that fits counts."""
_INVALID_REQUEST = "INVALID_REQUEST"
# The library speaks to programs, and names their arguments.
_OPTIONS = {
    "plugins= names": "--plugin names",
    "in secrets= (": "in --secret-file (",
    **{
        f"allow Risk.{risk.name}": f"give --allow {risk.name.lower().replace('_', '-')}"
        for risk in Risk
    },
}


def exit_status(error: IrmaError) -> int:
    """Give the exit status that stands for an error."""
    if isinstance(error, ServerRefusedError) and error.code == _INVALID_REQUEST:
        # Mostly a credential or an attribute that no scheme has: wrong usage, as seen from here.
        return USAGE if error.remote_message != NOT_KNOWN else 5
    return next(status for kind, status in _BY_ERROR if isinstance(error, kind))


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
            print_json({"error": _facts(error, status, words)})
        sys.stderr.write(f"Error: {words}\n")
        sys.exit(status)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)


def _for_a_terminal(error: IrmaError) -> str:
    words = clean(str(error))
    for argument, option in _OPTIONS.items():
        words = words.replace(argument, option)
    return words


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
