"""Read session requests in every form that the official server accepts, and check them.

The forms are plain and extended requests, each current or legacy. `permissions` checks whether a
request may start. Source: irmago `ParseSessionRequest` in `irma/server/api.go`, and
`irma/server/legacy.go`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from irma_testing.memory.go_json import GoJsonError, Json, parse_json
from irma_testing.memory.go_types import TEXT, Field, Struct, pointer
from irma_testing.memory.replies import INVALID_REQUEST, Refusal, ServerCrash
from irma_testing.memory.request_types import (
    CONTEXTS,
    EXTENDED,
    REQUESTS,
    TIMESTAMP,
    context_of,
    write_request,
)
from irma_testing.memory.session_request import (
    DEFAULT_VALIDITY,
    Con,
    RequestedAttribute,
    RequestedCredential,
    SessionKind,
    StartRequest,
)

__all__ = ["read_request_claims", "read_start_request", "read_static"]

_Fields: TypeAlias = dict[str, Any]
_KINDS: Mapping[str, SessionKind] = {context: kind for kind, context in CONTEXTS.items()}
_EXTENDED_NAMES: Mapping[SessionKind, str] = {
    "disclosing": "ServiceProviderRequest",
    "signing": "SignatureRequestorRequest",
    "issuing": "IdentityProviderRequest",
}
_CLAIMS: Mapping[SessionKind, tuple[str, str]] = {
    "disclosing": ("verification_request", "sprequest"),
    "signing": ("signature_request", "absrequest"),
    "issuing": ("issue_request", "iprequest"),
}
_SUBJECTS: Mapping[str, SessionKind] = {
    name: kind for kind, (subject, _) in _CLAIMS.items() for name in (subject, kind)
}
_CLAIM_TYPES: Mapping[SessionKind, Struct] = {
    kind: Struct(
        Field("sub", TEXT),
        Field("iss", TEXT),
        Field("iat", TIMESTAMP),
        Field(field, pointer(EXTENDED[kind].kind)),
    )
    for kind, (_, field) in _CLAIMS.items()
}
_WRONG_CONTEXT: Mapping[SessionKind, str] = {
    "disclosing": "Not a disclosure request",
    "signing": "Not a signature request",
    "issuing": "Not an issuance request",
}
_CREDENTIAL_PARTS = 3
_ATTRIBUTE_PARTS = (3, 4)
_NESTED = Struct(Field("request", Struct(Field("@context", TEXT)).kind))


def read_start_request(body: bytes | None) -> StartRequest:
    """Read a plain or extended session request.

    Raises:
        Refusal: The input is not a session request, or its form is wrong.
        ServerCrash: The official server would crash on this request.
    """
    try:
        return _read_any(parse_json(body or b""))
    except GoJsonError as problem:
        raise Refusal(INVALID_REQUEST, str(problem)) from None


def read_static(configured: Mapping[str, Any]) -> StartRequest:
    """Read a static session's request from the configuration.

    Raises:
        Refusal: The input is not a session request, or its form is wrong.
        ServerCrash: The official server would crash on this request.
    """
    try:
        body = json.dumps(configured).encode()
    except (TypeError, ValueError, RecursionError):
        raise Refusal(INVALID_REQUEST, "it is not JSON") from None
    return read_start_request(body)


def read_request_claims(subject: str, claims: Json) -> StartRequest:
    """Read the request from the claims of a session request JWT.

    Raises:
        Refusal: The input is not a session request, or its form is wrong.
        ServerCrash: The official server would crash on this request.
    """
    if subject not in _SUBJECTS:
        raise Refusal(INVALID_REQUEST, "Invalid session type")
    kind = _SUBJECTS[subject]
    try:
        extended: _Fields | None = _CLAIM_TYPES[kind].read_new(claims)[_CLAIMS[kind][1]]
    except GoJsonError as problem:
        raise Refusal(INVALID_REQUEST, str(problem)) from None
    if extended is None:
        raise ServerCrash("the field does not fit the subject")
    try:
        return _start_request(kind, extended)
    except Refusal as refusal:
        raise Refusal(INVALID_REQUEST, f"Invalid JWT body: {refusal.message}") from None


def _read_any(value: Json) -> StartRequest:
    if context := context_of(value):
        kind = _kind(context, "Invalid session request type")
        return _start_request(
            kind, _extended(kind, REQUESTS[kind].read(value, REQUESTS[kind].zero))
        )
    if context := _NESTED.read_new(value)["request"]["@context"]:
        kind = _kind(context, "Invalid requestor request type")
        return _start_request(kind, EXTENDED[kind].read_new(value))
    return _read_legacy(value)


def _kind(context: str, message: str) -> SessionKind:
    if context not in _KINDS:
        raise Refusal(INVALID_REQUEST, message)
    return _KINDS[context]


def _extended(kind: SessionKind, request: _Fields) -> _Fields:
    return {**EXTENDED[kind].kind.zero, "request": request}


def _read_legacy(value: Json) -> StartRequest:
    """Read a request whose form is unknown: try each form in turn until one matches."""
    for kind, form in EXTENDED.items():
        try:
            return _start_request(kind, form.read_new(value))
        except (GoJsonError, Refusal):
            continue
    for kind, request in REQUESTS.items():
        try:
            return _start_request(kind, _extended(kind, request.read(value, request.zero)))
        except (GoJsonError, Refusal):
            continue
    raise Refusal(INVALID_REQUEST, "Failed to JSON unmarshal request bytes")


def _start_request(kind: SessionKind, extended: _Fields) -> StartRequest:
    request: _Fields | None = extended["request"]
    if request is None:
        raise Refusal(INVALID_REQUEST, f"Not a {_EXTENDED_NAMES[kind]}")
    next_session: _Fields | None = extended["nextSession"]
    start_request = StartRequest(
        kind,
        write_request(kind, {**request, "devMode": True}),
        context=request["@context"],
        disclose=tuple(
            tuple(
                tuple(
                    RequestedAttribute(attribute["type"], attribute["value"], attribute["notNull"])
                    for attribute in conjunction or ()
                )
                for conjunction in disjunction or ()
            )
            for disjunction in request["disclose"] or ()
        ),
        credentials=tuple(map(_credential, request.get("credentials") or ())),
        message=request.get("message", ""),
        revocation={
            name: demand["tolerance"] if demand else 0
            for name, demand in (request["revocation"] or {}).items()
        },
        skip_expiry_check=frozenset(request["skipExpiryCheck"] or ()),
        host=request["host"],
        client_return_url=request["clientReturnUrl"],
        augment_return_url=request["augmentReturnUrl"],
        validity=extended["validity"] or DEFAULT_VALIDITY,
        timeout=extended["timeout"],
        callback_url=extended["callbackUrl"],
        next_url=next_session["url"] if next_session else None,
    )
    _check_form(start_request)
    return start_request


def _credential(fields: _Fields | None) -> RequestedCredential:
    if fields is None:
        raise ServerCrash("a credential is null")
    return RequestedCredential(
        fields["credential"],
        # Go reads `null` as an empty string, and the server issues that as a value.
        fields["attributes"] or {},
        validity=fields["validity"],
        revocation_key=fields["revocationKey"],
        key_counter=fields["keyCounter"],
    )


def _check_form(request: StartRequest) -> None:
    if request.context != CONTEXTS[request.kind]:
        raise Refusal(INVALID_REQUEST, _WRONG_CONTEXT[request.kind])
    if request.kind == "disclosing" and not any(request.attributes()):
        raise Refusal(INVALID_REQUEST, "Disclosure request had no attributes")
    if request.kind == "signing":
        if not request.message:
            raise Refusal(INVALID_REQUEST, "Signature request had empty message")
        if not request.disclose:
            raise Refusal(INVALID_REQUEST, "Signature request had no attributes")
    if request.kind == "issuing":
        _check_credentials(request)
    for disjunction in request.disclose:
        if not disjunction:
            raise Refusal(INVALID_REQUEST, "Empty disjunction")
        for conjunction in disjunction:
            _check_conjunction(conjunction)


def _check_credentials(request: StartRequest) -> None:
    if not request.credentials:
        raise Refusal(INVALID_REQUEST, "Empty issuance request")
    for credential in request.credentials:
        parts = credential.type.count(".") + 1
        if parts != _CREDENTIAL_PARTS:
            raise Refusal(
                INVALID_REQUEST, f"Expected credential ID to consist of 3 parts, {parts} found"
            )


def _check_conjunction(conjunction: Con) -> None:
    seen: set[str] = set()
    last = ""
    for attribute in conjunction:
        parts = attribute.type.count(".") + 1
        if parts not in _ATTRIBUTE_PARTS:
            raise Refusal(
                INVALID_REQUEST,
                f"Expected attribute request to consist of 4 or 3 parts, {parts} found",
            )
        if attribute.credential_type in seen and attribute.credential_type != last:
            raise Refusal(
                INVALID_REQUEST,
                "Within inner conjunctions, attributes from the same credential type must be "
                "adjacent",
            )
        last = attribute.credential_type
        seen.add(last)
