"""A clock that moves only when it is told to, or when somebody sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from irma_core.models.moments import as_utc

__all__ = ["ManualClock"]


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
        """Let time pass."""
        self._now += duration
        self._monotonic += duration.total_seconds()
