"""Reading JSON values strictly: a value of one type, or an error that says where it is none.

Belongs here: the error that knows its place, and the primitive types of the protocol. Does not
belong here: any model (`result_json`, `wire`).
"""

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
    "read_text",
    "read_time",
    "required",
]

Word = TypeVar("Word", bound=Enum)


class WireError(ValueError):
    """A JSON value is not what it should be.

    `place` is a path from the value that was to be read: `.disclosed[0][1].id`.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place.removeprefix('.')}: {reason}" if place else reason)
        self.place = place
        self.reason = reason

    def __reduce__(self) -> tuple[type[WireError], tuple[str, str]]:
        return type(self), (self.place, self.reason)

    def inside(self, place: str) -> WireError:
        """Give the same error, seen from a value around."""
        return WireError(place + self.place, self.reason)


def required(fields: dict[str, JsonValue], name: str, place: str = "") -> JsonValue:
    """Give the value of a field that must be there, in the object at that place."""
    try:
        return fields[name]
    except KeyError:
        raise WireError(f"{place}.{name}", "is missing") from None


def read_enum(value: JsonValue, words: dict[str, Word], place: str = "") -> Word:
    """Give what one of some words stands for."""
    word = words.get(value) if type(value) is str else None
    if word is None:
        raise WireError(place, f"is none of {', '.join(words)}")
    return word


def read_text(value: JsonValue, place: str = "") -> str:
    """Give a text."""
    if type(value) is not str:
        raise WireError(place, "must be a text")
    return value


def read_bool(value: JsonValue, place: str = "") -> bool:
    """Give a truth value."""
    if type(value) is not bool:
        raise WireError(place, "must be true or false")
    return value


def read_int(value: JsonValue, place: str = "") -> int:
    """Give a whole number; `1.0` and `true` are none."""
    if type(value) is not int:
        raise WireError(place, "must be a whole number")
    return value


def read_list(value: JsonValue, place: str = "") -> list[JsonValue]:
    """Give a list."""
    if type(value) is not list:
        raise WireError(place, "must be a list")
    return value


def read_object(value: JsonValue, place: str = "") -> dict[str, JsonValue]:
    """Give an object."""
    if type(value) is not dict:
        raise WireError(place, "must be an object")
    return value


def read_time(value: JsonValue, place: str = "") -> datetime:
    """Give an aware time for Unix seconds."""
    seconds = read_int(value, place)
    try:
        return _time(seconds)
    except (OverflowError, ValueError, OSError):
        raise WireError(place, "is no time there can be") from None


@lru_cache(maxsize=256)
def _time(seconds: int) -> datetime:
    # The attributes of a card, and of a whole week's cards, have one and the same time.
    return datetime.fromtimestamp(seconds, UTC)


def read_seconds(value: JsonValue, place: str = "") -> timedelta:
    """Give a duration for whole seconds."""
    seconds = read_int(value, place)
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise WireError(place, "is too long") from None
