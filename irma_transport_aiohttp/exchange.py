"""One request under way: whether it was sent, and that aiohttp does not repeat it.

aiohttp repeats an idempotent request once where a kept connection breaks, and has no setting for
it. It does so for two classes of errors, so a middleware gives them another one.
"""

from __future__ import annotations

from types import SimpleNamespace

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ServerDisconnectedError,
    TraceConfig,
    TraceRequestHeadersSentParams,
)

__all__ = ["BrokenError", "Exchange", "never_again", "tracing"]


class BrokenError(ClientError):
    """The connection broke after it was made."""


class Exchange:
    """What is known of one request: its peer, and whether a byte of it can have left."""

    __slots__ = ("peer", "request_sent")

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.request_sent = False


async def never_again(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Run the request once."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise  # never repeated
    except (ClientOSError, ServerDisconnectedError):
        pass
    raise BrokenError


async def _mark_sent(
    _: ClientSession, context: SimpleNamespace, __: TraceRequestHeadersSentParams
) -> None:
    exchange: Exchange = context.trace_request_ctx
    exchange.request_sent = True


def tracing() -> TraceConfig:
    """Trace what the exchange must know; aiohttp calls it before it writes the first byte."""
    config = TraceConfig()
    config.on_request_headers_sent.append(_mark_sent)
    return config
