"""Save sessions and answers in private files.

A state file holds a session between two commands: its token and its request. Anyone who has the
token can read the result, so a file that other users can read or write is refused. `save_answer`
and `save_session` rescue an answer when a command ends early.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import attrs

from irma_backend.cli.json_values import answer_value
from irma_backend.cli.output import json_line, print_message
from irma_core import Answer, RevocationRequest, Risk, StartedSession
from irma_core.errors import ConfigurationError, RequestError
from irma_core.json_text import JsonTextError, read_json, write_json
from irma_core.models.risks import resolve_request
from irma_core.models.session_requests import as_extended
from irma_core.wire.read_requests import read_request_value
from irma_core.wire.read_results import read_session_package
from irma_core.wire.values import WireError, read_object
from irma_core.wire.write_requests import named_request_value

__all__ = [
    "NewStateFile",
    "load_session",
    "new_state_file",
    "save_answer",
    "save_session",
    "session_json",
]


_OTHER_USERS = stat.S_IRWXG | stat.S_IRWXO
# Opening a pipe would block, and another user could have chosen where a link points.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NOT_A_STATE_FILE = "--state-file: expected a file that irma-backend session wrote"


@attrs.frozen
class NewStateFile:
    """A state file to write. It appears at its path only when it is complete."""

    path: Path
    _draft: Path

    def save(self, session: StartedSession) -> None:
        """Write a session to the file.

        Raises:
            ConfigurationError: The file cannot be written, or exists already.
        """
        try:
            self._draft.write_text(session_json(session), encoding="utf-8")
            _publish(self._draft, self.path)
        except OSError as error:
            reason = _os_reason(error)
        else:
            return
        raise ConfigurationError(f"--state-file: cannot write the file: {reason}")


@contextmanager
def new_state_file(path: Path) -> Generator[NewStateFile]:
    """Check that a new file can be created, before a session is started.

    Raises:
        ConfigurationError: The file exists already, or cannot be created.
    """
    draft = reason = ""
    try:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        descriptor, draft = tempfile.mkstemp(prefix=".irma-session-", dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        reason = _os_reason(error)
    if not draft:
        raise ConfigurationError(f"--state-file: cannot create the file: {reason}")
    try:
        yield NewStateFile(path, Path(draft))
    finally:
        with suppress(OSError):
            Path(draft).unlink(missing_ok=True)


def session_json(session: StartedSession) -> str:
    """Return a session as JSON for `load_session`."""
    # The server received a validity as a date, even if it was given as a duration.
    ready = resolve_request(session.request, session.started_at, frozenset(Risk))
    return write_json(
        {
            "sessionPtr": {"u": session.pointer.url, "irmaqr": session.pointer.type.value},
            "token": session.token.reveal(),
            "startedAt": session.started_at.isoformat(),
            "request": named_request_value(ready),
        }
    )


def load_session(path: Path) -> StartedSession:
    """Return the session in a state file.

    Raises:
        ConfigurationError: The file is missing, is not a state file, or can be read or written by
            other users.
    """
    session = _parse_session(_read_private_file(path))
    if session is None:
        raise ConfigurationError(_NOT_A_STATE_FILE)
    return session


def _parse_session(content: bytes) -> StartedSession | None:
    try:
        fields = read_object(read_json(content, unique_keys=True))
        request = read_request_value(fields["request"])
        package = read_session_package(fields)
        if isinstance(request, RevocationRequest):
            return None
        started_at = datetime.fromisoformat(str(fields["startedAt"]))
        return StartedSession(as_extended(request), package, started_at=started_at)
    except (JsonTextError, WireError, RequestError, KeyError, ValueError):
        return None  # UsageError, which a naive time causes, is a ValueError


def _read_private_file(path: Path) -> bytes:
    descriptor, reason = None, ""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else _os_reason(error)
    if descriptor is None:
        raise ConfigurationError(f"--state-file: cannot read the file: {reason}")
    try:
        _check_private(os.fstat(descriptor))
    except ConfigurationError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _check_private(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(_NOT_A_STATE_FILE)
    if hasattr(os, "geteuid"):
        if found.st_uid != os.geteuid():
            raise ConfigurationError("--state-file: the file belongs to another user")
        if found.st_mode & _OTHER_USERS:
            raise ConfigurationError(
                "--state-file: other users can read or write the file. If you trust its contents, "
                "run chmod 600 on it"
            )


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has hard links. A rename would replace an existing file, so check
        # first.
        if os.path.lexists(path):
            raise
        draft.rename(path)


def _os_reason(error: OSError) -> str:
    return error.strerror or "it failed"


def save_answer(answer: Answer, session: StartedSession) -> None:
    """Save an answer that could not be written to standard output."""
    text = json_line(answer_value(answer, session), "ascii")
    path = _write_private_file("irma-answer-", text)
    if path is None:
        print_message("The answer could not be saved in a file either. Here it is:")
        print_message(text)
    else:
        print_message(
            f"The answer was saved in {path}, which only you can read. Delete it after use."
        )


def save_session(session: StartedSession) -> None:
    """Save a session whose answer could not be fetched."""
    path = _write_private_file("irma-session-", session_json(session))
    if path is not None:
        print_message(
            "The app has answered, and the server keeps the answer for some minutes. To get it:"
        )
        print_message(f"irma-backend result --state-file {path}")


def _write_private_file(prefix: str, text: str) -> Path | None:
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
    with suppress(RuntimeError):  # the user has no home directory
        yield Path.home()
