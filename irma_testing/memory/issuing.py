"""What is issued: times in whole weeks, and the credentials themselves.

Source: irmago `validateIssuanceRequest`, `computeAttributes` and `irma/attributes.go`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from irma_testing.memory.revocations import Revocations
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.sessions import new_token
from irma_testing.memory.start_request import CredentialAsked, StartRequest

__all__ = ["floor_to_week", "half_a_year_after", "issue", "with_validity"]

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
    asked: CredentialAsked, scheme: Scheme, revocations: Revocations, now: datetime
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
