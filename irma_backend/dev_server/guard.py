"""Refuse requests that another website makes a browser send.

A website can point its own host name at 127.0.0.1 (DNS rebinding). The browser then treats that
website and this server as one origin, but the `Host` header reveals the name.

Any page can make a browser call this server. Calls to session pointers under `/irma/` are allowed.
Calls to the requestor's endpoints are not, unless a page of this server makes them. Any page can
also send a form here, but it cannot read the token in this server's own forms.
"""

from __future__ import annotations

import hmac
import secrets
from typing import final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from irma_backend.dev_server.reach import Reach

__all__ = [
    "OWN_PAGES_ONLY",
    "PUBLIC_ORIGIN",
    "TOKEN_FIELD",
    "ButtonGuard",
    "is_from_elsewhere",
    "is_visit",
    "only_hosts",
    "refusal",
]

PUBLIC_ORIGIN = web.AppKey("public_origin", str)
"""The origin of the server's base URL, which may belong to a proxy in front of the server."""
TOKEN_FIELD = "page-token"  # noqa: S105  # the name of a field
# `none`: the person typed the address, or a program sent the request.
_OWN_SITES = frozenset({"same-origin", "none"})
# In browsers that do not send `Sec-Fetch-Site`, these headers hide the response from other pages.
OWN_PAGES_ONLY = {
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def only_hosts(reach: Reach, port: int) -> Middleware:
    """Return a middleware that sends a 403 if `Host` is missing, repeated or not this server's."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("host", [])
        if [reach.allows(host, port) for host in hosts] == [True]:
            return await handler(request)
        return refusal(
            f"This server accepts only these values of the Host header: {reach.allowed(port)}."
        )

    return check


def is_from_elsewhere(request: web.Request) -> bool:
    """Return whether a browser sent the request on behalf of a page from another origin.

    The headers `Origin`, `Sec-Fetch-Site` and `Referer` show this; programs other than browsers
    send none of them. `Host` has already been checked.
    """
    headers = request.headers
    own = _own_origins(request)
    return (
        any(origin.lower() not in own for origin in headers.getall("origin", []))
        or any(site.lower() not in _OWN_SITES for site in headers.getall("sec-fetch-site", []))
        or any(_origin_of(url) not in own for url in headers.getall("referer", []))
    )


def is_visit(request: web.Request) -> bool:
    """Return whether a person is opening the page, or a program is requesting it.

    A person may follow a link on another website. A request by another page's script, image or
    frame is not a visit.
    """
    headers = request.headers
    is_navigation = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )
    return all(
        origin.lower() in _own_origins(request) for origin in headers.getall("origin", [])
    ) and (
        is_navigation
        or all(site.lower() in _OWN_SITES for site in headers.getall("sec-fetch-site", []))
    )


def refusal(reason: str) -> web.Response:
    """Return a 403 with a reason that other pages cannot read."""
    return web.Response(status=403, text=f"{reason}\n", headers=OWN_PAGES_ONLY)


@final
class ButtonGuard:
    """Checks that a form was sent by a page of this server.

    Attributes:
        token: The secret value in each form. Each server has its own token.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe()

    def may_send(self, request: web.Request) -> bool:
        """Return False if the headers show that the form does not come from a page of this server.

        The caller checks this before it reads the form. `Sec-Fetch-Site: none` means that the
        person typed the address. A browser sends no form then, so the result is False.
        """
        sites = request.headers.getall("sec-fetch-site", [])
        return not is_from_elsewhere(request) and "none" not in [site.lower() for site in sites]

    def is_own(self, token: str) -> bool:
        """Return whether this is the token in this server's forms."""
        return hmac.compare_digest(token.encode(), self.token.encode())


def _own_origins(request: web.Request) -> tuple[str, str]:
    own = f"{request.scheme}://{request.headers.get('host', '')}".lower()
    return own, request.app[PUBLIC_ORIGIN]


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()
