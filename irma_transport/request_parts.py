"""The parts of a request's URL, and the parts of a request that tracing tools may see.

HTTP libraries pass each URL and header to the tools that hook into them: error trackers, tracing,
debug logs. So the libraries receive a harmless target and harmless headers. The real ones replace
these when the request is written.
"""

from __future__ import annotations

import re
from functools import lru_cache

from irma_core.errors import ConfigurationError
from irma_core.models.headers import checked_headers, frames_request
from irma_core.models.holders import Headers

__all__ = ["prepare_headers", "shown_target", "split_url"]

# The host's quantifier is possessive; otherwise a long URL that does not match would take a long
# time.
_URL = re.compile(r"(https?://[^/?#@\s\\]++)((?:[/?][\x21-\x22\x24-\x7e]*)?)", re.IGNORECASE)
_LONGEST_URL = 65_536
_LABEL_TARGET = re.compile(r"[A-Za-z0-9/{}._~-]+")
_SHOWN_HEADERS = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})


def split_url(url: str) -> tuple[str, str]:
    """Return a URL's scheme, host and port, and its target.

    Raises:
        ConfigurationError: The string is not an absolute HTTP URL, or is too long.
    """
    match = _URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    if match is None:
        raise ConfigurationError(
            "the URL must be an absolute, percent-encoded http or https URL of at most "
            f"{_LONGEST_URL} characters"
        )
    base, target = match.groups()
    return base, target


@lru_cache(maxsize=64)
def shown_target(label: str) -> str:
    """Return the request target that tools may see, taken from the request's label."""
    target = label.partition(" ")[2].removeprefix("/")
    return f"/{target}" if _LABEL_TARGET.fullmatch(target) else "/not-shown"


def prepare_headers(headers: Headers, place: str) -> tuple[dict[str, str], dict[str, str]]:
    """Check headers, and separate those that tools may see from those that may be secret.

    Args:
        headers: The headers of a request.
        place: The request's label, for errors.

    Raises:
        ConfigurationError: A header cannot be sent, is reserved for the transport, or is set twice.
    """
    if _SHOWN_HEADERS.issuperset([name for name, _ in headers]):
        return dict(_checked_shown(headers, place)), {}
    shown: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for name, value in checked_headers(dict(headers), place, frames_request).items():
        (shown if name in _SHOWN_HEADERS else hidden)[name] = value
    return shown, hidden


@lru_cache(maxsize=64)
def _checked_shown(headers: Headers, place: str) -> dict[str, str]:
    # Cached because most requests have the same headers. Headers that may be secret are not cached.
    return checked_headers(dict(headers), place, frames_request)
