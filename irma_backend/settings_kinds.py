"""The kinds of setting values, and how to read each from TOML, a variable or an option.

A reader receives the value as TOML would hold it, and the folder of the settings file. Paths are
relative to that folder. A reader's errors describe a valid value, and never repeat the invalid one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import unquote, urlsplit

import attrs

from irma_backend.path_uris import path_of, resolve_path
from irma_core.errors import ConfigurationError, RequestError
from irma_core.json_text import JsonValue
from irma_core.models.holders import Hidden, HiddenSecret
from irma_core.models.risks import Risk
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
    as_extended,
)
from irma_core.plugins.hookspecs import PluginUri
from irma_core.protocol.server_url import ServerUrl
from irma_core.wire.read_requests import read_request

__all__ = [
    "FLAG",
    "HELD",
    "ISSUER",
    "KEY_BITS",
    "KEY_FILES",
    "NAME",
    "PATH",
    "PATHS",
    "PINNED_KEYS",
    "PORT",
    "REFERENCE",
    "REFERENCES",
    "REQUEST",
    "REQUEST_FILE",
    "RISKS",
    "RISK_NAMES",
    "SECONDS",
    "TEXT",
    "TEXTS",
    "URI",
    "URL",
    "Kind",
    "Reader",
    "SecretReference",
    "read_small_file",
]

Reader = Callable[[Any, Path], Any]
_LARGEST_FILE: Final = 1024 * 1024
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_LARGEST_PORT: Final = 65535
_KEY_BITS: Final = (1024, 2048, 4096)
_LONGEST: Final = 366 * 24 * 3600.0
"""The longest duration that a setting may have, in seconds."""
_TELLING_WORD: Final = "(?:pass|pwd|secret|token|key|pin|auth|cred|sig)"
_SECRET_MEMBER: Final = re.compile(
    rf"(?<![^=?&;#/])(?:(?!{_TELLING_WORD})[^=?&;#/])*+{_TELLING_WORD}[^=?&;#/]*+=", re.IGNORECASE
)
"""Matches the name of a secret in a URI's query, fragment, or other part with `name=value`
pairs."""
_MAY_HOLD_SECRET: Final = frozenset("@?#=")
"""Characters that occur only in URIs with a user, a query, a fragment or parameters."""
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""Matches a name that the user chooses. It does not match a misplaced key, because 32 bytes in
base64 have at least 43 characters."""
RISK_NAMES: Final = {risk.name.lower().replace("_", "-"): risk for risk in Risk}
"""The risks, by their names in settings, such as `plain-http`."""


def _as_it_is(_name: str, text: str) -> object:
    return text


def fingerprint(secret: str) -> str:
    """Return the first 8 hexadecimal digits of the SHA-256 of a secret.

    These digits show whether two secrets are the same, but are too few to reveal a secret.
    """
    return sha256(secret.encode(errors="surrogateescape")).hexdigest()[:8]


