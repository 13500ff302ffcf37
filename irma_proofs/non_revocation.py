"""Proofs that a credential had not been revoked when the issuer signed an accumulator.

Source: gabi `revocation.Proof` and `revocation.SignedAccumulator`; IRMA documentation,
"Revocation".
"""

from __future__ import annotations

from typing import Final, cast, final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from irma_core.errors import ProofError
from irma_core.json_text import JsonValue
from irma_proofs.cbor import CborValue, read_cbor_map
from irma_proofs.disclosure_proof import DisclosureProof
from irma_proofs.issuer_keys import IssuerKey, is_unit
from irma_proofs.numbers import read_bytes, read_number
from irma_proofs.powers import product_of_powers
from irma_proofs.proof_json import LAST_SECOND, MOST_BITS, read_integer, read_members

__all__ = ["NonRevocationProof", "non_revocation_contributions", "read_non_revocation"]

_ALPHA_BITS: Final = 195 + 256 + 128 + 1
"""The length in bits of the response for the credential's prime in the accumulator."""
_RESPONSES: Final = ("beta", "delta", "epsilon", "zeta")
_MOST_DATA: Final = 8192
_MOST_COUNTER: Final = 2**16 - 1
_NO_UNIT: Final = "must be between 1 and n-1, and coprime to n"
_SIGNED: Final[dict[str, type[CborValue]]] = {"Msg": bytes, "Sig": bytes}
_ACCUMULATOR: Final[dict[str, type[CborValue]]] = {
    "Nu": bytes,
    "Index": int,
    "Time": int,
    "EventHash": bytes,
}


@final
@attrs.frozen
class NonRevocationProof:
    """A proof of non-revocation, whose form has been checked.

    Args:
        proof: The disclosure proof that this proof belongs to.
        c_r: The number C_r.
        c_u: The number C_u.
        nu: The accumulator.
        index: The number of the accumulator; each revocation creates a new accumulator.
        time: When the issuer confirmed that this accumulator is the current one, in Unix seconds.
        alpha: The response for the attribute that is in the accumulator.
        beta: A response for a blinding number.
        delta: Another response for a blinding number.
        epsilon: Another response for a blinding number.
        zeta: Another response for a blinding number.
        g: The number G of the issuer's key.
        h: The number H of the issuer's key.
    """

    proof: DisclosureProof = attrs.field(repr=False)
    c_r: int = attrs.field(repr=False)
    c_u: int = attrs.field(repr=False)
    nu: int = attrs.field(repr=False)
    index: int
    time: int
    alpha: int = attrs.field(repr=False)
    beta: int = attrs.field(repr=False)
    delta: int = attrs.field(repr=False)
    epsilon: int = attrs.field(repr=False)
    zeta: int = attrs.field(repr=False)
    g: int = attrs.field(repr=False)
    h: int = attrs.field(repr=False)


def read_non_revocation(proof: DisclosureProof) -> NonRevocationProof | None:
    """Return the proof of non-revocation in a disclosure proof; None if it is missing.

    This function checks the proof's form and the accumulator's signature, but not the arithmetic.

    Raises:
        ProofError: The proof does not have the right form, or the issuer did not sign the
            accumulator.
    """
    if proof.non_revocation is None:
        return None
    path = f"{proof.path}.nonrev_proof"
    members = read_members(
        proof.non_revocation, path, required=frozenset({"C_r", "C_u", "responses", "sacc"})
    )
    g, h, accumulator_key = revocation_key(proof.key, path)
    responses = _read_responses(members["responses"], f"{path}.responses")
    nu, index, time = _read_accumulator(members["sacc"], f"{path}.sacc", proof.key, accumulator_key)
    alpha = revocation_response(proof)
    made = NonRevocationProof(
        proof=proof,
        c_r=read_number(members["C_r"], f"{path}.C_r", bits=MOST_BITS),
        c_u=read_number(members["C_u"], f"{path}.C_u", bits=MOST_BITS),
        nu=nu,
        index=index,
        time=time,
        alpha=alpha,
        g=g,
        h=h,
        **responses,
    )
    check_alpha_length(made)
    check_c_r(made)
    check_c_u(made)
    check_nu(made)
    return made


def non_revocation_contributions(given: NonRevocationProof) -> list[int]:
    """Return the contributions of a proof of non-revocation to the challenge."""
    n, c = given.proof.key.n, given.proof.challenge
    g, h = given.g, given.h
    return [
        given.c_r,
        given.c_u,
        given.nu,
        product_of_powers([(given.c_r, -c), (g, given.epsilon), (h, given.zeta)], n),
        product_of_powers([(given.nu, -c), (given.c_u, given.alpha), (h, -given.beta)], n),
        product_of_powers([(given.c_r, given.alpha), (g, -given.beta), (h, -given.delta)], n),
    ]


