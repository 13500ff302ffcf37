"""Texts, addresses and durations that stand in a request: what their form must be.

Belongs here: checks that give the value back or raise `RequestError` with the path. Does not
belong here: rules on how fields of a request go together (`session_requests`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from irma_core.errors import RequestError
from irma_core.models.urls import is_plain_url, origin_fault, path_fault, whitespace_fault

__all__ = [
    "check_address",
    "check_duration",
    "check_host",
    "check_return_address",
    "check_text",
    "check_translated",
]

_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*:.+", re.ASCII)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_PORT = 65535
_UNSAFE_SCHEMES = frozenset(
    # They run what follows.
    {"javascript", "data", "vbscript", "livescript", "mocha", "jscript", "shell", "hcp"}
    # They read local files, or the insides of a browser or an app.
    | {"file", "filesystem", "blob", "content", "about", "chrome", "resource", "res", "mk"}
    | {"chrome-extension", "moz-extension", "edge", "opera", "wyciwyg", "android-app"}
    # They wrap another URL, or call any app with any data.
    | {"view-source", "feed", "pcast", "jar", "zip", "intent", "its", "mhtml", "search"}
)
_UNSAFE_PREFIXES = ("ms-", "search-", "x-apple.")
_LONGEST = timedelta(days=36500)


def check_text(value: object, path: str, *, empty: bool = True) -> str:
    """Give the text back; it must be Unicode that can be written.

    Raises:
        RequestError: It is no text, is empty where it must not be, or holds a lone surrogate.
    """
    if not isinstance(value, str):
        raise RequestError(path, "must be a text")
    if not value and not empty:
        raise RequestError(path, "must not be empty")
    # Searched for: the native error of an encoder would have the whole text in it.
    if not value.isascii() and _SURROGATE.search(value):
        raise RequestError(path, "holds half a character (a lone surrogate)")
    return value


def check_translated(value: object, path: str) -> dict[str, str]:
    """Copy a translated text: language codes such as `en` to texts.

    Raises:
        RequestError: It is something else, or empty.
    """
    if not isinstance(value, Mapping) or not value:
        raise RequestError(path, 'must map languages to texts, as {"en": …, "nl": …}')
    return {
        check_text(language, path, empty=False): check_text(text, f'{path}["{language}"]')
        for language, text in value.items()
    }


def check_address(value: object, path: str) -> str:
    """Return an absolute `http` or `https` URL that a server is to be called at.

    Raises:
        RequestError: It is something else, or its path has a dot segment.
    """
    if type(value) is str and is_plain_url(value):
        return value
    text = _checked_url(value, path)
    if fault := origin_fault(text) or path_fault(text):
        raise RequestError(path, fault)
    return text


def check_return_address(value: object, path: str) -> str:
    """Return a URL to return to: a web page, a universal link or an app's own scheme.

    Schemes of apps cannot be listed. So those that run code, read local files or wrap another URL
    are refused, and every other one is taken.

    Raises:
        RequestError: It has no scheme, or one that is refused; or it is on the web and has no host.
    """
    text = _checked_url(value, path)
    if not _SCHEME.fullmatch(text):
        raise RequestError(path, "must be a whole URL, with its scheme")
    scheme = text.partition(":")[0].lower()
    if scheme in {"http", "https"} and (fault := origin_fault(text)):
        raise RequestError(path, fault)
    if scheme in _UNSAFE_SCHEMES or scheme.startswith(_UNSAFE_PREFIXES):
        raise RequestError(
            path, "must not have a scheme that runs code, reads local files or wraps another URL"
        )
    if "\\" in text:
        raise RequestError(path, "must hold no backslash: browsers and servers read it differently")
    return text


def check_host(value: object, path: str) -> str:
    """Give back a host, with a port if any: `irma.example.com:8088`.

    Raises:
        RequestError: It is something else, a URL for instance.
    """
    text = check_text(value, path, empty=False)
    found = _HOST.fullmatch(text)
    if found is None or (found[2] and not 0 < int(found[2][1:]) <= _LAST_PORT):
        raise RequestError(path, "must be a host name, with a port if need be, and nothing else")
    return text


def check_duration(value: object, path: str) -> timedelta:
    """Give back a duration of whole seconds, not negative; zero is the server's default.

    Raises:
        RequestError: It is something else.
    """
    if not isinstance(value, timedelta):
        raise RequestError(path, "must be a timedelta")
    if value < timedelta(0):
        raise RequestError(path, "must not be negative")
    if value.microseconds:
        raise RequestError(path, "must be whole seconds")
    if value > _LONGEST:
        raise RequestError(path, "is longer than a hundred years")
    return value


def _checked_url(value: object, path: str) -> str:
    text = check_text(value, path)
    if fault := whitespace_fault(text):
        raise RequestError(path, fault)
    return text
