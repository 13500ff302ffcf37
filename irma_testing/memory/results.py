"""The result of a session in JSON, and the claims of its JWT in both layouts.

Every JWT has the claim `"simulated": true`: the signature is real, but nothing proves the claims.
Source: irmago `server.SessionResult`, `server.ResultJwt` and `handleJwtProofs`.
"""

from __future__ import annotations

from datetime import datetime

from irma_testing.memory.go_types import wrap
from irma_testing.memory.sessions import Session

__all__ = ["getproof_claims", "result_claims", "result_json"]

_GETPROOF_SUBJECTS = {
    "disclosing": "disclosure_result",
    "signing": "abs_result",
    "issuing": "issue_result",
}


def result_json(session: Session) -> dict[str, object]:
    """Return the session result; empty fields are omitted, as in Go."""
    fields: dict[str, object] = {
        "token": session.token,
        "status": session.status.value,
        "type": session.request.kind,
        "proofStatus": session.proof_status.value if session.proof_status else None,
        "disclosed": session.disclosed or None,
        "signature": session.signature,
        "error": session.error,
        "nextSession": session.next_token or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def result_claims(session: Session, issuer: str, now: datetime) -> dict[str, object]:
    """Return the claims of the result JWT."""
    claims = _times(session, now)
    if issuer:
        claims["iss"] = issuer
    claims["sub"] = f"{session.request.kind}_result"
    return {**claims, **result_json(session), "simulated": True}


def getproof_claims(session: Session, issuer: str, now: datetime) -> dict[str, object]:
    """Return the claims of a JWT from the endpoint `getproof`, which has a layout of its own."""
    attributes = {
        attribute["id"]: attribute["rawvalue"] or ""
        for attributes in session.disclosed or ()
        for attribute in attributes or ()
    }
    claims: dict[str, object] = {
        "attributes": attributes,
        **_times(session, now),
        "status": session.proof_status.value if session.proof_status else "",
        "sub": _GETPROOF_SUBJECTS[session.request.kind],
        "simulated": True,
    }
    if issuer:
        claims["iss"] = issuer
    if session.signature is not None:
        claims["signature"] = session.signature
    return dict(sorted(claims.items()))


def _times(session: Session, now: datetime) -> dict[str, object]:
    issued = int(now.timestamp())
    # As in the official server, a distant expiry overflows into the past.
    return {"exp": wrap(issued + session.request.validity), "iat": issued}
