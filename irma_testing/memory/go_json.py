"""A JSON parser that behaves like Go's `encoding/json`, down to its error messages.

The parser keeps every member of an object, in order, and keeps each number as it was written.
`go_types` converts the values. Source: Go 1.26, `encoding/json/scanner.go` and `decode.go`.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn, TypeAlias, final

import attrs

__all__ = ["EscapedText", "GoJsonError", "Json", "Members", "Number", "parse_first", "parse_json"]

_MAX_DEPTH = 10_000
_HEX_DIGITS = 4
_SPACE = re.compile(r"[ \t\r\n]*")
_INSIDE_STRING = re.compile(
    r"[^\"\\\x00-\x1f]*(?:\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4})[^\"\\\x00-\x1f]*)*"
)
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\[^u]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_HEX = re.compile(r"[0-9A-Fa-f]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LITERALS: dict[str, tuple[str, bool | None]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
}
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_QUOTED = {
    "'": r"\'",
    "\\": r"\\",
    "\a": r"\a",
    "\v": r"\v",
    **{character: f"\\{letter}" for letter, character in _ESCAPED.items()},
}
_PRINTED_FROM = "\xa1"
_SOFT_HYPHEN = "\xad"


class GoJsonError(ValueError):
    """The input is not JSON, or a value has the wrong type; the message is Go's."""


class EscapedText(str):
    """A string whose JSON contains an escape. Some of Go's readers do not decode escapes."""

    __slots__ = ()


@final
@attrs.frozen
class Number:
    """A JSON number, kept as the string that the JSON contained."""

    text: str


@final
@attrs.frozen
class Members:
    """The members of a JSON object, in order. Several may have the same name."""

    pairs: tuple[tuple[str, Json], ...]


Json: TypeAlias = "bool | str | Number | list[Any] | Members | None"


def parse_json(body: bytes) -> Json:
    """Parse input that is one JSON value, as `json.Unmarshal` does.

    Raises:
        GoJsonError: The input is not one JSON value.
    """
    reader = _Reader(body)
    value = reader.value()
    reader.end()
    return value


def parse_first(body: bytes) -> Json:
    """Parse the JSON value at the start of the input, as `json.Decoder` does.

    Raises:
        GoJsonError: The input does not start with a JSON value.
    """
    return _Reader(body).value()


