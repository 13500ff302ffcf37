"""Compare the names in JSON objects as a Go server does, ignoring case.

Go's `encoding/json` fills a field of a struct from any name that equals the field's under Unicode's
simple case folding; the last such name wins. For example, `ISS` fills `iss`, and a long s (U+017F)
counts as an s. Only the keys of a map are compared exactly. So a check that looks only at a field's
exact name proves nothing if the object also has the name in another spelling. The library therefore
refuses such spellings in values that were signed or that it passes on unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from irma_core.json_text import JsonValue

__all__ = ["has_other_case", "has_twins"]


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return "".join(map(_folded_character, name))


@lru_cache(maxsize=1024)
def _folded_character(character: str) -> str:
    # Python may fold one character to several, such as `ß` to `ss`. Go does not.
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character


def has_other_case(names: Iterable[str], known: frozenset[str]) -> bool:
    """Return whether one of `names` differs only in case from a name in `known`."""
    return any(name not in known and _folded(name) in _all_folded(known) for name in names)


@lru_cache(maxsize=16)
def _all_folded(known: frozenset[str]) -> frozenset[str]:
    return frozenset(map(_folded, known))


def has_twins(value: JsonValue, maps: Mapping[str, int]) -> bool:
    """Return whether an object in `value` has two keys that a Go server treats as the same field.

    Args:
        value: A JSON value, which may contain objects at any depth.
        maps: The fields that hold maps, each with the number of levels to which its maps are
            nested. Go compares the keys of a map exactly, so two keys of a map are never twins.
    """
    left: list[tuple[JsonValue, int]] = [(value, 0)]
    while left:  # not recursive: that would hit Python's limit before the reader does
        item, exact = left.pop()
        if isinstance(item, list):
            left.extend((each, exact) for each in item if isinstance(each, dict | list))
        elif isinstance(item, dict):
            if not exact and len({*map(_folded, item)}) < len(item):
                return True
            left.extend(
                (each, exact - 1 if exact else maps.get(name, 0))
                for name, each in item.items()
                if isinstance(each, dict | list)
            )
    return False
