"""The output of commands with `--json`, which `docs/schemas/command-line.json` describes.

Scripts rely on these fields. A test compares them with the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from irma_core import (
    Answer,
    AnsweredSlot,
    DisclosedAttribute,
    IssuanceRequest,
    SessionResult,
    SessionStatus,
    StartedSession,
)
from irma_core.json_text import JsonValue, read_json
from irma_core.models.condiscon import Slot
from irma_core.models.tokens import RequestorToken
from irma_core.models.verified_signatures import VerifiedSignature

__all__ = [
    "answer_value",
    "iso_time",
    "issued_in",
    "status_value",
    "unchecked_value",
    "verified_signature_value",
]


def answer_value(answer: Answer, session: StartedSession) -> dict[str, JsonValue]:
    """Return a session's answer as JSON: `{"session", "type", "evidence", "answer", …}`."""
    value: dict[str, JsonValue] = {
        "session": answer.token.fingerprint,
        "type": answer.type.value,
        "evidence": answer.evidence.value,
        "answer": _slots(answer),
    }
    if answer.signature is not None:
        value["signature"] = read_json(answer.signature.json_text)
    if issued := issued_in(session):
        value["issuedCredentials"] = list(issued)
    return value


def verified_signature_value(verified: VerifiedSignature) -> dict[str, JsonValue]:
    """Return, as JSON, what a signature proves: `{"message", "signedAt", "isTimeStamped", …}`."""
    return {
        "message": verified.message,
        "signedAt": iso_time(verified.signed_at),
        "isTimeStamped": verified.is_time_stamped,
        "schemes": [*sorted(verified.schemes)],
        "answer": _slots(verified),
        "extra": _attributes(verified.extra),
    }


def unchecked_value(result: SessionResult) -> dict[str, JsonValue]:
    """Return a result that has not been compared with a request, as JSON."""
    return {
        "session": result.token.fingerprint,
        "type": result.type.value,
        "evidence": result.evidence.value,
        "status": result.status.value,
        "proofStatus": result.proof_status.value if result.proof_status else None,
        "disclosed": [
            None if each is None else _attributes(each) for each in result.unchecked_disclosed
        ],
    }


def status_value(token: RequestorToken, status: SessionStatus) -> dict[str, JsonValue]:
    """Return the status of a session as JSON."""
    return {
        "session": token.fingerprint,
        "status": status.value,
        "isFinal": status.is_final,
        "at": iso_time(datetime.now(UTC)),
    }


def issued_in(session: StartedSession) -> Sequence[str]:
    """Return the credential types that a session issues."""
    request = session.request.request
    if not isinstance(request, IssuanceRequest):
        return ()
    return [credential.credential for credential in request.credentials]


def iso_time(time: datetime) -> str:
    """Return a time in the form for scripts: ISO 8601, in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _slots(answer: Mapping[Slot, AnsweredSlot]) -> dict[str, JsonValue]:
    return {
        str(slot): {"option": answered.option, "attributes": _attributes(answered)}
        for slot, answered in answer.items()
    }


def _attributes(attributes: Iterable[DisclosedAttribute]) -> list[JsonValue]:
    return [
        {
            "id": each.attribute,
            "value": each.raw_value,
            "issuedAt": iso_time(each.issued_at),
        }
        for each in attributes
    ]
