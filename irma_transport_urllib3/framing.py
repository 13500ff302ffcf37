"""How a response is framed: its head line by line, and a streamed body bit by bit.

`http.client` reads a chunk's size with a read that may block, and loses its place if that ends by a
time-out. Here bytes are put in as they come, and nothing is lost while nothing comes.
"""

from __future__ import annotations

import re
from enum import Enum
from http.client import HTTPResponse

from irma_transport_urllib3.exchange import NotHttpError

__all__ = ["Chunked", "Frame", "HeadCheck", "Unframed", "chunk_size", "frame_of"]

_LONGEST_LINE = 4096
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)")


class HeadCheck:
    """Checks the head of a response line by line, before the HTTP library reads it.

    It refuses what readers take differently: then two of them could disagree about where the
    response ends. Both transports have this rule, whatever their libraries let pass.
    """

    def __init__(self) -> None:
        self._first = b""
        self._framing: dict[bytes, bytes] = {}

    def take(self, line: bytes) -> bool:
        """Take a line with its end; return whether the head is over.

        Raises:
            NotHttpError: The line is malformed, or the body's frame is ambiguous.
        """
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        if _CONTROL.search(content):
            raise NotHttpError("a line of its head holds a control character")
        if not self._first:
            self._first = content
            return False
        if content:
            self._take_header(content)
            return False
        is_interim = _INTERIM.match(self._first) is not None
        if is_interim:
            self._first = b""
            self._framing.clear()
        return not is_interim

    def _take_header(self, content: bytes) -> None:
        if content[:1] in (b" ", b"\t"):
            raise NotHttpError("a line of its head continues the one before")
        name, colon, value = content.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise NotHttpError("a line of its head is no header")
        name, value = name.lower(), value.strip(b" \t")
        if name == b"content-length":
            if not _LENGTH.fullmatch(value):
                raise NotHttpError("its content-length is not understood")
        elif name != b"transfer-encoding":
            return
        elif value.lower() != b"chunked":
            raise NotHttpError("its transfer-encoding is not understood")
        if self._framing:
            raise NotHttpError("more than one header frames its body")
        self._framing[name] = value


def chunk_size(line: bytes) -> int:
    """Return the size in a chunk's first line, without the line's end; `NotHttpError` if none."""
    found = _SIZE.fullmatch(line)
    if found is None:
        raise NotHttpError("its chunks are not understood")
    return int(found[1], 16)


class _Place(Enum):
    SIZE = 1
    END_OF_CHUNK = 2
    TRAILER = 3


class Chunked:
    """A body in chunks (RFC 9112, section 7.1).

    Attributes:
        may_just_end: Whether the end of the connection is the end of the body: never.
    """

    may_just_end = False

    def __init__(self) -> None:
        self._is_over = False
        self._held = bytearray()
        self._place = _Place.SIZE
        self._left = 0

    def is_over(self) -> bool:
        """Tell whether the last chunk has come."""
        return self._is_over

    def feed(self, data: bytes) -> bytes:
        """Take what came, and give what of it is body; `NotHttpError` if it is not chunked."""
        self._held += data
        body = bytearray()
        while not self._is_over and self._held:
            if self._left:
                piece = self._held[: self._left]
                del self._held[: len(piece)]
                self._left -= len(piece)
                body += piece
            elif not self._take_line():
                break
        return bytes(body)

    def _take_line(self) -> bool:
        """Take one line of the framing; tell whether it was whole."""
        end = self._held.find(b"\n")
        if max(end, len(self._held) if end < 0 else 0) > _LONGEST_LINE:
            raise NotHttpError("a chunk's size is too long")
        if end < 0:
            return False
        line = bytes(self._held[:end]).removesuffix(b"\r")
        del self._held[: end + 1]
        if self._place is _Place.SIZE:
            self._begin_chunk(line)
        elif self._place is _Place.END_OF_CHUNK:
            if line:
                raise NotHttpError("a chunk is longer than it says")
            self._place = _Place.SIZE
        else:
            self._is_over = not line
        return True

    def _begin_chunk(self, line: bytes) -> None:
        self._left = chunk_size(line)
        self._place = _Place.END_OF_CHUNK if self._left else _Place.TRAILER


class Unframed:
    """A body of a length that was said, or up to the end of the connection.

    Args:
        length: How many bytes it has; None if it does not say.
    """

    def __init__(self, length: int | None) -> None:
        self.may_just_end = length is None
        self._left = length

    def is_over(self) -> bool:
        """Tell whether all of it has come."""
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        """Take what came, and give what of it is body."""
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        return body


Frame = Chunked | Unframed


def frame_of(head: HTTPResponse) -> Frame:
    """Give the frame that a response's head announces."""
    return Chunked() if head.chunked else Unframed(head.length)
