"""Reading a body within its limit, counted after decompression.

Decompressing is not left to urllib3: before 2.6 one read inflates all it was given.
"""

from __future__ import annotations

import zlib
from http.client import HTTPResponse

from urllib3 import BaseHTTPResponse

from irma_transport_urllib3.exchange import (
    CutShortError,
    Exchange,
    NotHttpError,
    OverLimitError,
)

__all__ = ["decoded", "read_body"]

_PIECE = 64 * 1024
_GZIP, _ZLIB, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def read_body(response: BaseHTTPResponse, head: HTTPResponse, exchange: Exchange) -> bytes:
    """Read the whole body and decompress it.

    Args:
        response: urllib3's response, told not to decode.
        head: The same response as `http.client` sees it.
        exchange: What both belong to.

    Raises:
        OverLimitError: It is larger than the exchange allows, or says that it will be.
        CutShortError: The connection ended before the last chunk.
        NotHttpError: It is not in the encoding it claims, or in none that is known.
        HTTPError: urllib3 could not read it to its end.
    """
    limit = exchange.limits.body
    if head.length is None:
        body = response.read(limit + 1)
    elif head.length <= limit:
        body = response.read()
    else:
        raise OverLimitError
    if len(body) > limit:
        raise OverLimitError
    if head.chunked and exchange.at_end:
        # http.client takes the end of the connection for the end of the trailer.
        raise CutShortError
    encoding = response.headers.get("content-encoding")
    return decoded(body, encoding, limit) if encoding and body else body


def decoded(body: bytes | bytearray, encoding: str, limit: int) -> bytes:
    """Decompress a body that is not empty.

    Args:
        body: As it came.
        encoding: What its `Content-Encoding` says.
        limit: How many bytes it may have afterwards.

    Raises:
        OverLimitError: It has more.
        NotHttpError: It is not in that encoding, or the encoding is not known.
    """
    encoding = encoding.strip().lower()
    if encoding == "identity":
        return bytes(body)
    try:
        if encoding in ("gzip", "x-gzip"):
            return _inflated(body, _GZIP, limit)
        if encoding == "deflate":
            # The name means zlib's format; some servers send the bare one.
            is_zlib = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
            return _inflated(body, _ZLIB if is_zlib else _RAW_DEFLATE, limit)
    except zlib.error:
        pass
    else:
        raise NotHttpError("its body is in an encoding that was not asked for")
    raise NotHttpError("its body is not in the encoding it claims")


def _inflated(body: bytes | bytearray, form: int, limit: int) -> bytes:
    """Inflate one member after another; `OverLimitError` as soon as the limit is passed.

    In pieces: zlib copies the input that it has no room for, and its output while that grows.
    """
    parts: list[bytes] = []
    room = limit + 1  # 0 would mean no limit to zlib
    member = zlib.decompressobj(form)
    for start in range(0, len(body), _PIECE):
        given = bytes(body[start : start + _PIECE])
        has_more = False
        while given or has_more:
            if member.eof:
                member = zlib.decompressobj(form)
            asked = min(room, _PIECE)
            parts.append(member.decompress(given, asked))
            room -= len(parts[-1])
            if not room:
                raise OverLimitError
            has_more = len(parts[-1]) == asked and not member.eof
            given = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise zlib.error
    return b"".join(parts)
