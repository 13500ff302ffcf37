"""Check the head of a response line by line, before the HTTP library reads it.

Two readers of an ambiguous head, such as this library and a proxy in front of the server, could
disagree on where the response ends. `http.client` and aiohttp miss different faults, so both
transports use these rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from irma_transport.response_errors import NotHttpError

__all__ = ["HeadCheck", "begins_with_plain_head", "check_not_encoded"]

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_FIELD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n"
_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.[01] [2-5][0-9][0-9](?: [\t\x20-\x7e\x80-\xff]*+)?+\r\n"
    rb"(?:(?!content-length|transfer-encoding)" + _FIELD + rb")*+"
    rb"content-length:[ \t]*+[0-9]{1,18}+[ \t]*+\r\n"
    rb"(?:(?!content-length|transfer-encoding)" + _FIELD + rb")*+"
    rb"\r\n",
    re.IGNORECASE,
)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)")


def begins_with_plain_head(received: bytes) -> bool:
    """Return whether bytes begin with a complete head that passes every check of `HeadCheck`.

    This is a fast check, which most heads pass. A head that fails it may still be valid: for
    example, it may not have arrived completely.
    """
    return _PLAIN_HEAD.match(received) is not None


class HeadCheck:
    """Checks the lines of one head, including any interim responses before it."""

    def __init__(self) -> None:
        self._status_line = b""
        self._framing_header = b""

    def take(self, line: bytes) -> bool:
        """Check one line, including its line end; return whether the head is complete.

        Raises:
            NotHttpError: The line is malformed, or the head frames its body ambiguously.
        """
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        if _CONTROL.search(content):
            raise NotHttpError("a header line contains a control character")
        if not self._status_line:
            self._status_line = content
            return False
        if content:
            self._take_header(content)
            return False
        is_interim = _INTERIM.match(self._status_line) is not None
        if is_interim:
            self._status_line = self._framing_header = b""
        return not is_interim

    def _take_header(self, content: bytes) -> None:
        if content[:1] in (b" ", b"\t"):
            raise NotHttpError("a header line continues the previous one")
        name, colon, value = content.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise NotHttpError("a line in its header section is not a valid header")
        name, value = name.lower(), value.strip(b" \t")
        if name == b"content-length":
            if not _LENGTH.fullmatch(value):
                raise NotHttpError("its content-length is invalid")
        elif name != b"transfer-encoding":
            return
        elif value.lower() != b"chunked":
            raise NotHttpError("its transfer-encoding is not supported")
        if self._framing_header:
            raise NotHttpError("more than one of its headers gives the length of its body")
        self._framing_header = name


def check_not_encoded(content_encodings: Iterable[str]) -> None:
    """Check that the server did not compress the body. Every request asks for `identity`.

    The transports do not decompress bodies, because a small response could fill the memory, and
    decoders mistake a truncated body for a complete one.

    Args:
        content_encodings: The values of the `Content-Encoding` headers.

    Raises:
        NotHttpError: A header names an encoding other than `identity`.
    """
    if any(value.strip().lower() not in {"", "identity"} for value in content_encodings):
        raise NotHttpError(
            "its body is compressed, though the request asks for `identity`; turn compression off "
            "in the proxy or gateway in front of the server"
        )
