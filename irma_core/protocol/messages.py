"""HTTP messages: what a build function returns, and what a parse function takes."""

from __future__ import annotations

from typing import Final

import attrs

from irma_core.models.arguments import check_instance, check_optional
from irma_core.models.holders import (
    Headers,
    Hidden,
    HiddenSecret,
    hide_body,
    hide_content,
    hide_headers,
    hide_secret,
)
from irma_core.tracebacks import boundary

__all__ = ["HttpRequest", "HttpResponse"]

_NO_HEADERS: Final[Hidden[Headers]] = HiddenSecret(())
_EMPTY: Final[Hidden[bytes]] = HiddenSecret(b"")


@boundary
@attrs.frozen
class HttpRequest:
    """A request to an IRMA server.

    Its URL may hold a requestor token and its headers a secret: neither they nor the body are in
    its `repr`. Errors and logs name a request by its `label`.

    Args:
        method: `GET`, `POST` or `DELETE`.
        url: The URL, absolute and percent-encoded, to send unchanged.
        label: Method and path for logs and errors, with `{token}` in place of the token.
        headers: Pairs of name and value, with names in lower case.
        body: The whole body, or None for a request without one.

    Raises:
        UsageError: An argument has the wrong type.
    """

    method: str
    _url: Hidden[str] = attrs.field(alias="url", converter=hide_secret, repr=False)
    label: str = attrs.field(kw_only=True)
    _headers: Hidden[Headers] = attrs.field(
        default=_NO_HEADERS, alias="headers", converter=hide_headers, repr=False, kw_only=True
    )
    _body: Hidden[bytes | None] = attrs.field(
        default=None, alias="body", converter=hide_body, repr=False, kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        check_instance(self.method, str, "method", "a string")
        check_instance(self.url, str, "url", "a string")
        check_instance(self.label, str, "label", "a string")
        check_optional(self.body, bytes, "body", "bytes")

    @property
    def url(self) -> str:
        """The URL, absolute and percent-encoded."""
        return self._url.reveal()

    @property
    def headers(self) -> Headers:
        """Pairs of name and value."""
        return self._headers.reveal()

    @property
    def body(self) -> bytes | None:
        """The whole body, or None."""
        return self._body.reveal()


@boundary
@attrs.frozen
class HttpResponse:
    """A complete response, decoded from any content or transfer encoding.

    Args:
        status: The HTTP status, any integer.
        headers: Pairs of name and value in the order received, with names in any case.
        body: The whole body.

    Raises:
        UsageError: An argument has the wrong type.
    """

    status: int
    _headers: Hidden[Headers] = attrs.field(
        default=_NO_HEADERS, alias="headers", converter=hide_headers, repr=False
    )
    _body: Hidden[bytes] = attrs.field(
        default=_EMPTY, alias="body", converter=hide_content, repr=False, kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        check_instance(self.status, int, "status", "an integer")
        check_instance(self.body, bytes, "body", "bytes")

    @property
    def headers(self) -> Headers:
        """Pairs of name and value, in the order received."""
        return self._headers.reveal()

    @property
    def body(self) -> bytes:
        """The whole body."""
        return self._body.reveal()

    def header(self, name: str) -> str:
        """Return the first value of a header, given its name in lower case; empty without one.

        Raises:
            UsageError: The name is not a string.
        """
        check_instance(name, str, "name", "a string")
        for known, value in self.headers:
            if known.lower() == name:
                return value
        return ""
