"""Check a redirect URL from a browser, and accept only pages on the same site.

An open redirect helps phishers, because it lets a link to the real site lead to a phisher's site.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from irma_core.models.arguments import check_instance, check_optional
from irma_core.tracebacks import boundary

__all__ = ["origin_of", "same_site_url"]

_LONGEST: Final = 2000
"""The maximum length of a redirect URL, in characters. Longer URLs fail in proxies and servers."""
_ODD: Final = r"[^!-\[\]-~]"
"""A character that is not visible ASCII, or a backslash, which browsers read as a slash."""
_ORIGIN: Final = (
    r"(https?)://([a-z0-9_-]++(?:\.[a-z0-9_-]++)*+\.?|\[[0-9a-f:.]++\])(?::([0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@boundary
def same_site_url(text: str | None, own_url: str) -> str | None:
    """Return a URL if it is safe to redirect the browser to it, and otherwise None.

    Args:
        text: An untrusted string, such as a form field or a query parameter; None if it was absent.
        own_url: The absolute URL of the request, as the browser sees it.

    Returns:
        The URL unchanged, if it is a path such as `/account/?tab=2`, or an absolute URL with the
        scheme, host and port of `own_url`. None for other sites, other schemes, `//host`, relative
        paths, and strings with a backslash, a control character, whitespace or a character beyond
        ASCII.

    Raises:
        UsageError: An argument is not a string.
    """
    check_optional(text, str, "text", "a string")
    check_instance(own_url, str, "own_url", "a string")
    if text is None or len(text) > _LONGEST or re.search(_ODD, text):
        return None
    if text.startswith("/"):
        return None if text.startswith("//") else text
    own = origin_of(own_url)
    return text if own is not None and origin_of(text) == own else None


def origin_of(url: str) -> str | None:
    """Return an absolute URL's origin as browsers write it, or None if it has no plain origin.

    Source: RFC 6454, section 6.2. An origin is not plain if it has a user name or a non-ASCII host.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    match = re.fullmatch(_ORIGIN, f"{parts.scheme}://{parts.netloc}".lower(), flags=re.ASCII)
    # `urlsplit` also removes whitespace, and accepts a URL without slashes.
    if match is None or not url.lower().startswith(f"{parts.scheme}://"):
        return None
    scheme, host, port = match.groups()
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"
