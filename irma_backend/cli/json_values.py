"""What commands print with `--json`: `docs/schemas/command-line.json` describes it.

Scripts rely on these fields. A test compares them with the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from irma_core import (
    Answer,
    DisclosedAttribute,
    IssuanceRequest,
    SessionResult,
    SessionStatus,
    StartedSession,
)
from irma_core.json_text import JsonValue, read_json
from irma_core.models.tokens import RequestorToken

__all__ = ["answer_value", "iso_time", "issued_in", "status_value", "unchecked_value"]


def answer_value(answer: Answer, session: StartedSession) -> dict[str, JsonValue]:
    """Return the answer of a session: `{"session", "type", "evidence", "answer", …}`."""
    slots: dict[str, JsonValue] = {
        str(slot): {"option": answered.option, "attributes": _attributes(answered)}
        for slot, answered in answer.items()
    }
    value: dict[str, JsonValue] = {
        "session": answer.token.fingerprint,
        "type": answer.type.value,
        "evidence": answer.evidence.value,
        "answer": slots,
    }
    if answer.signature is not None:
        value["signature"] = read_json(answer.signature.json_text)
    if issued := issued_in(session):
        value["issuedCredentials"] = list(issued)
    return value


def unchecked_value(result: SessionResult) -> dict[str, JsonValue]:
    """Return a result that was not compared with a request."""
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
    """Return the status of a session."""
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
    """Return a time as scripts read it: ISO 8601, in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _attributes(attributes: Iterable[DisclosedAttribute]) -> list[JsonValue]:
    return [
        {
            "id": each.attribute,
            "value": each.raw_value,
            "issuedAt": iso_time(each.issued_at),
        }
        for each in attributes
    ]
