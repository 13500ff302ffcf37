"""Issue credentials, whose times are whole weeks, and revoke them.

Source: irmago `validateIssuanceRequest`, `computeAttributes` and `irma/attributes.go`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, final

import attrs

from irma_testing.memory.replies import UNKNOWN_REVOCATION_KEY, Refusal
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.session_request import RequestedCredential, StartRequest
from irma_testing.memory.sessions import new_token

__all__ = [
    "Revocations",
    "floor_to_week",
    "half_a_year_after",
    "issue_credentials",
    "with_validity",
]


_WEEK = 7 * 24 * 60 * 60
_WEEKS_MODULUS = 1 << 16
_NANOSECONDS = 1_000_000_000
_MONTHS = 6


def floor_to_week(seconds: float) -> int:
    """Round Unix seconds down to a whole week since 1970, the unit of a credential's times."""
    return int(seconds // _WEEK) * _WEEK


def half_a_year_after(now: datetime) -> datetime:
    """Return the time six calendar months after `now`."""
    years, month = divmod(now.month - 1 + _MONTHS, 12)
    first = now.replace(year=now.year + years, month=month + 1, day=1)
    return first + timedelta(days=now.day - 1)


def with_validity(request: StartRequest, now: datetime) -> StartRequest:
    """Return the request with the default validity for each credential that has none.

    The default is half a year from `now`.
    """
    default = int(half_a_year_after(now).timestamp())
    credentials = tuple(
        attrs.evolve(
            credential,
            validity=default if credential.validity is None else credential.validity,
        )
        for credential in request.credentials
    )
    return attrs.evolve(request, credentials=credentials)


def issue_credentials(
    request: StartRequest, scheme: Scheme, revocations: Revocations, now: datetime
) -> list[dict[str, Any]]:
    """Return the credentials for the app, and record those that can be revoked."""
    return [_issue(credential, scheme, revocations, now) for credential in request.credentials]


def _issue(
    credential: RequestedCredential, scheme: Scheme, revocations: Revocations, now: datetime
) -> dict[str, Any]:
    seconds = now.timestamp()
    described = scheme.described(credential.type)
    names = described.attributes if described else tuple(credential.attributes)
    serial = ""
    if credential.revocation_key and scheme.supports_revocation(credential.type):
        serial = new_token()
        revocations.record(
            serial, credential.type, credential.revocation_key, int(seconds * _NANOSECONDS)
        )
    # The official server stores the weeks in 16 bits, which overflow.
    weeks = (
        (floor_to_week(credential.validity or 0) - floor_to_week(seconds)) // _WEEK % _WEEKS_MODULUS
    )
    return {
        "simulated": True,
        "credential": credential.type,
        "attributes": {name: credential.attributes.get(name) for name in names},
        "issued": floor_to_week(seconds),
        "expires": floor_to_week(seconds) + weeks * _WEEK,
        "serial": serial,
    }


@final
@attrs.define
class _IssuanceRecord:
    credential_type: str
    key: str
    issued_at: int
    is_revoked: bool = False


@final
class Revocations:
    """The server's records of issued credentials, by the credential's serial."""

    def __init__(self) -> None:
        self._records: dict[str, _IssuanceRecord] = {}

    def record(self, serial: str, credential_type: str, key: str, issued_at: int) -> None:
        """Record a credential that can be revoked; `issued_at` is in Unix nanoseconds."""
        self._records[serial] = _IssuanceRecord(credential_type, key, issued_at)

    def revoke(self, credential_type: str, key: str, issued_at: int) -> None:
        """Revoke the credentials with this type and key that were issued at `issued_at`.

        If `issued_at` is 0, the time of issuance does not matter.

        Raises:
            Refusal: There is no such credential, or every such credential is already revoked.
        """
        records = [
            record
            for record in self._records.values()
            if (record.credential_type, record.key) == (credential_type, key)
            and not record.is_revoked
            and issued_at in (0, record.issued_at)
        ]
        if not records:
            raise Refusal(UNKNOWN_REVOCATION_KEY)
        for record in records:
            record.is_revoked = True

    def is_revoked(self, serial: str) -> bool:
        """Return whether the credential with this serial is revoked."""
        return serial in self._records and self._records[serial].is_revoked
