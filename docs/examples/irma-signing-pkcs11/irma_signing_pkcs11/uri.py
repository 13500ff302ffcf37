"""`pkcs11:` URIs (RFC 7512), as far as they say which key signs and where its PIN is kept.

    pkcs11:token=irma;object=webshop?pin-source=file:/run/secrets/pin

Belongs here: text in, `KeyUri` out. No error shows a part of the URI but names that RFC 7512 has.

`module-path` and a `pin-source` that begins with `|` would let whoever writes the URI load a
library or run a command: refused. So is `pin-value`: a URI stands in settings and process lists,
where no PIN belongs.
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
    "pin-value": "a PIN does not belong into a URI; use pin-source=file:/… or the secret",
    "module-path": "the module is set by the program that wires, not by the URI",
    "module-name": "the module is set by the program that wires, not by the URI",
}
# RFC 7512: pk11-pchar and pk11-qchar, with `|` as in its examples of commands.
_IN_PATH = re.compile(r"(?:[\w\-.~:\[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*", re.ASCII)
_IN_QUERY = re.compile(r"(?:[\w\-.~:\[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*", re.ASCII)
_FILE = re.compile(r"file:(?://)?(/[^/?#][^?#]*)")


@final
@dataclass(frozen=True, repr=False)
class KeyUri:
    """Which key: all that is given must fit.

    Attributes:
        token: The token's label.
        object: The key's label.
        serial: The token's serial number, where labels are not enough.
        id: The key's `CKA_ID`, likewise.
        pin_file: A file with the PIN.
    """

    token: str
    object: str
    serial: str | None
    id: bytes | None
    pin_file: Path | None


def read_uri(rest: str) -> KeyUri:
    """Read what stands behind `pkcs11:`.

    Raises:
        ConfigurationError: It is no such URI, names no token and object, or says what it may not.
    """
    path, _, query = rest.partition("?")
    named = dict(_attributes(path, ";", _IN_PATH))
    asked = dict(_attributes(query, "&", _IN_QUERY))
    for name in (*named, *asked):
        if name in _REFUSED:
            raise ConfigurationError(f"{name} is refused: {_REFUSED[name]}")
    if not named.keys() <= {*_NAMED} or not asked.keys() <= {"pin-source"}:
        raise ConfigurationError(f"a URI takes {', '.join(_NAMED)}, and behind the ? pin-source")
    if not named.get("token") or not named.get("object"):
        raise ConfigurationError("a URI names a token and an object: token=…;object=…")
    if named.get("type", b"private") != b"private":
        raise ConfigurationError("only a private key signs: type=private, or no type")
    return KeyUri(
        _text(named["token"]),
        _text(named["object"]),
        _text(named["serial"]) if "serial" in named else None,
        named.get("id"),
        _pin_file(_text(asked["pin-source"])) if "pin-source" in asked else None,
    )


def _attributes(text: str, delimiter: str, form: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for attribute in text.split(delimiter) if text else ():
        name, equals, value = attribute.partition("=")
        if not equals or not form.fullmatch(value):
            raise ConfigurationError(
                "a URI is a list of name=value, and what is neither a letter nor a digit "
                "is percent-encoded (a space is %20)"
            )
        if name in seen:
            raise ConfigurationError("a URI has each attribute once, says RFC 7512")
        seen.add(name)
        yield name, unquote_to_bytes(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        pass  # the native error shows the bytes
    raise ConfigurationError("a name in a URI is percent-encoded UTF-8")


def _pin_file(source: str) -> Path:
    if source.startswith("|"):
        raise ConfigurationError("pin-source runs no command; use file:/… or the secret")
    match = _FILE.fullmatch(source)
    if match is None:
        raise ConfigurationError("pin-source is a file on this machine: file:/run/…")
    return Path(_text(unquote_to_bytes(match[1])))
