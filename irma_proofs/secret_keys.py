"""Check that all credentials belong to one person.

Source: gabi `ProofList.Verify`; irmago `ProofList.VerifyProofs`.
"""

from __future__ import annotations

from collections.abc import Sequence

from irma_core.errors import ProofError
from irma_proofs.disclosure_proof import SECRET_KEY, DisclosureProof
from irma_proofs.schemes import Schemes

__all__ = ["check_one_secret_key", "check_singletons"]


def check_one_secret_key(proofs: Sequence[DisclosureProof], schemes: Schemes) -> None:
    """Check that all credentials have the same secret key.

    Credentials of a scheme with a keyshare server are the exception: that server holds part of the
    key, so they are compared only with other credentials of the same scheme.

    Raises:
        ProofError: Two credentials that should have the same key have different keys.
    """
    first: dict[str, int] = {}
    for proof in proofs:
        scheme = schemes.scheme(proof.credential_type.scheme)
        group = scheme.identifier if scheme is not None and scheme.is_distributed else ""
        response = proof.responses[SECRET_KEY]
        if first.setdefault(group, response) != response:
            raise ProofError(
                f'{proof.path}.a_responses["{SECRET_KEY}"]',
                "must equal the corresponding response in the earlier proofs, because all "
                "credentials must belong to one person",
                check="one_secret_key",
            )


def check_singletons(proofs: Sequence[DisclosureProof]) -> None:
    """Check that no two proofs belong to the same singleton type.

    A person can have only one credential of such a type.

    Raises:
        ProofError: The check fails.
    """
    seen = set[str]()
    for proof in proofs:
        identifier = proof.credential_type.identifier
        if proof.credential_type.is_singleton and identifier in seen:
            raise ProofError(
                proof.path,
                f"must be the only proof of {identifier}, because a person has only one such "
                "credential",
                check="singletons",
            )
        seen.add(identifier)
