"""Change one value in JSON at a time: each number of a proof, and everything around it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

from irma_testing.proofs.encoding import json_number

__all__ = ["Path", "changed_numbers", "changed_parts", "is_number", "leaves", "put", "show"]

Path: TypeAlias = tuple[str | int, ...]

HUGE = (1 << 6143) - 1
"""A number as long as the longest that a verifier should read."""
REMOVED = object()
STRINGS = ("message", "ServerUrl", "Alg", "@context")
"""Members whose strings are not base64."""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each value in JSON that is neither an object nor a list, with its path."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    else:
        yield path, value


def is_number(path: Path, value: Any) -> bool:
    """Return whether a value is a number in base64."""
    return isinstance(value, str) and path[-1] not in STRINGS


def changed_numbers(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield JSON with one number changed, and a description of the change.

    The number is increased or decreased by one, doubled, replaced by zero or a huge number, or has
    one bit flipped.
    """
    for path, found in leaves(value):
        if is_number(path, found):
            number = int.from_bytes(base64.b64decode(found))
            others: dict[str, Any] = {
                "one more": json_number(number + 1),
                "one less": json_number(abs(number - 1)),
                "lowest bit": json_number(number ^ 1),
                "highest bit": json_number(number ^ (1 << max(number.bit_length() - 1, 0))),
                "one bit longer": json_number(number | 1 << number.bit_length()),
                "zero": "",
                "twice": json_number(2 * number + (number == 0)),
                "huge": json_number(HUGE),
            }
        elif isinstance(found, int):
            others = {"one more": found + 1, "one less": found - 1, "zero": 0, "huge": HUGE}
        else:
            continue
        for how, other in others.items():
            if other != found:
                yield f"{show(path)}: {how}", put(value, path, other)


def changed_parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield JSON with one part removed or of another type, and a description of the change."""
    for path, found in _parts(value):
        others: list[Any] = [REMOVED, None, True, 1.5, -1, "%", [], {}, [found], {"a": found}]
        for other in others:
            if other != found or type(other) is not type(found):
                how = "removed" if other is REMOVED else f"now of type {type(other).__name__}"
                yield f"{show(path)}: {how}", put(value, path, other)
        if isinstance(found, list) and found:
            yield f"{show(path)}: last item repeated", put(value, path, [*found, found[-1]])
            yield f"{show(path)}: last item removed", put(value, path, found[:-1])
            if found != found[::-1]:
                yield f"{show(path)}: reversed", put(value, path, found[::-1])


def _parts(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _parts(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _parts(each, (*path, index))


def put(value: Any, path: Path, other: Any) -> Any:
    """Return a copy of JSON with another value at a path."""
    copy = deepcopy(value)
    target = copy
    for name in path[:-1]:
        target = target[name]
    if other is REMOVED:
        del target[path[-1]]
    else:
        target[path[-1]] = other
    return copy


def show(path: Path) -> str:
    """Return a path as a string for people to read."""
    return ".".join(map(str, path))
