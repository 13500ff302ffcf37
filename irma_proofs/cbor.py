"""Read the small part of CBOR that signed accumulators use (RFC 8949).

Accumulators are maps from strings to bytes or numbers. The length of each item precedes its
content.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from irma_core.errors import ProofError

__all__ = ["read_cbor_map"]

CborValue: TypeAlias = int | bytes

_UNSIGNED, _BYTES, _STRING, _MAP = 0, 2, 3, 5
"""The CBOR major types that this module reads."""
_LENGTH_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
"""How many bytes of a number follow an item's first byte, keyed by the byte's low five bits."""


def read_cbor_map(
    data: bytes, path: str, kinds: dict[str, type[CborValue]]
) -> dict[str, CborValue]:
    """Decode a CBOR map with known keys.

    Args:
        data: The CBOR data.
        path: The path of the data in the proof's JSON, for error messages.
        kinds: The keys that the map must have, each with the type of its value.

    Raises:
        ProofError: The data are not a map with these keys and types.
    """
    reader = _Reader(data, path)
    found: dict[str, CborValue] = {}
    for _ in range(reader.head(_MAP)):
        key = reader.take(reader.head(_STRING)).decode("ascii", errors="replace")
        kind = kinds.get(key)
        if kind is None or key in found:
            raise reader.fault()
        found[key] = reader.head(_UNSIGNED) if kind is int else reader.take(reader.head(_BYTES))
    if found.keys() != kinds.keys() or not reader.is_at_end:
        raise reader.fault()
    return found


class _Reader:
    def __init__(self, data: bytes, path: str) -> None:
        self._data = data
        self._path = path
        self._position = 0

    @property
    def is_at_end(self) -> bool:
        return self._position == len(self._data)

    def fault(self) -> ProofError:
        return ProofError(self._path, "must be a signed accumulator, encoded as CBOR")

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes; raise an error if there are fewer."""
        taken = self._data[self._position : self._position + count]
        if len(taken) < count:
            raise self.fault()
        self._position += count
        return taken

    def head(self, major: int) -> int:
        """Read the start of an item of this major type, and return the number that it holds."""
        first = self.take(1)[0]
        if first >> 5 != major:
            raise self.fault()
        information = first & 0x1F
        if information < min(_LENGTH_BYTES):
            return information
        if information not in _LENGTH_BYTES:
            raise self.fault()
        return int.from_bytes(self.take(_LENGTH_BYTES[information]), "big")
