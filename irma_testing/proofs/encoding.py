"""Encode numbers in JSON, DER and CBOR.

The verifier has its own functions for this, so the two do not share mistakes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

__all__ = [
    "cbor",
    "der_bytes",
    "der_integer",
    "der_sequence",
    "der_true",
    "hash_number",
    "json_number",
    "number_bytes",
]

_LONG_LENGTH = 0x80
"""From this length on, DER uses the long form."""
_LONG_NUMBER = 24
"""From this number on, CBOR uses additional bytes."""

Cbor = int | str | bytes | Mapping[str, "Cbor"]


def number_bytes(number: int) -> bytes:
    """Return the big-endian bytes of a number without leading zeros; no bytes for 0."""
    return number.to_bytes((number.bit_length() + 7) // 8)


def json_number(number: int) -> str:
    """Return a number as proofs contain it in JSON: its big-endian bytes in standard base64."""
    return base64.b64encode(number_bytes(number)).decode()


def hash_number(content: bytes) -> int:
    """Return the SHA-256 hash of bytes, as a big-endian number."""
    return int.from_bytes(hashlib.sha256(content).digest())


def der_integer(number: int) -> bytes:
    """Return a non-negative number as an `INTEGER`."""
    return _tagged(0x02, number.to_bytes(number.bit_length() // 8 + 1))


def der_bytes(content: bytes) -> bytes:
    """Return bytes as an `OCTET STRING`."""
    return _tagged(0x04, content)


def der_true() -> bytes:
    """Return a `BOOLEAN` with the value true."""
    return b"\x01\x01\xff"


def der_sequence(*elements: bytes) -> bytes:
    """Return a `SEQUENCE` of elements that are already encoded."""
    return _tagged(0x30, b"".join(elements))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < _LONG_LENGTH:
        return bytes((tag, length)) + content
    written = number_bytes(length)
    return bytes((tag, _LONG_LENGTH | len(written))) + written + content


def cbor(value: Cbor) -> bytes:
    """Encode a number, a string, bytes or a map as CBOR (RFC 8949, section 3.1)."""
    match value:
        case int():
            return _head(0, value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case _:
            items = b"".join(cbor(key) + cbor(each) for key, each in value.items())
            return _head(5, len(value)) + items


def _head(kind: int, number: int) -> bytes:
    """Return the head of a CBOR item, which encodes its major type and a number in 1 to 9 bytes."""
    if number < _LONG_NUMBER:
        return bytes((kind << 5 | number,))
    size = next(size for size in range(4) if number < 1 << (8 << size))
    return bytes((kind << 5 | _LONG_NUMBER + size,)) + number.to_bytes(1 << size)
