"""Session requests, their options, and the checks that do not depend on a scheme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Final, TypeAlias, final

import attrs

from irma_core.errors import RequestError, UsageError
from irma_core.models.condiscon import ConDisCon, Disclose, Slot, as_condiscon
from irma_core.models.credentials import CredentialRequest
from irma_core.models.holders import FrozenMapping, Hidden, HiddenHash, hide_optional, hide_text
from irma_core.models.statuses import SessionType
from irma_core.models.validation import (
    check_address,
    check_credential_type,
    check_duration,
    check_host,
    check_return_address,
    check_text,
    check_translated,
    credential_type_of,
)
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = [
    "DisclosureRequest",
    "ExtendedRequest",
    "IssuanceRequest",
    "NextSession",
    "RevocationRequest",
    "SessionRequest",
    "SignatureRequest",
    "as_extended",
    "hash_of_message",
]

_LAST_NANOSECOND = 2**63 - 1  # the server cannot read a larger number

Labels: TypeAlias = Mapping[Slot, Mapping[str, str]]
NonRevocation: TypeAlias = Mapping[str, timedelta | None]
"""Credential types that need a proof of non-revocation, with the maximum age of each proof."""


def _to_condiscon(disclose: Disclose) -> ConDisCon:
    return as_condiscon(disclose)


def _to_labels(labels: Labels | None) -> Labels:
    if labels is None:
        return FrozenMapping({})
    if not isinstance(labels, Mapping):
        raise RequestError("labels", "must map slots to translated strings")
    return FrozenMapping(
        {
            slot: FrozenMapping(check_translated(label, _label_path(slot)))
            for slot, label in labels.items()
        }
    )


def _label_path(slot: Slot) -> str:
    return f'labels["{slot}"]' if isinstance(slot, str) else f"labels[{slot}]"


def _to_types(types: Iterable[str]) -> tuple[str, ...]:
    return tuple(_each_type(types, "skip_expiry_check"))


def _to_non_revocation(types: Iterable[str] | NonRevocation | None) -> NonRevocation:
    if types is None:
        return FrozenMapping({})
    if isinstance(types, Mapping):
        for credential, tolerance in types.items():
            check_credential_type(credential, "revocation")
            if tolerance is not None:
                check_duration(tolerance, f'revocation["{credential}"]')
        return FrozenMapping(types)
    return FrozenMapping(dict.fromkeys(_each_type(types, "revocation")))


def _each_type(types: object, path: str) -> list[str]:
    if isinstance(types, str | bytes | bytearray | memoryview | Mapping) or not isinstance(
        types, Iterable
    ):
        raise RequestError(path, "must be a list of credential types")
    return [check_credential_type(item, f"{path}[{i}]") for i, item in enumerate(types)]


def _to_credentials(credentials: Iterable[CredentialRequest]) -> tuple[CredentialRequest, ...]:
    if not isinstance(credentials, Iterable):
        raise RequestError("credentials", "must be a list of CredentialRequest objects")
    made = tuple(credentials)
    for i, credential in enumerate(made):
        if not isinstance(credential, CredentialRequest):
            raise RequestError(f"credentials[{i}]", "must be a CredentialRequest")
    if not made:
        raise RequestError("credentials", "must have at least one credential")
    return made


@attrs.frozen(eq=False, repr=False)
class _Options(ValueObject):
    """The options that the three types of session request share."""

    labels: Labels = attrs.field(default=None, converter=_to_labels, kw_only=True)
    skip_expiry_check: tuple[str, ...] = attrs.field(default=(), converter=_to_types, kw_only=True)
    revocation: NonRevocation = attrs.field(
        default=None, converter=_to_non_revocation, kw_only=True
    )
    client_return_url: str | None = attrs.field(default=None, kw_only=True)
    augment_return_url: bool = attrs.field(default=False, kw_only=True)
    host: str | None = attrs.field(default=None, kw_only=True)
    written: Hidden[str] | None = attrs.field(default=None, init=False, eq=False, repr=False)
    """This request's JSON, once it has been written. `attrs.evolve` does not copy it."""
    is_storable: bool = attrs.field(default=False, init=False, eq=False, repr=False)
    """Whether this request is known to fit in a handle. `attrs.evolve` does not copy this."""

    def _check(self, disclose: ConDisCon) -> None:
        slots = disclose.slots
        for slot in self.labels:
            if slot not in slots or isinstance(slot, bool):
                raise RequestError(
                    _label_path(slot), "names a slot that this request does not have"
                )
        requested = {credential_type_of(identifier) for identifier in disclose.attribute_types()}
        for field in ("skip_expiry_check", "revocation"):
            for credential in getattr(self, field):
                if credential not in requested:
                    raise RequestError(field, f"{credential} is not requested")
        if self.client_return_url is not None:
            check_return_address(self.client_return_url, "client_return_url")
        if type(self.augment_return_url) is not bool:
            raise RequestError("augment_return_url", "must be True or False")
        if self.augment_return_url and self.client_return_url is None:
            raise RequestError("augment_return_url", "needs a client_return_url")
        if self.host is not None:
            check_host(self.host, "host")


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class DisclosureRequest(_Options):
    """A request to disclose attributes.

    Source: irmago `DisclosureRequest`; IRMA documentation, "Session requests".

    Args:
        disclose: The requested attributes, by slot; see `any_of`, `all_of` and `optional`.
        labels: Translated captions (`{"en": …}`) by slot, which the app shows.
        skip_expiry_check: Credential types that may have expired.
        revocation: Credential types that need a proof of non-revocation. A mapping also sets the
            maximum age of each proof (None for the server's default).
        client_return_url: Where the app sends the person afterwards.
        augment_return_url: Whether the server adds the requestor token to that URL. The token is a
            secret, so this needs `Risk.TOKEN_IN_RETURN_URL`.
        host: The host for the session pointer, optionally with a port.

    Raises:
        RequestError: A value is invalid; the error's `path` says where it is.
    """

    disclose: ConDisCon = attrs.field(converter=_to_condiscon)

    def __attrs_post_init__(self) -> None:
        _check_some_attribute(self.disclose)
        self._check(self.disclose)

    @property
    def session_type(self) -> SessionType:
        """The type of session that this request starts."""
        return SessionType.DISCLOSING


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class SignatureRequest(_Options):
    """A request to sign a message with attributes.

    Source: irmago `SignatureRequest`; IRMA documentation, "Attribute-based signatures".

    Args:
        message: The message to sign; not empty.
        disclose: The attributes to sign with. This and the other arguments are as in
            `DisclosureRequest`.

    Raises:
        RequestError: A value is invalid; the error's `path` says where it is.
    """

    _message: Hidden[str] = attrs.field(alias="message", converter=hide_text, repr=False)
    disclose: ConDisCon = attrs.field(converter=_to_condiscon)

    @property
    def message(self) -> str:
        """The message to sign.

        Raises:
            UsageError: The request was read from a handle, which holds only the message's SHA-256.
        """
        if isinstance(self._message, HiddenHash):
            raise UsageError(
                "a request from a handle has only the hash of the message: compare message_sha256 "
                "with the hash of your message"
            )
        return self._message.reveal()

    @property
    def message_sha256(self) -> str:
        """The SHA-256 of the message in UTF-8, in hexadecimal digits."""
        if isinstance(self._message, HiddenHash):
            return self._message.reveal()
        return hash_of_message(self._message.reveal())

    def __attrs_post_init__(self) -> None:
        if not isinstance(self._message, HiddenHash):
            check_text(self.message, "message", empty=False)
        _check_some_attribute(self.disclose)
        self._check(self.disclose)

    @property
    def session_type(self) -> SessionType:
        """The type of session that this request starts."""
        return SessionType.SIGNING


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class IssuanceRequest(_Options):
    """A request to issue credentials, and perhaps to disclose attributes first.

    Source: irmago `IssuanceRequest`; IRMA documentation, "Issuing".

    Args:
        credentials: The credentials to issue; at least one.
        disclose: Requested attributes. This and the other arguments are as in `DisclosureRequest`.

    Raises:
        RequestError: A value is invalid; the error's `path` says where it is.
    """

    credentials: tuple[CredentialRequest, ...] = attrs.field(converter=_to_credentials)
    disclose: ConDisCon = attrs.field(default=ConDisCon(), converter=_to_condiscon)

    def __attrs_post_init__(self) -> None:
        self._check(self.disclose)

    @property
    def session_type(self) -> SessionType:
        """The type of session that this request starts."""
        return SessionType.ISSUING


