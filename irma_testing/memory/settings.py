"""How the server is set up, in the words of the official server's configuration.

Does not belong here: what a setting does. Source: IRMA documentation, "IRMA server", and irmago
`requestorserver/conf.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import timedelta
from typing import Any, Literal, final

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.arguments import check_flag, check_instance, check_optional
from irma_core.models.frozen import FrozenMapping
from irma_core.models.hidden import Hidden, hide_optional, hide_secret
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
_MOST_PARTS = {"disclose_perms": 4, "sign_perms": 4, "issue_perms": 3, "revoke_perms": 3}


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    texts: tuple[str, ...] = as_tuple(values)  # anything else is refused by its name later
    return texts


def _check_permissions(settings: RequestorSettings | ServerSettings) -> None:
    for name, most in _MOST_PARTS.items():
        for permission in check_items(getattr(settings, name), str, name, "strings"):
            parts = permission.split(".")
            ends_in_star = parts[-1] == "*" and "*" not in "".join(parts[:-1])
            if not (
                (ends_in_star and len(parts) <= most)
                or ("*" not in permission and len(parts) == most)
            ):
                raise ConfigurationError(
                    f"{name}: a permission names no {most} parts, nor ends in *"
                )


@final
@boundary
@attrs.frozen
class RequestorSettings:
    """A requestor that the server knows.

    Args:
        auth_method: `token`, `hmac` or `publickey`.
        key: The token itself; the HMAC key in base64, in either alphabet, with or without padding;
            or the RSA public key (SPKI) or certificate in PEM.
        disclose_perms: What it may ask for beside the server's own: identifiers, `scheme.*` and
            the like, or `*`.
        sign_perms: The same in signature sessions.
        issue_perms: What credential types it may issue.
        revoke_perms: What credential types it may revoke.
        host_perms: The hosts that a request may name; patterns with `*`.

    Raises:
        ConfigurationError: The method is unknown, or the key or a permission is malformed.
    """

    auth_method: Literal["token", "hmac", "publickey"]
    _key: Hidden[str] = attrs.field(alias="key", converter=hide_secret, repr=False)
    disclose_perms: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    sign_perms: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    issue_perms: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    revoke_perms: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    host_perms: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)

    @property
    def key(self) -> str:
        """The token, the HMAC key or the public key."""
        return self._key.reveal()

    def __attrs_post_init__(self) -> None:
        method: object = self.auth_method
        if not isinstance(method, str) or method not in _METHODS:
            raise ConfigurationError(f"auth_method is one of {', '.join(_METHODS)}")
        check_instance(self.key, str, "key", "a string")
        check_items(self.host_perms, str, "host_perms", "strings")
        if problem := self._problem_of_key():
            raise ConfigurationError(f"key must be {problem}")
        _check_permissions(self)

    def _problem_of_key(self) -> str:
        """Say what the key should be, where the official server would not start with it."""
        if not self.key:
            return "set: it is an empty string"
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
    given: object = sessions
    if not isinstance(given, Mapping):
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
        requestors: By name; None lets everybody start sessions (`no_auth`).
        disclose_perms: What every requestor may ask for.
        sign_perms: The same in signature sessions.
        issue_perms: What credential types every requestor may issue.
        revoke_perms: What credential types every requestor may revoke.
        max_request_age: How old a session request JWT may be.
        enable_sse: Whether there are status events.
        jwt_issuer: The `iss` of result JWTs; empty for none.
        jwt_privkey: The RSA private key in PEM that signs them; None makes one at first use.
        has_jwt_key: False for a server without such a key.
        allow_unsigned_callbacks: Whether a server without one still posts results.
        augment_client_return_url: Whether requests may ask for the token in the return URL.
        static_sessions: By name: requests in JSON, or extended requests.
        max_session_lifetime: How long an app may take.
        session_result_lifetime: How long a session is known after its end.

    Raises:
        ConfigurationError: A permission is malformed.
    """

    requestors: Mapping[str, RequestorSettings] | None = attrs.field(
        default=None, converter=_frozen
    )
    disclose_perms: tuple[str, ...] = attrs.field(default=("*",), converter=_texts)
    sign_perms: tuple[str, ...] = attrs.field(default=("*",), converter=_texts)
    issue_perms: tuple[str, ...] = attrs.field(default=("*",), converter=_texts)
    revoke_perms: tuple[str, ...] = attrs.field(default=(), converter=_texts)
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
        """The RSA private key in PEM, or None."""
        return self._jwt_privkey.reveal()

    def __attrs_post_init__(self) -> None:
        _check_permissions(self)
        for name in ("max_request_age", "max_session_lifetime", "session_result_lifetime"):
            check_duration(getattr(self, name), name)
        for name in _FLAGS:
            check_flag(getattr(self, name), name)
        check_instance(self.jwt_issuer, str, "jwt_issuer", "a string")
        check_optional(self.jwt_privkey, str, "jwt_privkey", "a string in PEM")
