"""Read the JSON of proofs strictly: names must be known, spelled exactly, and not repeated."""

from __future__ import annotations

from typing import Final

from irma_core.errors import ProofError
from irma_core.json_text import JsonTextError, JsonValue, read_json

__all__ = [
    "LAST_SECOND",
    "MOST_BITS",
    "limit_proof_size",
    "read_integer",
    "read_list",
    "read_members",
    "read_proof_json",
]

MOST_BITS: Final = 6144
"""The maximum length of a number, in bits. The longest number in a proof is the response for v with
a 4096-bit key, which has 5509 bits."""
LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999, in Unix seconds. Python's `datetime` supports no later time."""
_LONGEST: Final = 20 * 2**20
"""The maximum size of a whole signature, in bytes. Attributes may hold photos."""
_MOST_MARKS: Final = 1_000_000
"""The maximum number of opening brackets and commas, including those in strings. When the JSON is
parsed, each may take 80 bytes of memory."""


def read_proof_json(data: str | bytes) -> JsonValue:
    """Parse JSON in which no name is repeated.

    Raises:
        ProofError: The input is not JSON, repeats a name, exceeds 20 MiB, or has too many values.
    """
    limit_proof_size(data)
    try:
        return read_json(data, unique_keys=True)
    except JsonTextError as error:
        raise ProofError("", error.reason) from None


def limit_proof_size(data: str | bytes) -> None:
    """Check that JSON can be parsed without taking too much time or memory.

    Raises:
        ProofError: The input exceeds 20 MiB, or has too many values.
    """
    if len(data) > _LONGEST:
        raise ProofError("", f"must not be longer than {_LONGEST} bytes")
    marks = map(data.count, "[{,") if isinstance(data, str) else map(data.count, b"[{,")
    if sum(marks) > _MOST_MARKS:
        raise ProofError("", f"must not have more than {_MOST_MARKS} brackets and commas")


def read_members(
    value: JsonValue, path: str, *, required: frozenset[str], optional: frozenset[str] = frozenset()
) -> dict[str, JsonValue]:
    """Return the members of an object. An optional member that is null counts as missing.

    Raises:
        ProofError: The value is not an object, lacks a required member, or has an unknown one.
    """
    if type(value) is not dict:
        raise ProofError(path, "must be an object")
    if missing := sorted(required - value.keys()):
        raise ProofError(f"{path}.{missing[0]}".removeprefix("."), "is missing")
    # The error does not quote an unknown name, because the name may contain anything.
    if value.keys() - required - optional:
        names = ", ".join(sorted(required | optional))
        raise ProofError(path, f"must have only the members {names}")
    return {
        name: member for name, member in value.items() if not (member is None and name in optional)
    }


def read_list(value: JsonValue, path: str) -> list[JsonValue]:
    """Return a list. Null counts as an empty list, because Go writes an empty list as null.

    Raises:
        ProofError: The value is neither a list nor null.
    """
    if value is None:
        return []
    if type(value) is not list:
        raise ProofError(path, "must be a list")
    return value


def read_integer(value: JsonValue, path: str, *, most: int) -> int:
    """Return a whole number from 0 to a limit.

    Raises:
        ProofError: The value is not a whole number in this range.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise ProofError(path, f"must be a whole number from 0 to {most}")
    return value
