"""Headers that a setting names: which names are free, and what a header may hold.

Belongs here: the checks. Does not belong here: who sends which header where (`flows.gateway`, the
transports).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from irma_core.errors import ConfigurationError

__all__ = ["FRAMING", "RESERVED", "checked_header_name", "checked_headers"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

FRAMING: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te"}
    | {"trailer", "transfer-encoding", "upgrade", "http2-settings"}
)
"""Headers of one connection: what frames a request and says where it goes."""
_OTHERS: Final = FRAMING | frozenset(
    {"accept", "age", "alt-used", "cache-control", "cookie", "cookie2", "date", "early-data"}
    | {"forwarded", "from", "last-event-id", "max-forwards", "origin", "pragma", "priority"}
    | {"range", "referer", "set-cookie", "set-cookie2", "upgrade-insecure-requests", "via"}
    | {"warning", "www-authenticate", "x-original-url", "x-rewrite-url"}
    | {"x-http-method", "x-http-method-override", "x-method-override"}
)
_OTHERS_BEGIN: Final = (
    *("accept-", "access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-"),
)


def has_other_use(name: str) -> bool:
    """Return whether HTTP libraries, proxies or servers give a header, in lower case, a meaning."""
    return name in _OTHERS or name.startswith(_OTHERS_BEGIN)


def checked_header_name(name: object) -> str | None:
    """Return the name of a header in lower case; None if it is no name, or has another use."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or has_other_use(name.lower()):
        return None
    return name.lower()


def checked_headers(headers: object, setting: str, *, taken: frozenset[str]) -> dict[str, str]:
    """Return headers with their names in lower case.

    Args:
        headers: The headers; None for none.
        setting: The name of the setting, for errors.
        taken: Names that the setting cannot have, in lower case.

    Raises:
        ConfigurationError: One cannot be sent, has another use, or is there twice.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{setting}: must map names of headers to their values")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(f"{setting}: holds a name that no header can have")
        if name.lower() in taken:
            raise ConfigurationError(f"{setting}: {name} cannot be set here, it has another use")
        if name.lower() in checked:
            raise ConfigurationError(f"{setting}: {name} is there twice")
        if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.strip():
            raise ConfigurationError(f"{setting}: the value of {name} cannot be sent")
        checked[name.lower()] = value
    return checked
