"""The system's clock and chance, which the core asks a transport for."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

__all__ = ["SystemClock", "system_jitter"]

# The system's source needs no seed, so that forked children do not wait in step.
system_jitter = random.SystemRandom().random


class SystemClock:
    """The wall time in UTC, and the monotonic time that sockets are timed by."""

    def now(self) -> datetime:
        """Give the wall time, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds that never run back."""
        return time.monotonic()
