"""`Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.protocol.http_dates import read_http_date
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.policy import retry_after

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOTHING = timedelta(0)
SECOND = timedelta(seconds=1)
LONGEST = timedelta(seconds=999_999_999)


def wait_of(text: str, now: datetime = NOW) -> timedelta:
    return retry_after(HttpResponse(503, (("Retry-After", text),)), now)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("7", 7 * SECOND),
        ("0", NOTHING),
        ("007", 7 * SECOND),
        ("999999999", LONGEST),
        ("Mon, 23 Nov 2026 12:00:07 GMT", 7 * SECOND),
        ("Monday, 23-Nov-26 12:00:07 GMT", 7 * SECOND),
        ("Mon Nov 23 12:00:07 2026", 7 * SECOND),
        ("Tue Dec  1 12:00:00 2026", timedelta(days=8)),
        ("Mon, 23 Nov 2026 12:00:60 GMT", 60 * SECOND),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Mon, 23 Nov 2026 11:59:59 GMT", NOTHING),
        ("Sun Nov  6 08:49:37 1994", NOTHING),
        ("Mon, 01 Jan 0001 00:00:00 GMT", NOTHING),
    ],
)
def test_a_wait_is_read_in_seconds_or_as_a_date(text: str, wait: timedelta) -> None:
    """A wait is a number of seconds, or a date in three forms; a past date asks for no wait."""
    assert wait_of(text) == wait


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-7",
        "+7",
        "7.5",
        "7 ",
        "\u0667",
        "9999999999",
        "9" * 5000,
        "2026-11-23T12:00:07Z",
        "Mon, 23 Nov 2026 12:00:07",
        "Mon, 23 Nov 2026 12:00:07 UTC",
        "Mon, 23 Nov 2026 12:00:07 +0000",
        "Mon, 23 Nov 2026 13:00:07 CET",
        "mon, 23 nov 2026 12:00:07 gmt",
        "Mon, 23 Nov 26 12:00:07 GMT",
        "Monday, 23-Nov-2026 12:00:07 GMT",
        "Mon, 3 Dec 2026 12:00:07 GMT",
        "Mon, 23 Nov 2026 12:00:07 GMT\n",
        " Mon, 23 Nov 2026 12:00:07 GMT",
        "Mon, 23 Nov 2026 12:0\u0660:07 GMT",
        "Mon, 23 Nov 2026 24:00:00 GMT",
        "Mon, 23 Nov 2026 12:60:00 GMT",
        "Mon, 23 Nov 2026 12:00:61 GMT",
        "Tue, 31 Nov 2026 12:00:07 GMT",
        "Mon, 29 Feb 2027 12:00:07 GMT",
        "Mon, 00 Nov 2026 12:00:07 GMT",
        "Mon, 23 Nov 0000 12:00:07 GMT",
        "Fri, 31 Dec 9999 23:59:60 GMT",
        "Mon, 23 Mov 2026 12:00:07 GMT",
        "Mon Nov 23 12:00:07 2026 GMT",
    ],
)
def test_a_broken_header_asks_for_no_wait(text: str) -> None:
    """A malformed header is ignored without a guess and without an error."""
    assert wait_of(text) == NOTHING


def test_a_response_without_the_header_asks_for_no_wait() -> None:
    """A missing header means the same as an empty one."""
    assert retry_after(HttpResponse(503), NOW) == NOTHING


@pytest.mark.parametrize(
    ("now", "digits", "year"),
    [
        (2026, 26, 2026),
        (2026, 76, 2076),
        (2026, 77, 1977),
        (2026, 0, 2000),
        (2099, 0, 2100),
        (2099, 49, 2149),
        (2099, 50, 2050),
    ],
)
def test_a_two_digit_year_is_at_most_fifty_ahead(now: int, digits: int, year: int) -> None:
    """A two-digit year over fifty years ahead means the past (RFC 9110, section 5.6.7)."""
    date = read_http_date(f"Sunday, 06-Nov-{digits:02} 08:49:37 GMT", NOW.replace(year=now))
    assert date == datetime(year, 11, 6, 8, 49, 37, tzinfo=UTC)


def test_a_two_digit_year_beyond_9999_is_refused() -> None:
    """A year of two digits is refused where it would mean a year of five digits."""
    late = datetime.max.replace(tzinfo=UTC)
    assert read_http_date("Sunday, 06-Nov-01 08:49:37 GMT", late) is None


@given(st.integers(-30_000_000_000, 253_402_300_799))
def test_every_second_is_read_in_both_long_forms(seconds: int) -> None:
    """Dates from 1020 to 9999 are read as Python writes them in the locale of the tests."""
    moment = datetime.fromtimestamp(seconds, UTC)
    assert read_http_date(moment.strftime("%a, %d %b %Y %H:%M:%S GMT"), NOW) == moment
    assert read_http_date(moment.ctime(), NOW) == moment


@given(st.text())
def test_any_header_is_read_without_an_error(text: str) -> None:
    """Any header of a server or a proxy is read without an error, as a bounded wait."""
    assert NOTHING <= wait_of(text) <= LONGEST
