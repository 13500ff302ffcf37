"""What a status backend must be: two Protocols, one a mode.

It tells a session's statuses as they come, from whoever learnt them: the process that receives the
server's callbacks publishes, any process that watches listens. It may *know* more than the server,
whose callback comes before it stores `DONE`. What it says is checked like anything else.

It is a place where the newest status is kept, and not a queue: who comes late, or again after a
failure, finds what was published before. A watch that it fails goes to the server, and comes back.
Belongs here: the shapes only. Does not belong here: any backend (plugins bring them).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Protocol, TypeAlias

from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.transport import ReadOutcome

__all__ = ["AsyncStatusBackend", "Idle", "StatusBackend"]

Idle: TypeAlias = Literal[ReadOutcome.IDLE]


class StatusBackend(Protocol):
    """Tells statuses on the calling thread. May be shared by threads.

    Whatever it raises reaches the flow as the cause of a `StatusBackendError`; its text must hold
    no secret.
    """

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        """Wait for a status of a session that the watcher does not know yet.

        Args:
            token: Whose session.
            after: The last status that the watcher knows; None for none. A status that was
                published before the call counts too.
            within: How long to wait; zero to look only. Keep to it, failing included: nobody else
                ends the wait.

        Returns:
            The newest status, if it may follow `after` (`SessionStatus.may_become`); or
            `Silence.IDLE` where none came in that time.
        """
        ...

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        """Tell all who watch that a session has this status, and keep it for who watches later.

        One that may not follow the status kept is no error and changes nothing: the first final
        status stays. The same status again may bring the signed result, or a newer one.

        Args:
            token: Whose session.
            status: Its status.
            result_jwt: The signed result, where the status is final and there is one.
        """
        ...

    def published_result(self, token: RequestorToken) -> str | None:
        """Give the signed result that was kept with the final status, or None; not verified."""
        ...

    def close(self) -> None:
        """Let go of what it holds open; closing again does nothing, another call is an error."""
        ...


class AsyncStatusBackend(Protocol):
    """The same, awaited; a `next_status` that is cancelled loses nothing."""

    async def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        """Wait for a status of a session; see `StatusBackend`."""
        ...

    async def publish(
        self, token: RequestorToken, status: SessionStatus, result_jwt: str | None
    ) -> None:
        """Tell all who watch; see `StatusBackend`."""
        ...

    async def published_result(self, token: RequestorToken) -> str | None:
        """Give the signed result that was kept; see `StatusBackend`."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds open; see `StatusBackend`."""
        ...
