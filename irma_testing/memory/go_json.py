"""JSON text, read as Go's `encoding/json` reads it, down to the words of its errors.

Belongs here: the syntax, and the values as they stand in the text: every member of an object, in
order, and numbers as they were written. Does not belong here: what type a value should have
(`go_types`). Source: Go 1.26, `encoding/json/scanner.go` and `decode.go`.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn, TypeAlias, final

import attrs

__all__ = ["EscapedText", "GoJsonError", "Json", "Members", "Number", "parse_first", "parse_json"]

_DEEPEST = 10_000
_HEX_DIGITS = 4
_SPACE = re.compile(r"[ \t\r\n]*")
_INSIDE_STRING = re.compile(
    r"[^\"\\\x00-\x1f]*(?:\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4})[^\"\\\x00-\x1f]*)*"
)
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\[^u]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_HEX = re.compile(r"[0-9A-Fa-f]*")
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
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
    """The text is not JSON, or a value has another type than is wanted; the text is Go's."""


class EscapedText(str):
    """A string that has an escape in the text: some of Go's readers look at it undecoded."""

    __slots__ = ()


@final
@attrs.frozen
class Number:
    """A number as it was written."""

    text: str


@final
@attrs.frozen
class Members:
    """An object: its members in order, those that have one name included."""

    pairs: tuple[tuple[str, Json], ...]


Json: TypeAlias = "bool | str | Number | list[Any] | Members | None"


def parse_json(body: bytes) -> Json:
    """Read a text that is one JSON value, as `json.Unmarshal` does.

    Raises:
        GoJsonError: It is not.
    """
    reader = _Reader(body)
    value = reader.value()
    reader.end()
    return value


def parse_first(body: bytes) -> Json:
    """Read the JSON value that a text begins with, as `json.Decoder` does.

    Raises:
        GoJsonError: It begins with none.
    """
    return _Reader(body).value()


class _Reader:
    def __init__(self, body: bytes) -> None:
        # A character a byte: Go's reader goes by bytes, and so do its errors.
        self._text = body.decode("latin-1")
        self._at = 0

    def end(self) -> None:
        self._skip_space()
        if self._at < len(self._text):
            self._fail("after top-level value")

    def value(self) -> Json:
        """Read a value; what is open is on a stack, as Go allows more depth than Python."""
        stack: list[tuple[list[Any], str | None]] = []
        while True:
            opening = self._peek()
            if opening in ("{", "["):
                if len(stack) >= _DEEPEST:
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
        """Put a value where it belongs, and close what it was the last of."""
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

    def _literal(self, word: str, value: bool | None) -> Json:  # noqa: FBT001  # what it means
        for letter in word:
            if self._here_or_space() != letter:
                self._fail(f"in literal {word} (expecting {_quote(letter)})")
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
        assert found is not None  # noqa: S101  # it matches the empty text
        self._at = found.end()
        if self._here() != '"':
            self._fail_in_string()
        self._at += 1
        # Each byte that is not UTF-8 becomes half a character, and that Go's U+FFFD.
        decoded = found[0].encode("latin-1").decode("utf-8", "surrogateescape")
        if "\\" not in decoded:
            return _HALF_A_CHARACTER.sub("\ufffd", decoded)
        return EscapedText(_HALF_A_CHARACTER.sub("\ufffd", _ESCAPE.sub(_unescape, decoded)))

    def _fail_in_string(self) -> NoReturn:
        if self._here() != "\\":
            self._fail("in string literal")
        self._at += 1
        if self._here_or_space() != "u":
            self._fail("in string escape code")
        found = _HEX.match(self._text, self._at + 1, self._at + 1 + _HEX_DIGITS)
        assert found is not None  # noqa: S101  # it matches the empty text
        self._at = found.end()
        self._fail(r"in \u hexadecimal character escape")

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None  # noqa: S101  # it matches the empty text
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
        """Return the next character; at the end a space, as Go's reader ends what is open."""
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
