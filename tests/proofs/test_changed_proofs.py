"""Honest proofs with one number or one part changed, all of which are refused."""

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
"""What is in no equation: which slot an attribute answers, and what the scheme says better."""


def accepted(proof: Proof, changes: Iterable[tuple[str, Any]]) -> list[str]:
    """Return which changes of a proof are accepted; all others raise `ProofError` alone."""
    found: list[str] = []
    count = 0
    for what, changed in changes:
        if what.startswith(UNSIGNED):
            continue
        if what.startswith("@context") and "timestamp" not in proof.json:
            continue  # the form says what a time stamp covers, and nothing else
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
    """One more, one less, another bit, zero, twice itself, huge: each number is proved."""
    proof = honest(name)
    assert accepted(proof, changed_numbers(proof.json)) == []


@pytest.mark.parametrize("name", [SIGNATURES[0], SIGNATURES[2], DISCLOSURES[0]])
def test_no_part_can_be_changed(name: str) -> None:
    """Nothing can be left out, doubled, moved, or be of another type."""
    proof = honest(name)
    assert accepted(proof, changed_parts(proof.json)) == []
