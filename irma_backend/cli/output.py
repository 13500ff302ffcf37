"""Write the answer to the standard output, and everything else to the standard error.

`guard_streams` makes both streams safe for any encoding, and for a reader that has gone. The
functions at the end print answers and results as JSON, on one line, for scripts.
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
    "answer_json",
    "clean",
    "guard_streams",
    "has_failed",
    "has_lost_reader",
    "is_control_character",
    "issued_in",
    "print_answer",
    "print_json",
    "print_line",
    "print_message",
    "print_unchecked",
]


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that control a terminal or the direction of text."""
_BROKEN = getattr(select, "POLLERR", 0) | getattr(select, "POLLHUP", 0)


class OutputError(Exception):
    """A standard stream cannot be written; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _GuardedStream:
    """A text stream that raises `OutputError` if it fails, or only records the failure.

    It has no `buffer`, which click and rich would write to directly.

    Args:
        stream: The interpreter's stream, or None if the process was started without one.
        number: Its file descriptor.
        raises: Whether a failure raises.
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
        """Whether writing has failed."""
        return bool(self._reason)

    def write(self, text: str) -> int:
        if self.failed:
            self._fail(self._reason)
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(lambda stream: stream.flush())

    def isatty(self) -> bool:
        with suppress(ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def fileno(self) -> int:
        return self._number

    def writable(self) -> bool:
        return True

    def _try(self, action: Callable[[TextIO], object]) -> None:
        if self._stream is None or self.failed:
            return
        try:
            action(self._stream)
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
        """Discard buffered output, which the interpreter would flush when it ends."""
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._number)
            os.close(null)


def guard_streams() -> None:
    """Replace the interpreter's streams by guarded ones."""
    for number in range(3):
        try:
            # A non-blocking pipe from the parent would refuse output that does not fit.
            if number and not os.get_blocking(number):
                os.set_blocking(number, True)
            os.fstat(number)
        except OSError:
            # Reserve the descriptor, or the next socket would get its number.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = cast("TextIO", _GuardedStream(sys.stdout, 1, raises=True))
    sys.stderr = cast("TextIO", _GuardedStream(sys.stderr, 2, raises=False))


def print_line(text: str) -> None:
    """Write a line to the standard output.

    Raises:
        OutputError: It cannot be written.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_message(text: str) -> None:
    """Write a line to the standard error, without control characters."""
    sys.stderr.write(f"{clean(text)}\n")
    sys.stderr.flush()


def discard_output() -> None:
    """Discard buffered output. Flushing it could block on a reader that has stopped reading."""
    if isinstance(sys.stdout, _GuardedStream):
        sys.stdout.abandon()


def has_failed(stream: TextIO) -> bool:
    """Return whether writing to a standard stream has failed."""
    return isinstance(stream, _GuardedStream) and stream.failed


def has_lost_reader() -> bool:
    """Return whether the readers of both standard streams have gone."""
    if not (has_failed(sys.stderr) and hasattr(select, "poll")):
        return False
    polling = select.poll()
    polling.register(1, 0)
    return any(event & _BROKEN for _, event in polling.poll(0))


def clean(text: str) -> str:
    """Return a string with each control character replaced by U+FFFD."""
    return "".join("\ufffd" if is_control_character(each) else each for each in text)


def is_control_character(character: str) -> bool:
    """Return whether a character controls a terminal or is invisible."""
    return unicodedata.category(character) in _UNSAFE


def print_json(value: JsonValue) -> None:
    """Print a value on one line.

    Control characters, and characters that the stream's encoding lacks, are escaped.

    Raises:
        OutputError: It cannot be written.
    """
    print_line(_line(value, sys.stdout.encoding))


def _line(value: JsonValue, encoding: str) -> str:
    written = write_json(value)
    try:
        written.encode(encoding)
    except UnicodeEncodeError:
        return "".join(each if each.isascii() else _escaped(each) for each in written)
    return "".join(_escaped(each) if is_control_character(each) else each for each in written)


def _escaped(character: str) -> str:
    # JSON escapes UTF-16 code units. A lone surrogate stays one.
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def print_answer(answer: Answer, session: StartedSession) -> None:
    """Print the answer of a session.

    Raises:
        OutputError: It cannot be written.
    """
    print_json(_answer_value(answer, session))


def answer_json(answer: Answer, session: StartedSession) -> str:
    """Return the line that `print_answer` prints, in ASCII, for a file."""
    return _line(_answer_value(answer, session), "ascii")


def issued_in(session: StartedSession) -> Sequence[str]:
    """Return the credential types that a session issues."""
    request = session.request.request
    if not isinstance(request, IssuanceRequest):
        return ()
    return [credential.credential for credential in request.credentials]


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
    """Print a result that was not compared with a request."""
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
