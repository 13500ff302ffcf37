"""Check headers that a setting adds: whether a name is allowed, and whether a value can be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from irma_core.errors import ConfigurationError

__all__ = [
    "checked_headers",
    "frames_message",
    "frames_request",
    "is_free_for_token",
    "is_reserved",
]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te"}
    | {"trailer", "transfer-encoding", "upgrade", "http2-settings"}
)
_OTHERS: Final = _FRAMING | frozenset(
    {"accept", "age", "alt-used", "cache-control", "cookie", "cookie2", "date", "early-data"}
    | {"forwarded", "from", "last-event-id", "max-forwards", "origin", "pragma", "priority"}
    | {"range", "referer", "set-cookie", "set-cookie2", "upgrade-insecure-requests", "via"}
    | {"warning", "www-authenticate", "x-original-url", "x-rewrite-url"}
    | {"x-http-method", "x-http-method-override", "x-method-override"}
)
_OTHERS_BEGIN: Final = (
    *("accept-", "access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-"),
)


def frames_message(name: str) -> bool:
    """Return whether a header controls framing or a single connection; `name` is in lower case."""
    return name in _FRAMING


def frames_request(name: str) -> bool:
    """Return whether transports derive a header from the URL or body; `name` is in lower case."""
    return name in _FRAMING and name != "connection"


def is_reserved(name: str) -> bool:
    """Return whether the library or HTTP itself uses a header; `name` is in lower case."""
    return name == "authorization" or _has_other_use(name)


def is_free_for_token(name: object) -> bool:
    """Return whether a header may carry the token for a gateway."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return False
    return name.lower() != "user-agent" and not _has_other_use(name.lower())


def _has_other_use(name: str) -> bool:
    return name in _OTHERS or name.startswith(_OTHERS_BEGIN)


def checked_headers(
    headers: object, setting: str, is_taken: Callable[[str], bool]
) -> dict[str, str]:
    """Check headers, and return them with their names in lower case.

    Args:
        headers: The headers, or None.
        setting: The name of the setting, for errors.
        is_taken: A function that takes a name in lower case, and returns whether to refuse that
            header.

    Raises:
        ConfigurationError: A header cannot be sent, is refused by `is_taken`, or is set twice.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{setting}: must map header names to values")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(f"{setting}: one of its keys is not a valid header name")
        if is_taken(name.lower()):
            raise ConfigurationError(
                f"{setting}: {name} cannot be set here, because it is reserved for the library or "
                "the HTTP client"
            )
        if name.lower() in checked:
            raise ConfigurationError(f"{setting}: {name} is set twice")
        if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.strip():
            raise ConfigurationError(f"{setting}: the value of {name} is not valid for a header")
        checked[name.lower()] = value
    return checked
