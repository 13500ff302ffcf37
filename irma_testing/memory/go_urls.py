"""URLs as Go requests them, and patterns as Go's `path.Match` reads them.

Source: Go 1.26, `net/url/url.go`, `net/http/client.go` and `path/match.go`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import quote, urljoin

__all__ = ["follow_location", "matches_path", "requestable_url"]

_USER = r"(?:(?:[A-Za-z0-9._:~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})*@)?"
_HOST = r"(?:[^/?#\s\[\]:@]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<authority>{_USER}{_HOST})"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*+:")
_SLASH: Final = "/"
# The characters that stay unescaped in a path, besides letters and digits.
_IN_PATHS = "%/:@!$&'()*+,;=[]~-._"


def requestable_url(url: str, encoding: str = "utf-8") -> str:
    """Return the URL that Go requests: escaped, and without a fragment.

    Args:
        url: An absolute URL.
        encoding: The character encoding in which non-ASCII characters are percent-encoded.

    Raises:
        ValueError: The URL is not an `http` or `https` URL with a host.
    """
    match = _URL.fullmatch(url)
    if match is None or _CONTROL.search(url) or _BAD_ESCAPE.search(match["path"] or ""):
        raise ValueError("not a URL that can be requested")
    path = quote(match["path"] or "", safe=_IN_PATHS, encoding=encoding, errors="surrogateescape")
    return f"{match['scheme'].lower()}://{match['authority']}{path}{match['query'] or ''}"


def follow_location(url: str, location: str) -> str:
    """Return the URL of a redirect, given the original URL and the `Location` header.

    Raises:
        ValueError: The header leads to a URL that cannot be requested.
    """
    if _SCHEME.match(location):
        return requestable_url(location, "latin-1")
    return requestable_url(urljoin(url, location), "latin-1")


class _Class(NamedTuple):
    """The characters that one element of a pattern matches: those in the ranges, or all others."""

    ranges: tuple[tuple[str, str], ...]
    is_negated: bool = False

    def matches(self, character: str) -> bool:
        is_in = any(low <= character <= high for low, high in self.ranges)
        return is_in is not self.is_negated


_NOTHING: Final = _Class(())
_NO_SLASH: Final = _Class(((_SLASH, _SLASH),), is_negated=True)


def matches_path(pattern: str, name: str) -> bool:
    """Return whether a name matches a pattern; a malformed pattern matches nothing.

    The number of steps is at most the product of both lengths, because matching backtracks only to
    the last `*`.
    """
    try:
        elements = _elements(pattern)
    except ValueError:
        return False
    at, star, star_end = 0, -1, 0
    position = 0
    while position < len(name):
        element = elements[at] if at < len(elements) else _NOTHING
        if element is None:
            star, star_end, at = at, position, at + 1
        elif element.matches(name[position]):
            at, position = at + 1, position + 1
        elif star >= 0 and name[star_end] != _SLASH:
            at, star_end = star + 1, star_end + 1
            position = star_end
        else:
            return False
    return all(element is None for element in elements[at:])


def _elements(pattern: str) -> list[_Class | None]:
    """Return the elements of a pattern; None stands for a `*`."""
    elements: list[_Class | None] = []
    at = 0
    while at < len(pattern):
        match pattern[at]:
            case "*":
                elements.append(None)
                at += 1
            case "?":
                elements.append(_NO_SLASH)
                at += 1
            case "[":
                character_class, at = _class(pattern, at + 1)
                elements.append(character_class)
            case _:
                character, at = _escaped(pattern, at)
                elements.append(_Class(((character, character),)))
    return elements


def _class(pattern: str, at: int) -> tuple[_Class, int]:
    is_negated = pattern[at : at + 1] == "^"
    at += is_negated
    ranges: list[tuple[str, str]] = []
    while not (pattern[at : at + 1] == "]" and ranges):
        low, at = _character(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _character(pattern, at + 1)
        ranges.append((low, high))  # Go allows an empty range
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
