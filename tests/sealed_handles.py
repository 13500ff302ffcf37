"""Handles for tests that seal and open them without a server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from irma_core import Handles, Requestor
from irma_testing import ManualClock, ScriptedTransport
from tests.memory_stores import memory_store

__all__ = ["handles_at"]


def handles_at(now: datetime, keys: Sequence[str], **settings: Any) -> Handles:
    """Return `Handles` whose clock shows that time, by default for the purpose `login`."""
    transport = ScriptedTransport()
    transport.clock = ManualClock(now)
    arguments: dict[str, Any] = {
        "store": memory_store(transport.clock),
        "purpose": "login",
        "lifetime": timedelta(minutes=30),
        **settings,
    }
    return Handles(Requestor("https://irma.example", transport), keys, **arguments)
