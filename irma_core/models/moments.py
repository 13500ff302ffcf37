"""Moments: every time that comes from outside becomes UTC here, and nothing else is inside.

An aware time of another zone is a trap for arithmetic. Python adds a duration to the time on the
wall, so that in the hour that comes twice, and around the one that never comes, the sum is an hour
off. A naive time is no moment at all.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from irma_core.errors import UsageError

__all__ = ["as_utc", "check_timedelta"]


def as_utc(value: object, name: str, error: type[UsageError] = UsageError) -> datetime:
    """Return the same moment in UTC, as a plain `datetime`.

    Args:
        value: What the caller gave.
        name: What the error calls it.
        error: The class of the error.

    Raises:
        UsageError: It is no `datetime`, it is naive, or its moment in UTC cannot be written.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if not isinstance(value, datetime):
        raise error(f"{name} must be an aware datetime such as datetime.now(UTC)")
    try:
        utc = None if value.utcoffset() is None else value.astimezone(UTC)
    except Exception:  # noqa: BLE001  # a tzinfo is the caller's code
        raise error(f"{name} is too early or too late, or its tzinfo failed") from None
    if utc is None:
        raise error(
            f"{name} must be an aware datetime such as datetime.now(UTC); this one has no time zone"
        )
    return datetime(
        utc.year,
        utc.month,
        utc.day,
        utc.hour,
        utc.minute,
        utc.second,
        utc.microsecond,
        tzinfo=UTC,
    )


def check_timedelta(value: object, name: str) -> timedelta:
    """Return the duration.

    Raises:
        UsageError: It is no `timedelta`, or below zero.
    """
    if not isinstance(value, timedelta):
        raise UsageError(f"{name} must be a timedelta such as timedelta(seconds=5)")
    if value < timedelta(0):
        raise UsageError(f"{name} must not be below zero")
    return value
