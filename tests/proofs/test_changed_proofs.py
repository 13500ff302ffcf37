"""Honest proofs with one number or one part changed are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve

from irma_core.errors import ProofError
from tests.proofs.changes import changed_numbers, changed_parts
from tests.proofs.honest import Proof, honest
from tests.proofs.verifying import verified

SIGNATURES = ["not revoked", "first form", "no time stamp", "both schemes"]
DISCLOSURES = ["disclosure, not revoked", "disclosure, a second option"]
UNSIGNED = ("indices", "timestamp.ServerUrl")
"""Members that no equation contains: the slots, and a URL that the scheme states too."""


def accepted(proof: Proof, changes: Iterable[tuple[str, Any]]) -> list[str]:
    """Return the changes of a proof that are accepted; all others raise `ProofError`."""
    found: list[str] = []
    count = 0
    for what, changed in changes:
        if what.startswith(UNSIGNED):
            continue
        if what.startswith("@context") and "timestamp" not in proof.json:
            continue  # the form only determines what a time stamp covers
        count += 1
        try:
            verified(evolve(proof, json=changed))
        except ProofError:
            continue
        found.append(what)
    assert count > 80
    return found


@pytest.mark.parametrize("name", SIGNATURES + DISCLOSURES)
def test_no_number_can_be_changed(name: str) -> None:
    """A proof is refused if a number is one more or less, doubled, zero, huge, or one bit off."""
    proof = honest(name)
    assert accepted(proof, changed_numbers(proof.json)) == []


@pytest.mark.parametrize("name", [SIGNATURES[0], SIGNATURES[2], DISCLOSURES[0]])
def test_no_part_can_be_changed(name: str) -> None:
    """A proof is refused if a part is missing, repeated, reordered or of another type."""
    proof = honest(name)
    assert accepted(proof, changed_parts(proof.json)) == []
