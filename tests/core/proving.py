"""Short functions that make sessions, disclosed attributes and results for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from irma_core.models.disclosed import AttributeBasedSignature, DisclosedAttribute
from irma_core.models.pointers import SessionPointer
from irma_core.models.results import SessionResult
from irma_core.models.session_requests import ExtendedRequest, SessionRequest, as_extended
from irma_core.models.sessions import FrontendRequest, SessionPackage, StartedSession
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.models.tokens import FrontendAuthorization, RequestorToken

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
ISSUED = NOW - timedelta(days=4)
SECRET_TOKEN = "Rq7ZpL0vXk2NwT9sHb4D"
CLIENT_TOKEN = "Cq7ZpL0vXk2NwT9sHb4D"
FRONTEND_SECRET = "Fq7ZpL0vXk2NwT9sHb4D"
TOKEN = RequestorToken(SECRET_TOKEN)
OTHER_TOKEN = RequestorToken("Oq7ZpL0vXk2NwT9sHb4D")

PRESENT = AttributeProofStatus.PRESENT
EXTRA = AttributeProofStatus.EXTRA
NULL = AttributeProofStatus.NULL

OVER18 = "example.town.age.over18"
OVER65 = "example.town.age.over65"
AGE = "example.town.age"
FIRST = "example.town.resident.firstname"
FAMILY = "example.town.resident.familyname"
EMAIL = "example.town.resident.email"
PHONE = "example.town.resident.phone"
RESIDENT = "example.town.resident"


def started(
    request: SessionRequest | ExtendedRequest, token: RequestorToken = TOKEN
) -> StartedSession:
    """Return a session with that request."""
    extended = as_extended(request)
    pointer = SessionPointer(
        f"https://irma.example/irma/session/{CLIENT_TOKEN}", extended.request.session_type
    )
    frontend = FrontendRequest(FrontendAuthorization(FRONTEND_SECRET))
    package = SessionPackage(pointer, token, frontend_request=frontend)
    return StartedSession(extended, package, started_at=NOW)


def disclosed(identifier: str, value: str | None = "yes", **more: Any) -> DisclosedAttribute:
    """Return a disclosed attribute: `PRESENT`, or `NULL` if the value is None."""
    facts: dict[str, Any] = {
        "status": NULL if value is None else PRESENT,
        "issued_at": ISSUED,
        "translations": None if value is None else {"": value, "en": value, "nl": value},
        **more,
    }
    return DisclosedAttribute(identifier, value, **facts)


def done_result(
    *lists: tuple[DisclosedAttribute, ...] | None,
    type: SessionType = SessionType.DISCLOSING,  # noqa: A002  # the wire's word
    **more: Any,
) -> SessionResult:
    """Return a result that is done and valid, with these lists."""
    facts: dict[str, Any] = {
        "status": SessionStatus.DONE,
        "proof_status": ProofStatus.VALID,
        **more,
    }
    status = facts.pop("status")
    token = facts.pop("token", TOKEN)
    return SessionResult(token, status, type=type, unchecked_disclosed=lists, **facts)


def signature(message: str) -> AttributeBasedSignature:
    """Return something that looks like a signature over that message."""
    return AttributeBasedSignature('{"message":"…"}', message)
