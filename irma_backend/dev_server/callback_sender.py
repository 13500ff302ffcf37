"""Brings the server's own posts (callbacks, `nextSession`) to their receivers, over HTTP.

Where they go is up to the program that starts a session. This server needs no authentication, so a
post must not reach what only this machine can: by default it goes to this machine alone.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_address

from irma_core.errors import ConfigurationError, ConnectionFailedError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer
from irma_transport_urllib3 import Urllib3Transport

__all__ = ["delivering"]

# The official server's handlers have no more, and a post is sent from within one.
_LONGEST = 4.0
_LOG = logging.getLogger("irma_backend.dev_server")
# Nothing that one reader could take for a part of the host and another one for something else.
_HOST = re.compile(
    r"https?://([0-9a-z.]++|\[[0-9a-f:]++\])(?::[0-9]{1,5})?(?:[/?].*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_ELSEWHERE = "its URL does not lead to a loopback address of this machine"


@contextmanager
def delivering(server: InMemoryServer, *, anywhere: bool) -> Generator[None]:
    """Deliver the server's posts, unless it has its own way; and stop at the end.

    Args:
        server: The server.
        anywhere: Whether posts may go to other machines.
    """
    if server.deliver is not None:
        yield
        return
    with Urllib3Transport() as transport:

        def deliver(request: HttpRequest) -> HttpResponse:
            # The server follows redirects one by one, so each target is checked.
            if not anywhere and not _leads_to_this_machine(request.url):
                _LOG.warning(
                    "%s was not sent: %s. Use a URL with 127.0.0.1 or localhost, or start the "
                    "server with --callbacks-anywhere (callbacks_anywhere=True)",
                    request.label,
                    _ELSEWHERE,
                )
                raise ConnectionFailedError(request.label, _ELSEWHERE, request_sent=False)
            try:
                return transport.send(request, transport.clock.monotonic() + _LONGEST)
            except ConfigurationError as error:
                # The requestor's URL is none; to the server it is one that nobody answers at.
                raise ConnectionFailedError(request.label, str(error), request_sent=False) from None

        server.deliver = deliver
        try:
            yield
        finally:
            server.deliver = None


def _leads_to_this_machine(url: str) -> bool:
    """Return whether the host is a loopback address, or `localhost` and resolves to such only."""
    found = _HOST.fullmatch(url)
    if found is None:
        return False
    host = found[1].strip("[]")
    return all(
        map(_is_loopback, _addresses_of_localhost() if host.lower() == "localhost" else [host])
    )


def _addresses_of_localhost() -> list[str]:
    try:
        return [str(each[4][0]) for each in socket.getaddrinfo("localhost", None)]
    except OSError:
        return [""]


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
