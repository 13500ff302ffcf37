"""The checks that the parse functions of `endpoints` make before they read a response's content."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar
from urllib.parse import urlsplit

from irma_core.errors import RedirectError, ServerRefusedError, UnexpectedResponseError
from irma_core.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.remote_errors import RemoteError
from irma_core.protocol.messages import HttpResponse
from irma_core.wire.read_results import read_remote_error
from irma_core.wire.values import WireError

__all__ = ["json_reply", "media_type", "refuse", "text_reply"]

ModelT = TypeVar("ModelT")
_OK = 200
_REDIRECTS = range(300, 400)
_REFUSALS = range(400, 500)
_SERVER_ERRORS = 500
_ERROR_NAME: Final = r"[A-Z][A-Z0-9_]*"
"""The form of irmago's error names. A gateway may send `{"status": 502, "error": "Bad Gateway"}`.
That name does not mean that the server refused: the server may have carried out the request."""
_ENDPOINT: Final = r"/(session|revocation|publickey|health)(/|$)"
_KINDS = {
    "": "a body",
    "application/json": "application/json",
    "application/jwt": "application/jwt",
    "application/octet-stream": "bytes",
    "application/problem+json": "application/problem+json",
    "application/xml": "XML",
    "text/event-stream": "text/event-stream",
    "text/html": "HTML",
    "text/plain": "text/plain",
    "text/xml": "XML",
}
"""The media types that error messages may name. They name no others, because a gateway may send
anything."""
_BASE_PATH: Final = r"(/[A-Za-z0-9._~-]{1,19})*"
"""A path prefix that cannot hold a token, which has 20 letters and digits."""


def json_reply(response: HttpResponse, label: str, read: Callable[[JsonValue], ModelT]) -> ModelT:
    """Return the model that `read` makes from the JSON in a response with status 200.

    Args:
        response: The response.
        label: The label of the request, for errors.
        read: The function from `read_results` that makes the model.

    Raises:
        ServerRefusedError: The server refused.
        RedirectError: The server redirects.
        UnexpectedResponseError: The response is not one that an IRMA server sends.
    """
    if response.status != _OK:
        refuse(response, label)
    _check_media_type(response, label, "application/json")
    try:
        return read(_read_body(response, label))
    except WireError as error:
        raise UnexpectedResponseError(label, _OK, f"is not what was expected: {error}") from None


def text_reply(response: HttpResponse, label: str, media_type: str | None = "text/plain") -> str:
    """Return the ASCII body of a response with status 200; `media_type=None` accepts any type.

    Raises the same errors as `json_reply`.
    """
    if response.status != _OK:
        refuse(response, label)
    if media_type is not None:
        _check_media_type(response, label, media_type)
    if not response.body.isascii():  # the error of `decode` would hold the whole body
        raise UnexpectedResponseError(label, _OK, "is not ASCII text")
    return response.body.decode("ascii")


def refuse(response: HttpResponse, label: str) -> NoReturn:
    """Raise the error for a response whose status is not 200; `json_reply` lists the errors."""
    status = response.status
    if status in _REDIRECTS:
        raise RedirectError(label, status, _without_secrets(response.header("location")))
    if (error := _remote_error(response, label)) is not None:
        raise ServerRefusedError(
            label,
            status,
            code=error.error,
            description=error.meaning,
            remote_message=error.printable_message(),
            stacktrace=error.stacktrace,
            advice=error.advice(),
        )
    if status in _REFUSALS:
        raise ServerRefusedError(
            label,
            status,
            advice=f"the response has {_kind(response)} instead of the server's error; a proxy "
            "refused the call, or the base URL does not lead to an IRMA server",
        )
    hint = (
        "a proxy sent it, not an IRMA server; check that the server behind the proxy is running"
        if status >= _SERVER_ERRORS
        else "an IRMA server did not send it, so check the base URL"
    )
    raise UnexpectedResponseError(label, status, f"has {_kind(response)}; {hint}")


def _remote_error(response: HttpResponse, label: str) -> RemoteError | None:
    if response.status < _REFUSALS.start or media_type(response) != "application/json":
        return None
    try:
        return _read_remote_error(response.body)
    except JsonTextError as error:
        if error.end is None:
            return None
        # Data follows the error, so the server continued after the error and may have carried out
        # the request.
        if _read_remote_error(response.body.decode("utf-8")[: error.end]) is None:
            return None
        raise UnexpectedResponseError(
            label, response.status, "has more data after the error"
        ) from None


def _read_remote_error(body: bytes | str) -> RemoteError | None:
    try:
        error = read_remote_error(read_json(body))
    except WireError:
        return None
    return error if re.fullmatch(_ERROR_NAME, error.error) else None


def _read_body(response: HttpResponse, label: str) -> JsonValue:
    if not response.body:
        raise UnexpectedResponseError(label, response.status, "has an empty body")
    try:
        return read_json(response.body)
    except JsonTextError as error:
        raise UnexpectedResponseError(label, response.status, f"{error}") from None


def _check_media_type(response: HttpResponse, label: str, expected: str) -> None:
    if media_type(response) != expected:
        raise UnexpectedResponseError(
            label, response.status, f"has {_kind(response)} instead of {expected}"
        )


def media_type(response: HttpResponse) -> str:
    """Return the media type of a response in lower case, or an empty string if it has none."""
    for name, value in response.headers:
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def _kind(response: HttpResponse) -> str:
    if not response.body:
        return "an empty body"
    return _KINDS.get(media_type(response), "a body of an unexpected media type")


def _without_secrets(location: str) -> str:
    """Return the base URL in a redirect's target, without the rest, which may hold a token."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if not location.isascii() or not location.isprintable():
        return ""
    endpoint = re.search(_ENDPOINT, parts.path)
    path = parts.path[: endpoint.start()] if endpoint else ""
    if not re.fullmatch(_BASE_PATH, path):
        path = ""
    if not host:
        return path
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}") + path
