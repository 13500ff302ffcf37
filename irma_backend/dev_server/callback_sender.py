"""Send the server's callbacks and `nextSession` requests over HTTP.

The program that starts a session chooses these URLs, and needs no authentication. By default,
requests go only to this machine, so that a session cannot reach other hosts on the local network.
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

__all__ = ["sending_callbacks"]

# In seconds. The official server sends from a request handler, which has no more time than this.
_TIMEOUT = 4.0
_LOG = logging.getLogger("irma_backend.dev_server")
# This excludes characters that URL parsers interpret differently.
_HOST = re.compile(
    r"https?://([0-9a-z.]++|\[[0-9a-f:]++\])(?::[0-9]{1,5})?(?:[/?].*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_ELSEWHERE = "its URL does not lead to a loopback address of this machine"


@contextmanager
def sending_callbacks(server: InMemoryServer, *, anywhere: bool) -> Generator[None]:
    """Send the server's callbacks during the block, unless the server has its own `deliver`.

    Args:
        server: The server.
        anywhere: Whether callbacks may go to other machines.
    """
    if server.deliver is not None:
        yield
        return
    with Urllib3Transport() as transport:

        def deliver(request: HttpRequest) -> HttpResponse:
            # The server calls this for each redirect, so every target is checked.
            if not anywhere and not _is_local(request.url):
                _LOG.warning(
                    "%s was not sent: %s. Use a URL with 127.0.0.1 or localhost, or start the "
                    "server with --callbacks-anywhere (callbacks_anywhere=True)",
                    request.label,
                    _ELSEWHERE,
                )
                raise ConnectionFailedError(request.label, _ELSEWHERE, request_sent=False)
            try:
                return transport.send(request, transport.clock.monotonic() + _TIMEOUT)
            except ConfigurationError as error:
                # The requestor's URL is invalid. The server handles this error like a failed
                # connection.
                raise ConnectionFailedError(request.label, str(error), request_sent=False) from None

        server.deliver = deliver
        try:
            yield
        finally:
            server.deliver = None


def _is_local(url: str) -> bool:
    """Return whether the URL's host is loopback, or `localhost` with only loopback addresses."""
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
