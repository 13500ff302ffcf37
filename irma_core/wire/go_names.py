"""Compare names in JSON as a server in Go does, ignoring case.

Go's `encoding/json` fills a field of a struct from any name that equals the field's under Unicode's
simple case folding; the last such name wins. For example, `ISS` fills `iss`, and a long s (U+017F)
counts as an s. Only the keys of a map are compared exactly. So a check of a field by its exact name
proves nothing if the object has the name in another spelling. The library therefore refuses such
spellings in values that were signed or that it passes on unchanged.
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
    """Return whether one of these names differs only in case from a known name."""
    return any(name not in known and _folded(name) in _all_folded(known) for name in names)


@lru_cache(maxsize=16)
def _all_folded(known: frozenset[str]) -> frozenset[str]:
    return frozenset(map(_folded, known))


def has_twins(value: JsonValue, maps: Mapping[str, int]) -> bool:
    """Return whether an object in a value has two names that a server in Go treats as one.

    Args:
        value: The value that was read.
        maps: For each field that holds maps, how many levels of them it holds. Go compares the keys
            of maps exactly, so two keys are never twins.
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
