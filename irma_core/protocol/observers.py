"""The interface of an observer, which is notified of events in the life of sessions.

An application implements it to log, to count, or to raise alarms.
"""

from __future__ import annotations

from typing import Protocol

from irma_core.models.events import Event

__all__ = ["Observer"]


class Observer(Protocol):
    """Is notified of events, in the thread or task in which they happen.

    The person waits until the observer returns, so it must return at once and never wait for I/O.
    Threads may call it at the same time. If it raises an exception, the library's caller is not
    affected: the exception becomes a `RuntimeWarning`, which Python shows by default once for each
    class of exception.
    """

    def observe(self, event: Event) -> None:
        """Handle an event."""
        ...
