"""Simulated proofs, as an app makes them and the server reads them.

A proof is a list of attributes and a checksum that anybody can make: it proves nothing. Belongs
here: the form of proofs. Does not belong here: what an app sends (`choices`, `sending`), and how it
is judged (`verifier`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, final

import attrs

from irma_testing.memory.refusals import MALFORMED_INPUT, Refusal, ServerCrash
from irma_testing.memory.replies import compact_json

__all__ = ["Disclosure", "Proof", "checksum_of", "commitment", "number_of", "read_disclosure"]

_CONTEXT = "AQ=="
# In a real proof the secret key comes first, then what describes the credential.
_METADATA, _FIRST_ATTRIBUTE = 1, 2
# The fields of a real proof: official clients read them in the signature of a result.
_REAL_FORM: Mapping[str, Any] = {
    "A": "AQ==",
    "e_response": "AQ==",
    "v_response": "AQ==",
    "a_responses": {},
    "a_disclosed": {},
}


def checksum_of(*parts: object) -> str:
    """Give the checksum that stands for a cryptographic proof."""
    digest = hashlib.sha256(compact_json(parts).encode()).digest()
    return base64.b64encode(digest).decode()


def commitment(nonce: str, number: int) -> dict[str, Any]:
    """Give what an app sends for each credential that it is to be issued."""
    return {"c": checksum_of(nonce, number), "simulated": True}


@final
@attrs.frozen
class Proof:
    """One credential, and what of it is disclosed; times in Unix seconds.

    `serial` names the credential where non-revocation is to be proved, else it is empty.
    """

    credential: str
    issued: int
    expires: int
    disclosed: Mapping[str, str | None]
    serial: str = ""

    def as_json(self, nonce: str) -> dict[str, Any]:
        """Give the proof, made for one session."""
        body: dict[str, Any] = {
            "simulated": True,
            "credential": self.credential,
            "issued": self.issued,
            "expires": self.expires,
            "values": dict(self.disclosed),
            "serial": self.serial,
        }
        return {"c": checksum_of(nonce, _CONTEXT, body), **_REAL_FORM, **body}


@final
@attrs.frozen
class Disclosure:
    """Proofs, and for each disjunction where in them its attributes are: proof and name."""

    proofs: tuple[Proof, ...]
    indices: tuple[tuple[tuple[int, str], ...], ...]
    is_sound: bool = True


def read_disclosure(proofs: Sequence[Any], indices: Sequence[Any], nonce: str) -> Disclosure:
    """Read what an app sent.

    Raises:
        Refusal: It is not of the form that a simulated app sends.
        ServerCrash: The official server falls over it.
    """
    if any(None in (outer or ()) for outer in indices):
        raise ServerCrash("a place that is null")
    try:
        read = tuple(
            Proof(
                proof["credential"],
                index(proof["issued"]),
                index(proof["expires"]),
                dict(proof["values"]),
                proof["serial"],
            )
            for proof in proofs
        )
        places = tuple(tuple(_place(at, read) for at in outer or ()) for outer in indices)
    except (TypeError, KeyError, IndexError, ValueError):
        raise Refusal(MALFORMED_INPUT, "this is no simulated proof") from None
    sound = all(made.as_json(nonce) == sent for made, sent in zip(read, proofs, strict=True))
    return Disclosure(read, places, sound)


def number_of(name: str, proof: Proof) -> int:
    """Return the number of a disclosed attribute; the empty name is the credential alone."""
    return _FIRST_ATTRIBUTE + list(proof.disclosed).index(name) if name else _METADATA


def _place(at: Mapping[str, Any], proofs: Sequence[Proof]) -> tuple[int, str]:
    credential, attribute = at["cred"], at["attr"]
    if min(credential, attribute - _METADATA) < 0:
        raise IndexError
    names = ("", *proofs[credential].disclosed)
    return credential, names[attribute - _METADATA]
