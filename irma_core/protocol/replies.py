"""What a response is, before what it says: refused, redirected, or none of an IRMA server's.

Belongs here: what every parse function shares. Does not belong here: any one endpoint
(`endpoints`).
"""

from __future__ import annotations

import re
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

from irma_core.errors import RedirectError, ServerRefusedError, UnexpectedResponseError
from irma_core.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.remote_errors import RemoteError
from irma_core.protocol.messages import HttpResponse
from irma_core.wire.read_requests import read_as
from irma_core.wire.values import WireError

__all__ = ["json_reply", "media_type", "refuse", "text_reply"]

Model = TypeVar("Model")
_OK = 200
_REDIRECTS = range(300, 400)
_REFUSALS = range(400, 500)
_SERVER_ERRORS = 500
_ERROR_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
"""What irmago's error names look like. Gateways say `{"status": 502, "error": "Bad Gateway"}`:
that must not be taken for irmago's word that nothing was done."""
_ENDPOINT = re.compile(r"/(session|revocation|publickey|health)(/|$)")
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
"""Media types that are named: another one is a text of somebody else's."""
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]{1,19})*")
"""A path prefix that can hold no token: those have 20 letters and digits."""


def json_reply(response: HttpResponse, path: str, model: type[Model]) -> Model:
    """Read a 200 in JSON as a model.

    Args:
        response: The response.
        path: Method and path for errors.
        model: What to read.

    Raises:
        ServerRefusedError: The server refused.
        RedirectError: It redirects.
        UnexpectedResponseError: Anything else that is not such a reply.
    """
    if response.status != _OK:
        refuse(response, path)
    _check_media_type(response, path, "application/json")
    try:
        return read_as(_read_body(response, path), model)
    except WireError as error:
        raise UnexpectedResponseError(path, _OK, f"does not fit: {error}") from None


def text_reply(response: HttpResponse, path: str, media_type: str | None = "text/plain") -> str:
    """Read a 200 in ASCII text; `media_type` None takes any. Raises as `json_reply` does."""
    if response.status != _OK:
        refuse(response, path)
    if media_type is not None:
        _check_media_type(response, path, media_type)
    if not response.body.isascii():  # asked first: a native error would have the whole text in it
        raise UnexpectedResponseError(path, _OK, "is not ASCII text")
    return response.body.decode("ascii")


def refuse(response: HttpResponse, path: str) -> NoReturn:
    """Raise the error that a response other than 200 is. Raises as `json_reply` does."""
    status = response.status
    if status in _REDIRECTS:
        raise RedirectError(path, status, _without_secrets(response.header("location")))
    if (error := _remote_error(response, path)) is not None:
        raise ServerRefusedError(
            path,
            status,
            code=error.error,
            description=error.meaning,
            remote_message=error.printable_message(),
            stacktrace=error.stacktrace,
            advice=error.advice(),
        )
    if status in _REFUSALS:
        raise ServerRefusedError(
            path,
            status,
            advice=f"{_kind(response)} instead of irmago's error: a proxy's limit, or the base URL "
            "is not that of an IRMA server",
        )
    hint = (
        "a proxy's reply and not an IRMA server's: check that the server behind it is running"
        if status >= _SERVER_ERRORS
        else "not a reply of an IRMA server: check the base URL"
    )
    raise UnexpectedResponseError(path, status, f"with {_kind(response)}: {hint}")


def _remote_error(response: HttpResponse, path: str) -> RemoteError | None:
    if response.status < _REFUSALS.start or media_type(response) != "application/json":
        return None
    try:
        return _read_remote_error(response.body)
    except JsonTextError as error:
        if error.end is None:
            return None
        # What irmago refused, it may have done all the same: it went on writing.
        if _read_remote_error(response.body.decode("utf-8")[: error.end]) is None:
            return None
        raise UnexpectedResponseError(
            path, response.status, "with an error that has more behind it"
        ) from None


def _read_remote_error(body: bytes | str) -> RemoteError | None:
    try:
        error = read_as(read_json(body), RemoteError)
    except WireError:
        return None
    return error if _ERROR_NAME.fullmatch(error.error) else None


def _read_body(response: HttpResponse, path: str) -> JsonValue:
    if not response.body:
        raise UnexpectedResponseError(path, response.status, "with an empty body")
    try:
        return read_json(response.body)
    except JsonTextError as error:
        raise UnexpectedResponseError(path, response.status, f"{error}") from None


def _check_media_type(response: HttpResponse, path: str, expected: str) -> None:
    if media_type(response) != expected:
        raise UnexpectedResponseError(
            path, response.status, f"with {_kind(response)} instead of {expected}"
        )


def media_type(response: HttpResponse) -> str:
    """Give the media type a response says it has, in lower case; or an empty text."""
    return response.header("content-type").partition(";")[0].strip().lower()


def _kind(response: HttpResponse) -> str:
    if not response.body:
        return "an empty body"
    return _KINDS.get(media_type(response), "a body of another kind")


def _without_secrets(location: str) -> str:
    """Keep of a redirect's target the base URL that it suggests; the rest may hold a token."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if not location.isascii() or not location.isprintable():
        return ""
    endpoint = _ENDPOINT.search(parts.path)
    path = parts.path[: endpoint.start()] if endpoint else ""
    if not _BASE_PATH.fullmatch(path):
        path = ""
    if not host:
        return path
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}") + path
