"""Read the numbers in a proof's JSON, limit their length, and encode them in DER for hashing.

Source: gabi `big.Int`; X.690 for DER.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from irma_core.errors import ProofError
from irma_core.json_text import JsonValue

__all__ = [
    "as_bytes",
    "der_integer",
    "der_octets",
    "der_sequence",
    "der_true",
    "hash_number",
    "read_bytes",
    "read_number",
    "read_numbers_by_index",
]

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)
_SHORT_LENGTH: Final = 0x80
"""DER encodes a length below this limit in one byte."""


def read_number(value: JsonValue, path: str, *, bits: int) -> int:
    """Read a non-negative number.

    Args:
        value: Standard base64, with padding, of the big-endian bytes; or a JSON integer.
        path: The path of the value, for error messages.
        bits: The maximum length of the number. A longer number is refused before it is decoded.

    Raises:
        ProofError: The value is not a valid number, or is too long.
    """
    if type(value) is int:
        number = value
        if number < 0:
            raise ProofError(path, "must not be negative")
    else:
        number = int.from_bytes(read_bytes(value, path, most=(bits + 7) // 8), "big")
    if number.bit_length() > bits:
        raise ProofError(path, f"must have at most {bits} bits")
    return number


def read_bytes(value: JsonValue, path: str, *, most: int) -> bytes:
    """Decode standard base64 with padding.

    Args:
        value: The base64.
        path: The path of the value, for error messages.
        most: The maximum number of bytes. A longer string is refused before it is decoded.

    Raises:
        ProofError: The value is not valid base64, or is too long.
    """
    if type(value) is not str:
        raise ProofError(path, "must be a string in base64")
    if len(value) > (most + 2) // 3 * 4:
        raise ProofError(path, f"must be at most {most} bytes long")
    try:
        decoded = b64decode(value, validate=True)
    except (Base64Error, ValueError):  # ValueError means characters outside ASCII
        decoded = None
    # Bytes have only one valid encoding, in which unused bits are zero.
    if decoded is None or b64encode(decoded).decode("ascii") != value:
        raise ProofError(path, "must be standard base64, with padding and no whitespace")
    return decoded


def read_numbers_by_index(value: JsonValue, path: str, *, bits: int) -> dict[int, int]:
    """Read numbers, keyed by the index of their attribute.

    Args:
        value: A JSON object that maps indices to numbers. Indices are decimal, without leading
            zeros.
        path: The path of the value, for error messages.
        bits: The maximum length of each number.

    Raises:
        ProofError: The value does not have this form.
    """
    if type(value) is not dict:
        raise ProofError(path, "must be an object")
    numbers: dict[int, int] = {}
    for index, each in value.items():
        if not _INDEX.fullmatch(index):
            raise ProofError(path, "must be an object whose keys are attribute indices")
        numbers[int(index)] = read_number(each, f'{path}["{index}"]', bits=bits)
    return numbers


def as_bytes(number: int) -> bytes:
    """Return the big-endian bytes of a number, without leading zeros; for 0, empty bytes."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def hash_number(data: bytes) -> int:
    """Return the SHA-256 of bytes, as a big-endian number."""
    return int.from_bytes(sha256(data).digest(), "big")


def der_integer(number: int) -> bytes:
    """Return the DER encoding of a non-negative `INTEGER`."""
    # The extra bit is the sign, which is zero.
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def der_octets(data: bytes) -> bytes:
    """Return the DER encoding of an `OCTET STRING`."""
    return _der(0x04, data)


def der_true() -> bytes:
    """Return the DER encoding of the `BOOLEAN` true."""
    return b"\x01\x01\xff"


def der_sequence(parts: Iterable[bytes]) -> bytes:
    """Return the DER encoding of a `SEQUENCE`, given its encoded parts."""
    return _der(0x30, b"".join(parts))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < _SHORT_LENGTH:
        return bytes((tag, length)) + content
    size = as_bytes(length)
    return bytes((tag, _SHORT_LENGTH | len(size))) + size + content
