"""The rules for URLs in settings, requests and responses, and the test for loopback hosts.

The functions whose names end in `_fault` return what is wrong; `validation` and
`protocol.server_url` raise the errors.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from unicodedata import normalize
from urllib.parse import SplitResult, unquote, urlsplit

__all__ = [
    "is_loopback",
    "is_plain_http",
    "is_plain_url",
    "origin_fault",
    "path_fault",
    "whitespace_fault",
]

_SCHEME: Final = r"\A[A-Za-z][A-Za-z0-9+.-]*://"
_NETLOC: Final = r"\A(?:[^@]*+@)?(?:[\w-]++(?:\.[\w-]++)*+\.?|\[[0-9A-Fa-f:.]++\])(?::[0-9]++)?"
_PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9_-]++)*+/?",
    re.ASCII,
)
_WHITESPACE: Final = r"\s"
_CONTROL: Final = r"[\x00-\x1f\x7f]"
_MOST_DECODINGS: Final = 4
"""How many times a path may be percent-encoded. A gateway decodes a path once, and a second gateway
behind the first may decode it again."""
_NOT_DECODED: Final = "\ufffd"
_IPV6_LOOPBACK: Final = IPv6Address(1)


def is_plain_url(url: str) -> bool:
    """Return whether a URL is so simple that it passes all checks in this module, as most URLs do.

    Such a URL has only letters, digits, `-` and `_` between its delimiters, no user name, no port
    above 9999 and no dot in its path.
    """
    return _PLAIN_URL.fullmatch(url) is not None


def whitespace_fault(url: str) -> str:
    """Return a phrase, such as "must not be empty", if a URL is empty or holds whitespace.

    Invisible characters count as whitespace. If nothing is wrong, the phrase is empty.
    """
    if not url:
        return "must not be empty"
    if url != url.strip():
        return "must not begin or end with whitespace or a line end: strip it after reading"
    if re.search(_WHITESPACE, url):
        return "must not contain whitespace or a line end"
    if not url.isprintable():
        return "must not contain control characters or invisible characters"
    return ""


def origin_fault(url: str) -> str:
    """Return what is wrong with the scheme, host or port of a URL; empty if nothing is wrong.

    The fault is a phrase such as "must have a valid host and port". The host may have letters
    beyond ASCII.
    """
    if not re.match(_SCHEME, url, flags=re.ASCII):
        return "must begin with a scheme, such as https://"
    if "\\" in url:
        return "must not contain a backslash, which browsers and servers interpret differently"
    parts = _split(url)
    if parts is None:
        return "must have a valid host and port"
    return "" if parts.scheme in {"http", "https"} else "must be an http or https URL"


def path_fault(url: str) -> str:
    """Return what is wrong with the path of a URL; empty if nothing is wrong.

    The fault is a phrase such as "must not contain a backslash". Some gateways decode and resolve a
    path twice. So a path that could then leave its own directory is at fault, whatever its
    encoding.
    """
    # `;` parameters are removed from each segment below, as servers do.
    path = url.partition("#")[0].partition("?")[0].partition("://")[2].partition("/")[2]
    for _ in range(_MOST_DECODINGS):
        decoded = normalize("NFKC", unquote(path))
        if decoded == path:
            break
        path = decoded
    else:
        return "must not be percent-encoded several times"
    if re.search(_CONTROL, path) or _NOT_DECODED in path:
        return "must not contain encoded control characters or invalid UTF-8"
    if "\\" in path:
        return "must not contain a backslash, even an encoded one"
    segments = (segment.partition(";")[0].strip() for segment in path.split("/"))
    if any(segment in {".", ".."} for segment in segments):
        return "must not contain dot segments such as `..`, even encoded ones"
    return ""


def is_loopback(host: str) -> bool:
    """Return whether a URL's host is a loopback address, or exactly `localhost`.

    Names that end in `.localhost` do not count, because many systems resolve them with DNS.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    # Python 3.13 regards a mapped IPv4 loopback address as loopback, and 3.11 does not.
    return address.is_loopback if isinstance(address, IPv4Address) else address == _IPV6_LOOPBACK


def is_plain_http(url: str) -> bool:
    """Return whether a checked URL uses `http` with a host other than loopback."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_valid = re.fullmatch(_NETLOC, parts.netloc) is not None and parts.port != 0
    except ValueError:
        return None
    return parts if is_valid else None
