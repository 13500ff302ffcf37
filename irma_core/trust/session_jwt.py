"""Session request JWTs: the claims that go into one, and the text around a signature.

Source: IRMA documentation, "Session requests as JWTs"; irmago `RequestorJwt`. Belongs here: what is
signed. Does not belong here: who signs (`signing`).
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, final

import attrs

from irma_core.errors import RequestError, RequestJwtError, SigningError
from irma_core.models.json_text import JsonValue, write_json
from irma_core.models.moments import as_utc
from irma_core.models.session_requests import ExtendedRequest, RevocationRequest
from irma_core.models.statuses import SessionType
from irma_core.models.wire import read_request_value, request_value
from irma_core.trust.compact_jws import CompactJws, read_compact

__all__ = [
    "FIELDS",
    "UnsignedJwt",
    "asked_in_jwt",
    "check_request_claims",
    "claimed_request",
    "request_claims",
    "subject_of",
    "unsigned_jwt",
    "unsigned_request_jwt",
]

CLOCK_MARGIN: Final = timedelta(seconds=10)
"""How far `iat` is put back: the server refuses one that is 2 s ahead of its own clock, and takes
one that is up to 300 s old."""

_REVOCATION = "revocation_request"
_SUBJECTS = {
    SessionType.DISCLOSING: "verification_request",
    SessionType.SIGNING: "signature_request",
    SessionType.ISSUING: "issue_request",
}
FIELDS: Final = {
    "verification_request": "sprequest",
    "signature_request": "absrequest",
    "issue_request": "iprequest",
    _REVOCATION: "revrequest",
}
"""By `sub`, the claim that holds the request."""
_CLAIMS = frozenset({"aud", "exp", "iat", "iss", "jti", "kid", "nbf", "sub", *FIELDS.values()})
_MAPS = {"attributes": 1, "labels": 2, "revocation": 1}


@final
@attrs.frozen
class UnsignedJwt:
    """A JWT that lacks its signature. `signing_input` is what to sign (RFC 7515, section 5.1)."""

    signing_input: bytes = attrs.field(repr=False)

    def signed(self, signature: object) -> str:
        """Give the JWT's text.

        Raises:
            SigningError: What the signer gave is no signature.
        """
        if not isinstance(signature, bytes) or not signature:
            raise SigningError("the signer gave no signature: it must be bytes")
        return f"{self.signing_input.decode('ascii')}.{_encode(signature)}"


def unsigned_request_jwt(
    request: ExtendedRequest | RevocationRequest, *, name: str, algorithm: str, now: datetime
) -> UnsignedJwt:
    """Make the JWT of a request, ready to be signed.

    Args:
        request: What is asked; a session request must be ready to start.
        name: The requestor's name, which becomes `iss`.
        algorithm: The signer's.
        now: An aware time; `iat` is somewhat before it.
    """
    subject = subject_of(request)
    claims: JsonValue = {
        "iss": name,
        "iat": int(as_utc(now, "now").timestamp() - CLOCK_MARGIN.total_seconds()),
        "sub": subject,
        FIELDS[subject]: request_value(request),
    }
    return UnsignedJwt(f"{_header(algorithm)}.{_part(claims)}".encode())


def unsigned_jwt(header: JsonValue, claims: JsonValue) -> UnsignedJwt:
    """Make a JWT of any kind, ready to be signed."""
    return UnsignedJwt(f"{_part(header)}.{_part(claims)}".encode())


def subject_of(request: ExtendedRequest | RevocationRequest) -> str:
    """Give the `sub` that a request's JWT has."""
    if isinstance(request, RevocationRequest):
        return _REVOCATION
    return _SUBJECTS[request.request.session_type]


def request_claims(jws: CompactJws) -> dict[str, JsonValue]:
    """Return the claims of a session request JWT, in which no name is another one to the server.

    Raises:
        RequestJwtError: They are refused.
    """
    return jws.claims(_CLAIMS, _MAPS)


