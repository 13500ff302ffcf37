"""The interface of an observer, to which the library reports the events of sessions.

An application implements it to write logs, count events or raise alarms.
"""

from __future__ import annotations

from typing import Protocol

from irma_core.models.events import Event

__all__ = ["Observer"]


class Observer(Protocol):
    """Receives events, in the thread or task in which they happen.

    The person in the session waits until the observer returns, so it must return at once and never
    wait for I/O. Several threads may call it at the same time. An exception from the observer does
    not reach the library's caller. It becomes a `RuntimeWarning`, which Python shows by default
    once for each class of exception.
    """

    def observe(self, event: Event) -> None:
        """Handle an event."""
        ...
