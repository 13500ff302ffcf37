"""The interface of an observer, which is notified of what happens to sessions.

An application implements it to log, to count, or to raise alarms.
"""

from __future__ import annotations

from typing import Protocol

from irma_core.models.events import Event

__all__ = ["Observer"]


class Observer(Protocol):
    """Is notified of events, in the thread or task in which they happen.

    The person waits while it works, so it must return at once and never wait for I/O. Threads may
    call it at the same time. An exception changes nothing for the caller of the library: Python
    warns of it with a `RuntimeWarning`, once for each class of exception by default.
    """

    def observe(self, event: Event) -> None:
        """Handle an event."""
        ...
