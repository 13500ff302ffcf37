"""Read values of Go types from JSON, and write them to JSON, as `encoding/json` does.

If a member is repeated, the later value is read into the earlier one: it overwrites only the
fields, elements or entries that it contains. Field names match without regard to case; if two
match, the last one wins. Source: Go 1.26, `encoding/json/decode.go` and `fold.go`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final

import attrs

from irma_testing.memory.go_json import GoJsonError, Json, Members, Number

__all__ = [
    "FLAG",
    "INT",
    "TEXT",
    "UINT",
    "Field",
    "Kind",
    "MismatchError",
    "Struct",
    "decode_any_base64",
    "decode_base64",
    "fold",
    "mapping",
    "mismatch",
    "parse_int",
    "pointer",
    "sequence",
    "wrap",
]


Read: TypeAlias = Callable[[Json, Any], Any]
Write: TypeAlias = Callable[[Any], Any]
_HALF = 1 << 63
_RANGE = 1 << 64
_MAX_DIGITS = 4000
# Two characters outside ASCII fold to an ASCII letter: the long s and the Kelvin sign.
_FOLDED = str.maketrans("abcdefghijklmnopqrstuvwxyz\u017f\u212a", "ABCDEFGHIJKLMNOPQRSTUVWXYZSK")


def fold(name: str) -> str:
    """Return a name folded so that names that differ only in case become equal."""
    return name.translate(_FOLDED)


def wrap(number: int) -> int:
    """Return a number as an `int64`, wrapped around if it overflows, as in Go's arithmetic."""
    return (number + _HALF) % _RANGE - _HALF


def parse_int(literal: str) -> int:
    """Parse a number as `strconv.ParseInt` does, in base 10.

    Raises:
        ValueError: The string is not a number, or does not fit an `int64`.
    """
    digits = literal[1:] if literal[:1] in ("+", "-") else literal
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise ValueError("invalid syntax")
    number = -int(digits) if literal[0] == "-" else int(digits)
    if wrap(number) != number:
        raise ValueError("value out of range")
    return number


@final
class MismatchError(GoJsonError):
    """A value has the wrong type; `path` names the fields that lead to the value."""

    def __init__(self, actual: str, expected: str, path: str = "") -> None:
        where = f"struct field {path}" if path else "value"
        super().__init__(f"json: cannot unmarshal {actual} into Go {where} of type {expected}")
        self._actual = actual
        self._expected = expected
        self._path = path

    def within(self, name: str) -> MismatchError:
        """Return the same error, with the name of the surrounding field before its path."""
        path = f"{name}.{self._path}" if self._path else name
        return MismatchError(self._actual, self._expected, path)


def mismatch(value: Json, expected: str) -> MismatchError:
    """Return the error for a value that does not have the expected type."""
    return MismatchError(_describe(value), expected)


def _describe(value: Json) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return f"number {value.text}"
    return {str: "string", list: "array", Members: "object"}.get(_type_of(value), "null")


def _type_of(value: Json) -> type:
    return str if isinstance(value, str) else type(value)


def _unchanged(value: Any) -> Any:
    return value


@final
@attrs.frozen
class Kind:
    """A Go type.

    Args:
        read: Reads JSON into an existing value, and returns the new one.
        zero: The zero value, which must not be changed.
        write: Returns a value in JSON.
        is_pointer: Whether `omitempty` omits only `nil`.
    """

    read: Read
    zero: Any = None
    write: Write = _unchanged
    is_pointer: bool = False


def _read_text(value: Json, old: str) -> str:
    if value is None:
        return old
    if isinstance(value, str):
        return str(value)
    raise mismatch(value, "string")


def _read_flag(value: Json, old: bool) -> bool:  # noqa: FBT001  # the type that is read
    if value is None:
        return old
    if isinstance(value, bool):
        return value
    raise mismatch(value, "bool")


def _read_int(value: Json, old: int) -> int:
    if value is None:
        return old
    try:
        if isinstance(value, Number):
            return parse_int(value.text)
    except ValueError:
        pass
    raise mismatch(value, "int")


def _read_uint(value: Json, old: int) -> int:
    if value is None:
        return old
    if isinstance(value, Number) and value.text.isdigit() and len(value.text) <= _MAX_DIGITS:
        number = int(value.text)
        if number < _RANGE:
            return number
    raise mismatch(value, "uint")


TEXT = Kind(_read_text, "")
FLAG = Kind(_read_flag, zero=False)
INT = Kind(_read_int, 0)
UINT = Kind(_read_uint, 0)


def pointer(kind: Kind) -> Kind:
    """Return the type of a pointer: `null` becomes `nil`, and other values go into its target."""

    def read(value: Json, old: Any) -> Any:
        return None if value is None else kind.read(value, kind.zero if old is None else old)

    def write(value: Any) -> Any:
        return None if value is None else kind.write(value)

    return Kind(read, None, write, is_pointer=True)


