"""Simulated proofs, as an app makes them and the server reads them.

A proof is a list of attributes and a checksum that anybody can make: it proves nothing. Belongs
here: the form of proofs. Does not belong here: what an app sends (`choices`, `sending`), and how it
is judged (`verifier`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from operator import index
from typing import Any, final

import attrs

from irma_core.models.statuses import AttributeProofStatus, ProofStatus
from irma_testing.memory.replies import MALFORMED_INPUT, Refusal, ServerCrash, compact_json
from irma_testing.memory.scheme import Scheme
from irma_testing.memory.session_request import Con, ConDisCon, DisCon, StartRequest

__all__ = [
    "Disclosure",
    "Proof",
    "Verifier",
    "checksum_of",
    "commitment",
    "make_signature",
    "number_of",
    "read_disclosure",
    "signature_nonce",
    "verify_signature",
]


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


_LD_CONTEXT = "https://irma.app/ld/signature/v2"


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
        "@context": _LD_CONTEXT,
        "signature": list(proofs),
        "indices": list(indices),
        "nonce": nonce,
        "context": _CONTEXT,
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
    if (sent["nonce"], sent["context"]) != (nonce, _CONTEXT):
        return None, ProofStatus.UNMATCHED_REQUEST
    stamp: Mapping[str, Any] | None = sent["timestamp"]
    at: int = stamp["Time"] if stamp else 0
    if stamp is None or stamp["Sig"]["Data"] != checksum_of(request.message, at):
        return None, ProofStatus.INVALID_TIMESTAMP
    bound_to = signature_nonce(nonce, request.message)
    given = read_disclosure(proofs, sent["indices"] or (), bound_to)
    return verifier.verify(request, asked, given, at)


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
