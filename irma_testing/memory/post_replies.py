"""What the server makes of an application's reply to a `nextSession` post.

Source: irmago `jsonRequest` in `irma/transport.go`, and `SessionError` in `irma/messages.go`.
"""

from __future__ import annotations

import unicodedata
import zlib

from irma_core.protocol.messages import HttpResponse
from irma_testing.memory.go_json import GoJsonError, parse_json
from irma_testing.memory.go_types import INT, TEXT, Field, Struct
from irma_testing.memory.replies import NEXT_SESSION, Refusal

__all__ = ["request_in"]

_OK, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304
_SHOWN = 100
_LONGEST_CHARACTER = 4
_PRINTABLE = frozenset("LMNPS")
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_REMOTE_ERROR = Struct(
    Field("status", INT),
    Field("error", TEXT),
    Field("description", TEXT),
    Field("message", TEXT),
    Field("stacktrace", TEXT),
)


def request_in(response: HttpResponse | None) -> bytes | None:
    """Return the JSON of the next session request; None if no session is to follow.

    Args:
        response: The application's reply; None if none came.

    Raises:
        Refusal: `NEXT_SESSION`: the reply is neither.
    """
    if response is None:
        # The official server adds what its HTTP client says.
        raise Refusal(NEXT_SESSION, "Error type: transport")
    if response.status == _NO_CONTENT:
        return None
    body = b"" if response.status == _NOT_MODIFIED else _decoded(response)
    if response.status != _OK:
        raise _unexpected(response.status, body)
    try:
        parse_json(body)
    except GoJsonError as problem:
        raise _failed(str(problem), response.status) from None
    return body


def _decoded(response: HttpResponse) -> bytes:
    """Return the body, decompressed as Go's client does by itself.

    What delivered the post may have done so already, and left the header as it was.
    """
    encoding = response.header("content-encoding").lower()
    if encoding != "gzip" or not response.body.startswith(_GZIP_MAGIC):
        return response.body
    try:
        return zlib.decompress(response.body, _GZIP)
    except zlib.error:
        raise _failed("unexpected EOF", response.status) from None


def _unexpected(status: int, body: bytes) -> Refusal:
    try:
        error = _REMOTE_ERROR.read_new(parse_json(body))
    except GoJsonError:
        error = {"error": ""}
    if error["error"]:
        message = f" ({error['message']})" if error["message"] else ""
        whole = f"{error['error']}{message}: {error['description']}"
        return Refusal(
            NEXT_SESSION, f"Error type: api\nStatus code: {status}\nServer error: {whole}"
        )
    snippet = _snippet(body)
    return _failed(
        f"unexpected response, status {status}{': ' if snippet else ''}{snippet}", status
    )


def _failed(description: str, status: int) -> Refusal:
    code = "" if status == _OK else f"\nStatus code: {status}"
    return Refusal(NEXT_SESSION, f"Error type: serverResponse\nDescription: {description}{code}")


def _snippet(body: bytes) -> str:
    """Return the beginning of a body on one line, without unprintable characters."""
    text = body[: _SHOWN * _LONGEST_CHARACTER].decode("utf-8", "replace")
    printable = "".join(character if _is_printable(character) else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN].strip()}..."


def _is_printable(character: str) -> bool:
    return character != "\ufffd" and unicodedata.category(character)[0] in _PRINTABLE
