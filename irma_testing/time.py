"""A clock that moves only when a test advances it or a transport sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from irma_core.errors import UsageError
from irma_core.models.arguments import as_utc, check_timedelta
from irma_core.tracebacks import boundary

__all__ = ["ManualClock"]


@boundary
class ManualClock:
    """A clock with wall and monotonic time; `advance` moves both together.

    Threads that share the clock share its time, so a thread that sleeps moves the time for all of
    them. Use a real clock if threads wait for each other.

    Args:
        now: The initial wall time: a timezone-aware datetime, which is converted to UTC.

    Raises:
        UsageError: `now` is not an aware time.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self._now = as_utc(now, "now")
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Return the wall time."""
        return self._now

    def monotonic(self) -> float:
        """Return the monotonic time, in seconds."""
        return self._monotonic

    def advance(self, duration: timedelta) -> None:
        """Let time pass.

        Raises:
            UsageError: The duration is not a `timedelta`, is negative, or leads past the year 9999.
        """
        check_timedelta(duration, "duration")
        try:
            self._now += duration
        except OverflowError:
            raise UsageError("duration: must not move the clock past the year 9999") from None
        self._monotonic += duration.total_seconds()
