"""Both verifiers agree on honest proofs with random changes.

`make explore` tries as many proofs as its `EXAMPLES` says; other runs always try the same 1200.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any, TypeAlias

import pytest
from attrs import evolve

from irma_core.errors import ProofError
from tests.proofs.differential.random_changes import random_case
from tests.proofs.honest import Proof, honest
from tests.proofs.irmago import Irmago
from tests.proofs.verifying import verified

FIXED = 1200
REFUSED = {"INVALID", "ERROR", "PANIC", "UNREADABLE", "INVALID_TIMESTAMP", "UNMATCHED_REQUEST"}
"""irmago's statuses for a proof that is invalid, or is not for this session."""

ALSO_AGREE = {
    ("NOT DISCLOSED", "REFUSED"),
    ("NOT DISCLOSED", "MISSING_ATTRIBUTES"),
    ("TOO OLD", "EXPIRED"),
}
"""Pairs of our status and irmago's that count as agreement.

The statuses are two names for one fault, or the proof has two faults and each verifier reports one.
"""


@pytest.mark.hypothesis  # not a property, but marked as one so that `make explore` runs it
def test_both_verifiers_agree(irmago: Irmago) -> None:
    """Both verifiers accept the same proofs, and agree on the attributes and the reasons."""
    explored = os.environ.get("IRMA_EXPLORE")
    seed = int.from_bytes(os.urandom(8)) if explored else 18
    random = Random(seed)
    cases = [random_case(random) for _ in range(int(explored or FIXED))]
    theirs = irmago.ask(proof.question() for _, proof in cases)
    different: list[Any] = []
    seen = Counter[str]()
    for (what, proof), answer in zip(cases, theirs, strict=True):
        ours, their = our_verdict(proof), their_verdict(proof, answer)
        seen[ours[0]] += 1
        if ours != their and (ours[0], their[0]) not in ALSO_AGREE:
            different.append((what, ours, their))
    assert different == [], f"seed {seed}"
    assert set(seen) >= {"VALID", "MISSING_ATTRIBUTES", "EXPIRED", "TOO OLD", "REFUSED"}


def test_only_our_verifier_reads_indices_of_no_slot(irmago: Irmago) -> None:
    """An index after those of the slots may point anywhere for irmago, but not for our verifier."""
    proof = honest("as requested")
    slots = proof.json["indices"]
    changed = evolve(proof, json={**proof.json, "indices": [*slots, [{"cred": 4, "attr": 2}]]})
    with pytest.raises(ProofError) as caught:
        verified(changed)
    assert caught.value.check == "indices_disclosed"
    (answer,) = irmago.ask([changed.question()])
    assert their_verdict(changed, answer) == our_verdict(proof) == our_verdict(changed)


Attribute: TypeAlias = tuple[str, str | None]
Verdict: TypeAlias = tuple[str, list[list[Attribute]]]


def our_verdict(proof: Proof) -> Verdict:
    """Return our status, the attributes of each slot, and those that answer no slot."""
    try:
        found = verified(proof)
    except ProofError as error:
        if error.check == "accumulator_age":  # irmago reports this in `notrevokedbefore`
            return "TOO OLD", []
        if error.check == "indices_disclosed":
            read = _with_indices_of_slots(proof)
            return ("NOT DISCLOSED", []) if read == proof else our_verdict(read)
        return "REFUSED" if error.status in REFUSED else error.status, []
    if proof.request is None:
        everything = [each for slot in [*found.slots, found.extra] for each in slot]
        return "VALID", [_without_possession(everything)]
    return "VALID", [*found.slots, sorted(found.extra, key=str)]


def _with_indices_of_slots(proof: Proof) -> Proof:
    """Return a proof with the indices that irmago reads: those of the request's slots.

    Our verifier checks that the other ones point to a disclosed attribute, too.
    """
    if proof.request is None:
        return proof
    indices = proof.json["indices"][: len(proof.request["disclose"])]
    return evolve(proof, json={**proof.json, "indices": indices})


def their_verdict(proof: Proof, answer: dict[str, Any]) -> Verdict:
    """Return the status and the attributes of irmago's answer."""
    status = answer["status"]
    if status != "VALID":
        return "REFUSED" if status in REFUSED else status, []
    lists = answer["disclosed"] or []
    demanded = set((proof.request or {}).get("revocation", ()))
    for each in (each for slot in lists for each in slot):
        if each["id"].rpartition(".")[0] in demanded and "notrevokedbefore" in each:
            return "TOO OLD", []
    named = [[(each["id"], each["rawvalue"]) for each in slot or ()] for slot in lists]
    if proof.request is None:
        return "VALID", [_without_possession(each for slot in named for each in slot)]
    count = len(proof.request["disclose"])
    return "VALID", [
        *named[:count],
        sorted((each for slot in named[count:] for each in slot), key=str),
    ]


def _without_possession(attributes: Iterable[Attribute]) -> list[Attribute]:
    """Return attributes, in a fixed order, without those that represent a whole credential.

    irmago names these only if they were asked for.
    """
    return sorted({each for each in attributes if each[0].count(".") > 2}, key=str)