def _read_responses(value: JsonValue, path: str) -> dict[str, int]:
    # Alpha is the attribute's own response, because a separate response would prove nothing.
    members = read_members(
        value, path, required=frozenset(_RESPONSES), optional=frozenset({"alpha"})
    )
    return {
        name: read_number(members[name], f"{path}.{name}", bits=MOST_BITS) for name in _RESPONSES
    }


def _read_accumulator(
    value: JsonValue, path: str, key: IssuerKey, accumulator_key: EllipticCurvePublicKey
) -> tuple[int, int, int]:
    """Return the accumulator, its number and its time."""
    members = read_members(value, path, required=frozenset({"data", "pk"}))
    counter = read_integer(members["pk"], f"{path}.pk", most=_MOST_COUNTER)
    check_accumulator_counter(counter, key, path)
    data = read_bytes(members["data"], f"{path}.data", most=_MOST_DATA)
    signed = cast("dict[str, bytes]", read_cbor_map(data, f"{path}.data", _SIGNED))
    check_accumulator_signature(signed["Sig"], signed["Msg"], accumulator_key, path)
    accumulator = read_cbor_map(signed["Msg"], f"{path}.data", _ACCUMULATOR)
    nu = int.from_bytes(cast("bytes", accumulator["Nu"]), "big")
    time = read_integer(cast("int", accumulator["Time"]), f"{path}.data", most=LAST_SECOND)
    return nu, cast("int", accumulator["Index"]), time


def revocation_key(key: IssuerKey, path: str) -> tuple[int, int, EllipticCurvePublicKey]:
    """Return the parts of an issuer's key that revocation needs: G, H and the accumulator key.

    Raises:
        ProofError: The key lacks one of these parts.
    """
    if key.g is None or key.h is None or key.accumulator_key is None:
        raise ProofError(
            path,
            f"key {key.counter} of {key.issuer} does not support revocation",
            check="revocation_key",
        )
    return key.g, key.h, key.accumulator_key


def revocation_response(proof: DisclosureProof) -> int:
    """Return the response for the revocation attribute. The scheme determines its index.

    Raises:
        ProofError: The credential type has no revocation attribute, or there is no response for it.
    """
    index = proof.credential_type.revocation_index
    response = None if index is None else proof.responses.get(index)
    if response is None:
        raise ProofError(
            f"{proof.path}.a_responses",
            "must have the revocation attribute of the credential type",
            check="revocation_response",
        )
    return response


def check_accumulator_counter(counter: int, key: IssuerKey, path: str) -> None:
    """Check that the accumulator belongs to the same key as the credential.

    Raises:
        ProofError: The check fails.
    """
    if counter != key.counter:
        raise ProofError(
            f"{path}.pk", "must be the number of the credential's key", check="accumulator_counter"
        )


def check_accumulator_signature(
    signature: bytes, message: bytes, key: EllipticCurvePublicKey, path: str
) -> None:
    """Check that the issuer signed the accumulator.

    Raises:
        ProofError: The check fails.
    """
    try:
        key.verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        raise ProofError(
            f"{path}.data", "is not signed by the issuer", check="accumulator_signature"
        ) from None


def check_alpha_length(given: NonRevocationProof) -> None:
    """Check that the response for the revocation attribute is not longer than an honest prover's.

    Raises:
        ProofError: The check fails.
    """
    if given.alpha.bit_length() > _ALPHA_BITS:
        raise ProofError(
            f"{given.proof.path}.a_responses",
            f"the revocation attribute must have at most {_ALPHA_BITS} bits",
            check="alpha_length",
        )


def check_c_r(given: NonRevocationProof) -> None:
    """Check that the proof's number C_r is between 1 and n-1, and coprime to the modulus n.

    Raises:
        ProofError: The check fails.
    """
    if not is_unit(given.c_r, given.proof.key.n):
        raise ProofError(_path(given, "C_r"), _NO_UNIT, check="c_r")


def check_c_u(given: NonRevocationProof) -> None:
    """Check that the proof's number C_u is between 1 and n-1, and coprime to the modulus n.

    Raises:
        ProofError: The check fails.
    """
    if not is_unit(given.c_u, given.proof.key.n):
        raise ProofError(_path(given, "C_u"), _NO_UNIT, check="c_u")


def check_nu(given: NonRevocationProof) -> None:
    """Check that the accumulator is between 1 and n-1, and coprime to the modulus n.

    Raises:
        ProofError: The check fails.
    """
    if not is_unit(given.nu, given.proof.key.n):
        raise ProofError(_path(given, "sacc.data"), _NO_UNIT, check="nu")


def _path(given: NonRevocationProof, name: str) -> str:
    return f"{given.proof.path}.nonrev_proof.{name}"
