"""Patterns as Go's `path.Match` reads them, and paths of URLs as its router takes them."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["matches_path"]

_SLASH: Final = "/"


class _Class(NamedTuple):
    """The characters that one place of a pattern takes: those in the ranges, or all others."""

    ranges: tuple[tuple[str, str], ...]
    is_negated: bool = False

    def takes(self, character: str) -> bool:
        is_in = any(low <= character <= high for low, high in self.ranges)
        return is_in is not self.is_negated


_NOTHING: Final = _Class(())
_NO_SLASH: Final = _Class(((_SLASH, _SLASH),), is_negated=True)


def matches_path(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern; a malformed pattern fits none.

    Takes at most as many steps as the product of both lengths: only the last `*` is tried again.
    """
    try:
        places = _places(pattern)
    except ValueError:
        return False
    at, star, begun = 0, -1, 0
    position = 0
    while position < len(name):
        place = places[at] if at < len(places) else _NOTHING
        if place is None:
            star, begun, at = at, position, at + 1
        elif place.takes(name[position]):
            at, position = at + 1, position + 1
        elif star >= 0 and name[begun] != _SLASH:
            at, begun = star + 1, begun + 1
            position = begun
        else:
            return False
    return all(place is None for place in places[at:])


def _places(pattern: str) -> list[_Class | None]:
    """Return what each place takes; None stands for a `*`."""
    places: list[_Class | None] = []
    at = 0
    while at < len(pattern):
        match pattern[at]:
            case "*":
                places.append(None)
                at += 1
            case "?":
                places.append(_NO_SLASH)
                at += 1
            case "[":
                found, at = _class(pattern, at + 1)
                places.append(found)
            case _:
                character, at = _escaped(pattern, at)
                places.append(_Class(((character, character),)))
    return places


def _class(pattern: str, at: int) -> tuple[_Class, int]:
    is_negated = pattern[at : at + 1] == "^"
    at += is_negated
    ranges: list[tuple[str, str]] = []
    while not (pattern[at : at + 1] == "]" and ranges):
        low, at = _character(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _character(pattern, at + 1)
        ranges.append((low, high))  # one that is empty is allowed, and holds nothing
    return _Class(tuple(ranges), is_negated), at + 1


def _character(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] in {"", "-", "]"}:
        raise ValueError("syntax error in pattern")
    return _escaped(pattern, at)


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    at += pattern[at] == "\\"
    if at == len(pattern):
        raise ValueError("syntax error in pattern")
    return pattern[at], at + 1
