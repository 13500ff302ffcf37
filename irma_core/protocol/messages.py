"""HTTP messages: requests from the build functions, and responses for the parse functions.

They are plain classes, because every call creates a request and a response, and objects of plain
classes are the fastest to create.
"""

from __future__ import annotations

from typing import NoReturn, Self

from irma_core.errors import UsageError
from irma_core.models.arguments import check_instance, check_optional
from irma_core.models.holders import Headers, HiddenFields, header_pairs, hide_fields
from irma_core.tracebacks import boundary

__all__ = ["HttpRequest", "HttpResponse"]


class _Message(HiddenFields):
    """A message that cannot be pickled, because its URL, headers or body may hold a secret."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            f"an {type(self).__name__} cannot be pickled, because its secrets must not leave the "
            "process by accident"
        )


@boundary
class HttpRequest(_Message):
    """A request to an IRMA server.

    Its URL may hold a requestor token, and its headers a secret. So its `repr` omits the URL, the
    headers and the body, and errors and logs show its `label` instead.

    Args:
        method: `GET`, `POST` or `DELETE`.
        url: The URL, absolute and percent-encoded, to send unchanged.
        label: The method and path for logs and errors, with `{token}` in place of the token.
        headers: Pairs of name and value, with names in lower case.
        body: The whole body, or None for a request without one.

    Raises:
        UsageError: An argument has the wrong type.
    """

    __slots__ = ()

    def __init__(
        self,
        method: str,
        url: str,
        *,
        label: str,
        headers: Headers = (),
        body: bytes | None = None,
    ) -> None:
        if not (
            type(method) is type(url) is type(label) is str
            and (body is None or type(body) is bytes)
        ):
            check_instance(method, str, "method", "a string")
            check_instance(url, str, "url", "a string")
            check_instance(label, str, "label", "a string")
            check_optional(body, bytes, "body", "bytes")
        pairs = header_pairs(headers)
        hide_fields(self, (method, url, label, pairs, body).__getitem__)

    @property
    def method(self) -> str:
        """`GET`, `POST` or `DELETE`."""
        method: str = self._field(0)
        return method

    @property
    def url(self) -> str:
        """The URL, absolute and percent-encoded."""
        url: str = self._field(1)
        return url

    @property
    def label(self) -> str:
        """The method and path for logs and errors."""
        label: str = self._field(2)
        return label

    @property
    def headers(self) -> Headers:
        """Pairs of name and value."""
        headers: Headers = self._field(3)
        return headers

    @property
    def body(self) -> bytes | None:
        """The whole body; None for a request without one."""
        body: bytes | None = self._field(4)
        return body

    def __repr__(self) -> str:
        return f"HttpRequest(method={self.method!r}, label={self.label!r})"


@boundary
class HttpResponse(_Message):
    """A complete response, decoded from any content or transfer encoding.

    Args:
        status: The HTTP status, any integer.
        headers: Pairs of name and value in the order received, with names in any case.
        body: The whole body.

    Raises:
        UsageError: An argument has the wrong type.
    """

    __slots__ = ()

    def __init__(self, status: int, headers: Headers = (), *, body: bytes = b"") -> None:
        if not (type(status) is int and type(body) is bytes):
            check_instance(status, int, "status", "an integer")
            check_instance(body, bytes, "body", "bytes")
        hide_fields(self, (status, header_pairs(headers), body).__getitem__)

    @property
    def status(self) -> int:
        """The HTTP status."""
        status: int = self._field(0)
        return status

    @property
    def headers(self) -> Headers:
        """Pairs of name and value, in the order received."""
        headers: Headers = self._field(1)
        return headers

    @property
    def body(self) -> bytes:
        """The whole body."""
        body: bytes = self._field(2)
        return body

    def header(self, name: str) -> str:
        """Return the first value of a header, given its name in lower case; empty if it is missing.

        Raises:
            UsageError: The name is not a string.
        """
        check_instance(name, str, "name", "a string")
        for known, value in self.headers:
            if known.lower() == name:
                return value
        return ""

    def __repr__(self) -> str:
        return f"HttpResponse(status={self.status!r})"
