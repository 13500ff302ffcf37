"""Retry and poll schedules, as pure data.

`GET` and `DELETE` are repeated on faults that pass; `POST` only where not a byte was sent. Which
faults pass is said here; the repeating itself is a flow's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import final

import attrs

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    GatewayError,
    IrmaError,
    ServerRefusedError,
    SigningError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.models.remote_errors import INTERNAL_ERROR
from irma_core.protocol.http_dates import read_http_date
from irma_core.protocol.messages import HttpResponse

__all__ = ["RetryPolicy", "is_passing_status", "is_transient", "retry_after"]

_PASSING_STATUSES = frozenset({429, 502, 503, 504})
_LONGEST_NUMBER = 9
_LONGEST_WAIT = timedelta(seconds=10**_LONGEST_NUMBER - 1)
_MOST_DOUBLINGS = 20


@final
@attrs.frozen
class RetryPolicy:
    """How often, and after how long, a call is tried again.

    Args:
        tries: How often in all.
        first_wait: The longest wait before the second try; doubled for each further one.
        longest_wait: What the doubling ends at.
    """

    tries: int = 3
    first_wait: timedelta = timedelta(milliseconds=200)
    longest_wait: timedelta = attrs.field(default=timedelta(seconds=2), kw_only=True)

    def wait(self, tries_made: int, chance: float) -> timedelta | None:
        """Give how long to wait before the next try; None when there is none left.

        Args:
            tries_made: How many were made, from 1.
            chance: From 0 up to 1: the wait is evenly spread ("full jitter"), so that many who
                failed together do not come back together.
        """
        if tries_made >= self.tries:
            return None
        doubled: timedelta = self.first_wait * 2 ** min(tries_made - 1, _MOST_DOUBLINGS)
        return min(self.longest_wait, doubled) * chance


def is_passing_status(status: int) -> bool:
    """Tell whether an HTTP status alone says that the same may well succeed later."""
    return status in _PASSING_STATUSES


def is_transient(error: IrmaError) -> bool:
    """Tell whether a repeated `GET` or `DELETE` may well succeed."""
    if isinstance(error, ServerRefusedError):
        return error.http_status in _PASSING_STATUSES or error.code == INTERNAL_ERROR
    if isinstance(error, UnexpectedResponseError):
        return error.http_status in _PASSING_STATUSES
    if isinstance(error, GatewayError):
        return error.may_pass
    # A signer may be a service behind a network, and nobody but the signer knows why it failed.
    passing = ConnectionFailedError | ConnectionBrokenError | TransportTimeoutError | SigningError
    return isinstance(error, passing)


def retry_after(response: HttpResponse, now: datetime) -> timedelta:
    """Return how long a response asks to wait by its `Retry-After`; zero if it does not ask.

    Args:
        response: The response; the header is a number of seconds or a date (RFC 9110, section
            10.2.3).
        now: The present time in UTC, which a date is compared with.
    """
    text = response.header("retry-after")
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
        return timedelta(seconds=int(text))
    date = read_http_date(text, now)
    return timedelta(0) if date is None else min(max(date - now, timedelta(0)), _LONGEST_WAIT)
