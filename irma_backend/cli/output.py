"""Write the answer to standard output, and everything else to standard error.

`guard_streams` makes both streams safe for any encoding, and for a reader that has closed the pipe.
"""

from __future__ import annotations

import json
import os
import select
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO, cast

from irma_core.json_text import JsonValue, write_json

__all__ = [
    "OutputError",
    "clean",
    "guard_streams",
    "has_failed",
    "has_lost_reader",
    "is_control_character",
    "json_line",
    "print_json",
    "print_line",
    "print_message",
]


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that control a terminal or the direction of text."""
_BROKEN = getattr(select, "POLLERR", 0) | getattr(select, "POLLHUP", 0)


class OutputError(Exception):
    """A standard stream cannot be written to; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _GuardedStream:
    """A text stream that raises `OutputError` when it fails, or only records the failure.

    It has no `buffer`, which click and rich would write to directly.

    Args:
        stream: The interpreter's stream, or None if the process was started without one.
        number: Its file descriptor.
        raises: Whether a failure raises `OutputError`.
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

    def write(self, text: str | bytes) -> int:
        if self.failed:
            self._fail(self._reason)
        # click writes bytes for shell completion.
        written = text.decode() if isinstance(text, bytes) else text
        self._try(lambda stream: stream.write(written))
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
    """Replace the interpreter's standard output and standard error with guarded streams."""
    for number in (1, 2):
        # A non-blocking pipe from the parent process would refuse output that does not fit.
        if not os.get_blocking(number):
            os.set_blocking(number, True)
    sys.stdout = cast("TextIO", _GuardedStream(sys.stdout, 1, raises=True))
    sys.stderr = cast("TextIO", _GuardedStream(sys.stderr, 2, raises=False))


def print_line(text: str) -> None:
    """Write a line to standard output.

    Raises:
        OutputError: The line cannot be written.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_message(text: str) -> None:
    """Write a line to standard error, without control characters."""
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
    """Return whether both standard streams have lost their readers."""
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
    """Print a value: on one line for programs, and indented and highlighted at a terminal.

    Control characters, and characters that the stream's encoding lacks, are escaped.

    Raises:
        OutputError: The line cannot be written.
    """
    if not sys.stdout.isatty():
        print_line(json_line(value, sys.stdout.encoding))
        return
    from rich.console import Console  # noqa: PLC0415  # not in a pipe, where commands start faster
    from rich.highlighter import JSONHighlighter  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    text = Text(_escape(json.dumps(value, indent=2, ensure_ascii=False), sys.stdout.encoding))
    JSONHighlighter().highlight(text)
    Console(file=sys.stdout, soft_wrap=True).print(text)


def json_line(value: JsonValue, encoding: str) -> str:
    """Return a value as one line of JSON that can be written in an encoding."""
    return _escape(write_json(value), encoding)


def _escape(written: str, encoding: str) -> str:
    try:
        written.encode(encoding)
    except UnicodeEncodeError:
        return "".join(each if each.isascii() else _escaped(each) for each in written)
    return "".join(
        _escaped(each) if is_control_character(each) and each != "\n" else each for each in written
    )


def _escaped(character: str) -> str:
    # JSON escapes UTF-16 code units. A lone surrogate stays one.
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