def sequence(kind: Kind) -> Kind:
    """Return the type of a slice whose elements have the type `kind`.

    As in Go, reading JSON into an existing slice updates the element at each index.
    """

    def read(value: Json, old: list[Any] | None) -> list[Any] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            raise mismatch(value, "slice")
        before = old or []
        return [
            kind.read(element, before[index] if index < len(before) else kind.zero)
            for index, element in enumerate(value)
        ]

    def write(value: list[Any] | None) -> list[Any] | None:
        return None if value is None else [kind.write(element) for element in value]

    return Kind(read, None, write)


def mapping(kind: Kind, read_key: Callable[[str], Any] = str) -> Kind:
    """Return the type of a map whose values have the type `kind`.

    Reading JSON into an existing map adds entries, and replaces entries with the same key.
    """

    def read(value: Json, old: dict[Any, Any] | None) -> dict[Any, Any] | None:
        if value is None:
            return None
        if not isinstance(value, Members):
            raise mismatch(value, "map")
        entries = dict(old or {})
        for name, entry in value.pairs:
            entries[read_key(name)] = kind.read(entry, kind.zero)
        return entries

    def write(value: dict[Any, Any] | None) -> dict[str, Any] | None:
        if value is None:
            return None
        return {name: kind.write(entry) for name, entry in sorted(_string_keys(value).items())}

    return Kind(read, None, write)


def _string_keys(entries: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): entry for key, entry in entries.items()}


@final
@attrs.frozen
class Field:
    """A field of a struct: its name in JSON, its type, and whether it is omitted if empty."""

    name: str
    kind: Kind
    omit_empty: bool = True


@final
class Struct:
    """A Go struct. Its values are dictionaries, keyed by the names of the fields."""

    def __init__(self, *fields: Field) -> None:
        self._fields = {field.name: field for field in fields}
        self._folded = {fold(field.name): field for field in fields}
        self.kind = Kind(
            self.read, {field.name: field.kind.zero for field in fields}, write=self.write
        )

    def read(self, value: Json, old: dict[str, Any]) -> dict[str, Any]:
        """Read an object into an existing value, which `null` does not change.

        Raises:
            GoJsonError: The JSON is not an object, or a field has the wrong type.
        """
        if value is None:
            return old
        if not isinstance(value, Members):
            raise mismatch(value, "struct")
        fields = dict(old)
        for name, member in value.pairs:
            field = self._fields.get(name) or self._folded.get(fold(name))
            if field is not None:
                try:
                    fields[field.name] = field.kind.read(member, fields[field.name])
                except MismatchError as problem:
                    raise problem.within(field.name) from None
        return fields

    def read_new(self, value: Json) -> dict[str, Any]:
        """Read an object into a new value; see `read`.

        Raises:
            GoJsonError: The JSON is not an object, or a field has the wrong type.
        """
        return self.read(value, self.kind.zero)

    def write(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value in JSON, without the empty fields that may be omitted."""
        return {
            name: field.kind.write(value[name])
            for name, field in self._fields.items()
            if not (field.omit_empty and _is_empty(field.kind, value[name]))
        }


def _is_empty(kind: Kind, value: Any) -> bool:
    return value is None if kind.is_pointer else not value


_STANDARD = re.compile(rb"[A-Za-z0-9+/]*")
_URL = re.compile(rb"[A-Za-z0-9_-]*")
_GROUP = 4


def decode_base64(encoded: str | bytes, *, url: bool, padded: bool) -> bytes:
    """Decode one of the four variants of base64.

    Args:
        encoded: The encoded data.
        url: Whether `-` and `_` replace `+` and `/`.
        padded: Whether `=` must pad the data to groups of four characters; if false, no `=` is
            allowed.

    Raises:
        ValueError: The data is not in this variant.
    """
    data = encoded.encode() if isinstance(encoded, str) else encoded
    data = data.replace(b"\r", b"").replace(b"\n", b"")
    digits = data.rstrip(b"=") if padded else data
    spare = len(digits) % _GROUP
    filled = (b"=" * (-spare % _GROUP)) if padded else b""
    if not (_URL if url else _STANDARD).fullmatch(digits) or spare == 1 or data != digits + filled:
        raise ValueError("illegal base64 data")
    return base64.b64decode(digits + b"=" * (-spare % _GROUP), altchars=b"-_" if url else None)


def decode_any_base64(encoded: str | bytes) -> bytes:
    """Decode any of the four variants of base64, as the official server does with keys.

    Raises:
        ValueError: The data is in none of the variants.
    """
    for url, padded in ((False, False), (True, True), (True, False)):
        try:
            return decode_base64(encoded, url=url, padded=padded)
        except ValueError:
            continue
    return decode_base64(encoded, url=False, padded=True)
