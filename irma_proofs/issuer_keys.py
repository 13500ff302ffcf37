"""Issuers' public keys, with which a verifier checks credentials.

Source: gabi `PublicKey` and `DefaultSystemParameters`; Idemix specification, section 4.3.
"""

from __future__ import annotations

from math import gcd
from typing import Final, final

import attrs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from irma_proofs.scheme_xml import XmlFile, read_xml

__all__ = ["IssuerKey", "Sizes", "is_unit", "load_p256_key", "parse_issuer_key"]

_NUMBER_DIGITS: Final = 1240
"""The maximum number of decimal digits in a number. A modulus of 4096 bits has 1234 digits."""
_TIME_DIGITS: Final = 12
_COUNTER_DIGITS: Final = 5
_MOST_BASES: Final = 1000


@final
@attrs.frozen
class Sizes:
    """The lengths of the numbers in a proof, in bits. They depend on the length of the modulus n.

    Each field is named after the subscript of l in the Idemix specification.

    Args:
        n: The length of the modulus.
        m: The length of an attribute that is signed without hashing.
        statzk: The security parameter of statistical zero-knowledge.
    """

    n: int
    m: int
    statzk: int

    HASH = 256
    """The length of the challenge, which is a SHA-256 hash."""
    E_PRIME = 120
    """The length of the interval from which the prime e is chosen."""

    @property
    def e(self) -> int:
        """The length of the prime e of a credential's signature."""
        return self.statzk + self.HASH + self.m + 5

    @property
    def v(self) -> int:
        """The length of the blinding number v of a credential's signature."""
        return self.n + 2 * self.statzk + self.HASH + self.m + 4

    @property
    def m_response(self) -> int:
        """The length of the response for an attribute."""
        return self.m + self.statzk + self.HASH + 1

    @property
    def e_response(self) -> int:
        """The length of the response for the prime e."""
        return self.E_PRIME + self.statzk + self.HASH + 1

    @property
    def v_response(self) -> int:
        """The length of the response for the blinding number v."""
        return self.v + self.statzk + self.HASH + 1


_SIZES: Final = {
    1024: Sizes(1024, m=256, statzk=80),
    2048: Sizes(2048, m=256, statzk=128),
    4096: Sizes(4096, m=512, statzk=128),
}


@final
@attrs.frozen
class IssuerKey:
    """One public key of an issuer.

    Args:
        issuer: The issuer's identifier, `scheme.issuer`.
        counter: The number of the key.
        expires_at: When the issuer stops signing with the key, in Unix seconds.
        n: The modulus.
        z: The number Z.
        s: The number S.
        bases: The numbers R_0, R_1, …, one for each attribute.
        g: The number G for proofs of non-revocation, or None.
        h: The number H for proofs of non-revocation, or None.
        accumulator_key: The ECDSA key that verifies accumulators, or None.
        sizes: The lengths that follow from the length of n.
    """

    issuer: str
    counter: int
    expires_at: int
    n: int = attrs.field(repr=False)
    z: int = attrs.field(repr=False)
    s: int = attrs.field(repr=False)
    bases: tuple[int, ...] = attrs.field(repr=False)
    g: int | None = attrs.field(repr=False)
    h: int | None = attrs.field(repr=False)
    accumulator_key: EllipticCurvePublicKey | None = attrs.field(repr=False)
    sizes: Sizes = attrs.field(repr=False)


def parse_issuer_key(data: bytes, *, issuer: str, counter: int, path: str) -> IssuerKey:
    """Return the key in a scheme's file `PublicKeys/N.xml`.

    Args:
        data: The file's content.
        issuer: The issuer's identifier, `scheme.issuer`.
        counter: The number N in the file's name.
        path: The path of the file, for error messages.

    Raises:
        ConfigurationError: The file is not a valid key, or its modulus does not have 1024, 2048 or
            4096 bits.
    """
    root = read_xml(data, path, "IssuerPublicKey")
    check_counter(root, counter)
    elements = root.get("Elements")
    n = elements.number("n", digits=_NUMBER_DIGITS)
    sizes = sizes_of_key(root, n)
    return IssuerKey(
        issuer=issuer,
        counter=counter,
        expires_at=root.number("ExpiryDate", digits=_TIME_DIGITS),
        n=n,
        z=_unit(elements, "Z", n),
        s=_unit(elements, "S", n),
        bases=_bases(elements.get("Bases"), n),
        g=_optional_unit(elements, "G", n),
        h=_optional_unit(elements, "H", n),
        accumulator_key=_accumulator_key(root),
        sizes=sizes,
    )


def check_counter(root: XmlFile, counter: int) -> None:
    """Check that the number in a key file matches the file's name.

    Raises:
        ConfigurationError: The check fails.
    """
    if root.number("Counter", digits=_COUNTER_DIGITS) != counter:
        raise root.fault(f"Counter must be {counter}, as in the name of the file")


def sizes_of_key(root: XmlFile, n: int) -> Sizes:
    """Return the lengths of the numbers in proofs, given the modulus.

    Raises:
        ConfigurationError: The modulus does not have 1024, 2048 or 4096 bits.
    """
    sizes = _SIZES.get(n.bit_length())
    if sizes is None:
        raise root.fault("n must have 1024, 2048 or 4096 bits")
    return sizes


def is_unit(number: int, n: int) -> bool:
    """Return whether a number is in 1 … n-1 and coprime to n."""
    return 0 < number < n and gcd(number, n) == 1


def _unit(elements: XmlFile, name: str, n: int) -> int:
    number = elements.number(name, digits=_NUMBER_DIGITS)
    if not is_unit(number, n):
        raise elements.fault(f"{name} must be between 1 and n-1, and coprime to n")
    return number


def _optional_unit(elements: XmlFile, name: str, n: int) -> int | None:
    return None if elements.find(name) is None else _unit(elements, name, n)


def _bases(element: XmlFile, n: int) -> tuple[int, ...]:
    found = element.children()
    names = [each.name for each in found]
    if len(found) > _MOST_BASES or names != [f"Base_{i}" for i in range(len(found))]:
        raise element.fault("Bases must have Base_0, Base_1 and so on, in order")
    if element.attribute("num") != str(len(found)):
        raise element.fault("num of Bases must be the number of bases")
    return tuple(_unit(element, name, n) for name in names)


def _accumulator_key(root: XmlFile) -> EllipticCurvePublicKey | None:
    data = root.base64("ECDSA")
    if data is None:
        return None
    key = load_p256_key(data)
    if key is None:
        raise root.fault("ECDSA must be a public key on the curve P-256")
    return key


def load_p256_key(data: bytes) -> EllipticCurvePublicKey | None:
    """Return the key in a SubjectPublicKeyInfo; None if it is not a key on the curve P-256."""
    try:
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    return None
