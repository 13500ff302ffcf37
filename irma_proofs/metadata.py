"""Decode a credential's metadata attribute, and the values of its other attributes.

Source: irmago `MetadataAttribute`, `decodeAttribute` and `decodeRandomBlind`.
"""

from __future__ import annotations

from typing import Final, final

import attrs

from irma_core.errors import ProofError
from irma_proofs.numbers import as_bytes, hash_number

__all__ = ["Metadata", "attribute_value", "parse_metadata", "signed_value"]

_LENGTH: Final = 24
_WITHOUT_ABSENCE: Final = 2
"""The metadata version that does not allow absent attributes."""
_VERSIONS: Final = (_WITHOUT_ABSENCE, 3)
_WEEK: Final = 7 * 24 * 60 * 60
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@final
@attrs.frozen
class Metadata:
    """The contents of the first attribute of each credential.

    Args:
        version: 2, or 3 if attributes can be absent.
        signed_at: When the issuer signed the credential, rounded down to a week, in Unix seconds.
        expires_at: When the credential expires, in Unix seconds.
        key_counter: The number of the issuer's key.
        type_hash: The first 16 bytes of the SHA-256 of the credential type's identifier.
    """

    version: int
    signed_at: int
    expires_at: int
    key_counter: int
    type_hash: bytes


def parse_metadata(number: int, path: str) -> Metadata:
    """Decode the number that holds a credential's metadata.

    Raises:
        ProofError: The number is too long, or its version is unknown.
    """
    check_metadata_length(number, path)
    data = as_bytes(number)[-_LENGTH:].rjust(_LENGTH, b"\0")
    check_metadata_version(data[0], path)
    signed_at = int.from_bytes(data[2:4], "big") * _WEEK  # byte 1 is unused
    return Metadata(
        version=data[0],
        signed_at=signed_at,
        expires_at=signed_at + int.from_bytes(data[4:6], "big") * _WEEK,
        key_counter=int.from_bytes(data[6:8], "big"),
        type_hash=data[8:],
    )


def check_metadata_length(number: int, path: str) -> None:
    """Check that the metadata has at most 24 bytes.

    Raises:
        ProofError: The check fails.
    """
    if number.bit_length() > 8 * _LENGTH:
        raise ProofError(
            path, f"must be metadata of at most {_LENGTH} bytes", check="metadata_length"
        )


def check_metadata_version(version: int, path: str) -> None:
    """Check that the metadata has a known version.

    Raises:
        ProofError: The check fails.
    """
    if version not in _VERSIONS:
        raise ProofError(path, "must be metadata of version 2 or 3", check="metadata_version")


def attribute_value(number: int, *, version: int, is_random_blind: bool) -> str | None:
    """Return the attribute value that a number encodes; None if the attribute is absent.

    Args:
        number: The disclosed number.
        version: The version of the credential's metadata.
        is_random_blind: Whether the attribute is a random number.
    """
    if is_random_blind:
        return _in_base_62(number)
    if version == _WITHOUT_ABSENCE:
        data = as_bytes(number)
    elif number & 1:
        data = as_bytes(number >> 1)
    else:
        return None
    # The issuer can sign any bytes. As in the server's JSON, the replacement character takes the
    # place of bytes that are not UTF-8.
    return data.decode("utf-8", errors="replace")


def _in_base_62(number: int) -> str:
    digits: list[str] = []
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def signed_value(number: int, *, bits: int) -> int:
    """Return the number that the issuer signs: `number`, or its hash if it exceeds `bits` bits."""
    return number if number.bit_length() <= bits else hash_number(as_bytes(number))
