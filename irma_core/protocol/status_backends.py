"""The interfaces of a status backend, sync and async, and the value that it stores.

A status backend passes on how a session ended, from one process to the others. The process that
receives the server's callback publishes the end; any process that watches the session waits for it.
A watch does not depend on the backend: while the backend fails, the watch asks the server.
"""

from __future__ import annotations

from datetime import timedelta
from types import NoneType
from typing import Protocol, final

import attrs

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance
from irma_core.models.holders import Hidden, hide_optional
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["AsyncStatusBackend", "PublishedEnd", "StatusBackend"]


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class PublishedEnd(ValueObject):
    """How a session ended, as one process publishes it to the others.

    Args:
        status: The final status.
        result_jwt: The signed result, or None if the server signs no results. It contains the
            attributes that the person disclosed.

    Raises:
        UsageError: The status is not final, or an argument has the wrong type.
    """

    status: SessionStatus
    _result_jwt: Hidden[str | None] = attrs.field(
        alias="result_jwt", converter=hide_optional, default=None
    )

    def __attrs_post_init__(self) -> None:
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        check_instance(self.result_jwt, (str, NoneType), "result_jwt", "a string or None")
        if not self.status.is_final:
            raise UsageError(f"status must be final, not {self.status.value}")

    @property
    def result_jwt(self) -> str | None:
        """The signed result, not verified; None if the server signs no results."""
        return self._result_jwt.reveal()


class StatusBackend(Protocol):
    """Stores how each session ended, for synchronous programs. Threads may share it.

    An exception from a method becomes the cause of a `StatusBackendError`. The exception's message
    must contain no secret: no token, no signed result, no password.
    """

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        """Store the end of a session and wake every call that waits for it.

        The first end is kept: publishing another one changes nothing and raises no error. Keep an
        end for half an hour.

        Args:
            token: The session's token.
            end: How the session ended.
        """
        ...

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        """Return the end of a session; wait for it if it has not been published yet.

        Args:
            token: The session's token.
            timeout: How long to wait; with zero or less, return at once. A call must not take much
                longer, even if it fails, because nothing can interrupt a call that blocks its
                thread. Block for about a second at a time; otherwise Ctrl-C may take effect only
                when the call returns.

        Returns:
            The end, or None if none was published within the timeout.
        """
        ...

    def close(self) -> None:
        """Release all connections. After that, all other methods raise errors.

        A second call does nothing.
        """
        ...


class AsyncStatusBackend(Protocol):
    """Stores how each session ended, for asyncio.

    Cancelling a `wait` does not lose the end of a session.
    """

    async def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        """See `StatusBackend.publish`."""
        ...

    async def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        """See `StatusBackend.wait`."""
        ...

    async def aclose(self) -> None:
        """See `StatusBackend.close`."""
        ...
