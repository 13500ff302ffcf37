"""Simulated attribute-based signatures, in the form of real ones.

Source: irmago `SignedMessage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from irma_core.models.statuses import ProofStatus
from irma_testing.memory.proofs import checksum_of, read_disclosure
from irma_testing.memory.start_request import ConDisCon, StartRequest
from irma_testing.memory.verifier import Verifier

__all__ = ["make_signature", "signature_nonce", "verify_signature"]

_CONTEXT = "https://irma.app/ld/signature/v2"
_PROOF_CONTEXT = "AQ=="


def signature_nonce(nonce: str, message: str) -> str:
    """Give what the proofs of a signature are made for: the session, and what is signed."""
    return checksum_of(nonce, message)


def make_signature(
    message: str,
    nonce: str,
    proofs: Sequence[Mapping[str, Any]],
    indices: Sequence[Sequence[Mapping[str, Any]]],
    now: int,
) -> dict[str, Any]:
    """Make the signature of proofs over a message; `now` in Unix seconds."""
    return {
        "@context": _CONTEXT,
        "signature": list(proofs),
        "indices": list(indices),
        "nonce": nonce,
        "context": _PROOF_CONTEXT,
        "message": message,
        "timestamp": {
            "Time": now,
            "ServerUrl": "https://simulated.invalid/",
            "Sig": {"Alg": "simulated", "Data": checksum_of(message, now), "PublicKey": ""},
        },
    }


def verify_signature(
    verifier: Verifier, request: StartRequest, asked: ConDisCon, sent: Mapping[str, Any], nonce: str
) -> tuple[list[Any] | None, ProofStatus]:
    """Judge a signature in the official server's order: request, time stamp, proofs.

    Raises:
        Refusal: It is not of the form that a simulated app sends.
    """
    proofs = sent["signature"]
    if not proofs:
        return None, ProofStatus.INVALID
    if (sent["nonce"], sent["context"]) != (nonce, _PROOF_CONTEXT):
        return None, ProofStatus.UNMATCHED_REQUEST
    stamp: Mapping[str, Any] | None = sent["timestamp"]
    at: int = stamp["Time"] if stamp else 0
    if stamp is None or stamp["Sig"]["Data"] != checksum_of(request.message, at):
        return None, ProofStatus.INVALID_TIMESTAMP
    bound_to = signature_nonce(nonce, request.message)
    given = read_disclosure(proofs, sent["indices"] or (), bound_to)
    return verifier.verify(request, asked, given, at)
