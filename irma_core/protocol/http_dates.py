"""Read dates in HTTP headers, in the three forms that RFC 9110, section 5.6.7, requires.

Python's own parsers are unsuitable: `strptime` depends on the process's locale, and `email.utils`
accepts many strings that are not dates.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from irma_core.tracebacks import boundary

__all__ = ["read_http_date"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_FIXDATE = rf"{_SHORT_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"
"""Matches a date such as `Sun, 06 Nov 1994 08:49:37 GMT`."""
_RFC_850 = rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"
"""Matches a date such as `Sunday, 06-Nov-94 08:49:37 GMT`."""
_ASCTIME = rf"{_SHORT_DAY} {_MONTH} (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})"
"""Matches a date such as `Sun Nov  6 08:49:37 1994`."""
_CENTURY, _YEARS_AHEAD = 100, 50
_LEAP_SECOND = 60


@boundary
def read_http_date(text: str, now: datetime) -> datetime | None:
    """Return the time of an HTTP date in UTC, or None if the string is not such a date.

    Args:
        text: The value of the header.
        now: The present time in UTC, which determines the century of a two-digit year.
    """
    found = re.fullmatch(_FIXDATE, text) or re.fullmatch(_RFC_850, text)
    found = found or re.fullmatch(_ASCTIME, text)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == len("94"):
        # The latest year with these two digits that is at most fifty years ahead.
        latest = now.year + _YEARS_AHEAD
        year = latest - (latest - year) % _CENTURY
    second = int(found["second"])
    leap = timedelta(seconds=1 if second == _LEAP_SECOND else 0)
    month, day = _MONTHS.index(found["month"]) + 1, int(found["day"])
    hour, minute = int(found["hour"]), int(found["minute"])
    try:
        # The day of the week is redundant, and is not compared with the date.
        return datetime(year, month, day, hour, minute, second - leap.seconds, tzinfo=UTC) + leap
    except (ValueError, OverflowError):
        return None
