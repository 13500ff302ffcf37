"""The settings of a page, and its content security policy, for web adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from irma_core.errors import ConfigurationError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.arguments import check_instance, check_optional
from irma_core.models.urls import origin_fault, path_fault, whitespace_fault
from irma_core.tracebacks import boundary
from irma_web.browser_package import STYLE_HASHES
from irma_web.page_texts import TEXTS, page_language

__all__ = ["STATIC", "csp_sources", "page_settings"]

STATIC: Final = Path(__file__).parent / "static"
"""The folder of static files: `irma_web/irma.js` and `irma_web/irma.css`."""

_NAME = re.compile(r"[a-z0-9_-]{1,40}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
"""Characters that could end the script element, or confuse an HTML or JavaScript parser."""


@boundary
def page_settings(
    *,
    prefix: str,
    name: str,
    language: str = "en",
    next_url: str | None = None,
    csrf_header: str | None = None,
    csrf_token: str | None = None,
    texts: Mapping[str, str] | None = None,
) -> str:
    """Return the settings of a question's element, as JSON for `<script type="application/json">`.

    The JSON needs no further escaping in HTML: `<`, `>`, `&` and the line separators are escaped.
    The id of the script element must be `irma-NAME`.

    Args:
        prefix: The URL of the endpoints, with a slash at the end: `/irma/`, or an absolute URL if
            their origin differs from the page's.
        name: The name of the question: 1 to 40 of `a-z`, `0-9`, `_` and `-`.
        language: A language tag such as `nl` or `en-GB`. The page is in English unless the language
            is Dutch.
        next_url: The page to go to after success. The endpoint checks that the page is on the site.
        csrf_header: The header in which the framework expects its CSRF token; None without a token.
        csrf_token: The value of that header.
        texts: The application's own strings, which replace ours: `{"start": "Log in with Yivi"}`.
            The keys are those of `TEXTS` in `irma_web.page_texts`.

    Raises:
        ConfigurationError: An argument is invalid.
        UsageError: An argument has the wrong type.
    """
    for given, argument in ((prefix, "prefix"), (name, "name"), (language, "language")):
        check_instance(given, str, argument, "a string")
    for optional, argument in (
        (next_url, "next_url"),
        (csrf_header, "csrf_header"),
        (csrf_token, "csrf_token"),
    ):
        check_optional(optional, str, argument, "a string")
    if fault := _prefix_fault(prefix):
        raise ConfigurationError(f"prefix {fault}")
    if not _NAME.fullmatch(name):
        raise ConfigurationError("name must consist of 1 to 40 characters: a-z, 0-9, - and _")
    if (csrf_header is None) != (csrf_token is None):
        raise ConfigurationError("csrf_header and csrf_token must be given together")
    if csrf_header is not None and not _HEADER.fullmatch(csrf_header):
        raise ConfigurationError("csrf_header must be the name of a header")
    headers: dict[str, JsonValue] = {} if csrf_header is None else {csrf_header: csrf_token}
    spoken = page_language(language)
    text = write_json(
        {
            "name": name,
            "prefix": prefix,
            "language": spoken,
            "next": next_url,
            "headers": headers,
            "texts": {**TEXTS[spoken], **_own_texts(texts or {})},
        }
    )
    return text.translate(_ESCAPES)


@boundary
def csp_sources(server_url: str) -> Mapping[str, tuple[str, ...]]:
    """Return the sources that the page needs in a content security policy, by directive.

    Even with `default-src 'none'`, the page needs no other sources. The browser package adds a
    style element to the page; the sources have its hashes for the pinned version, so
    `'unsafe-inline'` is not needed.

    Args:
        server_url: The URL at which browsers reach the IRMA server, as in session pointers. Only
            its origin counts.

    Raises:
        ConfigurationError: The string is not a server's URL.
        UsageError: The argument is not a string.
    """
    check_instance(server_url, str, "server_url", "a string")
    if fault := whitespace_fault(server_url) or origin_fault(server_url):
        raise ConfigurationError(f"server_url {fault}")
    parts = urlsplit(server_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    return MappingProxyType(
        {
            "script-src": ("'self'",),
            "connect-src": ("'self'", origin),
            "img-src": ("data:",),
            "style-src": ("'self'", *STYLE_HASHES),
        }
    )


def _own_texts(texts: Mapping[str, str]) -> Mapping[str, str]:
    known = TEXTS["en"]
    for key, text in texts.items():
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
            raise ConfigurationError(f"texts: {key!r} is unknown; {advice}")
        given: object = text
        if not isinstance(given, str) or not given.strip():
            raise ConfigurationError(f"texts: {key!r} must be a non-empty string")
    return texts


def _prefix_fault(prefix: str) -> str:
    if fault := whitespace_fault(prefix):
        return fault
    if not prefix.endswith("/"):
        return "must end with a slash"
    if prefix.startswith("/") and not prefix.startswith("//") and "\\" not in prefix:
        return ""
    return origin_fault(prefix) or path_fault(prefix)
