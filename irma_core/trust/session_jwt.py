"""Session request JWTs: the claims that go into one, and the text around a signature.

Source: IRMA documentation, "Session requests as JWTs"; irmago `RequestorJwt`. Belongs here: what is
signed. Does not belong here: who signs (`signing`).
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, final

import attrs

from irma_core.errors import RequestError, SigningError
from irma_core.models.json_text import JsonTextError, JsonValue, read_json, write_json
from irma_core.models.session_requests import ExtendedRequest, RevocationRequest
from irma_core.models.statuses import SessionType
from irma_core.models.wire import read_request_value, request_value

__all__ = [
    "FIELDS",
    "UnsignedJwt",
    "asked_in_jwt",
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
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


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
        "iat": int((now - CLOCK_MARGIN).timestamp()),
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


def asked_in_jwt(jwt: str) -> ExtendedRequest:
    """Read what a session request JWT asks, without looking at its signature.

    For a JWT that the caller made or trusts and is about to send: the server verifies it.

    Raises:
        RequestError: It is no session request JWT; the place begins with the claim's name.
    """
    claims = _claims(jwt)
    subject = claims.get("sub")
    if subject in _SUBJECTS.values():
        field = FIELDS[str(subject)]
        return _read_claim(claims.get(field), field)
    raise RequestError("sub", "names no disclosure, signature or issuance request")


def _claims(jwt: str) -> dict[str, JsonValue]:
    if _JWT.fullmatch(jwt):
        payload = jwt.split(".")[1]
        try:
            padded = payload + "=" * (-len(payload) % 4)
            claims = read_json(base64.urlsafe_b64decode(padded))
        except (binascii.Error, JsonTextError):
            claims = None
        if isinstance(claims, dict):
            return claims
    raise RequestError("", "the text is no session request JWT; `read_request` reads JSON")


def _read_claim(value: JsonValue, field: str) -> ExtendedRequest:
    try:
        request = read_request_value(value)
    except RequestError as error:
        place = f"{field}.{error.place}" if error.place else field
        raise RequestError(place, error.reason) from None
    if not isinstance(request, ExtendedRequest):
        raise RequestError(field, 'must hold an extended request: {"request": …}')
    return request


@lru_cache(maxsize=8)
def _header(algorithm: str) -> str:
    return _part({"typ": "JWT", "alg": algorithm})


def _part(value: JsonValue) -> str:
    return _encode(write_json(value).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
