"""Authenticate a requestor in one of four ways, and read its request.

Source: irmago `requestorserver/auth.go`.
"""

from __future__ import annotations

from datetime import datetime
from typing import final

import attrs

from irma_core.protocol.messages import HttpRequest
from irma_testing.memory.go_json import GoJsonError, parse_json
from irma_testing.memory.go_types import TEXT, Field, Struct, pointer
from irma_testing.memory.jwt import (
    RequestJwt,
    moment_of,
    parse_jwt,
    verifies_hs256,
    verifies_rs256,
)
from irma_testing.memory.replies import (
    INVALID_REQUEST,
    UNAUTHORIZED,
    Refusal,
    ServerCrash,
    header_of,
)
from irma_testing.memory.request_types import REVOCATION_REQUEST, TIMESTAMP
from irma_testing.memory.requests import read_request_claims, read_start_request
from irma_testing.memory.session_request import StartRequest
from irma_testing.memory.settings import ServerSettings

__all__ = ["RevocationRequest", "authenticate_revocation", "authenticate_start"]

_REVOCATION_CONTEXT = "https://irma.app/ld/request/revocation/v1"
_METHODS = {"HS256": "hmac", "RS256": "publickey"}
_REVOCATION_CLAIMS = Struct(
    Field("sub", TEXT),
    Field("iss", TEXT),
    Field("iat", TIMESTAMP),
    Field("revrequest", pointer(REVOCATION_REQUEST.kind)),
)


@final
@attrs.frozen
class RevocationRequest:
    """A revocation request.

    `issued` is the credential's time of issuance in Unix nanoseconds, or 0 to revoke all
    credentials with the revocation key `key`.
    """

    credential_type: str
    key: str
    issued: int


def authenticate_start(
    settings: ServerSettings, request: HttpRequest, now: datetime
) -> tuple[str, StartRequest]:
    """Return the requestor's name (empty without authentication) and the session request.

    Raises:
        Refusal: The requestor is unknown, or the body is not a session request.
        ServerCrash: The official server would crash on this request.
    """
    name, jwt = _identify(settings, request, now)
    if jwt is None:
        return name, read_start_request(request.body)
    return name, read_request_claims(jwt.registered["sub"], jwt.claims)


def authenticate_revocation(
    settings: ServerSettings, request: HttpRequest, now: datetime
) -> tuple[str, RevocationRequest]:
    """Return the requestor's name (empty without authentication) and the revocation request.

    Raises:
        Refusal: The requestor is unknown, or the body is not a revocation request.
        ServerCrash: The official server would crash on this request.
    """
    name, jwt = _identify(settings, request, now)
    try:
        if jwt is None:
            revocation = REVOCATION_REQUEST.read_new(parse_json(request.body or b""))
        else:
            claims = _REVOCATION_CLAIMS.read_new(jwt.claims)
            # Here the official server uses `iss`, even if the JWT has a `kid`.
            name, revocation = claims["iss"], claims["revrequest"]
    except GoJsonError as problem:
        raise Refusal(INVALID_REQUEST, str(problem)) from None
    if revocation is None:
        raise ServerCrash("no request in a revocation JWT")
    if revocation["@context"] != _REVOCATION_CONTEXT:
        raise Refusal(INVALID_REQUEST, "Invalid JWT body" if jwt else "not a revocation request")
    return name, RevocationRequest(
        revocation["type"], revocation["revocationKey"], revocation["issued"]
    )


def _identify(
    settings: ServerSettings, request: HttpRequest, now: datetime
) -> tuple[str, RequestJwt | None]:
    """Return the requestor's name, and the JWT if the request is signed."""
    content_type = header_of(request, "content-type").strip()
    authorization = header_of(request, "authorization")
    is_json = content_type.startswith("application/json")
    if settings.requestors is None:
        if is_json and not authorization:
            return "", None
    elif is_json and authorization:
        return _token_holder(settings, authorization), None
    elif content_type.startswith("text/plain") and not authorization:
        jwt = parse_jwt(request.body or b"")
        if jwt is not None and jwt.algorithm in _METHODS:
            _verify(settings, jwt, now)
            return jwt.signer, jwt
    if not is_json and not content_type.startswith("text/plain"):
        raise Refusal(INVALID_REQUEST, f"Unsupported Content-Type: {content_type}")
    raise Refusal(INVALID_REQUEST, "request could not be authenticated")


def _token_holder(settings: ServerSettings, token: str) -> str:
    for name, requestor in (settings.requestors or {}).items():
        if requestor.auth_method == "token" and requestor.key == token:
            return name
    raise Refusal(UNAUTHORIZED)


def _verify(settings: ServerSettings, jwt: RequestJwt, now: datetime) -> None:
    known = (settings.requestors or {}).get(jwt.signer)
    if known is None or known.auth_method != _METHODS[jwt.algorithm]:
        raise Refusal(INVALID_REQUEST, f"Unknown requestor: {jwt.signer}")
    verifies = verifies_hs256 if jwt.algorithm == "HS256" else verifies_rs256
    try:
        is_signed = verifies(known.key, jwt)
    except ValueError as problem:
        raise Refusal(INVALID_REQUEST, str(problem)) from None
    if not is_signed:
        raise Refusal(INVALID_REQUEST, "signature is invalid")
    jwt.check_times(now)
    age = now.timestamp() - moment_of(jwt.registered["iat"])
    if age > settings.max_request_age.total_seconds():
        raise Refusal(UNAUTHORIZED, "jwt too old")
