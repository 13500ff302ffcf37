"""Who may ask: only who knows this server by a name of this machine.

A page on the web can give its own host name the address 127.0.0.1 (DNS rebinding), and would then
be of one origin with this server; but the `Host` of its requests gives it away.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

__all__ = ["only_hosts", "own_hosts"]

_NAMES = ("localhost", "127.0.0.1", "[::1]")


def own_hosts(port: int) -> frozenset[str]:
    """Give the values of `Host` that mean this server."""
    return frozenset(f"{name}:{port}" for name in _NAMES)


def only_hosts(
    hosts: frozenset[str],
) -> Middleware:
    """Make a middleware that answers 403 where `Host` is another or is missing."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.getall("host", []) and request.headers["host"].lower() in hosts:
            return await handler(request)
        said = f"This server answers to {', '.join(sorted(hosts))} only, and to no other Host.\n"
        return web.Response(status=403, text=said)

    return check
