"""Decides which requests this server answers: none that another website made a browser send.

A page on the web can point its own host name at 127.0.0.1 (DNS rebinding). The browser then takes
that page and this server for one origin, but the `Host` header gives the page away.

Any page can make a browser call this server. Session pointers below `/irma/` are made for that.
The calls of requestors are not: from a browser only a page of this server may make them. And any
page can send a form here, but it cannot read the token that this server's own forms hold.
"""

from __future__ import annotations

import hmac
import secrets
from typing import final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

__all__ = [
    "FOR_NO_OTHER_PAGE",
    "TOKEN_FIELD",
    "ButtonGuard",
    "is_from_elsewhere",
    "is_visit",
    "only_hosts",
    "own_hosts",
    "refusal",
]

TOKEN_FIELD = "page-token"  # noqa: S105  # the name of a field
_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HTTP_PORT = 80
# `none`: the person typed the address, or a program sent the request.
_OWN_SITES = frozenset({"same-origin", "none"})
# A browser that ignores `Sec-Fetch-Site` must not hand the response to another page either.
FOR_NO_OTHER_PAGE = {
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def own_hosts(port: int) -> frozenset[str]:
    """Return the values of `Host` that mean this server."""
    hosts = frozenset(f"{name}:{port}" for name in _NAMES)
    # Clients leave out the port that is HTTP's default.
    return hosts | frozenset(_NAMES) if port == _HTTP_PORT else hosts


def only_hosts(hosts: frozenset[str]) -> Middleware:
    """Return a middleware that answers 403 if `Host` is missing, doubled, or not in `hosts`."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if [host.lower() in hosts for host in request.headers.getall("host", [])] == [True]:
            return await handler(request)
        return refusal(
            f"This server answers to {', '.join(sorted(hosts))} only, and to no other Host."
        )

    return check


def is_from_elsewhere(request: web.Request) -> bool:
    """Return whether a browser sent the request for a page of another origin.

    `Host` has been checked before. A program that is no browser sends none of the three headers.
    """
    headers = request.headers
    own = _own_origin(request)
    return (
        any(origin.lower() != own for origin in headers.getall("origin", []))
        or any(site.lower() not in _OWN_SITES for site in headers.getall("sec-fetch-site", []))
        or any(_origin_of(url) != own for url in headers.getall("referer", []))
    )


def is_visit(request: web.Request) -> bool:
    """Return whether the request may be shown a page: the person, or a program, opens it.

    A link on another website may lead here. Another page's scripts, images and frames may not.
    """
    headers = request.headers
    is_navigation = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )
    return all(
        origin.lower() == _own_origin(request) for origin in headers.getall("origin", [])
    ) and (
        is_navigation
        or all(site.lower() in _OWN_SITES for site in headers.getall("sec-fetch-site", []))
    )


def refusal(reason: str) -> web.Response:
    """Return a 403 that says why, and that no other page may read."""
    return web.Response(status=403, text=f"{reason}\n", headers=FOR_NO_OTHER_PAGE)


@final
class ButtonGuard:
    """Checks that a form was sent by a page of this server.

    Attributes:
        token: The value that the forms hold. Each server has its own.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe()

    def is_own(self, request: web.Request, token: str) -> bool:
        """Return whether the token is right and the browser names no other page.

        Nobody types a form into the address bar, so `Sec-Fetch-Site: none` is refused here.
        """
        sites = request.headers.getall("sec-fetch-site", [])
        return (
            not is_from_elsewhere(request)
            and "none" not in [site.lower() for site in sites]
            and hmac.compare_digest(token.encode(), self.token.encode())
        )


def _own_origin(request: web.Request) -> str:
    return f"http://{request.headers.get('host', '')}".lower()


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()
