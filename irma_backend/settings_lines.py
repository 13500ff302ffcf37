"""Read a TOML document together with the line of each of its keys.

`tomllib` does not report the lines of keys, so our own scan finds them. It runs after `tomllib` has
accepted the document, so it relies on valid TOML and checks nothing itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

__all__ = ["TomlDocument", "TomlFault", "read_toml"]

_PART: Final = r'[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"' + r"|'[^'\n]*+'"
_BETWEEN: Final = re.compile(r"(?:[ \t\n]|#[^\n]*+)*+")
"""Whitespace, line ends and comments between two statements."""
_SPACES: Final = re.compile(r"[ \t]*+")
_KEY: Final = re.compile(_PART)
_OF_VALUE: Final = re.compile(
    r'"""(?:\\.|[^\\"]|"(?!""))*+"*+'
    r"|'''(?:[^']|'(?!''))*+'*+"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<end>\n)"
    r"|[^\"'#\[\]{}\n]++",
    re.DOTALL,
)
_AT: Final = re.compile(r"\(at line (\d+), column \d+\)\Z")
_REASONS: Final = {
    "Cannot overwrite a value": "the key occurs twice",
    "Cannot declare": "the table occurs twice",
    "Duplicate inline table key": "the key occurs twice",
    "Expected '=' after a key": "expected KEY = VALUE",
    "Invalid value": "expected a value; a string must be in quotes",
    "Unterminated string": "a string is not closed",
    "Unclosed array": "a list is not closed",
    "Unclosed inline table": "an inline table is not closed",
}
"""Our replacements for the messages of `tomllib`. The originals may quote the document."""


class TomlFault(Exception):  # noqa: N818  # it never leaves irma_backend
    """The bytes are not TOML.

    Attributes:
        line: The line of the fault, from 1.
        reason: What is wrong, without a quotation from the document.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class TomlDocument(NamedTuple):
    """The values of a TOML document, and their lines."""

    values: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]

    def line_of(self, path: tuple[str, ...]) -> int:
        """Return the line of a key, or else of the innermost table or value that contains the key.

        Args:
            path: The names of the tables and the key, such as `("server", "url")`.
        """
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_toml(content: bytes) -> TomlDocument:
    """Parse the content of a TOML file. A byte order mark at its start is skipped.

    Raises:
        TomlFault: The bytes are not TOML in UTF-8.
    """
    try:
        # As in `tomllib`; a carriage return alone is an error.
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TomlFault(line, "must be in UTF-8") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = _fault(str(error), text)
    except (
        ValueError,
        RecursionError,
    ):  # for a number with thousands of digits, or lists nested very deeply
        fault = TomlFault(1, "is not valid TOML: a value is too long or too deeply nested")
    else:
        return TomlDocument(values, _lines(text))
    raise fault


def _fault(message: str, text: str) -> TomlFault:
    at = _AT.search(message)
    line = int(at[1]) if at else text.count("\n", 0, len(text.rstrip())) + 1
    reasons = (ours for theirs, ours in _REASONS.items() if message.startswith(theirs))
    reason = next(reasons, None)
    return TomlFault(line, f"is not valid TOML{f': {reason}' if reason else ''}")


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line on which each table and key first occurs."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    at, line = 0, 1
    while True:
        start = _end_of(_BETWEEN, text, at)
        line += text.count("\n", at, start)
        if start == len(text):
            return lines
        brackets = 2 * text.startswith("[[", start) or int(text[start] == "[")
        key, at = _key(text, start + brackets)
        path = key if brackets else table + key
        if brackets:
            table, at = key, at + brackets
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], line)
        if not brackets:
            end = _end_of_value(text, at + 1)  # after the equals sign
            line += text.count("\n", at, end)
            at = end


def _key(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Return the parts of the dotted key at the position `at`, and the position after it."""
    parts: list[str] = []
    while True:
        # The document is valid TOML, so there is always a key here.
        found = cast("re.Match[str]", _KEY.match(text, _end_of(_SPACES, text, at)))
        raw, at = found[0], _end_of(_SPACES, text, found.end())
        parts.append(tomllib.loads(f"k={raw}")["k"] if raw[0] in "\"'" else raw)
        if not text.startswith(".", at):
            return tuple(parts), at
        at += 1


def _end_of_value(text: str, at: int) -> int:
    """Return the position of the line end after a value, or of the end of the document."""
    depth = 0
    for found in _OF_VALUE.finditer(text, at):
        kind = found.lastgroup
        if kind == "end" and depth == 0:
            return found.start()
        depth += {"open": 1, "close": -1}.get(kind or "", 0)
    return len(text)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
