"""Free ports for programs whose port must be chosen before they start."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

__all__ = ["unused_port"]

_FIRST, _END = 10_000, 32_000


def unused_port() -> int:
    """Return a port of this machine on which no program listens.

    Linux assigns ports to connections, and to programs that leave the choice to it, from a higher
    range. So no other program takes the port before the program that the caller starts.
    """
    while True:
        port = _FIRST + secrets.randbelow(_END - _FIRST)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
