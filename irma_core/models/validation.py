"""Check identifiers, strings, URLs and durations in a request; raise `RequestError` for a fault.

Identifiers (`scheme.issuer.credential.attribute`, or its first parts) are plain strings throughout
the library. Only the server knows which ones exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from irma_core.errors import RequestError
from irma_core.models.urls import is_plain_url, origin_fault, path_fault, whitespace_fault

__all__ = [
    "check_address",
    "check_attribute_name",
    "check_attribute_type",
    "check_credential_type",
    "check_duration",
    "check_host",
    "check_return_address",
    "check_text",
    "check_translated",
    "credential_type_of",
    "scheme_of",
]

_PART = r"[A-Za-z0-9_-]+"
_CREDENTIAL_TYPE: Final = rf"\A{_PART}\.{_PART}\.{_PART}"
_ATTRIBUTE_TYPE = re.compile(rf"\A{_PART}\.{_PART}\.{_PART}(\.{_PART})?")
_SCHEME: Final = r"\A[A-Za-z][A-Za-z0-9+.-]*:.+"
_HOST: Final = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?"
_SURROGATE: Final = "[\ud800-\udfff]"
_LAST_PORT = 65535
_UNSAFE_SCHEMES = frozenset(
    # They run code.
    {"javascript", "data", "vbscript", "livescript", "mocha", "jscript", "shell", "hcp"}
    # They read local files, or internals of a browser or an app.
    | {"file", "filesystem", "blob", "content", "about", "chrome", "resource", "res", "mk"}
    | {"chrome-extension", "moz-extension", "edge", "opera", "wyciwyg", "android-app"}
    # They wrap another URL, or call any app with any data.
    | {"view-source", "feed", "pcast", "jar", "zip", "intent", "its", "mhtml", "search"}
)
_UNSAFE_PREFIXES = ("ms-", "search-", "x-apple.")
_LONGEST = timedelta(days=36500)


def check_text(value: object, path: str, *, empty: bool = True) -> str:
    """Check that a value is a string without lone surrogates, and return it.

    Raises:
        RequestError: The value is not a string, has a lone surrogate, or is empty and `empty` is
            false.
    """
    if not isinstance(value, str) or not issubclass(type(value), str):  # a proxy claims to be a str
        raise RequestError(path, "must be a string")
    if not value and not empty:
        raise RequestError(path, "must not be empty")
    # This searches instead of encoding, because an encoder's error would contain the whole string.
    if not value.isascii() and re.search(_SURROGATE, value):
        raise RequestError(path, "must not have a lone surrogate (half a character)")
    return value


def check_translated(value: object, path: str) -> dict[str, str]:
    """Check a translated string, which maps languages such as `en` to strings, and return a copy.

    Raises:
        RequestError: The value is not such a mapping, or is empty.
    """
    if not isinstance(value, Mapping) or not value:
        raise RequestError(path, 'must map languages to strings, as in {"en": …, "nl": …}')
    return {
        check_text(language, path, empty=False): check_text(text, f'{path}["{language}"]')
        for language, text in value.items()
    }


def check_address(value: object, path: str) -> str:
    """Check that a value is an absolute `http` or `https` URL of a server, and return it.

    Raises:
        RequestError: The value is not such a URL, or its path has a dot segment.
    """
    if type(value) is str and is_plain_url(value):
        return value
    text = _checked_url(value, path)
    if fault := origin_fault(text) or path_fault(text):
        raise RequestError(path, fault)
    return text


def check_return_address(value: object, path: str) -> str:
    """Check that a value is the URL of a web page, a universal link or an app, and return it.

    Apps have their own schemes, which cannot all be listed. So all schemes are accepted, except
    those that run code, read local files or wrap another URL.

    Raises:
        RequestError: The URL has no scheme, has a scheme that is refused, or is an `http` or
            `https` URL without a host.
    """
    text = _checked_url(value, path)
    if not re.fullmatch(_SCHEME, text, flags=re.ASCII):
        raise RequestError(path, "must be an absolute URL, including the scheme")
    scheme = text.partition(":")[0].lower()
    if scheme in {"http", "https"} and (fault := origin_fault(text)):
        raise RequestError(path, fault)
    if scheme in _UNSAFE_SCHEMES or scheme.startswith(_UNSAFE_PREFIXES):
        raise RequestError(
            path, "must not have a scheme that runs code, reads local files or wraps another URL"
        )
    if "\\" in text:
        raise RequestError(
            path, "must not contain a backslash, which browsers and servers interpret differently"
        )
    return text


def check_host(value: object, path: str) -> str:
    """Check that a value is a host name, perhaps with a port (`example.com:8088`), and return it.

    Raises:
        RequestError: The value is something else, for example a URL.
    """
    text = check_text(value, path, empty=False)
    found = re.fullmatch(_HOST, text, flags=re.ASCII)
    if found is None or (found[2] and not 0 < int(found[2][1:]) <= _LAST_PORT):
        raise RequestError(path, "must be a host name, with or without a port")
    return text


def check_duration(value: object, path: str) -> timedelta:
    """Check that a value is a duration of whole seconds, and return it.

    Zero means the server's default.

    Raises:
        RequestError: The value is not such a duration, is negative, or exceeds a hundred years.
    """
    if not isinstance(value, timedelta):
        raise RequestError(path, "must be a timedelta")
    if value < timedelta(0):
        raise RequestError(path, "must not be negative")
    if value.microseconds:
        raise RequestError(path, "must be a whole number of seconds")
    if value > _LONGEST:
        raise RequestError(path, "must not be longer than a hundred years")
    return value


def check_attribute_type(identifier: object, path: str) -> str:
    """Check that a value is an identifier of four parts, or three for a credential, and return it.

    Raises:
        RequestError: The value is not such an identifier.
    """
    if not isinstance(identifier, str) or not _ATTRIBUTE_TYPE.fullmatch(identifier):
        raise RequestError(
            path,
            "must have the form scheme.issuer.credential.attribute or scheme.issuer.credential",
        )
    return identifier


def check_credential_type(identifier: object, path: str) -> str:
    """Check that a value is a credential type, an identifier of three parts, and return it.

    Raises:
        RequestError: The value is not such an identifier.
    """
    if not isinstance(identifier, str) or not re.fullmatch(_CREDENTIAL_TYPE, identifier):
        raise RequestError(path, "must have the form scheme.issuer.credential")
    return identifier


def check_attribute_name(name: object, path: str) -> str:
    """Check that a value is an attribute's name, the fourth part of an identifier, and return it.

    Raises:
        RequestError: The value is not such a name.
    """
    if not isinstance(name, str) or not re.fullmatch(_PART, name):
        raise RequestError(path, "must name each attribute by the fourth part of its identifier")
    return name


def credential_type_of(attribute_type: str) -> str:
    """Return the credential type of an attribute: the first three parts of its identifier."""
    return ".".join(attribute_type.split(".", 3)[:3])


def scheme_of(identifier: str) -> str:
    """Return the scheme, which is the first part of an identifier."""
    return identifier.partition(".")[0]


def _checked_url(value: object, path: str) -> str:
    text = check_text(value, path)
    if fault := whitespace_fault(text):
        raise RequestError(path, fault)
    return text