class _Reader:
    def __init__(self, body: bytes) -> None:
        # One character for each byte, because Go's parser and its errors count bytes.
        self._text = body.decode("latin-1")
        self._at = 0

    def end(self) -> None:
        self._skip_space()
        if self._at < len(self._text):
            self._fail("after top-level value")

    def value(self) -> Json:
        """Parse a value without recursion, because Go allows deeper nesting than Python."""
        stack: list[tuple[list[Any], str | None]] = []
        while True:
            opening = self._peek()
            if opening in ("{", "["):
                if len(stack) >= _MAX_DEPTH:
                    self._fail("exceeded max depth")
                self._at += 1
                if self._peek() != ("}" if opening == "{" else "]"):
                    name = self._name() if opening == "{" else None
                    stack.append(([], name))
                    continue
                self._at += 1
                value: Json = Members(()) if opening == "{" else []
            else:
                value = self._scalar(opening)
            value = self._close(stack, value)
            if not stack:
                return value

    def _close(self, stack: list[tuple[list[Any], str | None]], value: Json) -> Json:
        """Add a value to the innermost list or object, and close those that end after the value."""
        while stack:
            items, name = stack[-1]
            items.append(value if name is None else (name, value))
            following = self._peek()
            if following == ",":
                self._at += 1
                if name is not None:
                    self._peek()
                    stack[-1] = (items, self._name())
                return None
            if following != ("]" if name is None else "}"):
                where = "after array element" if name is None else "after object key:value pair"
                self._fail(where)
            self._at += 1
            stack.pop()
            value = items if name is None else Members(tuple(items))
        return value

    def _name(self) -> str:
        if self._text[self._at] != '"':
            self._fail("looking for beginning of object key string")
        name = self._string()
        if self._peek() != ":":
            self._fail("after object key")
        self._at += 1
        return name

    def _scalar(self, opening: str) -> Json:
        if opening == '"':
            return self._string()
        if opening in _LITERALS:
            return self._literal(*_LITERALS[opening])
        if opening == "-" or "0" <= opening <= "9":
            return self._number()
        return self._fail("looking for beginning of value")

    def _literal(self, literal: str, value: bool | None) -> Json:  # noqa: FBT001  # the value of the literal
        for letter in literal:
            if self._here_or_space() != letter:
                self._fail(f"in literal {literal} (expecting {_quote(letter)})")
            self._at += 1
        return value

    def _number(self) -> Number:
        found = _NUMBER.match(self._text, self._at)
        if found is None:
            self._at += 1
            self._fail("in numeric literal")
        self._at = found.end()
        following = self._here_or_space()
        if following == "." and found[1] is None and found[2] is None:
            self._at += 1
            self._fail("after decimal point in numeric literal")
        if following in ("e", "E") and found[2] is None:
            self._at += 1
            if self._here_or_space() in ("+", "-"):
                self._at += 1
            self._fail("in exponent of numeric literal")
        return Number(found[0])

    def _string(self) -> str:
        found = _INSIDE_STRING.match(self._text, self._at + 1)
        assert found is not None  # noqa: S101  # it matches the empty string
        self._at = found.end()
        if self._here() != '"':
            self._fail_in_string()
        self._at += 1
        # Each byte that is not UTF-8 becomes a surrogate here, and then each surrogate becomes
        # U+FFFD, as in Go.
        decoded = found[0].encode("latin-1").decode("utf-8", "surrogateescape")
        if "\\" not in decoded:
            return _SURROGATE.sub("\ufffd", decoded)
        return EscapedText(_SURROGATE.sub("\ufffd", _ESCAPE.sub(_unescape, decoded)))

    def _fail_in_string(self) -> NoReturn:
        if self._here() != "\\":
            self._fail("in string literal")
        self._at += 1
        if self._here_or_space() != "u":
            self._fail("in string escape code")
        found = _HEX.match(self._text, self._at + 1, self._at + 1 + _HEX_DIGITS)
        assert found is not None  # noqa: S101  # it matches the empty string
        self._at = found.end()
        self._fail(r"in \u hexadecimal character escape")

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None  # noqa: S101  # it matches the empty string
        self._at = found.end()

    def _peek(self) -> str:
        """Return the next character that is not whitespace."""
        self._skip_space()
        return self._here()

    def _here(self) -> str:
        if self._at >= len(self._text):
            raise GoJsonError("unexpected end of JSON input")
        return self._text[self._at]

    def _here_or_space(self) -> str:
        """Return the next character, or a space at the end of the input, as Go's parser does."""
        return self._text[self._at] if self._at < len(self._text) else " "

    def _fail(self, where: str) -> NoReturn:
        raise GoJsonError(f"invalid character {_quote(self._here_or_space())} {where}")


def _unescape(found: re.Match[str]) -> str:
    escape = found[0]
    if escape[1] != "u":
        return _ESCAPED.get(escape[1], escape[1])
    units = [int(unit, 16) for unit in escape.split("\\u")[1:]]
    if len(units) == 1:
        return chr(units[0])
    return chr(0x10000 + ((units[0] - 0xD800) << 10) + (units[1] - 0xDC00))


def _quote(character: str) -> str:
    if character in _QUOTED:
        return f"'{_QUOTED[character]}'"
    if character < " " or character == "\x7f":
        return f"'\\x{ord(character):02x}'"
    is_printed = character < "\x7f" or (character >= _PRINTED_FROM and character != _SOFT_HYPHEN)
    return f"'{character}'" if is_printed else f"'\\u{ord(character):04x}'"
