"""Texts, addresses and durations that stand in a request: what their form must be.

Belongs here: checks that give the value back or raise `RequestError` with the place. Does not
belong here: rules on how fields of a request go together (`session_requests`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from irma_core.errors import RequestError

__all__ = [
    "check_address",
    "check_duration",
    "check_host",
    "check_return_address",
    "check_text",
    "check_translated",
]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.ASCII)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_PORT = 65535
_LONGEST = timedelta(days=36500)


def check_text(value: object, place: str, *, empty: bool = True) -> str:
    """Give the text back; it must be Unicode that can be written.

    Raises:
        RequestError: It is no text, is empty where it must not be, or holds a lone surrogate.
    """
    if not isinstance(value, str):
        raise RequestError(place, "must be a text")
    if not value and not empty:
        raise RequestError(place, "must not be empty")
    # Searched for: the native error of an encoder would have the whole text in it.
    if not value.isascii() and _SURROGATE.search(value):
        raise RequestError(place, "holds half a character (a lone surrogate)")
    return value


def check_translated(value: object, place: str) -> dict[str, str]:
    """Copy a translated text: language codes such as `en` to texts.

    Raises:
        RequestError: It is something else, or empty.
    """
    if not isinstance(value, Mapping) or not value:
        raise RequestError(place, 'must map languages to texts, as {"en": …, "nl": …}')
    return {
        check_text(language, place, empty=False): check_text(text, f'{place}["{language}"]')
        for language, text in value.items()
    }


def check_address(value: object, place: str) -> str:
    """Give back an absolute `http` or `https` URL, for the server to send a POST to.

    Raises:
        RequestError: It is something else.
    """
    text = _one_line(value, place)
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise RequestError(place, "must be a whole http or https URL")
    return text


def check_return_address(value: object, place: str) -> str:
    """Give back a URL to return to: a web page, a universal link or an app's own scheme.

    Raises:
        RequestError: It has no scheme, or a scheme that runs what follows it; or it is on the web
            and has no host.
    """
    text = _one_line(value, place)
    if not _SCHEME.fullmatch(text):
        raise RequestError(place, "must be a whole URL, with its scheme")
    scheme = text.partition(":")[0].lower()
    if scheme in {"http", "https"}:
        return check_address(text, place)
    if scheme in {"javascript", "data", "vbscript"}:
        raise RequestError(place, "must not be a URL that runs as code")
    return text


def check_host(value: object, place: str) -> str:
    """Give back a host, with a port if any: `irma.example.com:8088`.

    Raises:
        RequestError: It is something else, a URL for instance.
    """
    text = check_text(value, place, empty=False)
    found = _HOST.fullmatch(text)
    if found is None or (found[2] and not 0 < int(found[2][1:]) <= _LAST_PORT):
        raise RequestError(place, "must be a host name, with a port if need be, and nothing else")
    return text


def check_duration(value: object, place: str) -> timedelta:
    """Give back a duration of whole seconds, not negative; zero is the server's default.

    Raises:
        RequestError: It is something else.
    """
    if not isinstance(value, timedelta):
        raise RequestError(place, "must be a timedelta")
    if value < timedelta(0):
        raise RequestError(place, "must not be negative")
    if value.microseconds:
        raise RequestError(place, "must be whole seconds")
    if value > _LONGEST:
        raise RequestError(place, "is longer than a hundred years")
    return value


def _one_line(value: object, place: str) -> str:
    text = check_text(value, place, empty=False)
    if not text.isprintable() or " " in text:
        raise RequestError(place, "must hold no blank, no line end and nothing invisible")
    if "\\" in text:
        raise RequestError(
            place, "must hold no backslash: browsers and servers read it differently"
        )
    return text
