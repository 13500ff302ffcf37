"""Requests to issue credentials, and how long the credentials are valid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, final

import attrs

from irma_core.errors import RequestError, UsageError
from irma_core.models.arguments import as_utc
from irma_core.models.holders import FrozenMapping, Hidden, hide_optional
from irma_core.models.validation import (
    check_attribute_name,
    check_credential_type,
    check_duration,
    check_text,
)
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["CredentialRequest", "Validity", "resolve_validity"]

Validity: TypeAlias = datetime | timedelta | None
"""An end time, or a duration from the session's start; None for the server's default of six
months."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK = timedelta(weeks=1)
_LARGEST_BATCH = 200


def _hide_attributes(
    attributes: Mapping[str, str | None] | Hidden[Mapping[str, str | None]],
) -> Hidden[Mapping[str, str | None]]:
    return attributes if isinstance(attributes, Hidden) else Hidden(attributes)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class CredentialRequest(ValueObject):
    """A request to issue one credential.

    Source: irmago `CredentialRequest`; IRMA documentation, "Issuing".

    Args:
        credential: The credential type: an identifier of three parts.
        attributes: The values to issue, as strings, by attribute name (the fourth part of the
            identifier). None leaves an optional attribute out, so that it is issued without a
            value; an empty string is a value.
        validity: When the credential expires, in whole seconds: an aware `datetime`, which is
            converted to UTC, or a `timedelta` from the session's start. The server rounds the end
            down to a whole number of weeks since 1970. So a validity of less than a week may end
            before the credential is issued; starting the session then raises an error.
        revocation_key: Identifies this credential for later revocation; required if credentials of
            this type can be revoked.
        sd_jwt_batch_size: How many SD-JWT instances of the credential to issue as well, 0 to 200.

    Raises:
        RequestError: A field is invalid; the error names it.
    """

    credential: str
    _attributes: Hidden[Mapping[str, str | None]] = attrs.field(
        alias="attributes", converter=_hide_attributes, repr=False
    )
    validity: Validity = attrs.field(default=None, kw_only=True)
    _revocation_key: Hidden[str | None] = attrs.field(
        default=None, alias="revocation_key", converter=hide_optional, kw_only=True, repr=False
    )
    sd_jwt_batch_size: int | None = attrs.field(
        default=None, kw_only=True, metadata={"wire": "sdJwtBatchSize"}
    )

    @property
    def attributes(self) -> Mapping[str, str | None]:
        """The values to issue, as strings, by attribute name."""
        return self._attributes.reveal()

    @property
    def revocation_key(self) -> str | None:
        """The identifier by which this credential can be revoked later."""
        return self._revocation_key.reveal()

    def __attrs_post_init__(self) -> None:
        check_credential_type(self.credential, "credential")
        object.__setattr__(self, "_attributes", Hidden(_attributes(self.attributes)))
        object.__setattr__(self, "validity", _validity(self.validity))
        if self.revocation_key is not None:
            check_text(self.revocation_key, "revocation_key", empty=False)
        size = self.sd_jwt_batch_size
        if size is not None and (type(size) is not int or not 0 <= size <= _LARGEST_BATCH):
            raise RequestError("sd_jwt_batch_size", "must be a whole number from 0 to 200")


@boundary
def resolve_validity(request: CredentialRequest, now: datetime, path: str) -> CredentialRequest:
    """Return the request with its validity converted to a date, based on the present time.

    Raises:
        RequestError: The server would round the validity down to a date that is not after `now`, so
            the credential would already have expired when it was issued.
    """
    validity, now = request.validity, as_utc(now, "now")
    if validity is None:
        return request
    try:
        until = now + validity if isinstance(validity, timedelta) else validity
    except OverflowError:
        until = None
    if until is None:
        raise RequestError(f"{path}.validity", "ends after the year 9999")
    if (until - _EPOCH) // _WEEK * _WEEK + _EPOCH <= now:
        raise RequestError(
            f"{path}.validity",
            "would already have ended, because the server rounds it down to a whole number of "
            "weeks since 1970 (to a Thursday, 0:00 UTC): use a week or more",
        )
    if until is validity:
        return request
    return attrs.evolve(request, validity=until.replace(microsecond=0))


def _attributes(attributes: object) -> FrozenMapping[str, str]:
    if not isinstance(attributes, Mapping):
        raise RequestError("attributes", "must map attribute names to strings")
    copied: dict[str, str] = {}
    for name, value in attributes.items():
        checked = check_attribute_name(name, "attributes")
        # JSON expresses "no value" only by leaving the name out. Dropping None here makes requests
        # with the same JSON equal.
        if value is not None:
            copied[checked] = check_text(value, f'attributes["{checked}"]')
    return FrozenMapping(copied, is_personal=True)


def _validity(validity: object) -> datetime | timedelta | None:
    if isinstance(validity, datetime):
        validity = _as_utc(validity)
        if validity.microsecond:
            raise RequestError("validity", "must be a whole number of seconds")
        if validity <= _EPOCH:
            raise RequestError("validity", "must not be before 1970")
    elif isinstance(validity, timedelta):
        check_duration(validity, "validity")
        if not validity:
            raise RequestError("validity", "must be greater than zero")
    elif validity is not None:
        raise RequestError("validity", "must be a datetime, a timedelta or None")
    return validity


def _as_utc(validity: datetime) -> datetime:
    try:
        return as_utc(validity, "it")
    except UsageError as error:
        reason = str(error).removeprefix("it ")
    raise RequestError("validity", reason)
