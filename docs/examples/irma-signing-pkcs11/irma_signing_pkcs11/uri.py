"""Read `pkcs11:` URIs (RFC 7512), which name a key and, optionally, a file with its PIN.

    pkcs11:token=irma;object=webshop?pin-source=file:/run/secrets/pin

Errors show no part of the URI except attribute names from RFC 7512.

`module-path` and a `pin-source` that begins with `|` are refused, because a URI must not load a
library or run a command. `pin-value` is refused too: settings and process lists show a URI, and
must not show a PIN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final
from urllib.parse import unquote_to_bytes

from irma_core.errors import ConfigurationError

__all__ = ["KeyUri", "read_uri"]

_NAMED: Final = ("token", "object", "serial", "id", "type")
_REFUSED: Final = {
    "pin-value": "a URI must not hold a PIN: use pin-source=file:/… or the secret",
    "module-path": "the program must name the module in its secrets",
    "module-name": "the program must name the module in its secrets",
}
# RFC 7512: pk11-pchar and pk11-qchar, with `|` as in its examples of commands.
_IN_PATH = re.compile(r"(?:[\w\-.~:\[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*", re.ASCII)
_IN_QUERY = re.compile(r"(?:[\w\-.~:\[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*", re.ASCII)
_FILE = re.compile(r"file:(?://)?(/[^/?#][^?#]*)")


@final
@dataclass(frozen=True, repr=False)
class KeyUri:
    """The key that a URI names: the one that has all of these properties.

    Attributes:
        token: The token's label.
        object: The key's label.
        serial: The token's serial number, if its label is not unique.
        id: The key's `CKA_ID`, if its label is not unique.
        pin_file: A file with the PIN.
    """

    token: str
    object: str
    serial: str | None
    id: bytes | None
    pin_file: Path | None


def read_uri(rest: str) -> KeyUri:
    """Return the key that a `pkcs11:` URI names.

    Args:
        rest: The URI without its scheme.

    Raises:
        ConfigurationError: The URI is malformed, names no token and object, or has a refused
            attribute.
    """
    path, _, query = rest.partition("?")
    named = dict(_attributes(path, ";", _IN_PATH))
    asked = dict(_attributes(query, "&", _IN_QUERY))
    for name in (*named, *asked):
        if name in _REFUSED:
            raise ConfigurationError(f"{name} is refused: {_REFUSED[name]}")
    if not named.keys() <= {*_NAMED} or not asked.keys() <= {"pin-source"}:
        raise ConfigurationError(f"a URI may have {', '.join(_NAMED)}, and pin-source after the ?")
    if not named.get("token") or not named.get("object"):
        raise ConfigurationError("a URI must name a token and an object: token=…;object=…")
    if named.get("type", b"private") != b"private":
        raise ConfigurationError("type must be private or be left out")
    return KeyUri(
        _text(named["token"]),
        _text(named["object"]),
        _text(named["serial"]) if "serial" in named else None,
        named.get("id"),
        _pin_file(_text(asked["pin-source"])) if "pin-source" in asked else None,
    )


def _attributes(part: str, delimiter: str, form: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for attribute in part.split(delimiter) if part else ():
        name, equals, value = attribute.partition("=")
        if not equals or not form.fullmatch(value):
            raise ConfigurationError(
                "a URI must be a list of name=value pairs, and characters other than letters and "
                "digits must be percent-encoded (a space is %20)"
            )
        if name in seen:
            raise ConfigurationError("a URI must not have an attribute twice (RFC 7512)")
        seen.add(name)
        yield name, unquote_to_bytes(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        pass  # the native error shows the bytes
    raise ConfigurationError("a name in a URI must be percent-encoded UTF-8")


def _pin_file(source: str) -> Path:
    if source.startswith("|"):
        raise ConfigurationError("pin-source must not be a command: use file:/… or the secret")
    match = _FILE.fullmatch(source)
    if match is None:
        raise ConfigurationError("pin-source must be a file on this machine: file:/run/…")
    return Path(_text(unquote_to_bytes(match[1])))
