"""Accumulators and witnesses, which prove that a credential has not been revoked.

An accumulator is a number nu. The witness of a credential is a prime e, which is the credential's
revocation attribute, and a number u with u^e = nu modulo the issuer's n.
"""

from __future__ import annotations

import base64
import hashlib

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from irma_testing.proofs.arithmetic import power, product
from irma_testing.proofs.chance import Chance
from irma_testing.proofs.encoding import cbor, number_bytes
from irma_testing.proofs.issuer_keys import MadeIssuerKey

__all__ = ["Accumulator", "Witness"]

PRIME_BITS = 195
"""The length in bits of a witness's prime, `AttributeSize` in gabi's `revocation.Parameters`."""


@frozen
class Accumulator:
    """An issuer's accumulator at some time. Only unrevoked credentials have a witness for it."""

    key: MadeIssuerKey
    nu: int
    index: int
    """The number of revocations before this accumulator."""
    time: int
    """When the issuer made the accumulator, as Unix time in seconds."""
    event_hash: bytes

    @classmethod
    def first(cls, key: MadeIssuerKey, chance: Chance, *, time: int) -> Accumulator:
        """Return the issuer's first accumulator, before any revocation."""
        nu = power(key.s, chance.below(key.order), key.n)
        return cls(key, nu, 0, time, _event_hash(0, b"", 1))

    def witness(self, chance: Chance) -> Witness:
        """Return a new witness, whose prime becomes part of a new credential."""
        prime = chance.prime(1 << (PRIME_BITS - 1), PRIME_BITS - 2)
        return Witness(self, prime, self._root(prime))

    def revoke(self, prime: int, *, time: int) -> Accumulator:
        """Return the next accumulator, which revokes the credential whose witness has `prime`."""
        parent = self.event_hash
        index = self.index + 1
        event_hash = _event_hash(index, parent, prime)
        return Accumulator(self.key, self._root(prime), index, time, event_hash)

    def signed(self) -> dict[str, object]:
        """Sign the accumulator, and return it in the form that a proof contains.

        Raises:
            ValueError: The issuer has no key for accumulators.
        """
        if self.key.accumulator_key is None:
            raise ValueError("this issuer has no accumulator key: make an issuer that has one")
        message = cbor(
            {
                "Nu": number_bytes(self.nu),
                "Time": self.time,
                "Index": self.index,
                "EventHash": self.event_hash,
            }
        )
        signature = self.key.accumulator_key.sign(message, ec.ECDSA(SHA256()))
        data = cbor({"Msg": message, "Sig": signature})
        return {"data": base64.b64encode(data).decode(), "pk": self.key.counter}

    def _root(self, prime: int) -> int:
        return power(self.nu, pow(prime, -1, self.key.order), self.key.n)


@frozen
class Witness:
    """A witness: `u` to the power of `prime` is the accumulator's `nu`, modulo the issuer's n."""

    accumulator: Accumulator
    prime: int
    u: int

    def update(self, accumulator: Accumulator, revoked: int) -> Witness:
        """Return the witness for the next accumulator, after another prime has been revoked.

        With a·e + b·revoked = 1, the new u is u^b · nu'^a, where nu' is the number of the next
        accumulator. So updating needs no private key.
        """
        n = self.accumulator.key.n
        b = pow(revoked, -1, self.prime)
        a = (1 - b * revoked) // self.prime
        u = product([(self.u, b), (accumulator.nu, a)], n)
        return Witness(accumulator, self.prime, u)

    def show_with(self, accumulator: Accumulator) -> Witness:
        """Pair this witness with an accumulator that it does not match, as a cheat would."""
        return Witness(accumulator, self.prime, self.u)


def _event_hash(index: int, parent: bytes, prime: int) -> bytes:
    """Return a revocation event's SHA-256 hash, preceded by two bytes for its kind and length."""
    event = index.to_bytes(8) + parent + number_bytes(prime)
    return b"\x12\x20" + hashlib.sha256(event).digest()
