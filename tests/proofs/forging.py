"""Parts from which the tests build dishonest proofs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from irma_testing.proofs import Chance, OpenProofs, Shown
from irma_testing.proofs.encoding import json_number
from tests.proofs.honest import NONCE, Proof, request_for

__all__ = ["NAME", "as_disclosure", "closed", "number_at", "shift"]

NAME = "made.small.person.name"


def closed(*shown: Shown, chance: Chance | None = None) -> list[dict[str, Any]]:
    """Return honest proofs of a disclosure, for a test to change."""
    return OpenProofs(shown, chance or Chance("forged")).close(NONCE)


def as_disclosure(
    proofs: Sequence[dict[str, Any]], *disclose: str, attribute: int = 2, **more: object
) -> Proof:
    """Return a disclosure of proofs.

    Args:
        proofs: The proofs.
        disclose: The requested attribute for each proof; by default a name for the first one.
        attribute: The index of the attribute that answers each.
        more: Other members of the request.
    """
    asked = disclose or (NAME,)
    indices = [[{"cred": i, "attr": attribute}] for i in range(len(asked))]
    request = request_for("disclosure", [[[each]] for each in asked], **more)
    return Proof("disclosure", {"proofs": list(proofs), "indices": indices}, request)


def number_at(values: dict[str, Any], name: str) -> int:
    """Return a number in the JSON of a proof."""
    return int.from_bytes(base64.b64decode(values[name]))


def shift(values: dict[str, Any], name: str, difference: int) -> None:
    """Add a difference to a number in the JSON of a proof."""
    values[name] = json_number(number_at(values, name) + difference)
