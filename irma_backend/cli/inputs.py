"""Read files and standard input, in UTF-8 with or without a byte order mark.

No error repeats a path, because the path may be a secret typed in the wrong option.
"""

from __future__ import annotations

import codecs
import sys
from getpass import getpass
from pathlib import Path

from irma_backend.cli.output import print_message
from irma_core.errors import ConfigurationError

__all__ = ["STDIN", "decode", "read_bytes", "read_input", "read_secret", "read_text"]

STDIN = "standard input"
_LARGEST = 32 * 2**20
"""The largest input, in bytes. A signature may have 20 MiB, and all other inputs are smaller."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_bytes(path: Path, option: str) -> bytes:
    """Return the bytes of a file.

    Raises:
        ConfigurationError: The file cannot be read, or is too large. The message names `option`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        reason = error.strerror
    except ValueError:
        reason = "the path is not valid"
    else:
        if len(content) <= _LARGEST:
            return content
        reason = "it is larger than 32 MiB"
    raise ConfigurationError(f"{option}: cannot read the file: {reason}")


def read_text(path: Path, option: str) -> str:
    """Return the contents of a UTF-8 file as a string.

    Raises:
        ConfigurationError: The file cannot be read, or is not in UTF-8.
    """
    return decode(read_bytes(path, option), option)


def decode(content: bytes, option: str) -> str:
    """Return UTF-8 bytes as a string, without a byte order mark.

    Raises:
        ConfigurationError: The bytes are not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if content.startswith(_UTF16):
        raise ConfigurationError(f"{option} must be UTF-8, got UTF-16: save it as UTF-8")
    raise ConfigurationError(f"{option} must be in UTF-8")


def read_input(what: str) -> str:
    """Return all of standard input. At a terminal, prompt for it.

    Raises:
        ConfigurationError: Standard input is closed, cannot be read, is too large, or is not in
            UTF-8.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise ConfigurationError(f"{STDIN} is closed, so the command cannot read {what} from it")
    if sys.stdin.isatty():
        print_message(f"Type or paste {what}, then press Ctrl-D on a line of its own.")
    try:
        content = sys.stdin.buffer.read(_LARGEST + 1)
    except OSError as error:
        reason = error.strerror
    else:
        if len(content) <= _LARGEST:
            return decode(content, STDIN)
        reason = "it is larger than 32 MiB"
    raise ConfigurationError(f"{STDIN} cannot be read: {reason}")


def read_secret(what: str) -> str:
    """Return a secret from standard input. At a terminal, prompt for it without echo.

    Raises:
        ConfigurationError: As for `read_input`.
    """
    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
        try:
            return getpass(f"{what[:1].upper()}{what[1:]}: ", sys.stderr).strip()
        except (EOFError, OSError):
            return ""
    return read_input(f"the {what}").strip()
