"""Check the times in the JWT of a result or a request.

RFC 7519, section 4.1: `exp`, `nbf` and `iat` are each a NumericDate, which may have a fraction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from irma_core.errors import JwtError
from irma_core.json_text import JsonValue

__all__ = ["LEEWAY", "check_times"]

LEEWAY: Final = timedelta(seconds=10)
"""How far the clocks of the signer and of this machine may differ."""


def check_times(
    claims: Mapping[str, JsonValue],
    *,
    now: datetime,
    leeway: timedelta,
    required: Collection[str],
    refused: type[JwtError],
    max_age: timedelta | None = None,
) -> None:
    """Check that a JWT is valid at a given time.

    Args:
        claims: The JWT's claims.
        now: The time at which the JWT must be valid, in UTC.
        leeway: How far the clocks of the signer and of this machine may differ.
        required: The names of the claims that must be present.
        refused: The class of the error to raise.
        max_age: How long ago the JWT may have been issued; None for any time.

    Raises:
        JwtError: The JWT is refused. The code is `time`, `issued_at`, `too_old`, `expired` or
            `not_yet`.
    """
    times: dict[str, int | float] = {}
    for name in ("iat", "exp", "nbf"):
        value = claims.get(name)
        # In Python `bool` is a subclass of `int`.
        if type(value) is int or type(value) is float:
            times[name] = value
        elif name in claims:
            raise refused("time", f"{name} must be a number of seconds since 1970")
        elif name in required:
            raise refused("time", f"{name} is missing")
    # In seconds, because a sum of datetimes fails beyond the year 9999.
    moment, margin = now.timestamp(), leeway.total_seconds()
    issued = times.get("iat", moment)
    if issued > moment + margin:
        raise refused("issued_at", "it was issued in the future: check the clocks")
    if max_age is not None and issued < moment - margin - max_age.total_seconds():
        raise refused("too_old", "it was issued too long ago: sign a new one")
    if times.get("exp", moment) < moment - margin:
        raise refused("expired", "it has expired: get a new one")
    if times.get("nbf", moment) > moment + margin:
        raise refused("not_yet", "it is not valid yet: check the clocks")
