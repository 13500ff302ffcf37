"""Who asks: the four ways in which a requestor is known, and what it then asks.

Does not belong here: what it may ask (`request_checks`). Source: irmago `requestorserver/auth.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import final

import attrs

from irma_core.protocol.messages import HttpRequest
from irma_testing.memory.compact_jwt import RequestJwt, parse_jwt, verifies_hs256, verifies_rs256
from irma_testing.memory.json_reading import Fields, of_type, read_fields
from irma_testing.memory.refusals import INVALID_REQUEST, UNAUTHORIZED, Refusal, ServerCrash
from irma_testing.memory.replies import header_of
from irma_testing.memory.request_reading import read_extended, read_start_request
from irma_testing.memory.settings import ServerSettings
from irma_testing.memory.start_request import Kind, StartRequest

__all__ = ["RevocationAsked", "authenticate_revocation", "authenticate_start"]

_REVOCATION_CONTEXT = "https://irma.app/ld/request/revocation/v1"
_METHODS = {"HS256": "hmac", "RS256": "publickey"}
_CLAIMS: Mapping[str, tuple[Kind, str]] = {
    "verification_request": ("disclosing", "sprequest"),
    "disclosing": ("disclosing", "sprequest"),
    "signature_request": ("signing", "absrequest"),
    "signing": ("signing", "absrequest"),
    "issue_request": ("issuing", "iprequest"),
    "issuing": ("issuing", "iprequest"),
}


@final
@attrs.frozen
class RevocationAsked:
    """A request to revoke; `issued` in nanoseconds, 0 for every credential of that key."""

    credential_type: str
    key: str
    issued: int


def authenticate_start(
    settings: ServerSettings, request: HttpRequest, now: datetime
) -> tuple[str, StartRequest]:
    """Give the requestor's name, empty without authentication, and what it asks.

    Raises:
        Refusal: Nobody that the server knows asks this, or it is no session request.
        ServerCrash: The official server falls over it.
    """
    name, jwt = _identify(settings, request, now)
    if jwt is None:
        return name, read_start_request(request.body)
    if jwt.claims.get("sub", "") not in _CLAIMS:
        raise Refusal(INVALID_REQUEST, "Invalid session type")
    kind, field = _CLAIMS[jwt.claims["sub"]]
    extended = Fields(dict(jwt.claims)).fields(field)
    if extended is None:
        raise ServerCrash("the field does not fit the subject")
    try:
        return name, read_extended(kind, extended)
    except Refusal as refusal:
        raise Refusal(refusal.error, f"Invalid JWT body: {refusal.message}") from None


def authenticate_revocation(
    settings: ServerSettings, request: HttpRequest, now: datetime
) -> tuple[str, RevocationAsked]:
    """Give the requestor's name, empty without authentication, and what it wants revoked.

    Raises:
        Refusal: Nobody that the server knows asks this, or it is no revocation request.
        ServerCrash: The official server falls over it.
    """
    name, jwt = _identify(settings, request, now)
    if jwt is None:
        asked = read_fields(request.body)
    elif jwt.claims.get("revrequest") is None:
        raise ServerCrash("no request in a revocation JWT")
    else:
        asked = Fields(of_type(jwt.claims["revrequest"], dict, "revrequest"))
    if asked.text("@context") != _REVOCATION_CONTEXT:
        raise Refusal(INVALID_REQUEST, "Invalid JWT body" if jwt else "not a revocation request")
    return name, RevocationAsked(
        asked.text("type"), asked.text("revocationKey"), asked.integer("issued")
    )


def _identify(
    settings: ServerSettings, request: HttpRequest, now: datetime
) -> tuple[str, RequestJwt | None]:
    """Give the requestor's name, and the JWT if that is how it is known."""
    content_type = header_of(request, "content-type").strip()
    authorization = header_of(request, "authorization")
    is_json = content_type.startswith("application/json")
    if settings.requestors is None:
        if is_json and not authorization:
            return "", None
    elif is_json and authorization:
        return _name_of_token(settings, authorization), None
    elif content_type.startswith("text/plain") and not authorization:
        jwt = parse_jwt(request.body or b"")
        if jwt is not None and jwt.algorithm in _METHODS:
            _verify(settings, jwt, now)
            return jwt.signer, jwt
    if not is_json and not content_type.startswith("text/plain"):
        raise Refusal(INVALID_REQUEST, f"Unsupported Content-Type: {content_type}")
    raise Refusal(INVALID_REQUEST, "request could not be authenticated")


def _name_of_token(settings: ServerSettings, token: str) -> str:
    for name, requestor in (settings.requestors or {}).items():
        if requestor.auth_method == "token" and requestor.key == token:
            return name
    raise Refusal(UNAUTHORIZED)


def _verify(settings: ServerSettings, jwt: RequestJwt, now: datetime) -> None:
    known = (settings.requestors or {}).get(jwt.signer)
    if known is None or known.auth_method != _METHODS[jwt.algorithm]:
        raise Refusal(INVALID_REQUEST, f"Unknown requestor: {jwt.signer}")
    verifies = verifies_hs256 if jwt.algorithm == "HS256" else verifies_rs256
    if not verifies(known.key, jwt):
        raise Refusal(INVALID_REQUEST, "signature is invalid")
    jwt.check_times(now)
    age = now.timestamp() - jwt.claims.get("iat", 0)
    if age > settings.max_request_age.total_seconds():
        raise Refusal(UNAUTHORIZED, "jwt too old")
