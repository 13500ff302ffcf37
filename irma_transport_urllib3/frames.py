"""The framing of a streamed body: by chunks, by a length, or by the end of the connection.

`http.client` reads a chunk's size with a read that may block, and loses its position when that read
times out. These classes accept bytes as they arrive, and lose none if a read times out.
"""

from __future__ import annotations

import re
from enum import Enum
from http.client import HTTPResponse

from irma_transport.response_errors import NotHttpError

__all__ = ["Chunked", "Frame", "Unframed", "chunk_size", "frame_of"]

_LONGEST_LINE = 4096
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")


def chunk_size(line: bytes) -> int:
    """Return the size in a chunk's first line.

    Args:
        line: The line, without its line end.

    Raises:
        NotHttpError: The line has no valid size.
    """
    found = _SIZE.fullmatch(line)
    if found is None:
        raise NotHttpError("its chunked encoding is invalid")
    return int(found[1], 16)


class _Part(Enum):
    SIZE = 1
    END_OF_CHUNK = 2
    TRAILER = 3


class Chunked:
    """A body in chunks (RFC 9112, section 7.1).

    Attributes:
        may_just_end: Whether the end of the connection may end the body. Always False, because only
            the last chunk ends it.
    """

    may_just_end = False

    def __init__(self) -> None:
        self._is_over = False
        self._buffer = bytearray()
        self._part = _Part.SIZE
        self._left = 0

    def is_over(self) -> bool:
        """Return whether the last chunk and its trailer have arrived."""
        return self._is_over

    def feed(self, data: bytes) -> bytes:
        """Accept bytes that have arrived, and return those that belong to the body.

        Raises:
            NotHttpError: The bytes are not valid chunks.
        """
        self._buffer += data
        body = bytearray()
        while not self._is_over and self._buffer:
            if self._left:
                piece = self._buffer[: self._left]
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                body += piece
            elif not self._take_line():
                break
        return bytes(body)

    def _take_line(self) -> bool:
        """Read the next line of the framing if it is complete; return whether it was."""
        end = self._buffer.find(b"\n")
        if max(end, len(self._buffer) if end < 0 else 0) > _LONGEST_LINE:
            raise NotHttpError("a line of the chunked encoding is too long")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if self._part is _Part.SIZE:
            self._begin_chunk(line)
        elif self._part is _Part.END_OF_CHUNK:
            if line:
                raise NotHttpError("a chunk is longer than its declared size")
            self._part = _Part.SIZE
        else:
            self._is_over = not line
        return True

    def _begin_chunk(self, line: bytes) -> None:
        self._left = chunk_size(line)
        self._part = _Part.END_OF_CHUNK if self._left else _Part.TRAILER


class Unframed:
    """A body of a known length, or one that ends with the connection.

    Args:
        length: The body's length in bytes; None if the end of the connection ends the body.

    Attributes:
        may_just_end: Whether the end of the connection may end the body.
    """

    def __init__(self, length: int | None) -> None:
        self.may_just_end = length is None
        self._left = length

    def is_over(self) -> bool:
        """Return whether the whole body has arrived."""
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        """Accept bytes that have arrived, and return those that belong to the body."""
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        return body


Frame = Chunked | Unframed


def frame_of(head: HTTPResponse) -> Frame:
    """Return the framing that a response's head specifies."""
    return Chunked() if head.chunked else Unframed(head.length)
