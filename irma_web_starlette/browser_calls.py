"""Convert between Starlette's requests and responses and those of `irma_core.web`."""

from __future__ import annotations

from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from irma_core.protocol.messages import HttpResponse
from irma_core.web.web_messages import WebRequest

__all__ = ["as_starlette", "as_web_request", "body_of"]

_TOO_LARGE: Final = 1024 * 1024
"""A size in bytes that every endpoint refuses."""


async def as_web_request(request: Request) -> WebRequest:
    """Return the request as a `WebRequest`; the ASGI server determines its host and scheme."""
    body = await body_of(request)
    return WebRequest(request.method, str(request.url), request.headers.raw, body, native=request)


async def body_of(request: Request) -> bytes:
    """Return the body; if it is too large, return a body that is certain to be refused."""
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > _TOO_LARGE:
                break
    except ClientDisconnect:
        return b""
    return bytes(read)


def as_starlette(reply: HttpResponse) -> Response:
    """Return a `WebReply` as a Starlette response."""
    response = Response(reply.body, reply.status)
    response.raw_headers = [
        *(header for header in response.raw_headers if header[0] == b"content-length"),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers),
    ]
    return response
