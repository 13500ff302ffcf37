"""Convert every time that callers pass to UTC; the library uses no other zone.

Arithmetic in other zones is a trap. Python adds a duration to the local time, so the sum is an hour
off around a change to or from daylight saving time. A naive time does not identify a moment.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from irma_core.errors import UsageError

__all__ = ["as_utc", "check_timedelta"]


def as_utc(value: object, name: str, error: type[UsageError] = UsageError) -> datetime:
    """Return the same moment in UTC, as a plain `datetime`.

    Args:
        value: The argument.
        name: Its name, for the error.
        error: The class of the error.

    Raises:
        UsageError: The value is not a `datetime`, is naive, or is out of range in UTC.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if not isinstance(value, datetime):
        raise error(f"{name} must be an aware datetime such as datetime.now(UTC)")
    try:
        utc = None if value.utcoffset() is None else value.astimezone(UTC)
    except Exception:  # noqa: BLE001  # the tzinfo is the caller's code
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
    """Return the value, which must be a `timedelta` and not negative.

    Raises:
        UsageError: The value is not a `timedelta`, or is negative.
    """
    if not isinstance(value, timedelta):
        raise UsageError(f"{name} must be a timedelta such as timedelta(seconds=5)")
    if value < timedelta(0):
        raise UsageError(f"{name} must not be negative")
    return value
