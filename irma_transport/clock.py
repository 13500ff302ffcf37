"""The system's clock and source of chance, and the time until a deadline."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Final

__all__ = [
    "LONGEST_BLOCKING_WAIT",
    "LONGEST_WAIT",
    "SystemClock",
    "seconds_until",
    "system_jitter",
]

LONGEST_WAIT: Final = 86_400.0
"""A day in seconds. Sockets and event loops refuse an infinite time-out."""

LONGEST_BLOCKING_WAIT: Final = 1.0
"""Seconds that a thread blocks at most before it looks again. A signal that arrives just before a
thread blocks does not end the wait, and Python runs its handler only afterwards."""

# The system's source needs no seed, so forked children do not wait in step.
system_jitter = random.SystemRandom().random


class SystemClock:
    """The system's wall time in UTC, and the monotonic time that deadlines count by."""

    def now(self) -> datetime:
        """Return the wall time, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run back."""
        return time.monotonic()


def seconds_until(deadline: float) -> float:
    """Return the seconds until a point of the monotonic clock, at most a day; below 0 after it."""
    return min(deadline - time.monotonic(), LONGEST_WAIT)
