"""Behaviours of the misbehaving server: correct and faulty responses."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable
from datetime import timedelta

from irma_testing.misbehaving_server import Behaviour, Peer

__all__ = [
    "answer",
    "compressed",
    "cut",
    "drip",
    "empty_503",
    "endless_body",
    "endless_headers",
    "gzip_bomb",
    "hang_up",
    "html_503",
    "raw",
    "redirect",
    "reset",
    "reset_during_request",
    "response",
    "silence",
    "wrong_length",
]

_END_OF_HEAD = b"\r\n\r\n"


def response(
    status: int = 200,
    *,
    reason: str = "OK",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    chunks: Iterable[bytes] | None = None,
) -> bytes:
    """Return the bytes of a response, with a `Content-Length` or in chunks."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    if chunks is None:
        lines.append(f"Content-Length: {len(body)}")
    else:
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return "\r\n".join(lines).encode("latin-1") + _END_OF_HEAD + body


def raw(data: bytes, *, close: bool = False) -> Behaviour:
    """Read the request, send these bytes, and keep the connection open or close it cleanly."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(data)
        if close:
            peer.finish()

    return behave


def answer(
    status: int = 200,
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    chunks: Iterable[bytes] | None = None,
) -> Behaviour:
    """Send a proper response, and keep the connection open."""
    return raw(response(status, headers=headers, body=body, chunks=chunks))


def cut(data: bytes, length: int) -> Behaviour:
    """Send the first bytes of a response and close the connection."""
    return raw(data[:length], close=True)


def hang_up(peer: Peer) -> None:
    """Read the request and close the connection without a response."""
    peer.read_request()
    peer.finish()


def reset(data: bytes = b"") -> Behaviour:
    """Read the request, send these bytes and reset the connection."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        if data:
            peer.send(data)
            peer.wait(timedelta(milliseconds=50))  # a reset discards unread data
        peer.reset()

    return behave


def wrong_length(body: bytes, declared: int) -> Behaviour:
    """Send a body whose length differs from the declared length, and close the connection."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {declared}".encode() + _END_OF_HEAD
    return raw(head + body, close=True)


def reset_during_request(peer: Peer) -> None:
    """Reset the connection after the first bytes of a request."""
    peer.reset()


def silence(peer: Peer) -> None:
    """Keep the connection open, but neither read nor send anything more."""
    peer.wait(timedelta(minutes=1))


def drip(data: bytes, every: timedelta, *, head: bytes = b"") -> Behaviour:
    """Send `head` at once, then the data one byte at a time."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        for value in data:
            if not peer.wait(every):
                return
            peer.send(bytes([value]))

    return behave


def endless_headers(every: timedelta = timedelta(0)) -> Behaviour:
    """Send an endless series of short headers."""
    return _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n", every)


def endless_body(every: timedelta = timedelta(0), *, chunked: bool = True) -> Behaviour:
    """Send an endless body, in chunks or without a length."""
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return _endless(head, b"400\r\n" + bytes(1024) + b"\r\n", every)
    return _endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1024), every)


def _endless(head: bytes, piece: bytes, every: timedelta) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        while peer.wait(every):
            peer.send(piece)

    return behave


def compressed(body: bytes, encoding: str = "gzip") -> bytes:
    """Return a response with a compressed body.

    `encoding` is `gzip`, `deflate`, or `bare deflate` for deflate without the zlib header.
    """
    if encoding == "gzip":
        packed = gzip.compress(body, mtime=0)
    elif encoding == "deflate":
        packed = zlib.compress(body)
    else:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packer.compress(body) + packer.flush()
    name = encoding.rpartition(" ")[2]
    return response(headers=[("Content-Encoding", name)], body=packed)


def gzip_bomb(size: int) -> Behaviour:
    """Send a gzip body that decompresses to `size` zero bytes, a thousand times its own length."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    piece = bytes(1024 * 1024)
    # A full flush resets the compressor, so the compressed bytes can be repeated.
    packed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    count, checksum = size // len(piece), 0
    for _ in range(count):
        checksum = zlib.crc32(piece, checksum)
    head, end = b"\x1f\x8b\x08" + bytes(6) + b"\xff", packer.flush()  # RFC 1952 §2.3
    end += struct.pack("<II", checksum, count * len(piece) % 2**32)
    return raw(response(headers=[("Content-Encoding", "gzip")], body=head + packed * count + end))


def html_503() -> Behaviour:
    """Respond as an IRMA server does when a handler takes more than 4 s."""
    page = b"<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>"
    headers = [("Content-Type", "text/html; charset=utf-8")]
    return raw(response(503, reason="Service Unavailable", headers=headers, body=page))


def empty_503() -> Behaviour:
    """Respond as an IRMA server does when a request does not arrive within 2 s."""
    head = response(503, reason="Service Unavailable", headers=[("Connection", "close")])
    return raw(head, close=True)


def redirect(location: str, status: int = 301) -> Behaviour:
    """Redirect to another URL."""
    return answer(status, headers=[("Location", location)])
