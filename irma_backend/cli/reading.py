"""Texts that a command reads: files and the standard input, in UTF-8 with or without a mark.

No error repeats what was given as a path: it may be a secret in the wrong place.
"""

from __future__ import annotations

import codecs
import sys
from getpass import getpass
from pathlib import Path

from irma_backend.cli.output import tell
from irma_core.errors import ConfigurationError

__all__ = ["STDIN", "decoded", "read_bytes", "read_input", "read_secret", "read_text"]

STDIN = "standard input"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_bytes(path: Path, place: str) -> bytes:
    """Return the bytes of a file.

    Raises:
        ConfigurationError: It cannot be read; `place` is the option that named it.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror
    except ValueError:
        reason = "this cannot be the path of a file"
    raise ConfigurationError(f"{place}: cannot read the file: {reason}")


def read_text(path: Path, place: str) -> str:
    """Return the contents of a file in UTF-8.

    Raises:
        ConfigurationError: It cannot be read, or is not in UTF-8.
    """
    return decoded(read_bytes(path, place), place)


def decoded(content: bytes, place: str) -> str:
    """Return bytes in UTF-8 as text, without the mark that some editors put before it.

    Raises:
        ConfigurationError: They are not in UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if content.startswith(_UTF16):
        raise ConfigurationError(f"{place}: is text in UTF-16; save it as UTF-8")
    raise ConfigurationError(f"{place}: is not text in UTF-8")


def read_input(what: str) -> str:
    """Return all of the standard input; at a terminal, say what is read.

    Raises:
        ConfigurationError: It is closed, cannot be read, or is not in UTF-8.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise ConfigurationError(f"{STDIN}: is closed; {what} is read from it")
    if sys.stdin.isatty():
        tell(f"Type or paste {what}, then press Ctrl-D on a line of its own.")
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        reason = error.strerror
    else:
        return decoded(content, STDIN)
    raise ConfigurationError(f"{STDIN}: cannot be read: {reason}")


def read_secret(what: str) -> str:
    """Return a secret from the standard input; at a terminal it is asked for, and not shown.

    Raises:
        ConfigurationError: As `read_input`.
    """
    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
        try:
            return getpass(f"{what[:1].upper()}{what[1:]}: ", sys.stderr).strip()
        except (EOFError, OSError):
            return ""
    return read_input(f"the {what}").strip()
