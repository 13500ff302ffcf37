"""Reading JSON as leniently as Go does: unknown fields pass, `null` is nothing, types count.

Belongs here: values by type, with words like Go's where one does not fit. Does not belong here:
what the values mean (`request_reading`).
"""

from __future__ import annotations

import json
from typing import Any, final

import attrs

from irma_core.models.json_text import JsonTextError, read_json
from irma_testing.memory.refusals import INVALID_REQUEST, Refusal, ServerError

__all__ = ["Fields", "of_type", "read_fields"]

_KINDS: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


def of_type(value: object, wanted: type, place: str) -> Any:
    """Give the value if it is of that type.

    Raises:
        Refusal: It is of another one.
    """
    if type(value) is wanted:
        return value
    found = _KINDS.get(type(value), "null")
    raise Refusal(
        INVALID_REQUEST,
        f"json: cannot unmarshal {found} into Go struct field {place} of type {_KINDS[wanted]}",
    )


@final
@attrs.frozen
class Fields:
    """An object's fields; an absent one and `null` read as the empty value."""

    values: dict[str, Any]

    def text(self, name: str) -> str:
        """Read a text."""
        return str(self._read(name, str, ""))

    def integer(self, name: str) -> int:
        """Read a whole number."""
        return int(self._read(name, int, 0))

    def flag(self, name: str) -> bool:
        """Read a truth value."""
        return bool(self._read(name, bool, None))

    def array(self, name: str) -> list[Any]:
        """Read a list."""
        return list(self._read(name, list, ()))

    def fields(self, name: str) -> Fields | None:
        """Read an object; None if it is absent."""
        value = self._read(name, dict, None)
        return None if value is None else Fields(value)

    def _read(self, name: str, wanted: type, empty: object) -> Any:
        value = self.values.get(name)
        return empty if value is None else of_type(value, wanted, name)


def read_fields(body: bytes | None, error: ServerError = INVALID_REQUEST) -> Fields:
    """Read a body that holds an object; `null` reads as an empty one.

    Raises:
        Refusal: With that error: it is no JSON, or no object.
    """
    try:
        value = read_json(body or b"")
    except JsonTextError as problem:
        raise Refusal(error, _problem(body or b"", problem)) from None
    if value is None:
        return Fields({})
    if not isinstance(value, dict):
        found = _KINDS[type(value)]
        raise Refusal(error, f"json: cannot unmarshal {found} into Go value of type struct")
    return Fields(value)


def _problem(body: bytes, problem: JsonTextError) -> str:
    """Say what is wrong in Go's words."""
    text = body.decode("utf-8", "replace").rstrip()
    if problem.end is not None:
        return f"invalid character {text[problem.end : problem.end + 1]!r} after top-level value"
    try:
        json.loads(text)
    except json.JSONDecodeError as found:
        if found.pos < len(text):
            return f"invalid character {text[found.pos]!r} looking for beginning of value"
    except RecursionError:
        return f"invalid character {text.lstrip()[:1]!r} exceeded max depth"
    except ValueError:
        return "json: cannot unmarshal number into Go value"
    return "unexpected end of JSON input"
