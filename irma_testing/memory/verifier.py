"""What the server finds in a disclosure, and whether it takes it for proved.

Source: irmago `irma/verify.go`, and `Satisfy` in `irma/requests.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import attrs

from irma_core.models.statuses import AttributeProofStatus, ProofStatus
from irma_testing.memory.proofs import Disclosure, Proof
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.start_request import Con, ConDisCon, DisCon, StartRequest

__all__ = ["Verifier"]


@final
@attrs.frozen
class Verifier:
    """Judges disclosures by the official server's rules; `is_revoked` is asked with a serial."""

    scheme: Scheme
    is_revoked: Callable[[str], bool]

    def verify(
        self, request: StartRequest, asked: ConDisCon, given: Disclosure, at: float
    ) -> tuple[list[Any] | None, ProofStatus]:
        """Find what was disclosed, list by list, and whether the proof holds.

        Args:
            request: The session request.
            asked: Its condiscon, with what a chain discloses again.
            given: What the app sent.
            at: When the credentials must be valid, in Unix seconds.
        """
        if not given.is_sound or not self._is_consistent(request, given.proofs):
            return None, ProofStatus.INVALID
        lists: list[Any] = []
        is_complete = len(given.indices) >= len(asked)
        if is_complete:
            lists = [
                _satisfied(discon, given, places)
                for discon, places in zip(asked, given.indices, strict=False)
            ]
            is_complete = None not in lists
        if extra := _extra(given, len(asked)):
            lists.append(extra)
        if not is_complete:
            return lists, ProofStatus.MISSING_ATTRIBUTES
        expired = any(
            proof.expires < at and proof.credential not in request.skip_expiry_check
            for proof in given.proofs
        )
        return lists, ProofStatus.EXPIRED if expired else ProofStatus.VALID

    def _is_consistent(self, request: StartRequest, proofs: Sequence[Proof]) -> bool:
        singletons: set[str] = set()
        for proof in proofs:
            described = self.scheme.find(proof.credential)
            if described is None or proof.credential in singletons:
                return False
            if described.singleton:
                singletons.add(proof.credential)
            if proof.serial and self.is_revoked(proof.serial):
                return False
            if proof.credential in request.revocation and not proof.serial:
                return False
        return True


def _satisfied(
    disjunction: DisCon, given: Disclosure, places: Sequence[tuple[int, str]]
) -> list[dict[str, Any]] | None:
    for conjunction in disjunction:
        if _fits(conjunction, given, places):
            return [_disclosed(given.proofs[number], name) for number, name in places][
                : len(conjunction)
            ]
    return None


def _fits(conjunction: Con, given: Disclosure, places: Sequence[tuple[int, str]]) -> bool:
    if not conjunction:
        return not places
    if len(places) < len(conjunction):
        return False
    for asked, (number, name) in zip(conjunction, places, strict=False):
        proof = given.proofs[number]
        if (proof.credential, name) != (asked.credential_type, asked.name):
            return False
        if not asked.takes(_value(proof, name)):
            return False
    return True


def _value(proof: Proof, name: str) -> str | None:
    return proof.disclosed[name] if name else "present"


def _disclosed(
    proof: Proof, name: str, status: AttributeProofStatus | None = None
) -> dict[str, Any]:
    value = _value(proof, name)
    found = AttributeProofStatus.NULL if value is None else AttributeProofStatus.PRESENT
    said: dict[str, Any] = {
        "rawvalue": value,
        "value": None if value is None else {"": value, "en": value, "nl": value},
        "id": f"{proof.credential}.{name}" if name else proof.credential,
        "status": (status or found).value,
        "issuancetime": proof.issued,
    }
    return {**said, "notrevoked": True} if proof.serial else said


def _extra(given: Disclosure, asked: int) -> list[dict[str, Any]]:
    """Give what is disclosed without standing in any list that was asked for."""
    known = {place for places in given.indices[:asked] for place in places}
    return [
        _disclosed(proof, name, AttributeProofStatus.EXTRA)
        for number, proof in enumerate(given.proofs)
        for name in proof.disclosed
        if (number, name) not in known
    ]
