"""How a command ends: one line on the standard error, and an exit status by kind of error."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from irma_backend.cli.screen import clean
from irma_core.errors import (
    AnswerError,
    DeadlineError,
    IrmaError,
    JwtError,
    ServerRefusedError,
    SessionCancelledError,
    SessionGoneError,
    SessionTimedOutError,
    UsageError,
)

__all__ = ["INTERRUPTED", "USAGE", "ending", "exit_status"]

USAGE = 2
INTERRUPTED = 130
_BY_ERROR: tuple[tuple[type[IrmaError], int], ...] = (
    (UsageError, USAGE),
    (SessionCancelledError, 3),
    (SessionTimedOutError, 4),
    (SessionGoneError, 4),
    (DeadlineError, 4),
    (ServerRefusedError, 5),
    (AnswerError, 6),
    (JwtError, 6),
    (IrmaError, 7),
)
"""The first that fits counts."""
_INVALID_REQUEST = "INVALID_REQUEST"
_NOT_KNOWN = "request could not be authenticated"
"""What irmago says under the same name where it does not know the requestor."""


def exit_status(error: IrmaError) -> int:
    """Give the exit status that stands for an error."""
    if isinstance(error, ServerRefusedError) and error.code == _INVALID_REQUEST:
        # Mostly a credential or an attribute that no scheme has: wrong usage, as seen from here.
        return USAGE if error.remote_message != _NOT_KNOWN else 5
    return next(status for kind, status in _BY_ERROR if isinstance(error, kind))


@contextmanager
def ending() -> Generator[None]:
    """Turn what the library raises into a line on the standard error and an exit status."""
    try:
        yield
    except IrmaError as error:
        sys.stderr.write(f"Error: {clean(str(error))}\n")
        sys.exit(exit_status(error))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)
