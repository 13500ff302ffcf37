"""The verifier accepts the prover's proofs, and reads the values that the prover used."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import pytest

import irma_testing.proofs
from tests.proofs.honest import HONEST, honest
from tests.proofs.verifying import Verified, schemes_of, verified, verifier

NAME = ("made.small.person.name", "Ada Lovelace")
EMAIL = ("made.small.person.email", "ada@example.com")
SEAT = ("made.small.pass.seat", "12a")
BADGE = ("made.small.badge", "present")

SHOWN = {
    "one attribute": Verified([[NAME]], []),
    "as requested": Verified([[NAME]], []),
    "possession": Verified([[BADGE]], []),
    "an absent value": Verified([[("made.small.person.phone", None), EMAIL]], []),
    "a hashed value": Verified([[("made.small.pass.note", "x" * 200)]], []),
    "two credentials": Verified([[NAME], [("made.small.badge.level", "3")]], []),
    "both schemes": Verified([[NAME], [("shared.town.person.name", "Ada Lovelace")]], []),
    "first form": Verified([[NAME]], []),
    "metadata 2": Verified([[NAME]], []),
    "not revoked": Verified([[SEAT]], [], frozenset({SEAT[0]})),
    "not revoked later": Verified([[SEAT], [BADGE]], [], frozenset({SEAT[0]})),
    "disclosure": Verified([[NAME]], []),
    "disclosure, not revoked": Verified([[SEAT]], [], frozenset({SEAT[0]})),
    "disclosure, a second option": Verified([[NAME], [BADGE]], []),
}
"""The expected content of some proofs, by the name of the proof."""


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_proof_is_accepted(name: str) -> None:
    """A proof of each kind and size is accepted, and shows the prover's values."""
    found = verified(honest(name))
    assert found == SHOWN.get(name, found)
    assert found.slots


def test_the_provers_example_runs() -> None:
    """The example in the package's docstring makes a signature that the verifier accepts."""
    example = (irma_testing.proofs.__doc__ or "").split("\n\n")[1]
    names: dict[str, Any] = dict(vars(irma_testing.proofs))
    exec(dedent(example), names)
    scheme = names["scheme"]
    by = verifier(schemes_of(scheme.files(), {scheme.name: scheme.public_pem}))
    (slot,) = by.verify(json.dumps(names["signature"])).values()
    assert slot.value == "ada@example.com"
