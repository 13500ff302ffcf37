"""Choose the language of a page from the browser's preferences."""

from __future__ import annotations

import re
from typing import Final

from irma_core.tracebacks import boundary

__all__ = ["preferred_language"]

_ENGLISH: Final = "en"
_DUTCH: Final = "nl"
_RANGE: Final = re.compile(r"(en|nl)(?:-[a-z0-9-]*+)?(?:;q=([0-9.]{1,5}))?", re.ASCII)
_LONGEST_LIST: Final = 1000
"""How much of an `Accept-Language` header is read, in characters."""


@boundary
def preferred_language(accept_language: str) -> str:
    """Return `nl` if the browser prefers Dutch to English, and `en` otherwise.

    Args:
        accept_language: The value of the header `Accept-Language` (RFC 9110, section 12.5.4); empty
            if the header is missing.
    """
    best = {_ENGLISH: 0.0, _DUTCH: 0.0}
    for each in accept_language[:_LONGEST_LIST].split(","):
        match = _RANGE.fullmatch(each.replace(" ", "").lower())
        if match is not None:
            best[match[1]] = max(best[match[1]], _quality(match[2]))
    return _DUTCH if best[_DUTCH] > best[_ENGLISH] else _ENGLISH


def _quality(digits: str | None) -> float:
    try:
        return 1.0 if digits is None else float(digits)
    except ValueError:
        return 0.0
