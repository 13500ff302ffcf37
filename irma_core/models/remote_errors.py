"""The server's own account of an error, in a response's body or in a result.

Names of errors are open: later servers have others. The constants are those that this library acts
on or that its users ask for.
"""

from __future__ import annotations

import re
from typing import Final, final

import attrs

from irma_core.tracebacks import boundary

__all__ = [
    "ATTRIBUTES_EXPIRED",
    "INTERNAL_ERROR",
    "INVALID_PROOFS",
    "SESSION_UNKNOWN",
    "RemoteError",
]

SESSION_UNKNOWN: Final = "SESSION_UNKNOWN"
INTERNAL_ERROR: Final = "INTERNAL_ERROR"
INVALID_PROOFS: Final = "INVALID_PROOFS"
ATTRIBUTES_EXPIRED: Final = "ATTRIBUTES_EXPIRED"

# A part of an identifier (`pbdf.…`) may have 20 letters too; a full stop at its end makes none.
_TOKENLIKE = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9A-Za-z]\.)[0-9A-Za-z]{20}(?!\.?[0-9A-Za-z])|eyJ[\w.-]{20,}", re.ASCII
)
_LONGEST = 300


def _printable(text: str) -> str:
    """Give a text without what looks like a secret, on one line and not too long."""
    line = "".join(letter if letter.isprintable() else " " for letter in _TOKENLIKE.sub("…", text))
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


@final
@boundary
@attrs.frozen
class RemoteError:
    """What the server says went wrong. Source: irmago `RemoteError`.

    Args:
        status: The HTTP status that goes with it.
        error: The error's name, such as `SESSION_UNKNOWN`.
        description: What that name means.
        message: On this case; may quote what was sent.
        stacktrace: From a server in verbose mode; never printed.
    """

    status: int
    error: str = attrs.field(converter=_printable)
    description: str = attrs.field(default="", converter=_printable)
    message: str = attrs.field(default="", kw_only=True, repr=False)
    stacktrace: str = attrs.field(default="", kw_only=True, repr=False)

    def printable_message(self) -> str:
        """Give the message without what looks like a secret, on one line and not too long."""
        return _printable(self.message)
