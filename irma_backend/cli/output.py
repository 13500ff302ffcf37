"""The two standard streams: the answer goes to the output, everything else to the error stream.

Belongs here: what happens when a stream is closed, full or in another encoding. Does not belong
here: what is written (`results` for scripts, `screen` for people).
"""

from __future__ import annotations

import os
import select
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO, cast

from irma_core import Answer, DisclosedAttribute, IssuanceRequest, SessionResult
from irma_core.json_text import JsonValue, read_json, write_json
from irma_core.models.sessions import StartedSession

__all__ = [
    "OutputError",
    "answer_text",
    "clean",
    "guard",
    "has_failed",
    "is_control_character",
    "issued_in",
    "nobody_reads",
    "print_answer",
    "print_json",
    "print_unchecked",
    "put",
    "tell",
]


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that steer a terminal or turn the direction of text."""
_BROKEN = getattr(select, "POLLERR", 0) | getattr(select, "POLLHUP", 0)


class OutputError(Exception):
    """A standard stream cannot be written; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Guarded:
    """A text stream whose failures are `OutputError`, or are only noted.

    It has no `buffer`: click and rich would write past it.

    Args:
        stream: The stream of the interpreter; None if the process was started without one.
        number: Its file descriptor.
        raises: Whether a failure is raised.
    """

    def __init__(self, stream: TextIO | None, number: int, *, raises: bool) -> None:
        self._stream = stream
        self._number = number
        self._raises = raises
        self._reason = "it is closed" if stream is None else ""
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self.encoding = "utf-8" if stream is None else stream.encoding
        self.errors = "backslashreplace"

    @property
    def failed(self) -> bool:
        """Whether nothing can be written any more."""
        return bool(self._reason)

    def write(self, text: str) -> int:
        if self.failed:
            self._fail(self._reason)
        self._do(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._do(lambda stream: stream.flush())

    def isatty(self) -> bool:
        with suppress(ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        return self._number

    def writable(self) -> bool:
        return True

    def _do(self, what: Callable[[TextIO], object]) -> None:
        if self._stream is None or self.failed:
            return
        try:
            what(self._stream)
        except OSError as error:
            self._fail(error.strerror or "it failed")
        except ValueError:
            self._fail("it is closed")

    def _fail(self, reason: str) -> None:
        if not self.failed:
            self._reason = reason
            self.abandon()
        if self._raises:
            raise OutputError(reason) from None

    def abandon(self) -> None:
        """Let what is still buffered go nowhere when the interpreter ends."""
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._number)
            os.close(null)


def guard() -> None:
    """Put guarded streams in the place of the interpreter's."""
    for number in range(3):
        try:
            # A parent may have left a pipe that refuses what does not fit at once.
            if number and not os.get_blocking(number):
                os.set_blocking(number, True)
            os.fstat(number)
        except OSError:
            # Otherwise a socket could be opened under this number.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = cast("TextIO", _Guarded(sys.stdout, 1, raises=True))
    sys.stderr = cast("TextIO", _Guarded(sys.stderr, 2, raises=False))


def put(text: str) -> None:
    """Write an answer to the standard output.

    Raises:
        OutputError: It cannot be written.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Write a line for people to the standard error, made safe for a terminal."""
    sys.stderr.write(f"{clean(text)}\n")
    sys.stderr.flush()


def abandon() -> None:
    """Drop what is still to be written: a reader that has stopped would hold up the end."""
    if isinstance(sys.stdout, _Guarded):
        sys.stdout.abandon()


def has_failed(stream: TextIO) -> bool:
    """Return whether nothing can be written to a standard stream any more."""
    return isinstance(stream, _Guarded) and stream.failed


def nobody_reads() -> bool:
    """Return whether the standard error has failed and the standard output is broken, too."""
    if not (has_failed(sys.stderr) and hasattr(select, "poll")):
        return False
    polling = select.poll()
    polling.register(1, 0)
    return any(event & _BROKEN for _, event in polling.poll(0))


def clean(text: str) -> str:
    """Make a text from outside safe for a terminal: what would steer it shows as U+FFFD."""
    return "".join("\ufffd" if is_control_character(each) else each for each in text)


def is_control_character(letter: str) -> bool:
    """Return whether a character would steer a terminal, or cannot be seen."""
    return unicodedata.category(letter) in _UNSAFE


def print_json(value: JsonValue) -> None:
    """Print a value on one line.

    What would steer a terminal, or has no place in the encoding of the standard output, is escaped
    as JSON can.

    Raises:
        OutputError: It cannot be written.
    """
    put(_line(value, sys.stdout.encoding))


def _line(value: JsonValue, encoding: str) -> str:
    written = write_json(value)
    try:
        written.encode(encoding)
    except UnicodeEncodeError:
        return "".join(each if each.isascii() else _escaped(each) for each in written)
    return "".join(_escaped(each) if is_control_character(each) else each for each in written)


def _escaped(letter: str) -> str:
    # Two units for what lies beyond the first 65,536; half a pair stays half a pair.
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def print_answer(answer: Answer, session: StartedSession) -> None:
    """Print the answer of a session.

    Raises:
        OutputError: It cannot be written.
    """
    print_json(_answer_value(answer, session))


def answer_text(answer: Answer, session: StartedSession) -> str:
    """Return the same line as ASCII, for a file."""
    return _line(_answer_value(answer, session), "ascii")


def issued_in(session: StartedSession) -> Sequence[str]:
    """Return the credential types that a session issues when it is done."""
    asked = session.request.request
    if not isinstance(asked, IssuanceRequest):
        return ()
    return [credential.credential for credential in asked.credentials]


def _answer_value(answer: Answer, session: StartedSession) -> JsonValue:
    slots: dict[str, JsonValue] = {
        str(slot): {"option": answered.option, "attributes": _attributes(answered)}
        for slot, answered in answer.items()
    }
    value: dict[str, JsonValue] = {
        "session": answer.token.fingerprint,
        "type": answer.type.value,
        "evidence": answer.evidence.value,
        "answer": slots,
    }
    if answer.signature is not None:
        value["signature"] = read_json(answer.signature.json_text)
    if issued := issued_in(session):
        value["issuedCredentials"] = list(issued)
    return value


def print_unchecked(result: SessionResult) -> None:
    """Print a result that was compared with no request."""
    disclosed: list[JsonValue] = [
        None if each is None else _attributes(each) for each in result.unchecked_disclosed
    ]
    print_json(
        {
            "session": result.token.fingerprint,
            "type": result.type.value,
            "status": result.status.value,
            "proofStatus": result.proof_status.value if result.proof_status else None,
            "disclosed": disclosed,
        }
    )


def _attributes(attributes: Iterable[DisclosedAttribute]) -> list[JsonValue]:
    return [
        {
            "id": each.attribute,
            "value": each.raw_value,
            "issued": int(each.issued_at.timestamp()),
        }
        for each in attributes
    ]
