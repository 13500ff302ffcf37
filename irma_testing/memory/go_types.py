"""Values of Go's types, read from JSON and written to it as `encoding/json` does.

A value is read into what stands there already: an object that comes twice fills in the fields of
the first, a list its elements, a map its entries. Names of fields are matched without regard to
case; where two match, the last one wins. Belongs here: the rules for each type. Does not belong
here: the types of any message. Source: Go 1.26, `encoding/json/decode.go` and `fold.go`.
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
_WHOLE = 1 << 64
_LONGEST_NUMBER = 4000
# Beyond ASCII, two characters differ in case only from one in it: long s, and the Kelvin sign.
_FOLDED = str.maketrans("abcdefghijklmnopqrstuvwxyz\u017f\u212a", "ABCDEFGHIJKLMNOPQRSTUVWXYZSK")


def fold(name: str) -> str:
    """Return what two names have in common that differ in case only."""
    return name.translate(_FOLDED)


def wrap(number: int) -> int:
    """Return what an `int64` holds where this overflows it."""
    return (number + _HALF) % _WHOLE - _HALF


def parse_int(text: str) -> int:
    """Read a number as `strconv.ParseInt` does, in base 10.

    Raises:
        ValueError: It is none, or no `int64`.
    """
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > _LONGEST_NUMBER:
        raise ValueError("invalid syntax")
    number = -int(digits) if text[0] == "-" else int(digits)
    if wrap(number) != number:
        raise ValueError("value out of range")
    return number


@final
class MismatchError(GoJsonError):
    """A value has another type than is wanted; `place` names the fields that lead to it."""

    def __init__(self, found: str, wanted: str, place: str = "") -> None:
        where = f"struct field {place}" if place else "value"
        super().__init__(f"json: cannot unmarshal {found} into Go {where} of type {wanted}")
        self._found = found
        self._wanted = wanted
        self._place = place

    def below(self, name: str) -> MismatchError:
        """Return the same error, seen from the object that has it in the field of that name."""
        place = f"{name}.{self._place}" if self._place else name
        return MismatchError(self._found, self._wanted, place)


def mismatch(value: Json, wanted: str) -> MismatchError:
    """Make the error of a value that has another type than is wanted."""
    return MismatchError(_described(value), wanted)


def _described(value: Json) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return f"number {value.text}"
    return {str: "string", list: "array", Members: "object"}.get(_type_of(value), "null")


def _type_of(value: Json) -> type:
    return str if isinstance(value, str) else type(value)


def _as_it_is(value: Any) -> Any:
    return value


@final
@attrs.frozen
class Kind:
    """A type of Go's.

    Args:
        read: Reads a value, given what stands there already.
        zero: What stands there before; never to be changed.
        write: Makes JSON of a value.
        is_pointer: Whether `omitempty` leaves out nothing but `nil`.
    """

    read: Read
    zero: Any = None
    write: Write = _as_it_is
    is_pointer: bool = False


def _read_text(value: Json, old: str) -> str:
    if value is None:
        return old
    if isinstance(value, str):
        return str(value)
    raise mismatch(value, "string")


def _read_flag(value: Json, old: bool) -> bool:  # noqa: FBT001  # it is what is read
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
    if isinstance(value, Number) and value.text.isdigit() and len(value.text) <= _LONGEST_NUMBER:
        number = int(value.text)
        if number < _WHOLE:
            return number
    raise mismatch(value, "uint")


TEXT = Kind(_read_text, "")
FLAG = Kind(_read_flag, zero=False)
INT = Kind(_read_int, 0)
UINT = Kind(_read_uint, 0)


def pointer(kind: Kind) -> Kind:
    """Make the type of a pointer: `null` is `nil`, and what it points to is read into."""

    def read(value: Json, old: Any) -> Any:
        return None if value is None else kind.read(value, kind.zero if old is None else old)

    def write(value: Any) -> Any:
        return None if value is None else kind.write(value)

    return Kind(read, None, write, is_pointer=True)


def sequence(kind: Kind) -> Kind:
    """Make the type of a slice: each element is read into the one that stood in its place."""

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
    """Make the type of a map: entries are added to those that are there, each anew."""

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
        return {name: kind.write(entry) for name, entry in sorted(_named(value).items())}

    return Kind(read, None, write)


def _named(entries: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): entry for key, entry in entries.items()}


@final
@attrs.frozen
class Field:
    """A field of a struct: its name in JSON, its type, and whether it is written when empty."""

    name: str
    kind: Kind
    omit_empty: bool = True


@final
class Struct:
    """A struct, whose values are dictionaries by the fields' names."""

    def __init__(self, *fields: Field) -> None:
        self._fields = {field.name: field for field in fields}
        self._folded = {fold(field.name): field for field in fields}
        self.kind = Kind(
            self.read, {field.name: field.kind.zero for field in fields}, write=self.write
        )

    def read(self, value: Json, old: dict[str, Any]) -> dict[str, Any]:
        """Read an object into a value that is there; `null` leaves it as it is.

        Raises:
            GoJsonError: It is no object, or a field has another type.
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
                    raise problem.below(field.name) from None
        return fields

    def read_new(self, value: Json) -> dict[str, Any]:
        """Read an object.

        Raises:
            GoJsonError: As `read`.
        """
        return self.read(value, self.kind.zero)

    def write(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON of a value; what is empty and need not be there is left out."""
        return {
            name: field.kind.write(value[name])
            for name, field in self._fields.items()
            if not (field.omit_empty and _is_empty(field.kind, value[name]))
        }


def _is_empty(kind: Kind, value: Any) -> bool:
    return value is None if kind.is_pointer else not value


_STANDARD = re.compile(rb"[A-Za-z0-9+/]*")
_URL = re.compile(rb"[A-Za-z0-9_-]*")
_UNIT = 4


def decode_base64(text: str | bytes, *, url: bool, padded: bool) -> bytes:
    """Decode one of the four encodings.

    Args:
        text: What is to be decoded.
        url: Whether `-` and `_` stand for what are else `+` and `/`.
        padded: Whether `=` must fill the last four characters; otherwise it must not.

    Raises:
        ValueError: It is not in that encoding.
    """
    data = text.encode() if isinstance(text, str) else text
    data = data.replace(b"\r", b"").replace(b"\n", b"")
    digits = data.rstrip(b"=") if padded else data
    spare = len(digits) % _UNIT
    filled = (b"=" * (-spare % _UNIT)) if padded else b""
    if not (_URL if url else _STANDARD).fullmatch(digits) or spare == 1 or data != digits + filled:
        raise ValueError("illegal base64 data")
    return base64.b64decode(digits + b"=" * (-spare % _UNIT), altchars=b"-_" if url else None)


def decode_any_base64(text: str | bytes) -> bytes:
    """Decode whichever of the four encodings it is, as the official server does with keys.

    Raises:
        ValueError: It is in none of them.
    """
    for url, padded in ((False, False), (True, True), (True, False)):
        try:
            return decode_base64(text, url=url, padded=padded)
        except ValueError:
            continue
    return decode_base64(text, url=False, padded=True)
