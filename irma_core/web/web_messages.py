"""A browser's requests and their replies, as plain values that any web framework can convert."""

from __future__ import annotations

from typing import Final, TypeAlias, final

import attrs

from irma_core.callbacks.inbound import Body, Headers, framework_body, framework_headers
from irma_core.json_text import JsonValue, write_json
from irma_core.models import holders
from irma_core.models.arguments import check_instance, check_optional
from irma_core.models.holders import Hidden, HiddenSecret, hide_fields, hide_secret
from irma_core.protocol.messages import HttpResponse
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["HeaderPairs", "WebReply", "WebRequest", "json_reply"]

HeaderPairs: TypeAlias = holders.Headers
_WSGI_PREFIX: Final = "HTTP_"
_WSGI_BARE: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
"""The two headers whose names have no prefix `HTTP_` in a WSGI environ."""


def _hide_headers(headers: Headers | Hidden[HeaderPairs]) -> Hidden[HeaderPairs]:
    if isinstance(headers, Hidden):
        return headers
    pairs = framework_headers(headers)
    # Only a WSGI environ has this key: a header named `Request-Method` would be
    # `HTTP_REQUEST_METHOD` there.
    if any(name == "REQUEST_METHOD" for name, _ in pairs):
        pairs = tuple(
            (name.removeprefix(_WSGI_PREFIX).replace("_", "-"), value)
            for name, value in pairs
            if name.startswith(_WSGI_PREFIX) or name in _WSGI_BARE
        )
    return HiddenSecret(tuple((name.lower(), value) for name, value in pairs))


def _hide_body(body: Body | Hidden[bytes]) -> Hidden[bytes]:
    return body if isinstance(body, Hidden) else HiddenSecret(framework_body(body))


def _hide_native(native: object) -> Hidden[object]:
    return native if isinstance(native, Hidden) else HiddenSecret(native)


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class WebRequest(ValueObject):
    """A browser's request, as an adapter read it from its web framework.

    Its `repr` shows only the method, because the rest holds the browser's secrets.

    Args:
        method: The HTTP method.
        url: The absolute URL, as the browser sees it. The framework decides which proxy headers it
            trusts to determine this URL.
        headers: A mapping, pairs of strings or bytes, the headers of an ASGI scope, or a WSGI
            environ.
        body: The whole body.
        native: The framework's own request object, which the application's functions may need; or
            None.

    Raises:
        UsageError: An argument has the wrong type.
    """

    method: str
    _url: Hidden[str] = attrs.field(alias="url", converter=hide_secret, repr=False)
    _headers: Hidden[HeaderPairs] = attrs.field(
        alias="headers", converter=_hide_headers, repr=False
    )
    _body: Hidden[bytes] = attrs.field(alias="body", converter=_hide_body, repr=False)
    _native: Hidden[object] = attrs.field(
        default=None, alias="native", converter=_hide_native, repr=False, eq=False
    )

    def __attrs_post_init__(self) -> None:
        check_instance(self.method, str, "method", "a string")
        check_instance(self.url, str, "url", "a string; use str(request.url) for an object")

    @property
    def url(self) -> str:
        """The absolute URL of the request, as the browser sees it."""
        return self._url.reveal()

    @property
    def headers(self) -> HeaderPairs:
        """The request's headers as pairs of name and value, with names in lower case."""
        return self._headers.reveal()

    @property
    def body(self) -> bytes:
        """The whole body."""
        return self._body.reveal()

    @property
    def native(self) -> object:
        """The framework's own request object, if the adapter passed one; or None."""
        return self._native.reveal()

    def header_values(self, name: str) -> list[str]:
        """Return the values of all headers with this name, which must be in lower case.

        Raises:
            UsageError: The name is not a string.
        """
        check_instance(name, str, "name", "a string")
        return [value.strip(" \t") for known, value in self.headers if known == name]


@final
@boundary
class WebReply(HttpResponse):
    """The reply to a page's call: the response to send, and the error that it reports, if any.

    Args:
        status: The HTTP status: 200, or that of an error.
        headers: Pairs of name and value.
        body: The reply's whole body, which is JSON.
        code: The code of the error in the body; None if there is no error.
        error: The error that was raised, for a log or a crash report; None if there was none, or if
            only the page's request was at fault. Its traceback shows no frame of the library.

    Raises:
        UsageError: An argument has the wrong type.
    """

    __slots__ = ()

    def __init__(
        self,
        status: int,
        headers: HeaderPairs = (),
        *,
        body: bytes = b"",
        code: str | None = None,
        error: Exception | None = None,
    ) -> None:
        super().__init__(status, headers, body=body)
        check_optional(code, str, "code", "a string")
        check_optional(error, Exception, "error", "an exception")
        hide_fields(self, (self.status, self.headers, self.body, code, error).__getitem__)

    @property
    def code(self) -> str | None:
        """The code of the error in the body; None if there is no error."""
        code: str | None = self._field(3)
        return code

    @property
    def error(self) -> Exception | None:
        """The error that the call raised, for a log or a crash report; None if it raised none."""
        error: Exception | None = self._field(4)
        return error

    def __repr__(self) -> str:
        return f"WebReply(status={self.status!r}, code={self.code!r})"


def json_reply(
    status: int,
    value: JsonValue,
    headers: HeaderPairs = (),
    *,
    code: str | None = None,
    error: Exception | None = None,
) -> WebReply:
    """Return a JSON reply for the page, with headers that prevent caching."""
    fixed = (
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    )
    body = write_json(value).encode()
    return WebReply(status, fixed + headers, body=body, code=code, error=error)
