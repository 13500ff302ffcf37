"""What is issued: times in whole weeks, and the credentials themselves.

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
    "issue",
    "with_validity",
]


_WEEK = 7 * 24 * 60 * 60
_MOST_WEEKS = 1 << 16
_NANOSECONDS = 1_000_000_000
_MONTHS = 6


def floor_to_week(seconds: float) -> int:
    """Round Unix seconds down to a whole week since 1970, as every credential's times are."""
    return int(seconds // _WEEK) * _WEEK


def half_a_year_after(now: datetime) -> datetime:
    """Give the date six calendar months later."""
    years, month = divmod(now.month - 1 + _MONTHS, 12)
    first = now.replace(year=now.year + years, month=month + 1, day=1)
    return first + timedelta(days=now.day - 1)


def with_validity(request: StartRequest, now: datetime) -> StartRequest:
    """Give the request with the default validity filled in, counted from now."""
    default = int(half_a_year_after(now).timestamp())
    credentials = tuple(
        attrs.evolve(asked, validity=default if asked.validity is None else asked.validity)
        for asked in request.credentials
    )
    return attrs.evolve(request, credentials=credentials)


def issue(
    request: StartRequest, scheme: Scheme, revocations: Revocations, now: datetime
) -> list[dict[str, Any]]:
    """Make the credentials that an app receives."""
    return [_issue(asked, scheme, revocations, now) for asked in request.credentials]


def _issue(
    asked: RequestedCredential, scheme: Scheme, revocations: Revocations, now: datetime
) -> dict[str, Any]:
    seconds = now.timestamp()
    described = scheme.described(asked.type)
    names = described.attributes if described else tuple(asked.attributes)
    serial = ""
    if asked.revocation_key and scheme.supports_revocation(asked.type):
        serial = new_token()
        revocations.record(serial, asked.type, asked.revocation_key, int(seconds * _NANOSECONDS))
    # The official server has 16 bits for the weeks, and lets them overflow.
    weeks = (floor_to_week(asked.validity or 0) - floor_to_week(seconds)) // _WEEK % _MOST_WEEKS
    return {
        "simulated": True,
        "credential": asked.type,
        "attributes": {name: asked.attributes.get(name) for name in names},
        "issued": floor_to_week(seconds),
        "expires": floor_to_week(seconds) + weeks * _WEEK,
        "serial": serial,
    }


@final
@attrs.define
class _Issued:
    credential_type: str
    key: str
    at: int
    is_revoked: bool = False


@final
class Revocations:
    """The server's records, by the credential's serial."""

    def __init__(self) -> None:
        self._issued: dict[str, _Issued] = {}

    def record(self, serial: str, credential_type: str, key: str, at: int) -> None:
        """Remember a credential that can be revoked; `at` in nanoseconds."""
        self._issued[serial] = _Issued(credential_type, key, at)

    def revoke(self, credential_type: str, key: str, at: int) -> None:
        """Revoke those issued under a key; if `at` is not 0, only the one issued then.

        Raises:
            Refusal: None was.
        """
        found = [
            issued
            for issued in self._issued.values()
            if (issued.credential_type, issued.key) == (credential_type, key)
            and not issued.is_revoked
            and at in (0, issued.at)
        ]
        if not found:
            raise Refusal(UNKNOWN_REVOCATION_KEY)
        for issued in found:
            issued.is_revoked = True

    def is_revoked(self, serial: str) -> bool:
        """Tell whether the credential of that serial is revoked."""
        return serial in self._issued and self._issued[serial].is_revoked
