"""What an app sends to the server: what was chosen, as simulated proofs; and the ways to cheat.

Does not belong here: what is chosen (`choices`), how it is judged (`proofs`, `signatures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from irma_core.models.statuses import ProofStatus
from irma_testing.memory.proofs import Proof, commitment, make_signature, number_of, signature_nonce
from irma_testing.memory.session_request import StartRequest
from irma_testing.memory.wallet import HeldCredential, Lists, Pick

__all__ = ["Sending", "expired", "with_values"]

_UNRECORDED = "unrecorded"
_SPOILT = "c3BvaWx0"  # in base64, as what it stands for


@attrs.frozen
class Sending:
    """One message to the server.

    Args:
        request: What is asked.
        nonce: The session's.
        lists: What is disclosed for each disjunction.
        extra: What is disclosed beside them.
        flaw: The proof status that it is to get, if not what it deserves.
    """

    request: StartRequest
    nonce: str
    lists: Lists
    extra: tuple[Pick, ...] = ()
    flaw: ProofStatus | None = None

    @property
    def path(self) -> str:
        """Where it goes, below the session pointer's URL."""
        return "/commitments" if self.request.kind == "issuing" else "/proofs"

    def body(self, now: datetime) -> dict[str, Any]:
        """Give the message."""
        unmatched = self.flaw is ProofStatus.UNMATCHED_REQUEST
        nonce = _SPOILT if unmatched else self.nonce
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
        made = make_signature(message, nonce, proofs, self._indices(), int(now.timestamp()))
        if self.flaw is ProofStatus.INVALID_TIMESTAMP:
            made["timestamp"]["Sig"]["Data"] = _SPOILT
        return made

    @property
    def _credentials(self) -> list[HeldCredential]:
        found: list[HeldCredential] = []
        for pick in (*(pick for picks in self.lists for pick in picks), *self.extra):
            if pick.credential not in found:
                found.append(pick.credential)
        return found

    def _proofs(self, nonce: str) -> list[dict[str, Any]]:
        return [self._proof(credential).as_json(nonce) for credential in self._credentials]

    def _proof(self, credential: HeldCredential) -> Proof:
        shown = {
            pick.name: credential.attributes[pick.name]
            for picks in (*self.lists, self.extra)
            for pick in picks
            if pick.name and pick.credential == credential
        }
        proves = credential.credential_type in self.request.revocation
        return Proof(
            credential.credential_type,
            int(credential.issued_at.timestamp()),
            int(credential.expires_at.timestamp()),
            {} if self.flaw is ProofStatus.MISSING_ATTRIBUTES else shown,
            (credential.serial or _UNRECORDED) if proves else "",
        )

    def _indices(self) -> list[list[dict[str, Any]]]:
        if self.flaw is ProofStatus.MISSING_ATTRIBUTES:
            # Where all is optional, showing nothing is fine: then not even that.
            can_miss = any(() not in disjunction for disjunction in self.request.disclose)
            return [[] for _ in self.lists] if can_miss else []
        known = self._credentials
        return [
            [
                {
                    "cred": known.index(pick.credential),
                    "attr": number_of(pick.name, self._proof(pick.credential)),
                }
                for pick in picks
            ]
            for picks in self.lists
        ]


def expired(lists: Lists, now: datetime) -> Lists:
    """Give the same from credentials that expired a week ago or more."""
    return _with_credentials(
        lists,
        lambda credential: attrs.evolve(credential, expires_at=now - timedelta(weeks=1)),
    )


def with_values(lists: Lists, values: Mapping[str, str | None]) -> Lists:
    """Give the same with other values, by identifier."""

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
        proof["c"] = _SPOILT
