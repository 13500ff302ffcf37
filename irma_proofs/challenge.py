"""The challenge that all proofs in a list share: a hash over the prover's commitments.

Source: gabi `createChallenge`; irmago `ASN1ConvertSignatureNonce`.
"""

from __future__ import annotations

from collections.abc import Sequence

from irma_core.errors import ProofError
from irma_proofs.disclosure_proof import DisclosureProof
from irma_proofs.numbers import (
    der_integer,
    der_octets,
    der_sequence,
    der_true,
    hash_number,
)

__all__ = ["challenge_of", "check_challenges", "signature_nonce"]


def challenge_of(
    contributions: Sequence[int], *, context: int, nonce: int, is_signature: bool
) -> int:
    """Return the challenge that all proofs in a list must have.

    Args:
        contributions: The numbers that the proofs contribute to the hash, in order.
        context: The session's context, which is 1 in practice.
        nonce: The session's nonce; for a signature, the result of `signature_nonce`.
        is_signature: Whether the proofs sign a message. Signatures and disclosures have different
            challenges, so that a disclosure cannot be passed off as a signature.
    """
    numbers = [len(contributions) + 2, context, *contributions, nonce]
    parts = [der_true()] if is_signature else []
    return hash_number(der_sequence([*parts, *map(der_integer, numbers)]))


def signature_nonce(nonce: int, message: str, stamp: bytes | None) -> int:
    """Return the nonce that the proofs in a signature use.

    It covers the message and the time stamp, so that neither can be replaced.

    Args:
        nonce: The nonce in the signature.
        message: The message.
        stamp: The time-stamping server's signature; None if there is no time stamp.
    """
    parts = [der_integer(nonce), der_integer(hash_number(message.encode()))]
    if stamp is not None:
        parts.append(der_octets(stamp))
    return hash_number(der_sequence(parts))


def check_challenges(proofs: Sequence[DisclosureProof], expected: int) -> None:
    """Check that each proof has the expected challenge.

    Raises:
        ProofError: A proof has a different challenge, which means that a proof, a value or the
            signed message has been changed.
    """
    for proof in proofs:
        if proof.challenge != expected:
            raise ProofError(
                f"{proof.path}.c",
                "the proof is not valid for these attributes, this nonce and this message",
                check="challenges",
            )
