"""Convert between Django's requests and responses and those of `irma_core.web`."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError

from irma_core.protocol.messages import HttpResponse as Reply
from irma_core.web.web_messages import WebRequest

__all__ = ["as_django", "as_web_request", "body_of"]

_TOO_LARGE: Final = 1024 * 1024 + 1
"""A size in bytes that every endpoint refuses."""


def as_web_request(request: HttpRequest) -> WebRequest:
    """Return a request as a `WebRequest`.

    Django determines the host and the scheme: see its settings `ALLOWED_HOSTS`,
    `USE_X_FORWARDED_HOST` and `SECURE_PROXY_SSL_HEADER`.
    """
    try:
        url = request.build_absolute_uri()
    except DisallowedHost:
        url = ""  # so that the call is refused with JSON
    return WebRequest(f"{request.method}", url, request.headers, body_of(request), native=request)


def body_of(request: HttpRequest) -> bytes:
    """Return a request's body; if it is too large, return a body that is certain to be refused."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) >= _TOO_LARGE:
            return bytes(_TOO_LARGE)
    except ValueError:
        return b""
    try:
        return request.body
    except RequestDataTooBig:
        return bytes(_TOO_LARGE)
    except (
        UnreadablePostError,
        RawPostDataException,
    ):  # the browser has disconnected, or the body has already been read as a form
        return b""


def as_django(reply: Reply) -> HttpResponse:
    """Return a `WebReply` as a Django response."""
    response = HttpResponse(reply.body, status=reply.status)
    for name, value in reply.headers:
        if name.lower() == "set-cookie" and "partitioned" not in value.lower():
            # Python supports the attribute `Partitioned` only since version 3.14.
            _set_cookie(response, value)
        else:
            response[name] = value
    return response


def _set_cookie(response: HttpResponse, header: str) -> None:
    """Set the binding cookie where Django and its test client look for cookies.

    The general parser `SimpleCookie.load` would take six times as long.
    """
    pair, *attributes = header.split("; ")
    name, _, value = pair.partition("=")
    response.cookies[name] = value
    for each in attributes:
        attribute, _, given = each.partition("=")
        response.cookies[name][attribute.lower()] = given or True
