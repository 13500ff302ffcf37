"""A session kept in a file between two commands: its token, and what was asked.

Only its owner may read the file: whoever has the token reads the result. A file that others could
have written or read is refused.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import attrs

from irma_backend.cli.output import answer_text, tell
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
    "keep_answer",
    "keep_session",
    "load_session",
    "new_state_file",
    "session_text",
]


_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# A pipe would be waited for, and a link leads to a file of somebody's choice.
_AS_IT_IS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_SESSION = "--state-file: the file is not a state file of a session"


@attrs.frozen
class NewStateFile:
    """A state file in the making: its path is reserved, and it appears only when complete."""

    path: Path
    _draft: Path

    def save(self, session: StartedSession) -> None:
        """Write a session; the file appears with all its content.

        Raises:
            ConfigurationError: It cannot be written, or is there meanwhile.
        """
        try:
            self._draft.write_text(session_text(session), encoding="utf-8")
            _move(self._draft, self.path)
        except OSError as error:
            reason = _reason(error)
        else:
            return
        raise ConfigurationError(f"--state-file: cannot write the file: {reason}")


@contextmanager
def new_state_file(path: Path) -> Generator[NewStateFile]:
    """Make sure that there can be a new file, before a session is started.

    Raises:
        ConfigurationError: It is there already, or cannot be made.
    """
    draft = reason = ""
    try:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        descriptor, draft = tempfile.mkstemp(prefix=".irma-session-", dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        reason = _reason(error)
    if not draft:
        raise ConfigurationError(f"--state-file: cannot make the file: {reason}")
    try:
        yield NewStateFile(path, Path(draft))
    finally:
        with suppress(OSError):
            Path(draft).unlink(missing_ok=True)


def session_text(session: StartedSession) -> str:
    """Return a session as `load_session` reads it."""
    # A duration has no JSON; what was sent had a date for it.
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
    """Read a session that was written by `save`.

    Raises:
        ConfigurationError: The file is missing, is not a state file, or is not its owner's alone.
    """
    session = _session_of(_private_bytes(path))
    if session is None:
        raise ConfigurationError(_NO_SESSION)
    return session


def _session_of(text: bytes) -> StartedSession | None:
    try:
        fields = read_object(read_json(text))
        request = read_request_value(fields["request"])
        package = read_session_package(fields)
        started_at = datetime.fromisoformat(str(fields["startedAt"])).astimezone(UTC)
    except (JsonTextError, WireError, RequestError, KeyError, ValueError, OverflowError):
        return None
    if isinstance(request, RevocationRequest):
        return None
    return StartedSession(as_extended(request), package, started_at=started_at)


def _private_bytes(path: Path) -> bytes:
    descriptor, reason = None, ""
    try:
        descriptor = os.open(path, _AS_IT_IS)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else _reason(error)
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
        raise ConfigurationError(_NO_SESSION)
    if hasattr(os, "geteuid"):
        if found.st_uid != os.geteuid():
            raise ConfigurationError("--state-file: the file belongs to another user")
        if found.st_mode & _OTHERS:
            raise ConfigurationError(
                "--state-file: other users may read or write the file; if you trust what is in "
                "it, make it yours alone: chmod 600"
            )


def _move(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links; a rename alone would replace what is there.
        if os.path.lexists(path):
            raise
        draft.rename(path)


def _reason(error: OSError) -> str:
    return error.strerror or "it failed"


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
