"""Verify a list of proofs: first the form, then the arithmetic, then the request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from irma_core.json_text import JsonValue
from irma_proofs.challenge import challenge_of, check_challenges
from irma_proofs.disclosure_proof import DisclosureProof, commitment, read_proofs
from irma_proofs.non_revocation import non_revocation_contributions, read_non_revocation
from irma_proofs.numbers import read_number
from irma_proofs.proof_json import MOST_BITS, read_members, read_proof_json
from irma_proofs.proved_slots import (
    Asked,
    ProvedSlots,
    VerifiedProof,
    prove_slots,
    read_indices,
)
from irma_proofs.schemes import Schemes
from irma_proofs.secret_keys import check_one_secret_key, check_singletons

__all__ = ["read_any_number", "verify_disclosure", "verify_proofs"]


def read_any_number(value: JsonValue, path: str) -> int:
    """Read a number that may be as long as the longest number in any proof.

    Raises:
        ProofError: The value is not a valid number, or is too long.
    """
    return read_number(value, path, bits=MOST_BITS)


def verify_proofs(
    proofs: Sequence[DisclosureProof],
    schemes: Schemes,
    *,
    context: int,
    nonce: int,
    is_signature: bool,
) -> tuple[VerifiedProof, ...]:
    """Return the proofs, after their arithmetic has passed every check.

    Args:
        proofs: The proofs, in the order of the JSON.
        schemes: The schemes of the credentials.
        context: The session's context.
        nonce: The session's nonce; for a signature, the result of `signature_nonce`.
        is_signature: Whether the proofs sign a message.

    Raises:
        ProofError: A proof is not valid, or the credentials do not belong to one person.
    """
    check_one_secret_key(proofs, schemes)
    check_singletons(proofs)
    verified = tuple(VerifiedProof(proof, read_non_revocation(proof)) for proof in proofs)
    contributions: list[int] = []
    for each in verified:
        contributions += (each.proof.a, commitment(each.proof))
        if each.non_revocation is not None:
            contributions += non_revocation_contributions(each.non_revocation)
    expected = challenge_of(contributions, context=context, nonce=nonce, is_signature=is_signature)
    check_challenges(proofs, expected)
    return verified


def verify_disclosure(
    disclosure: str | bytes,
    asked: Asked,
    schemes: Schemes,
    *,
    nonce: int,
    context: int,
    at: datetime,
    min_key_bits: int,
) -> ProvedSlots:
    """Return the attributes that a disclosure proves, after it has passed every check.

    Args:
        disclosure: The JSON that the app sends to the server.
        asked: The requirements of the request.
        schemes: The schemes of the credentials.
        nonce: The session's nonce.
        context: The session's context.
        at: The time at which the credentials must be valid.
        min_key_bits: The minimum length of a modulus.

    Raises:
        ProofError: The disclosure did not pass a check.
        ConfigurationError: A scheme file is missing, has been changed, or is malformed.
    """
    members = read_members(
        read_proof_json(disclosure), "", required=frozenset({"proofs", "indices"})
    )
    indices = read_indices(members["indices"])
    proofs = read_proofs(members["proofs"], "proofs", schemes=schemes, min_key_bits=min_key_bits)
    verified = verify_proofs(proofs, schemes, context=context, nonce=nonce, is_signature=False)
    return prove_slots(verified, indices, asked=asked, at=at)
