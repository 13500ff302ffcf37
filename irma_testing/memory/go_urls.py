"""URLs as Go's `net/url` reads them, and `net/http` requests them.

Source: Go 1.26, `net/url/url.go` and `net/http/client.go`.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin

__all__ = ["follow_location", "requestable_url"]

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
# The characters that stay unescaped in a path, besides letters and digits.
_IN_PATHS = "%/:@!$&'()*+,;=[]~-._"


def requestable_url(text: str, encoding: str = "utf-8") -> str:
    """Return the URL that is requested: escaped, and without a fragment.

    Args:
        text: An absolute URL.
        encoding: The encoding in which characters beyond ASCII are escaped.

    Raises:
        ValueError: It is not an `http` or `https` URL with a host.
    """
    found = _URL.fullmatch(text)
    if found is None or _CONTROL.search(text) or _BAD_ESCAPE.search(found["path"] or ""):
        raise ValueError("not a URL that can be requested")
    path = quote(found["path"] or "", safe=_IN_PATHS, encoding=encoding, errors="surrogateescape")
    return f"{found['scheme'].lower()}://{found['authority']}{path}{found['query'] or ''}"


def follow_location(url: str, location: str) -> str:
    """Return the URL to which a `Location` header leads from a URL.

    Raises:
        ValueError: It leads to a URL that cannot be requested.
    """
    if _SCHEME.match(location):
        return requestable_url(location, "latin-1")
    return requestable_url(urljoin(url, location), "latin-1")
