"""Simulated proofs and signatures, as an app makes them and the server verifies them.

A proof is a list of attributes with a checksum. Anyone can compute the checksum, so a simulated
proof proves nothing. Source: irmago `irma/verify.go`.
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
]


_CONTEXT = "AQ=="
_LD_CONTEXT = "https://irma.app/ld/signature/v2"
# In a real proof the secret key comes first, then the metadata of the credential.
_METADATA, _FIRST_ATTRIBUTE = 1, 2
# The fields of a real proof. Official clients expect them in the signature of a result.
_REAL_FORM: Mapping[str, Any] = {
    "A": "AQ==",
    "e_response": "AQ==",
    "v_response": "AQ==",
    "a_responses": {},
    "a_disclosed": {},
}


def checksum_of(*parts: object) -> str:
    """Return the checksum that takes the place of a cryptographic proof."""
    digest = hashlib.sha256(compact_json(parts).encode()).digest()
    return base64.b64encode(digest).decode()


def commitment(nonce: str, number: int) -> dict[str, Any]:
    """Return the commitment that an app sends for each credential that it will receive."""
    return {"c": checksum_of(nonce, number), "simulated": True}


@final
@attrs.frozen
class Proof:
    """The disclosed attributes of one credential; times are in Unix seconds.

    `serial` identifies the credential if non-revocation must be proved, else it is empty.
    """

    credential: str
    issued: int
    expires: int
    disclosed: Mapping[str, str | None]
    serial: str = ""

    def as_json(self, nonce: str) -> dict[str, Any]:
        """Return the proof in JSON, for the session with this nonce."""
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
    """Proofs, and for each disjunction its attributes: pairs of a proof's index and a name."""

    proofs: tuple[Proof, ...]
    indices: tuple[tuple[tuple[int, str], ...], ...]
    is_sound: bool = True


def read_disclosure(proofs: Sequence[Any], indices: Sequence[Any], nonce: str) -> Disclosure:
    """Return the disclosure in an app's message.

    Raises:
        Refusal: The message does not have the form that a simulated app sends.
        ServerCrash: The official server would crash on this request.
    """
    if any(None in (outer or ()) for outer in indices):
        raise ServerCrash("an index is null")
    try:
        parsed = tuple(
            Proof(
                proof["credential"],
                index(proof["issued"]),
                index(proof["expires"]),
                dict(proof["values"]),
                proof["serial"],
            )
            for proof in proofs
        )
        located = tuple(tuple(_locate(at, parsed) for at in outer or ()) for outer in indices)
    except (TypeError, KeyError, IndexError, ValueError):
        raise Refusal(MALFORMED_INPUT, "expected a simulated proof") from None
    is_sound = all(
        proof.as_json(nonce) == received for proof, received in zip(parsed, proofs, strict=True)
    )
    return Disclosure(parsed, located, is_sound)


def number_of(name: str, proof: Proof) -> int:
    """Return the index of a disclosed attribute, or of the metadata if `name` is empty."""
    return _FIRST_ATTRIBUTE + list(proof.disclosed).index(name) if name else _METADATA


def _locate(index_json: Mapping[str, Any], proofs: Sequence[Proof]) -> tuple[int, str]:
    credential, attribute = index_json["cred"], index_json["attr"]
    if min(credential, attribute - _METADATA) < 0:
        raise IndexError
    names = ("", *proofs[credential].disclosed)
    return credential, names[attribute - _METADATA]


def signature_nonce(nonce: str, message: str) -> str:
    """Return the nonce that binds a signature's proofs to the session and the message."""
    return checksum_of(nonce, message)


def make_signature(
    message: str,
    nonce: str,
    proofs: Sequence[Mapping[str, Any]],
    indices: Sequence[Sequence[Mapping[str, Any]]],
    now: int,
) -> dict[str, Any]:
    """Return the signature over a message by these proofs; `now` is in Unix seconds."""
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


