"""The configuration of the server, with the names that the official server uses.

Source: IRMA documentation, "IRMA server", and irmago `requestorserver/conf.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any, Literal, final

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.arguments import check_flag, check_instance, check_optional
from irma_core.models.holders import FrozenMapping, Hidden, hide_optional, hide_secret
from irma_core.models.session_requests import ExtendedRequest
from irma_core.tracebacks import boundary
from irma_core.wire.write_requests import request_value
from irma_testing.arguments import as_tuple, check_duration, check_items, check_mapping
from irma_testing.memory.go_types import decode_any_base64
from irma_testing.memory.jwt import read_public_key

__all__ = ["RequestorSettings", "ServerSettings"]

_METHODS = ("token", "hmac", "publickey")
_FLAGS = (
    "enable_sse",
    "has_jwt_key",
    "allow_unsigned_callbacks",
    "augment_client_return_url",
)
_MAX_PARTS = {"disclose_perms": 4, "sign_perms": 4, "issue_perms": 3, "revoke_perms": 3}


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    strings: tuple[str, ...] = as_tuple(values)  # `_check_permissions` refuses anything else
    return strings


def _check_permissions(settings: RequestorSettings | ServerSettings) -> None:
    for name, maximum in _MAX_PARTS.items():
        for permission in check_items(getattr(settings, name), str, name, "strings"):
            parts = permission.split(".")
            ends_in_star = parts[-1] == "*" and "*" not in "".join(parts[:-1])
            if not (
                (ends_in_star and len(parts) <= maximum)
                or ("*" not in permission and len(parts) == maximum)
            ):
                raise ConfigurationError(
                    f"{name}: a permission must have {maximum} parts, or end in *"
                )


@final
@boundary
@attrs.frozen
class RequestorSettings:
    """A requestor in the configuration of the server.

    Args:
        auth_method: `token`, `hmac` or `publickey`.
        key: The token itself; the HMAC key in base64, in either alphabet, with or without padding;
            or the RSA public key (SPKI) or certificate in PEM.
        disclose_perms: The attributes that it may request, besides those that every requestor may
            request. Each is an identifier, a pattern such as `scheme.*`, or `*`.
        sign_perms: The attributes that it may request in signature sessions.
        issue_perms: The credential types that it may issue.
        revoke_perms: The credential types that it may revoke.
        host_perms: The hosts that a request may name, as patterns with `*`.

    Raises:
        ConfigurationError: The method is unknown, or the key or a permission is malformed.
    """

    auth_method: Literal["token", "hmac", "publickey"]
    _key: Hidden[str] = attrs.field(alias="key", converter=hide_secret, repr=False)
    disclose_perms: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)
    sign_perms: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)
    issue_perms: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)
    revoke_perms: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)
    host_perms: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)

    @property
    def key(self) -> str:
        """The token, the HMAC key or the public key."""
        return self._key.reveal()

    def __attrs_post_init__(self) -> None:
        method: object = self.auth_method
        if not isinstance(method, str) or method not in _METHODS:
            raise ConfigurationError(f"auth_method: must be one of {', '.join(_METHODS)}")
        check_instance(self.key, str, "key", "a string")
        check_items(self.host_perms, str, "host_perms", "strings")
        if expected := self._expected_key():
            raise ConfigurationError(f"key: must be {expected}")
        _check_permissions(self)

    def _expected_key(self) -> str:
        """If the key is invalid, return what it must be, and otherwise an empty string."""
        if not self.key:
            return "a non-empty string"
        try:
            if self.auth_method == "hmac":
                decode_any_base64(self.key)
            elif self.auth_method == "publickey":
                read_public_key(self.key)
        except ValueError:
            if self.auth_method == "hmac":
                return "the HMAC key in base64, in either alphabet, with or without padding"
            return "an RSA public key in PEM that begins with BEGIN PUBLIC KEY, or a certificate"
        return ""


def _as_json(
    sessions: Mapping[str, Mapping[str, Any] | ExtendedRequest],
) -> Mapping[str, Mapping[str, Any]]:
    value: object = sessions
    if not isinstance(value, Mapping):
        raise UsageError("static_sessions: must be a mapping from names to requests")
    values: dict[str, Mapping[str, Any]] = {}
    for name, request in sessions.items():
        if isinstance(request, ExtendedRequest):
            values[name] = request_value(request)
        else:
            check_instance(request, Mapping, "static_sessions", "a mapping from names to requests")
            values[name] = deepcopy(dict(request))
    return FrozenMapping(values)


def _frozen(
    requestors: Mapping[str, RequestorSettings] | None,
) -> Mapping[str, RequestorSettings] | None:
    if requestors is None:
        return None
    check_mapping(requestors, RequestorSettings, "requestors", "RequestorSettings")
    return FrozenMapping(requestors)


@final
@boundary
@attrs.frozen(kw_only=True)
class ServerSettings:
    """The server's configuration; the defaults are the official server's.

    Args:
        requestors: The requestors by name; None lets anyone start sessions (`no_auth`).
        disclose_perms: The attributes that every requestor may request.
        sign_perms: The attributes that every requestor may request in signature sessions.
        issue_perms: The credential types that every requestor may issue.
        revoke_perms: The credential types that every requestor may revoke.
        max_request_age: The maximum age of a session request JWT.
        enable_sse: Whether the server offers status events.
        jwt_issuer: The `iss` of result JWTs; empty for none.
        jwt_privkey: The RSA private key in PEM that signs the server's JWTs; if None, a key is
            generated at first use.
        has_jwt_key: Whether the server has a key to sign JWTs.
        allow_unsigned_callbacks: Whether the server posts results if it has no key to sign them.
        augment_client_return_url: Whether a request may let the server add the session's token to
            the return URL.
        static_sessions: The extended requests of static sessions, by name, as objects or JSON.
        max_session_lifetime: How long a connected app may be inactive. An app also has this long to
            connect if the request sets no time-out.
        session_result_lifetime: How long a session is stored after its end.

    Raises:
        ConfigurationError: A permission is malformed.
    """

    requestors: Mapping[str, RequestorSettings] | None = attrs.field(
        default=None, converter=_frozen
    )
    disclose_perms: tuple[str, ...] = attrs.field(default=("*",), converter=_strings)
    sign_perms: tuple[str, ...] = attrs.field(default=("*",), converter=_strings)
    issue_perms: tuple[str, ...] = attrs.field(default=("*",), converter=_strings)
    revoke_perms: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    max_request_age: timedelta = timedelta(seconds=300)
    enable_sse: bool = False
    jwt_issuer: str = "irmaserver"
    _jwt_privkey: Hidden[str | None] = attrs.field(
        default=None, alias="jwt_privkey", converter=hide_optional, repr=False
    )
    has_jwt_key: bool = True
    allow_unsigned_callbacks: bool = False
    augment_client_return_url: bool = False
    static_sessions: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=_as_json)
    max_session_lifetime: timedelta = timedelta(minutes=15)
    session_result_lifetime: timedelta = timedelta(minutes=5)

    @property
    def jwt_privkey(self) -> str | None:
        """The RSA private key that signs the server's JWTs, in PEM; None to generate a key."""
        return self._jwt_privkey.reveal()

    def __attrs_post_init__(self) -> None:
        _check_permissions(self)
        for name in ("max_request_age", "max_session_lifetime", "session_result_lifetime"):
            check_duration(getattr(self, name), name)
        for name in _FLAGS:
            check_flag(getattr(self, name), name)
        check_instance(self.jwt_issuer, str, "jwt_issuer", "a string")
        check_optional(self.jwt_privkey, str, "jwt_privkey", "a string in PEM")
