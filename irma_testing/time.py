"""A clock that moves only when it is told to, or when somebody sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from irma_core.errors import UsageError
from irma_core.models.moments import as_utc, check_timedelta
from irma_core.tracebacks import boundary

__all__ = ["ManualClock"]


@boundary
class ManualClock:
    """Wall and monotonic time, moved together by `advance`.

    Threads that share it share its time: one that sleeps moves it for all. Where several wait for
    each other, take a real clock.

    Args:
        now: The wall time to begin with: an aware time, which becomes UTC.

    Raises:
        UsageError: `now` is no aware time.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self._now = as_utc(now, "now")
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Give the wall time."""
        return self._now

    def monotonic(self) -> float:
        """Give the monotonic time, in seconds."""
        return self._monotonic

    def advance(self, duration: timedelta) -> None:
        """Let time pass.

        Raises:
            UsageError: The duration is no `timedelta`, is below zero, or leaves the calendar.
        """
        check_timedelta(duration, "duration")
        try:
            self._now += duration
        except OverflowError:
            raise UsageError("duration: leads beyond the year 9999") from None
        self._monotonic += duration.total_seconds()