def check_request_claims(claims: dict[str, JsonValue]) -> tuple[str, str]:
    """Check that the claims are those of one session request.

    Returns:
        Their `sub`, and the name of the claim that holds the request.

    Raises:
        RequestJwtError: They are refused; see `request_jwt` for the codes.
    """
    subject = claims.get("sub")
    field = FIELDS.get(subject) if isinstance(subject, str) else None
    if not isinstance(subject, str) or field is None:
        raise RequestJwtError("kind", "its sub names no kind of session request")
    for name in claims:
        if name not in _CLAIMS:
            raise RequestJwtError("unknown_claim", "it has a claim that no session request has")
        if name in FIELDS.values() and name != field:
            raise RequestJwtError("request", "it holds a request of another kind than its sub")
    for name in ("aud", "iss", "jti", "kid"):
        if not isinstance(claims.get(name, ""), str):
            raise RequestJwtError("claims", f"{name} must be a string")
    return subject, field


def claimed_request(
    value: JsonValue, field: str, subject: str
) -> ExtendedRequest | RevocationRequest:
    """Read the request in a claim.

    Args:
        value: The claim.
        field: Its name.
        subject: The JWT's `sub`.

    Raises:
        RequestError: It holds none, or one of another kind; the place begins with the claim's name.
    """
    try:
        request = read_request_value(value)
    except RequestError as error:
        place = f"{field}.{error.place}" if error.place else field
        raise RequestError(place, error.reason) from None
    if not isinstance(request, ExtendedRequest | RevocationRequest):
        raise RequestError(field, 'must hold an extended request: {"request": …}')
    if subject_of(request) != subject:
        raise RequestError(field, "holds a request of another kind than sub says")
    match value:
        case {"request": {"credentials": [*credentials]}}:
            for i, credential in enumerate(credentials):
                _check_no_null(credential, f"{field}.request.credentials[{i}].attributes")
        case _:
            pass
    return request


def _check_no_null(credential: JsonValue, place: str) -> None:
    # Elsewhere null leaves the attribute out; the server would issue an empty string.
    match credential:
        case {"attributes": dict(attributes)} if None in attributes.values():
            raise RequestError(place, "must hold no null: leave out an attribute without a value")
        case _:
            pass


def asked_in_jwt(jwt: str) -> ExtendedRequest:
    """Read what a session request JWT asks, without looking at its signature.

    For a JWT that the caller made or trusts and is about to send: the server verifies it.

    Raises:
        RequestError: It is no session request JWT; the place begins with the claim's name.
    """
    try:
        claims = request_claims(read_compact(jwt, RequestJwtError, None))
        subject, field = check_request_claims(claims)
    except RequestJwtError as error:
        failure = error
    else:
        request = claimed_request(claims.get(field), field, subject)
        if isinstance(request, RevocationRequest):
            raise RequestError("sub", "must name a disclosure, signature or issuance request")
        _check_options(claims[field], field)
        return request
    if failure.code == "kind":
        raise RequestError("sub", "must name a disclosure, signature or issuance request")
    raise RequestError(
        "", f"this is no session request JWT: {failure.reason}; read_request reads JSON"
    )


def _check_options(value: JsonValue, field: str) -> None:
    """Check that each empty option stands last: the JWT is sent as it is."""
    match value:
        case {"request": {"disclose": [*disjunctions]}}:
            for i, options in enumerate(disjunctions):
                if isinstance(options, list) and [] in options[:-1]:
                    raise RequestError(
                        f"{field}.request.disclose[{i}]",
                        "the empty option must stand last: servers before 1.0.0 lose the others",
                    )
        case _:
            pass


@lru_cache(maxsize=8)
def _header(algorithm: str) -> str:
    return _part({"typ": "JWT", "alg": algorithm})


def _part(value: JsonValue) -> str:
    return _encode(write_json(value).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
