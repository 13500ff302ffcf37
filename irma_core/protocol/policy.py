"""The policy for retries: which faults are transient, and how long to wait before the next try.

Belongs here: the policy itself, without I/O. Does not belong here: the retries themselves, which
only a flow makes (`flows.exchange`), never a transport.
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
from irma_core.value_object import ValueObject

__all__ = ["RetryPolicy", "is_passing_status", "is_transient", "retry_after", "wait_of"]

_TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
_MAX_DIGITS = 9
_MAX_WAIT = timedelta(seconds=10**_MAX_DIGITS - 1)
_NO_WAIT = timedelta(0)
_MAX_DOUBLINGS = 20


@final
@attrs.frozen(eq=False, repr=False)
class RetryPolicy(ValueObject):
    """How often a call is tried, and how long to wait between two tries.

    Args:
        tries: The total number of tries, including the first one.
        first_wait: The maximum wait before the second try. The maximum doubles for each further
            try.
        longest_wait: The limit up to which the maximum can grow.
    """

    tries: int = 3
    first_wait: timedelta = timedelta(milliseconds=200)
    longest_wait: timedelta = attrs.field(default=timedelta(seconds=2), kw_only=True)

    def wait(self, tries_made: int, jitter: float) -> timedelta | None:
        """Return how long to wait before the next try; None if no try is left.

        Args:
            tries_made: The number of tries so far, at least 1.
            jitter: A random number in [0, 1). It spreads the waits evenly ("full jitter"), so that
                clients that failed at the same time do not retry at the same time.
        """
        if tries_made >= self.tries:
            return None
        doubled: timedelta = self.first_wait * 2 ** min(tries_made - 1, _MAX_DOUBLINGS)
        return min(self.longest_wait, doubled) * jitter


def is_passing_status(status: int) -> bool:
    """Return whether a request may succeed later if its response has this HTTP status."""
    return status in _TRANSIENT_STATUSES


def is_transient(error: IrmaError) -> bool:
    """Return whether a `GET` or `DELETE` that failed with this error may succeed if repeated."""
    if isinstance(error, ServerRefusedError):
        return error.http_status in _TRANSIENT_STATUSES or error.code == INTERNAL_ERROR
    if isinstance(error, UnexpectedResponseError):
        return error.http_status in _TRANSIENT_STATUSES
    if isinstance(error, GatewayError):
        return error.may_pass
    # A signer may be a service on the network, and only the signer knows why it failed.
    transient = ConnectionFailedError | ConnectionBrokenError | TransportTimeoutError | SigningError
    return isinstance(error, transient)


def wait_of(error: IrmaError) -> timedelta:
    """Return how long the caller should wait before a retry, according to the error."""
    seconds = error.retry_after if isinstance(error, GatewayError) else 0.0
    return timedelta(seconds=seconds)


def retry_after(response: HttpResponse, now: datetime) -> timedelta:
    """Return the wait that a response asks for in `Retry-After`; zero if it asks for none.

    Args:
        response: The response; the header is a number of seconds or a date (RFC 9110, section
            10.2.3).
        now: The present time in UTC, from which the wait until a date is counted.
    """
    text = response.header("retry-after")
    if not text:
        return _NO_WAIT
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return timedelta(seconds=int(text))
    date = read_http_date(text, now)
    return _NO_WAIT if date is None else min(max(date - now, _NO_WAIT), _MAX_WAIT)