SessionRequest: TypeAlias = DisclosureRequest | SignatureRequest | IssuanceRequest
_SESSION_REQUESTS: Final = (DisclosureRequest, SignatureRequest, IssuanceRequest)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class NextSession(ValueObject):
    """Where the server fetches the next session of a chain when this one ends.

    Source: irmago `NextSessionData`; IRMA documentation, "Chained sessions".

    Args:
        url: An `http` or `https` URL of the requestor.

    Raises:
        RequestError: The URL is malformed or empty.
    """

    # The URL holds the secret that authenticates the server's POST.
    _url: Hidden[str] = attrs.field(alias="url", converter=hide_text, repr=False)

    @property
    def url(self) -> str:
        """The URL, which may hold a secret."""
        return self._url.reveal()

    def __attrs_post_init__(self) -> None:
        check_address(self.url, "url")


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class ExtendedRequest(ValueObject):
    """A session request with options for the server.

    Source: irmago `RequestorBaseRequest`; IRMA documentation, "Session requests", extra
    parameters.

    Args:
        request: The session request.
        validity: How long a result JWT is valid, in whole seconds. Zero and None mean 120 s.
        timeout: How long the app may take to connect, in whole seconds. Zero and None mean the
            server's default of 15 minutes.
        callback_url: Where the server posts the result when the session ends.
        next_session: Where the server fetches a session to follow this one.

    Raises:
        RequestError: A field is invalid; the error names it.
    """

    request: SessionRequest
    validity: timedelta | None = attrs.field(default=None, kw_only=True)
    timeout: timedelta | None = attrs.field(default=None, kw_only=True)
    _callback_url: Hidden[str | None] = attrs.field(
        default=None, alias="callback_url", converter=hide_optional, kw_only=True, repr=False
    )
    next_session: NextSession | None = attrs.field(default=None, kw_only=True)

    @property
    def callback_url(self) -> str | None:
        """Where the server posts the result."""
        return self._callback_url.reveal()

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.request, _SESSION_REQUESTS):
            raise RequestError("request", "must be a disclosure, signature or issuance request")
        if self.validity is not None:
            check_duration(self.validity, "validity")
        if self.timeout is not None:
            check_duration(self.timeout, "timeout")
        if self.callback_url is not None:
            check_address(self.callback_url, "callback_url")
        if self.next_session is not None and not isinstance(self.next_session, NextSession):
            raise RequestError("next_session", "must be a NextSession")


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class RevocationRequest(ValueObject):
    """A request to revoke a credential that was issued with a revocation key.

    Source: irmago `RevocationRequest`; IRMA documentation, "Revocation".

    Args:
        credential: The credential type: an identifier of three parts.
        revocation_key: The key that the credential was issued with.
        issued: The time of issuance as irmago records it, in nanoseconds since 1970, to select one
            of several credentials with that key. None revokes all of them.

    Raises:
        RequestError: A field is invalid; the error names it.
    """

    credential: str = attrs.field(metadata={"wire": "type"})
    _revocation_key: Hidden[str] = attrs.field(
        alias="revocation_key", converter=hide_text, repr=False
    )
    issued: int | None = attrs.field(default=None, kw_only=True)

    @property
    def revocation_key(self) -> str:
        """The key that the credential was issued with."""
        return self._revocation_key.reveal()

    def __attrs_post_init__(self) -> None:
        check_credential_type(self.credential, "credential")
        check_text(self.revocation_key, "revocation_key", empty=False)
        if self.issued is not None and (
            type(self.issued) is not int or not 0 < self.issued <= _LAST_NANOSECOND
        ):
            raise RequestError(
                "issued",
                "must be a whole number of nanoseconds since 1970, or None to revoke every "
                "credential that was issued with the key",
            )


@boundary
def as_extended(request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
    """Return the request itself if it is extended, else an extended request that contains it."""
    return request if isinstance(request, ExtendedRequest) else ExtendedRequest(request)


def hash_of_message(message: str) -> str:
    """Return the SHA-256 of a message to sign, in hexadecimal digits."""
    # A lone surrogate must not raise an error here. Different messages still have different bytes.
    return sha256(message.encode("utf-8", "surrogatepass")).hexdigest()


def _check_some_attribute(disclose: ConDisCon) -> None:
    if not any(True for _ in disclose.attribute_types()):
        raise RequestError("disclose", "must request at least one attribute")