@final
@attrs.frozen
class Verifier:
    """Verifies disclosures by the official server's rules.

    `is_revoked` returns whether the credential with a given serial has been revoked.
    """

    scheme: Scheme
    is_revoked: Callable[[str], bool]

    def verify(
        self, request: StartRequest, condiscon: ConDisCon, disclosure: Disclosure, time: float
    ) -> tuple[list[Any] | None, ProofStatus]:
        """Return the disclosed attributes for each disjunction, and the proof status.

        Args:
            request: The session request.
            condiscon: The request's condiscon, plus the attributes from earlier sessions of the
                chain that must be disclosed again.
            disclosure: The disclosure that the app sent.
            time: When the credentials must be valid, in Unix seconds.
        """
        if not disclosure.is_sound or not self._is_consistent(request, disclosure.proofs):
            return None, ProofStatus.INVALID
        lists: list[Any] = []
        is_complete = len(disclosure.indices) >= len(condiscon)
        if is_complete:
            lists = [
                _disclosed_for(disjunction, disclosure, indices)
                for disjunction, indices in zip(condiscon, disclosure.indices, strict=False)
            ]
            is_complete = None not in lists
        if extra := _extra(disclosure, len(condiscon)):
            lists.append(extra)
        if not is_complete:
            return lists, ProofStatus.MISSING_ATTRIBUTES
        is_expired = any(
            proof.expires < time and proof.credential not in request.skip_expiry_check
            for proof in disclosure.proofs
        )
        return lists, ProofStatus.EXPIRED if is_expired else ProofStatus.VALID

    def verify_signature(
        self,
        request: StartRequest,
        condiscon: ConDisCon,
        message: Mapping[str, Any],
        nonce: str,
    ) -> tuple[list[Any] | None, ProofStatus]:
        """Verify a signature in the official server's order: request, timestamp, proofs.

        Args:
            request: See `verify`.
            condiscon: See `verify`.
            message: The signature that the app sent.
            nonce: The nonce of the session.

        Raises:
            Refusal: The message does not have the form that a simulated app sends.
            ServerCrash: The official server would crash on this request.
        """
        proofs = message["signature"]
        if not proofs:
            return None, ProofStatus.INVALID
        if (message["nonce"], message["context"]) != (nonce, _CONTEXT):
            return None, ProofStatus.UNMATCHED_REQUEST
        timestamp: Mapping[str, Any] | None = message["timestamp"]
        time: int = timestamp["Time"] if timestamp else 0
        if timestamp is None or timestamp["Sig"]["Data"] != checksum_of(request.message, time):
            return None, ProofStatus.INVALID_TIMESTAMP
        signed_nonce = signature_nonce(nonce, request.message)
        disclosure = read_disclosure(proofs, message["indices"] or (), signed_nonce)
        return self.verify(request, condiscon, disclosure, time)

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


def _disclosed_for(
    disjunction: DisCon, disclosure: Disclosure, indices: Sequence[tuple[int, str]]
) -> list[dict[str, Any]] | None:
    for conjunction in disjunction:
        if _matches(conjunction, disclosure, indices):
            return [_attribute_json(disclosure.proofs[number], name) for number, name in indices][
                : len(conjunction)
            ]
    return None


def _matches(conjunction: Con, disclosure: Disclosure, indices: Sequence[tuple[int, str]]) -> bool:
    if not conjunction:
        return not indices
    if len(indices) < len(conjunction):
        return False
    for attribute, (number, name) in zip(conjunction, indices, strict=False):
        proof = disclosure.proofs[number]
        if (proof.credential, name) != (attribute.credential_type, attribute.name):
            return False
        if not attribute.accepts(_value(proof, name)):
            return False
    return True


def _value(proof: Proof, name: str) -> str | None:
    return proof.disclosed[name] if name else "present"


def _attribute_json(
    proof: Proof, name: str, status: AttributeProofStatus | None = None
) -> dict[str, Any]:
    value = _value(proof, name)
    default = AttributeProofStatus.NULL if value is None else AttributeProofStatus.PRESENT
    attribute: dict[str, Any] = {
        "rawvalue": value,
        "value": None if value is None else {"": value, "en": value, "nl": value},
        "id": f"{proof.credential}.{name}" if name else proof.credential,
        "status": (status or default).value,
        "issuancetime": proof.issued,
    }
    return {**attribute, "notrevoked": True} if proof.serial else attribute


def _extra(disclosure: Disclosure, count: int) -> list[dict[str, Any]]:
    """Return the disclosed attributes that belong to none of the first `count` disjunctions."""
    requested = {index for indices in disclosure.indices[:count] for index in indices}
    return [
        _attribute_json(proof, name, AttributeProofStatus.EXTRA)
        for number, proof in enumerate(disclosure.proofs)
        for name in proof.disclosed
        if (number, name) not in requested
    ]
