"""Made-up issuer keys, whose private half is a pair of primes that anyone can read."""

from __future__ import annotations

import base64
from typing import Self

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from irma_testing.proofs.arithmetic import power, product
from irma_testing.proofs.chance import Chance
from irma_testing.proofs.encoding import hash_number, number_bytes
from irma_testing.proofs.safe_primes import SAFE_PRIMES

__all__ = ["MadeIssuerKey", "Sizes"]

FAR_FUTURE = 2208988800
"""The first second of 2040, as Unix time."""


@frozen
class Sizes:
    """The lengths in bits that an issuer key's modulus determines (Idemix, table 2)."""

    ln: int
    lm: int
    """The maximum length of an attribute that is signed without hashing."""
    lstatzk: int
    """The number of bits by which a random number is longer than the number that it hides."""
    lh: int = 256
    le_prime: int = 120

    @property
    def le(self) -> int:
        """Return the length of the number e in a credential's signature."""
        return self.lstatzk + self.lh + self.lm + 5

    @property
    def lv(self) -> int:
        """Return the length of the number v in a credential's signature."""
        return self.ln + 2 * self.lstatzk + self.lh + self.lm + 4

    @property
    def commitments(self) -> tuple[int, int, int]:
        """Return the lengths of the random numbers that hide an attribute, e and v in a proof."""
        more = self.lstatzk + self.lh
        return self.lm + more, self.le_prime + more, self.lv + more


_SIZES = {
    1024: Sizes(1024, lm=256, lstatzk=80),
    2048: Sizes(2048, lm=256, lstatzk=128),
    4096: Sizes(4096, lm=512, lstatzk=128),
}


@frozen(repr=False)
class MadeIssuerKey:
    """An issuer's key with its private half, for tests.

    A test that needs a wrong key can replace numbers with `attrs.evolve`.
    """

    p: int
    q: int
    counter: int
    expires: int
    """When the issuer stops signing with the key, as Unix time in seconds."""
    z: int
    s: int
    bases: tuple[int, ...]
    """R_0, R_1, …: one for the secret key, one for the metadata, and one for each attribute."""
    g: int
    h: int
    accumulator_key: ec.EllipticCurvePrivateKey | None = field(eq=False)
    """The key that signs accumulators; None for an issuer that cannot revoke."""

    @classmethod
    def make(
        cls,
        bits: int = 1024,
        *,
        pair: int = 0,
        counter: int = 0,
        expires: int = FAR_FUTURE,
        bases: int = 8,
    ) -> Self:
        """Make a key from primes in this package; equal arguments give equal keys.

        Args:
            bits: The length of the modulus: 1024, 2048 or 4096.
            pair: Which pair of primes: 0 to 2 for 1024 bits, 0 or 1 for 2048, 0 for 4096.
            counter: The key's number among its issuer's keys.
            expires: When the issuer stops signing with the key, as Unix time in seconds.
            bases: How many bases to make: two, plus one for each attribute of a credential.
        """
        p, q = SAFE_PRIMES[bits][pair]
        n, order = p * q, (p // 2) * (q // 2)
        chance = Chance(f"issuer key {bits} {pair} {counter}")
        s = chance.square(n)  # of order p'q', except for a negligible share of all squares

        def another() -> int:
            return power(s, chance.below(order), n)

        return cls(
            p=p,
            q=q,
            counter=counter,
            expires=expires,
            z=another(),
            s=s,
            bases=tuple(another() for _ in range(bases)),
            g=another(),
            h=another(),
            accumulator_key=ec.derive_private_key(1 + chance.bits(255), ec.SECP256R1()),
        )

    @property
    def n(self) -> int:
        """Return the modulus."""
        return self.p * self.q

    @property
    def order(self) -> int:
        """Return the order of the group of squares, which only the issuer knows."""
        return (self.p // 2) * (self.q // 2)

    @property
    def sizes(self) -> Sizes:
        """Return the lengths of the numbers in this key's signatures and proofs."""
        return _SIZES[self.n.bit_length()]

    def signed_number(self, attribute: int) -> int:
        """Return the number to sign: the attribute, or its hash if it has more than `lm` bits."""
        if attribute.bit_length() <= self.sizes.lm:
            return attribute
        return hash_number(number_bytes(attribute))

    def represent(self, attributes: dict[int, int]) -> int:
        """Return the product of the bases, each raised to the number signed for its attribute."""
        powers = (
            (self.bases[index], self.signed_number(attribute))
            for index, attribute in attributes.items()
        )
        return product(powers, self.n)

    def without_revocation(self) -> Self:
        """Return this key without its revocation parts, as if the issuer could not revoke."""
        return evolve(self, accumulator_key=None)

    def public_xml(self) -> bytes:
        """Return the file `PublicKeys/N.xml`."""
        bases = "".join(f"<Base_{i}>{base}</Base_{i}>" for i, base in enumerate(self.bases))
        elements = (
            f"<n>{self.n}</n><Z>{self.z}</Z><S>{self.s}</S><G>{self.g}</G><H>{self.h}</H>"
            f'<Bases num="{len(self.bases)}">{bases}</Bases>'
        )
        ecdsa = ""
        if self.accumulator_key:
            public = self.accumulator_key.public_key()
            ecdsa = _base64(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        features = '<Features><Epoch length="432000"></Epoch></Features>'
        return self._xml("IssuerPublicKey", elements, features, ecdsa)

    def private_xml(self) -> bytes:
        """Return the file `PrivateKeys/N.xml`, with which the official server can issue."""
        elements = (
            f"<p>{self.p}</p><q>{self.q}</q>"
            f"<pPrime>{self.p // 2}</pPrime><qPrime>{self.q // 2}</qPrime>"
        )
        ecdsa = ""
        if self.accumulator_key:
            private = self.accumulator_key.private_bytes(
                Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            )
            ecdsa = _base64(private)
        return self._xml("IssuerPrivateKey", elements, "", ecdsa)

    def _xml(self, root: str, elements: str, features: str, ecdsa: str) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
            f'<{root} xmlns="http://www.zurich.ibm.com/security/idemix">'
            f"<Counter>{self.counter}</Counter><ExpiryDate>{self.expires}</ExpiryDate>"
            f"<Elements>{elements}</Elements>{features}"
            f"{f'<ECDSA>{ecdsa}</ECDSA>' if ecdsa else ''}</{root}>\n"
        ).encode()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
