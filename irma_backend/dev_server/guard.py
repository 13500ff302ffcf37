"""Who may ask: only who knows this server by a name of this machine, and buttons of its own pages.

A page on the web can give its own host name the address 127.0.0.1 (DNS rebinding), and would then
be of one origin with this server; but the `Host` of its requests gives it away. And any page can
send a form here (cross-site requests); but it cannot read the token that ours hold.
"""

from __future__ import annotations

import hmac
import secrets
from typing import final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

__all__ = ["TOKEN_FIELD", "ButtonGuard", "only_hosts", "own_hosts"]

TOKEN_FIELD = "page-token"  # noqa: S105  # the name of a field
_NAMES = ("localhost", "127.0.0.1", "[::1]")


def own_hosts(port: int) -> frozenset[str]:
    """Give the values of `Host` that mean this server."""
    return frozenset(f"{name}:{port}" for name in _NAMES)


def only_hosts(hosts: frozenset[str]) -> Middleware:
    """Make a middleware that answers 403 where `Host` is another or is missing."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("host", "").lower() in hosts:
            return await handler(request)
        said = f"This server answers to {', '.join(sorted(hosts))} only, and to no other Host.\n"
        return web.Response(status=403, text=said)

    return check


@final
class ButtonGuard:
    """Tells whether a form was sent by a page of this server.

    Attributes:
        token: What the forms hold; another one for each server.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe()

    def is_own(self, request: web.Request, token: str) -> bool:
        """Tell it by the token, and by what the browser says of where the form was.

        A program that is no browser need not say where from; `Host` has been looked at before.
        """
        headers = request.headers
        own = f"http://{headers.get('host', '')}".lower()
        return (
            headers.get("origin", own) == own
            and headers.get("sec-fetch-site", "same-origin") == "same-origin"
            and hmac.compare_digest(token.encode(), self.token.encode())
        )
