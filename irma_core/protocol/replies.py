"""What a response is, before what it says: refused, redirected, or none of an IRMA server's.

Belongs here: what every parse function shares. Does not belong here: any one endpoint
(`endpoints`).
"""

from __future__ import annotations

from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

from irma_core.errors import RedirectError, ServerRefusedError, UnexpectedResponseError
from irma_core.models.json_text import JsonTextError, JsonValue, read_json
from irma_core.models.reading import WireError
from irma_core.models.remote_errors import RemoteError
from irma_core.models.wire import read_as
from irma_core.protocol.messages import HttpResponse

__all__ = ["MoreThanAnError", "json_reply", "refuse", "text_reply"]

Model = TypeVar("Model")
_OK = 200
_REDIRECTS = range(300, 400)
_REFUSALS = range(400, 500)


class MoreThanAnError(UnexpectedResponseError):
    """irmago's error has another JSON value behind it: what it refused, it did all the same."""


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
    try:
        return response.body.decode("ascii")
    except UnicodeDecodeError:
        raise UnexpectedResponseError(path, _OK, "is not ASCII text") from None


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
            description=error.description,
            remote_message=error.printable_message(),
            stacktrace=error.stacktrace,
        )
    if status in _REFUSALS:
        raise ServerRefusedError(
            path,
            status,
            advice=f"{_kind(response)} instead of irmago's error: a proxy's limit, or the base URL "
            "is not that of an IRMA server",
        )
    raise UnexpectedResponseError(path, status, f"with {_kind(response)}: no IRMA server says that")


def _remote_error(response: HttpResponse, path: str) -> RemoteError | None:
    if response.status < _REFUSALS.start or _media_type(response) != "application/json":
        return None
    try:
        return read_as(read_json(response.body), RemoteError)
    except WireError:
        return None
    except JsonTextError as error:
        if error.end is None or not _is_remote_error(response.body, error.end):
            return None
        raise MoreThanAnError(
            path, response.status, "with an error that has more JSON behind it"
        ) from None


def _is_remote_error(body: bytes, end: int) -> bool:
    try:
        read_as(read_json(body.decode("utf-8")[:end]), RemoteError)
    except (WireError, JsonTextError):
        return False
    return True


def _read_body(response: HttpResponse, path: str) -> JsonValue:
    if not response.body:
        raise UnexpectedResponseError(path, response.status, "with an empty body")
    try:
        return read_json(response.body)
    except JsonTextError as error:
        raise UnexpectedResponseError(path, response.status, f"{error}") from None


def _check_media_type(response: HttpResponse, path: str, expected: str) -> None:
    if _media_type(response) != expected:
        raise UnexpectedResponseError(
            path, response.status, f"with {_kind(response)} instead of {expected}"
        )


def _media_type(response: HttpResponse) -> str:
    return response.header("content-type").partition(";")[0].strip().lower()


def _kind(response: HttpResponse) -> str:
    if not response.body:
        return "an empty body"
    media_type = _media_type(response)
    if media_type == "text/html":
        return "HTML"
    return media_type[:60] if media_type.isascii() and media_type.isprintable() else "a body"


def _without_secrets(location: str) -> str:
    """Keep of a redirect's target what helps: not its path below the prefix, which has tokens."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    path, found, _ = parts.path.partition("/session")
    place = f"{parts.scheme}://{parts.hostname or ''}" if parts.netloc else ""
    if parts.netloc and ":" in parts.netloc.rpartition("@")[2]:
        place += f":{parts.netloc.rpartition(':')[2]}"
    return place + (path if found else "") if place or found else ""
