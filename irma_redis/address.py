"""Convert a Redis URI into redis-py's connection options, with a time limit for every wait."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any, Final, final
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

from irma_core.errors import ConfigurationError
from irma_core.interfaces import FrozenMapping, Secret

__all__ = ["CONNECTIONS", "LONGEST_CALL", "LONGEST_STEP", "Address", "NoPasswordError"]

LONGEST_STEP: Final = 2.0
"""Seconds allowed for each step: to connect, to get a reply, or to get a free pooled connection."""
LONGEST_CALL: Final = 2 * LONGEST_STEP
"""Seconds allowed for all steps together; only asyncio can enforce this limit."""
CONNECTIONS: Final = 16
"""The maximum number of connections for one backend or store; calls wait while all are in use."""

_DIGITS = re.compile(r"[0-9]{1,5}")
_FORM = "redis://host:port/db, rediss://host:port/db?ssl_ca_certs=file or unix:///path?db=0"
_QUERY = {"redis": set[str](), "rediss": {"ssl_ca_certs"}, "unix": {"db"}}


def _hidden_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return FrozenMapping(options, is_personal=True)


@final
@attrs.frozen(repr=False)
class Address:
    """The address of a Redis server, and the credentials for it.

    Args:
        scheme: `redis`, `rediss` or `unix`.
        options: redis-py's options for a connection. They may contain a password.
    """

    scheme: str
    options: Mapping[str, Any] = attrs.field(converter=_hidden_options)

    @classmethod
    def parse(cls, uri: str, password: Secret | None) -> Address:
        """Parse a URI.

        Args:
            uri: The URI; see `docs/how-to/redis.md`.
            password: The password, if the URI has none; or a function, which each new
                connection calls.

        Raises:
            ConfigurationError: The string is not a Redis URI. The message shows no part of it.
        """
        # The URI may contain a password, which must not appear in a traceback. So a function that
        # never raises parses the URI, and this frame deletes the URI before raising.
        address = cls._read_with(uri, password)
        del uri, password
        if isinstance(address, str):
            raise ConfigurationError(address)
        return address

    @classmethod
    def _read_with(cls, uri: str, password: Secret | None) -> Address | str:
        """Return the address, or describe the fault without showing any part of the URI."""
        given: object = uri
        secret: object = password
        try:
            address = cls._read(given) if isinstance(given, str) else None
        except ValueError:
            address = None
        if address is None:
            return f"the Redis URI must have the form {_FORM}, with no other options"
        if not _may_be_ca(address.options.get("ssl_ca_certs")):
            return (
                "ssl_ca_certs in the Redis URI must be the path of a file with CA certificates in "
                "PEM"
            )
        if password is None:
            return address
        if not (isinstance(secret, str | bytes) or callable(secret)) or not secret:
            return "password: must be a string, bytes, or a function that returns a string or bytes"
        if address.options.get("password"):
            return "pass the password in the Redis URI or as a secret, not both"
        user = address.options.get("username")
        options = {key: address.options[key] for key in address.options if key != "username"}
        return cls(address.scheme, {**options, "credential_provider": _Credentials(user, password)})

    @classmethod
    def _read(cls, uri: str) -> Address | None:
        parts = urlsplit(uri)
        scheme = parts.scheme
        query = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
        if parts.fragment or not set(query) <= _QUERY.get(scheme, set()):
            return None
        login = {"username": parts.username, "password": parts.password}
        options: dict[str, Any] = {key: unquote(text) for key, text in login.items() if text}
        if scheme == "unix":
            if parts.hostname or not parts.path:
                return None
            database = _number(query.get("db", "0"))
            return cls(scheme, {**options, "path": unquote(parts.path), "db": database})
        if scheme not in _QUERY or not parts.hostname:
            return None
        port = 6379 if parts.port is None else parts.port
        if port == 0:
            return None
        options |= {"host": parts.hostname, "port": port, **query}
        options["db"] = _number(parts.path.removeprefix("/") or "0")
        if scheme == "rediss":
            options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        return cls(scheme, options)


def _number(text: str) -> int:
    """Return the database number in a string of digits; `int` alone would accept other strings."""
    if not _DIGITS.fullmatch(text):
        raise ValueError
    return int(text)


def _may_be_ca(file: str | None) -> bool:
    """Return True if `file` holds CA certificates or is None."""
    if file is None:
        return True
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (OSError, ValueError):
        return False
    return True


@final
class NoPasswordError(AuthenticationError):
    """Raised if there is no usable password, for example because the password function failed.

    The message contains only names of classes, such as the class of the exception that the function
    raised.

    This is a subclass of a redis-py error, because redis-py closes the connection after a failed
    login only if the login raised a redis-py error.
    """


@final
class _Credentials(CredentialProvider):
    def __init__(self, user: str | None, password: Secret) -> None:
        self._user = user
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        try:
            secret: object = self._password() if callable(self._password) else self._password
            text = secret.decode() if isinstance(secret, bytes) else secret
            if isinstance(text, str):
                text.encode()  # otherwise redis-py raises an error that shows the password
                return (text,) if self._user is None else (self._user, text)
            failure = NoPasswordError(f"expected str or bytes, got {type(text).__name__}")
        except Exception as error:  # noqa: BLE001  # the application's function may raise anything
            failure = NoPasswordError(type(error).__name__)
        raise failure

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()
