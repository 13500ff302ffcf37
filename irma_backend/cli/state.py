"""A session kept in a file between two commands: its token, and what was asked.

Only its owner may read the file: whoever has the token reads the result.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from irma_core import RevocationRequest, Risk, StartedSession
from irma_core.errors import ConfigurationError, RequestError
from irma_core.models.json_text import JsonTextError, read_json, write_json
from irma_core.models.reading import WireError, read_object
from irma_core.models.risks import ready_to_start
from irma_core.models.session_requests import as_extended
from irma_core.models.sessions import SessionPackage
from irma_core.models.wire import read_as, read_request_value, request_value

__all__ = ["load_session", "new_file", "save_session"]

_OWNER_ONLY = 0o600


def new_file(path: Path) -> int:
    """Make a file that only its owner may read; give its descriptor.

    Raises:
        ConfigurationError: It is there already, or cannot be made.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def save_session(descriptor: int, session: StartedSession) -> None:
    """Write a session to what `new_file` made."""
    # A duration has no JSON; what was sent had a date for it.
    ready = ready_to_start(session.request, session.started_at, frozenset(Risk))
    text = write_json(
        {
            "sessionPtr": {"u": session.pointer.url, "irmaqr": session.pointer.type.value},
            "token": session.token.reveal(),
            "request": request_value(ready),
        }
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def load_session(path: Path) -> StartedSession:
    """Read a session that `save_session` wrote; its slots are numbers.

    Raises:
        ConfigurationError: The file is missing, or is none.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    try:
        fields = read_object(read_json(text))
        request = read_request_value(fields["request"])
        package = read_as(fields, SessionPackage)
    except (JsonTextError, WireError, RequestError, KeyError):
        raise ConfigurationError(f"{path}: is no state file of a session") from None
    if isinstance(request, RevocationRequest):
        raise ConfigurationError(f"{path}: is no state file of a session")
    return StartedSession(as_extended(request), package, started_at=datetime.now(UTC))
