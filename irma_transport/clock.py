"""The system's clock and random numbers, and the time until a deadline."""

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
"""A day in seconds. Sockets and event loops refuse an infinite timeout."""

LONGEST_BLOCKING_WAIT: Final = 1.0
"""The longest single wait of a thread, in seconds. A signal that arrives just before a thread
blocks does not end the wait, and Python runs the signal's handler only after the wait."""

# The system's random source needs no seed, so forked children do not all wait equally long.
system_jitter = random.SystemRandom().random


class SystemClock:
    """The system's wall time in UTC, and the monotonic time for deadlines."""

    def now(self) -> datetime:
        """Return the wall time as an aware `datetime` in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return a time in seconds that never decreases."""
        return time.monotonic()


def seconds_until(deadline: float) -> float:
    """Return the seconds until a monotonic deadline: at most a day, negative if it has passed."""
    return min(deadline - time.monotonic(), LONGEST_WAIT)
