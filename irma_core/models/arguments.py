"""Check the arguments of callers that run no type checker, and convert times to UTC.

The errors name the parameter and never show the value.

The library uses only UTC, because arithmetic in other time zones goes wrong. Python adds a duration
to the local time, so the sum can be an hour off around a change to or from daylight saving time. A
naive time does not identify a moment.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, cast

from irma_core.errors import UsageError

__all__ = [
    "as_utc",
    "check_deadline",
    "check_flag",
    "check_instance",
    "check_optional",
    "check_reference",
    "check_string",
    "check_timedelta",
    "check_timeout",
]

ValueT = TypeVar("ValueT")
_IN_C: Final = (str, bytes, int, float, timedelta, datetime)
_SURROGATE: Final = "[\ud800-\udfff]"
_LONGEST: Final = timedelta(days=36500)
_LONGEST_REFERENCE: Final = 200
"""In characters: enough for any identifier, and short enough for a URL."""
_MAX_SECONDS: Final = 10.0**15


def check_instance(
    value: object, kind: type[ValueT] | tuple[type[ValueT], ...], name: str, expected: str
) -> ValueT:
    """Check that a value is an instance of a class, and return it.

    Args:
        value: The argument.
        kind: The class, or a tuple of classes.
        name: The parameter's name.
        expected: What the value must be, such as `a string`, for the error.

    Raises:
        UsageError: The value is not an instance of the class.
    """
    hint = "; this is the class itself" if isinstance(value, type) else ""
    if isinstance(value, kind):
        # A web framework's proxy claims to have the class of its object, but functions in C check
        # the real class.
        if issubclass(type(value), _IN_C) or not isinstance(value, _IN_C):
            return value
        hint = "; this is a proxy for one"
    raise UsageError(f"{name}: must be {expected}{hint}")


def check_optional(value: object, kind: type[object], name: str, expected: str) -> None:
    """Check that a value is None or an instance of a class; see `check_instance`.

    Raises:
        UsageError: The value is neither None nor an instance.
    """
    if value is not None:
        check_instance(value, kind, name, f"{expected}, or None")


def check_flag(value: object, name: str) -> bool:
    """Check that a value is a `bool`, and return it.

    Raises:
        UsageError: The value is not a `bool`.
    """
    return check_instance(value, bool, name, "True or False")


def check_string(value: object, name: str) -> str:
    """Check that a value is a non-empty string without lone surrogates, and return it.

    Raises:
        UsageError: The value is not such a string.
    """
    text = check_instance(value, str, name, "a string")
    if not text:
        raise UsageError(f"{name}: must not be empty")
    # This searches instead of encoding, because an encoder's error would contain the whole string.
    if re.search(_SURROGATE, text):
        raise UsageError(f"{name}: must not have a lone surrogate (half a character)")
    return text


def check_reference(value: object) -> str:
    """Check a reference, such as an order number, and return it; empty means no reference.

    Raises:
        UsageError: The value is not a string, has over 200 characters, or has a character that
            cannot be printed, such as a newline.
    """
    text = check_instance(value, str, "reference", "a string")
    if len(text) > _LONGEST_REFERENCE or not text.isprintable():
        raise UsageError(
            f"reference: must be at most {_LONGEST_REFERENCE} printable characters, such as an "
            "order number; keep the rest in a database, under that number"
        )
    return text


def check_timeout(value: object, name: str) -> timedelta:
    """Check that a timeout is a `timedelta`, and return it; it may be negative.

    Raises:
        UsageError: The value is not a `timedelta`, or is longer than a hundred years.
    """
    duration = check_instance(value, timedelta, name, "a timedelta such as timedelta(seconds=5)")
    if duration > _LONGEST:
        raise UsageError(f"{name}: must not be longer than a hundred years")
    return duration


def as_utc(value: object, name: str, error: type[UsageError] = UsageError) -> datetime:
    """Convert an aware time to UTC, as a plain `datetime`.

    Args:
        value: The argument.
        name: The parameter's name, for the error.
        error: The class of the error to raise.

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
    """Check that a value is a `timedelta` and not negative, and return it.

    Raises:
        UsageError: The value is not a `timedelta`, or is negative.
    """
    if not isinstance(value, timedelta):
        raise UsageError(f"{name} must be a timedelta such as timedelta(seconds=5)")
    if value < timedelta(0):
        raise UsageError(f"{name} must not be negative")
    return value


def check_deadline(value: object) -> None:
    """Check that a deadline is a number of seconds, which may be positive or negative infinity.

    Raises:
        UsageError: The value is not such a number.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # This comparison is false for NaN.
    is_between = is_number and -_MAX_SECONDS < cast("float", value) < _MAX_SECONDS
    if not (is_between or value in (math.inf, -math.inf)):
        raise UsageError("deadline: must be a time on the transport's clock, in seconds")
