"""Brings the server's own posts (callbacks, `nextSession`) to their receivers, over HTTP."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from irma_core.errors import ConfigurationError, ConnectionFailedError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["delivering"]

# The official server's handlers have no more, and a post is sent from within one.
_LONGEST = 4.0


@contextmanager
def delivering(server: InMemoryServer) -> Generator[None]:
    """Deliver the server's posts, unless it has its own way; and stop at the end."""
    if server.deliver is not None:
        yield
        return
    with Urllib3Transport() as transport:

        def deliver(request: HttpRequest) -> HttpResponse:
            try:
                return transport.send(request, transport.clock.monotonic() + _LONGEST)
            except ConfigurationError as error:
                # The requestor's URL is none; to the server it is one that nobody answers at.
                raise ConnectionFailedError(request.path, str(error), request_sent=False) from None

        server.deliver = deliver
        try:
            yield
        finally:
            server.deliver = None
