"""Read JSON values strictly: each function accepts one type, and otherwise raises a `WireError`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from irma_core.json_text import JsonValue

__all__ = [
    "WireError",
    "read_bool",
    "read_enum",
    "read_int",
    "read_list",
    "read_object",
    "read_seconds",
    "read_string",
    "read_time",
    "require_field",
]

EnumT = TypeVar("EnumT", bound=Enum)


class WireError(ValueError):
    """A JSON value does not have the form that the protocol prescribes.

    `path` leads from the value that is being read to the invalid part, as in `.disclosed[0][1].id`.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path.removeprefix('.')}: {reason}" if path else reason)
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[WireError], tuple[str, str]]:
        return type(self), (self.path, self.reason)

    def inside(self, path: str) -> WireError:
        """Return the same error, with `path` placed before its own path."""
        return WireError(path + self.path, self.reason)


def require_field(fields: dict[str, JsonValue], name: str, path: str = "") -> JsonValue:
    """Return the value of a required field of the object at `path`."""
    try:
        return fields[name]
    except KeyError:
        raise WireError(f"{path}.{name}", "is missing") from None


def read_enum(value: JsonValue, members: dict[str, EnumT], path: str = "") -> EnumT:
    """Return the enum member that a string stands for."""
    member = members.get(value) if type(value) is str else None
    if member is None:
        raise WireError(path, f"must be one of {', '.join(members)}")
    return member


def read_string(value: JsonValue, path: str = "") -> str:
    """Check that a value is a string, and return it."""
    if type(value) is not str:
        raise WireError(path, "must be a string")
    return value


def read_bool(value: JsonValue, path: str = "") -> bool:
    """Check that a value is `true` or `false`, and return it."""
    if type(value) is not bool:
        raise WireError(path, "must be true or false")
    return value


def read_int(value: JsonValue, path: str = "") -> int:
    """Check that a value is a whole number, and return it; `1.0` and `true` do not count."""
    if type(value) is not int:
        raise WireError(path, "must be a whole number")
    return value


def read_list(value: JsonValue, path: str = "") -> list[JsonValue]:
    """Check that a value is a list (a JSON array), and return it."""
    if type(value) is not list:
        raise WireError(path, "must be a list")
    return value


def read_object(value: JsonValue, path: str = "") -> dict[str, JsonValue]:
    """Check that a value is a JSON object, and return it."""
    if type(value) is not dict:
        raise WireError(path, "must be an object")
    return value


def read_time(value: JsonValue, path: str = "") -> datetime:
    """Convert a number of Unix seconds to an aware time."""
    if type(value) is not int:  # in line, because every attribute has a time
        raise WireError(path, "must be a whole number")
    try:
        return _time(value)
    except (OverflowError, ValueError, OSError):
        raise WireError(path, "is not a valid Unix time") from None


@lru_cache(maxsize=256)
def _time(seconds: int) -> datetime:
    # Cached, because many attributes have the same time: those of one card, and those of all cards
    # issued in the same week.
    return datetime.fromtimestamp(seconds, UTC)


def read_seconds(value: JsonValue, path: str = "") -> timedelta:
    """Convert a whole number of seconds to a duration."""
    seconds = read_int(value, path)
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise WireError(path, "is too long") from None