def _shown(value: Any) -> JsonValue:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple):
        return [_shown(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _shown_uri(uri: str) -> JsonValue:
    # The user name or any value in the query may be a token.
    if not _holds_secret(uri) and _MAY_HOLD_SECRET.isdisjoint(unquote(uri)):
        return uri
    return {"scheme": uri.partition(":")[0].lower(), "fingerprint": fingerprint(uri)}


def _shown_reference(reference: SecretReference) -> JsonValue:
    try:
        return {"reference": reference.text, "fingerprint": fingerprint(reference.read())}
    except ConfigurationError as error:
        return {"reference": reference.text, "error": str(error)}


def _shown_references(references: tuple[SecretReference, ...]) -> JsonValue:
    return [_shown_reference(each) for each in references]


def _shown_request(request: SessionRequest | ExtendedRequest) -> JsonValue:
    return type(as_extended(request).request).__name__


def _shown_pairs(pairs: tuple[tuple[str, object], ...]) -> JsonValue:
    return [f"{name}={value}" for name, value in pairs]


def _shown_attributes(held: tuple[str, ...]) -> JsonValue:
    return [each.partition("=")[0] for each in held]


@final
@attrs.frozen
class Kind:
    """A kind of setting value.

    Attributes:
        expected: The description of a valid value, with an article.
        read: Converts a value in TOML to the program's value, or raises `ConfigurationError`.
        of_variable: Converts an environment variable, given its name and string, to the value that
            TOML would hold.
        read_outside: Replaces `read` for variables and options; None if `read` applies to them too.
        show: Returns the part of a value that may be shown, as JSON.
    """

    expected: str
    read: Reader
    of_variable: Callable[[str, str], object] = _as_it_is
    read_outside: Reader | None = None
    show: Callable[[Any], JsonValue] = _shown


def _hide_function(read: Callable[[], str]) -> Hidden[Callable[[], str]]:
    return HiddenSecret(read)


@final
@attrs.frozen
class SecretReference:
    """A reference to a secret in a file or in an environment variable.

    Attributes:
        text: `file:PATH` or `env:NAME`.
    """

    text: str
    _read: Hidden[Callable[[], str]] = attrs.field(
        alias="read", converter=_hide_function, repr=False
    )

    @classmethod
    def to_file(cls, path: Path) -> SecretReference:
        """Return a reference to the secret in a file."""
        return cls(f"file:{path}", lambda: read_small_file(path).strip())

    @classmethod
    def to_variable(cls, name: str) -> SecretReference:
        """Return a reference to the secret in an environment variable."""
        return cls(f"env:{name}", lambda: os.environ.get(name, "").strip())

    def read(self) -> str:
        """Return the secret, without whitespace around it.

        Raises:
            ConfigurationError: The file cannot be read or is empty, or the environment variable is
                empty or not set.
        """
        secret = self._read.reveal()()
        if not secret:
            is_file = self.text.startswith("file:")
            raise ConfigurationError(
                "the file is empty" if is_file else "the environment variable is not set"
            )
        return secret


def read_small_file(path: Path) -> str:
    """Return the contents of a UTF-8 file of at most 1 MiB.

    Raises:
        ConfigurationError: The file cannot be read, is too large, or is not in UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "the path is not valid"
        raise ConfigurationError(f"cannot read the file: {reason}") from None
    if len(content) > _LARGEST_FILE:
        raise ConfigurationError("cannot read the file: it is larger than 1 MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError("the file must be in UTF-8") from None


def _string(value: Any, _folder: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError("must be a non-empty string")
    return value


def _issuer(value: Any, folder: Path) -> str:
    return "" if value == "" else _string(value, folder)


def _strings(value: Any, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigurationError("must be a list of strings")
    return tuple(_string(each, folder) for each in value)


def _url(value: Any, folder: Path) -> str:
    url = _string(value, folder)
    # Plain HTTP is checked later, when the allowed risks are known.
    ServerUrl.parse(url, allow=tuple(Risk), what="URL")
    return url


def _uri(value: Any, folder: Path) -> str:
    uri = _any_uri(value, folder)
    if _holds_secret(uri):
        raise ConfigurationError(
            "must not contain a secret. Put a URI with a password in this setting's environment "
            "variable. In an `hmac:` URI, give the name of a key in [secrets]"
        )
    return resolve_path(uri, folder)


def _any_uri(value: Any, folder: Path) -> str:
    return PluginUri.parse(_string(value, folder)).text


def _holds_secret(uri: str) -> bool:
    """Return whether a URI seems to hold a password or a key."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "hmac":
        return NAME.fullmatch(rest) is None
    try:
        urlsplit(uri)
    except ValueError:
        return True  # perhaps a password that contains a bracket
    # The URI may be wrapped by another scheme, and the password may have any character.
    after_colon = uri.partition("//")[2].partition(":")[2]
    return "@" in after_colon or _SECRET_MEMBER.search(unquote(rest)) is not None


def _path(value: Any, folder: Path) -> Path:
    text = _string(value, folder)
    if "\0" in text or "\n" in text:
        raise ConfigurationError("must be the path of a file")
    return folder / text


def _paths(value: Any, folder: Path) -> tuple[Path, ...]:
    if not isinstance(value, list) or not value:
        raise ConfigurationError("must be a list of paths")
    return tuple(_path(each, folder) for each in value)


def _pairs(value: Any, folder: Path, form: str) -> tuple[tuple[str, str], ...]:
    pairs = [each.partition("=") for each in _strings(value, folder)]
    if not pairs or not all(name and rest for name, _, rest in pairs):
        raise ConfigurationError(f"must be a list of {form}")
    return tuple((name, rest) for name, _, rest in pairs)


def _key_files(value: Any, folder: Path) -> tuple[tuple[str, Path], ...]:
    pairs = _pairs(value, folder, "NAME=FILE, such as pbdf=pbdf.pem")
    return tuple((name, _path(file, folder)) for name, file in pairs)


def _pinned_keys(value: Any, folder: Path) -> tuple[tuple[str, str], ...]:
    return _pairs(value, folder, "URL=KEY, as `irma-backend time-stamp-key` prints it")


def _reference(value: Any, folder: Path) -> SecretReference:
    if isinstance(value, SecretReference):
        return value
    scheme, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if colon and scheme == "file":
        path = folder / path_of(value)
        return SecretReference.to_file(path)
    if colon and scheme == "env" and _VARIABLE.fullmatch(rest):
        return SecretReference.to_variable(rest)
    raise ConfigurationError(
        "must be the location of the secret, as file:PATH or env:NAME. A settings file must "
        "not hold secrets: move the secret into a file that only this program may read, or "
        "into an environment variable"
    )


def _references(value: Any, folder: Path) -> tuple[SecretReference, ...]:
    if not isinstance(value, list) or not value:
        raise ConfigurationError("must be a list of references to secrets, such as file:PATH")
    return tuple(_reference(each, folder) for each in value)


def _seconds(value: Any, _folder: Path) -> timedelta:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= _LONGEST:
        raise ConfigurationError("must be a number of seconds above zero, and at most a year")
    duration = timedelta(seconds=value)
    if not duration:
        raise ConfigurationError("must be at least one microsecond")
    return duration


def _port(value: Any, _folder: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_PORT:
        raise ConfigurationError("must be a port, from 0 to 65535")
    return value


def _key_bits(value: Any, _folder: Path) -> int:
    if not isinstance(value, int) or value not in _KEY_BITS:
        raise ConfigurationError("must be 1024, 2048 or 4096")
    return value


def _flag(value: Any, _folder: Path) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError("must be true or false")
    return value


def _risks(value: Any, folder: Path) -> tuple[str, ...]:
    risks = _strings(value, folder)
    if not RISK_NAMES.keys() >= set(risks):
        raise ConfigurationError(f"must be a list of risks: {', '.join(RISK_NAMES)}")
    return risks


def _request(value: Any, folder: Path) -> Any:
    try:
        request = read_request(_string(value, folder))
    except RequestError as error:
        raise ConfigurationError(str(error)) from None
    if isinstance(request, RevocationRequest):
        raise ConfigurationError("must be a session request, not a revocation")
    return request


def _request_file(value: Any, folder: Path) -> Any:
    return _request(read_small_file(_path(value, folder)), folder)


def _number(_name: str, text: str) -> object:
    # Python's `int` also accepts `1_0`, and digits of other scripts.
    return float(text) if _DECIMAL.fullmatch(text) else text


def _whole(_name: str, text: str) -> object:
    try:
        return int(text)
    except ValueError:
        return text


def _listed(_name: str, text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _true_or_false(_name: str, text: str) -> object:
    return _FLAGS.get(text.lower(), text)


TEXT: Final = Kind("a string", _string)
ISSUER: Final = Kind("a string", _issuer)
TEXTS: Final = Kind("a list of strings", _strings, _listed)
URL: Final = Kind("a URL", _url)
URI: Final = Kind("a URI without a password", _uri, read_outside=_any_uri, show=_shown_uri)
PATH: Final = Kind("a path", _path)
PATHS: Final = Kind("a list of paths", _paths, _listed)
KEY_BITS: Final = Kind("1024, 2048 or 4096", _key_bits, _whole)
KEY_FILES: Final = Kind("a list of `NAME=FILE`", _key_files, _listed, show=_shown_pairs)
PINNED_KEYS: Final = Kind("a list of `URL=KEY`", _pinned_keys, _listed, show=_shown_pairs)
REFERENCE: Final = Kind(
    "`file:PATH` or `env:NAME`",
    _reference,
    lambda name, _: f"env:{name}",
    show=_shown_reference,
)
REFERENCES: Final = Kind(
    "a list of `file:PATH` or `env:NAME`",
    _references,
    lambda name, _: [f"env:{name}"],
    show=_shown_references,
)
SECONDS: Final = Kind("a number of seconds", _seconds, _number)
PORT: Final = Kind("a whole number", _port)
FLAG: Final = Kind("`true` or `false`", _flag, _true_or_false)
RISKS: Final = Kind("a list of risks", _risks, _listed)
REQUEST: Final = Kind("a session request in JSON", _request, show=_shown_request)
REQUEST_FILE: Final = Kind(
    "the path of a file with a session request in JSON", _request_file, show=_shown_request
)
HELD: Final = Kind("a list of `ATTRIBUTE=VALUE`", _strings, show=_shown_attributes)
