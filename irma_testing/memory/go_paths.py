"""Patterns as Go's `path.Match` reads them, and paths of URLs as its router takes them."""

from __future__ import annotations

import re

__all__ = ["matches_path"]


def matches_path(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern; a malformed pattern fits none."""
    try:
        translated = _translate(pattern)
    except ValueError:
        return False
    return re.fullmatch(translated, name, re.DOTALL) is not None


def _translate(pattern: str) -> str:
    parts: list[str] = []
    rest = pattern
    while rest:
        first, rest = rest[0], rest[1:]
        if first == "*":
            rest = rest.lstrip("*")
            parts.append("[^/]*")
        elif first == "?":
            parts.append("[^/]")
        elif first == "[":
            translated, rest = _class(rest)
            parts.append(translated)
        else:
            if first == "\\":
                first, rest = _escaped(rest)
            parts.append(re.escape(first))
    return "".join(parts)


def _class(rest: str) -> tuple[str, str]:
    negated = rest.startswith("^")
    rest = rest[negated:]
    ranges: list[str] = []
    while not (rest.startswith("]") and ranges):
        low, rest = _character(rest)
        high = low
        if rest.startswith("-"):
            high, rest = _character(rest[1:])
        # One that is empty is allowed, and holds nothing.
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    inside = "".join(ranges)
    if not inside:
        return ("." if negated else "(?!)"), rest[1:]
    return f"[{'^' if negated else ''}{inside}]", rest[1:]


def _character(rest: str) -> tuple[str, str]:
    if rest[:1] in ("", "-", "]"):
        raise ValueError("syntax error in pattern")
    return _escaped(rest[1:]) if rest[0] == "\\" else (rest[0], rest[1:])


def _escaped(rest: str) -> tuple[str, str]:
    if not rest:
        raise ValueError("syntax error in pattern")
    return rest[0], rest[1:]
