"""HTTP messages without HTTP: what a build function returns and a parse function takes.

Belongs here: the two messages. Does not belong here: how they are sent (the transport packages),
what they mean (`endpoints`).
"""

from __future__ import annotations

import attrs

from irma_core.tracebacks import boundary

__all__ = ["HttpRequest", "HttpResponse"]


@boundary
@attrs.frozen
class HttpRequest:
    """A request to an IRMA server.

    Its URL may hold a requestor token and its headers a secret: neither they nor the body are in
    its `repr`. Errors and logs name a request by its `path`.

    Args:
        method: `GET`, `POST` or `DELETE`.
        url: Absolute and percent-encoded; to be sent as it is.
        path: Method and path for people, `{token}` in the token's place.
        headers: Pairs of name and value; names in lower case.
        body: The whole body, or None for a request without one.
    """

    method: str
    url: str = attrs.field(repr=False)
    path: str = attrs.field(kw_only=True)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False, kw_only=True)
    body: bytes | None = attrs.field(default=None, repr=False, kw_only=True)


@boundary
@attrs.frozen
class HttpResponse:
    """A response, whole and decoded from any content or transfer encoding.

    Args:
        status: The HTTP status, any integer.
        headers: Pairs in the order received; names in any case.
        body: The whole body.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False, kw_only=True)

    def header(self, name: str) -> str:
        """Give the first value of the header of that name (lower case), or an empty text."""
        for known, value in self.headers:
            if known.lower() == name:
                return value
        return ""
