"""What must not be lost once a person has answered, although it cannot be written or fetched.

It is kept in a new file that only its owner may read, and whose path is said on the standard error.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from irma_backend.cli.output import tell
from irma_backend.cli.results import answer_text
from irma_backend.cli.state import session_text
from irma_core import Answer, StartedSession

__all__ = ["keep_answer", "keep_session"]


def keep_answer(answer: Answer, session: StartedSession) -> None:
    """Keep an answer that could not be written to the standard output."""
    text = answer_text(answer, session)
    path = _written("irma-answer-", text)
    if path is None:
        tell("The answer could not be written to any file either. It is:")
        tell(text)
    else:
        tell(f"The answer is in {path}, which only you can read. Remove it after use.")


def keep_session(session: StartedSession) -> None:
    """Keep a session that the person answered, and whose answer could not be fetched."""
    path = _written("irma-session-", session_text(session))
    if path is not None:
        tell("The person has answered, and the server keeps the answer for some minutes. Get it by")
        tell(f"irma-backend result --state-file {path}")


def _written(prefix: str, text: str) -> Path | None:
    for directory in _directories():
        with suppress(OSError):
            descriptor, path = tempfile.mkstemp(".json", prefix, directory)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(f"{text}\n")
            except OSError:
                Path(path).unlink()
                raise
            return Path(path)
    return None


def _directories() -> Iterator[Path]:
    with suppress(OSError):
        yield Path(tempfile.gettempdir())
    with suppress(RuntimeError):  # nobody's home
        yield Path.home()
