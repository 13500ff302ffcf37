"""Issue credentials, which are Camenisch-Lysyanskaya signatures over attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from attrs import frozen

from irma_testing.proofs.accumulators import Witness
from irma_testing.proofs.arithmetic import power
from irma_testing.proofs.chance import Chance
from irma_testing.proofs.encoding import hash_number
from irma_testing.proofs.issuer_keys import MadeIssuerKey
from irma_testing.proofs.made_scheme import MadeAttribute, MadeScheme, MadeType

__all__ = ["Credential", "encode", "issue", "metadata", "secret_key"]

_UNMARKED = 2
"""The version of metadata that does not distinguish absent values from empty ones."""
WEEK = 604_800
"""Seconds in a week, the unit of time in metadata."""


@frozen
class Credential:
    """A credential: its numbers, and the signature (A, e, v) over them."""

    scheme: MadeScheme
    type: MadeType
    key: MadeIssuerKey
    numbers: tuple[int, ...]
    """The secret key, the metadata and the attributes, in the order of their indices in proofs."""
    a: int
    e: int
    v: int

    @property
    def group(self) -> str:
        """Return the name of the credential's scheme if it is distributed, or an empty string.

        A holder's credentials contain the same secret key if they are in the same group.
        """
        return self.scheme.name if self.scheme.is_distributed else ""


def issue(
    scheme: MadeScheme,
    identifier: str,
    values: Mapping[str, str | int | None],
    chance: Chance,
    *,
    signed_at: int,
    weeks: int = 26,
    holder: str = "Ada",
    counter: int | None = None,
    witness: Witness | None = None,
    version: int = 3,
) -> Credential:
    """Issue a credential to a holder.

    Args:
        scheme: The scheme, which has the credential type and the issuer's keys.
        identifier: The credential type's identifier of three parts.
        values: The values by the attribute's name: a string, None for an absent value, or a number
            to sign without hashing. An attribute that `values` does not name is also absent.
        chance: The source of random numbers.
        signed_at: When the issuer signs, as Unix time in seconds; the metadata contains only the
            week.
        weeks: How many weeks the credential is valid.
        holder: The person whose secret key the credential contains.
        counter: The number of the issuer's key that signs the credential; the last key by default.
        witness: The witness whose prime is the revocation attribute, if the type has such an
            attribute.
        version: The version of the metadata: 3, or 2, which does not distinguish absent values from
            empty ones.
    """
    made = scheme.type_of(identifier)
    key = scheme.key_of(identifier, counter)

    def number_of(attribute: MadeAttribute) -> int:
        if attribute.revocation:
            return 0 if witness is None else witness.prime
        return encode(values.get(attribute.name), version)

    numbers = (
        secret_key(holder, scheme),
        metadata(identifier, key.counter, signed_at, weeks, version),
        *(number_of(attribute) for attribute in made.attributes),
    )
    sizes = key.sizes
    e = chance.prime(1 << (sizes.le - 1), sizes.le_prime - 1)
    v = (1 << (sizes.lv - 1)) + chance.bits(sizes.lv - 1)
    signed = power(key.s, v, key.n) * key.represent(dict(enumerate(numbers))) % key.n
    q = key.z * pow(signed, -1, key.n) % key.n
    a = power(q, pow(e, -1, key.order), key.n)
    return Credential(scheme, made, key, numbers, a, e, v)


def secret_key(holder: str, scheme: MadeScheme) -> int:
    """Return a holder's secret key; a holder has a different one for each distributed scheme."""
    group = scheme.name if scheme.is_distributed else ""
    return hash_number(f"secret key of {holder} {group}".encode()) >> 1


def metadata(identifier: str, counter: int, signed_at: int, weeks: int, version: int = 3) -> int:
    """Return the metadata attribute as a number that encodes 24 bytes."""
    return int.from_bytes(
        version.to_bytes(1)
        + (signed_at // WEEK).to_bytes(3)
        + weeks.to_bytes(2)
        + counter.to_bytes(2)
        + hashlib.sha256(identifier.encode()).digest()[:16]
    )


def encode(value: str | int | None, version: int = 3) -> int:
    """Return the number that encodes an attribute's value; a number is returned unchanged."""
    if isinstance(value, int):
        return value
    number = int.from_bytes((value or "").encode())
    if version == _UNMARKED:
        return number
    return 0 if value is None else number << 1 | 1
