"""The message with which an app, honest or not, discloses attributes in simulated proofs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from irma_core.models.statuses import ProofStatus
from irma_testing.memory.proofs import Proof, commitment, make_signature, number_of, signature_nonce
from irma_testing.memory.session_request import StartRequest
from irma_testing.memory.wallet import HeldCredential, Lists, Pick

__all__ = ["AppMessage", "with_expired_credentials", "with_values"]

_UNKNOWN_SERIAL = "unrecorded"
_WRONG_CHECKSUM = "c3BvaWx0"  # valid base64


@attrs.frozen
class AppMessage:
    """The message with which an app answers a session request.

    Args:
        request: The session request.
        nonce: The nonce of the session.
        lists: The attributes to disclose for each disjunction.
        extra: Attributes that were not requested.
        flaw: The proof status that the message must cause; None for an honest message.
    """

    request: StartRequest
    nonce: str
    lists: Lists
    extra: tuple[Pick, ...] = ()
    flaw: ProofStatus | None = None

    @property
    def path(self) -> str:
        """The path below the session pointer's URL."""
        return "/commitments" if self.request.kind == "issuing" else "/proofs"

    def body(self, now: datetime) -> dict[str, Any]:
        """Return the message in JSON."""
        unmatched = self.flaw is ProofStatus.UNMATCHED_REQUEST
        nonce = _WRONG_CHECKSUM if unmatched else self.nonce
        if self.request.kind == "signing":
            return self._signature(nonce, now)
        proofs = self._proofs(nonce)
        if self.request.kind == "issuing":
            proofs += [commitment(nonce, number) for number in range(len(self.request.credentials))]
        if self.flaw is ProofStatus.INVALID:
            _spoil(proofs)
        name = "combinedProofs" if self.request.kind == "issuing" else "proofs"
        return {"simulated": True, name: proofs, "indices": self._indices()}

    def _signature(self, nonce: str, now: datetime) -> dict[str, Any]:
        message = self.request.message
        proofs = self._proofs(signature_nonce(nonce, message))
        if self.flaw is ProofStatus.INVALID:
            _spoil(proofs)
        signature = make_signature(message, nonce, proofs, self._indices(), int(now.timestamp()))
        if self.flaw is ProofStatus.INVALID_TIMESTAMP:
            signature["timestamp"]["Sig"]["Data"] = _WRONG_CHECKSUM
        return signature

    @property
    def _credentials(self) -> list[HeldCredential]:
        credentials: list[HeldCredential] = []
        for pick in (*(pick for picks in self.lists for pick in picks), *self.extra):
            if pick.credential not in credentials:
                credentials.append(pick.credential)
        return credentials

    def _proofs(self, nonce: str) -> list[dict[str, Any]]:
        return [self._proof(credential).as_json(nonce) for credential in self._credentials]

    def _proof(self, credential: HeldCredential) -> Proof:
        disclosed = {
            pick.name: credential.attributes[pick.name]
            for picks in (*self.lists, self.extra)
            for pick in picks
            if pick.name and pick.credential == credential
        }
        proves_non_revocation = credential.credential_type in self.request.revocation
        return Proof(
            credential.credential_type,
            int(credential.issued_at.timestamp()),
            int(credential.expires_at.timestamp()),
            {} if self.flaw is ProofStatus.MISSING_ATTRIBUTES else disclosed,
            (credential.serial or _UNKNOWN_SERIAL) if proves_non_revocation else "",
        )

    def _indices(self) -> list[list[dict[str, Any]]]:
        if self.flaw is ProofStatus.MISSING_ATTRIBUTES:
            # If every disjunction is optional, empty lists satisfy the request, so send no list.
            can_miss = any(() not in disjunction for disjunction in self.request.disclose)
            return [[] for _ in self.lists] if can_miss else []
        credentials = self._credentials
        return [
            [
                {
                    "cred": credentials.index(pick.credential),
                    "attr": number_of(pick.name, self._proof(pick.credential)),
                }
                for pick in picks
            ]
            for picks in self.lists
        ]


def with_expired_credentials(lists: Lists, now: datetime) -> Lists:
    """Return the same attributes, as if their credentials had expired a week ago."""
    return _with_credentials(
        lists,
        lambda credential: attrs.evolve(credential, expires_at=now - timedelta(weeks=1)),
    )


def with_values(lists: Lists, values: Mapping[str, str | None]) -> Lists:
    """Return the attributes, replacing the value of each one whose identifier is in `values`."""

    def change(credential: HeldCredential) -> HeldCredential:
        prefix = f"{credential.credential_type}."
        changed = {
            identifier.removeprefix(prefix): value
            for identifier, value in values.items()
            if identifier.startswith(prefix)
        }
        return attrs.evolve(credential, attributes={**credential.attributes, **changed})

    return _with_credentials(lists, change)


def _with_credentials(lists: Lists, change: Callable[[HeldCredential], HeldCredential]) -> Lists:
    return tuple(
        tuple(attrs.evolve(pick, credential=change(pick.credential)) for pick in picks)
        for picks in lists
    )


def _spoil(proofs: list[dict[str, Any]]) -> None:
    for proof in proofs:
        proof["c"] = _WRONG_CHECKSUM
