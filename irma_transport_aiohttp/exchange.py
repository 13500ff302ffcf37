"""One request under way: whether it was sent, and that aiohttp does not repeat it.

aiohttp repeats an idempotent request once where a kept connection breaks, and has no setting for
it. It does so for two classes of errors, so a middleware gives them another one.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ServerDisconnectedError,
)
from aiohttp.connector import Connection

__all__ = ["UNDER_WAY", "BrokenError", "Exchange", "MarkingRequest", "never_again"]


class BrokenError(ClientError):
    """The connection broke after it was made."""


class Exchange:
    """What is known of one request: its peer, and whether a byte of it can have left."""

    __slots__ = ("peer", "request_sent")

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.request_sent = False


UNDER_WAY: Final[ContextVar[Exchange]] = ContextVar("UNDER_WAY")
"""The exchange of the task that runs."""


async def never_again(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Run the request once."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise  # never repeated
    except (ClientOSError, ServerDisconnectedError):
        pass
    raise BrokenError


class MarkingRequest(ClientRequest):
    """Says when its first byte is about to leave. Tracing would too, for a tenth more CPU."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Mark the exchange of this task, and send."""
        UNDER_WAY.get().request_sent = True
        return await super().send(conn)
