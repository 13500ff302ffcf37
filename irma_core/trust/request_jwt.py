"""Sign and verify session request JWTs.

A backend that verifies them plays the part of an IRMA server: it stands in front of one, or
replaces it. The checks run in this order. Each refusal is a `RequestJwtError` with one of the codes
listed:

1. Form and header, as in `result_jwt`.
2. `nested`, `too_large`, `claims`, `duplicate_key`, `other_case`, also as in `result_jwt`.
3. `requestor`: the requestor is unknown. As in the IRMA server, `kid` in the header names the
   requestor. `iss` is used only if there is no `kid`, because official libraries put a display name
   into `iss`.
4. `algorithm`, `signature`: the key, not the sender, decides the algorithm.
5. `kind`, `unknown_claim`, `request`, `claims`: `sub` does not name a session request, a claim is
   unknown, a second claim holds a request, or a claim has the wrong type.
6. `time`, `issued_at`, `too_old`, `expired`, `not_yet`: a time is not a number, `iat` is in the
   future or longer ago than allowed, `exp` is in the past, or `nbf` is in the future.
7. `audience`: `aud` is not the value that the caller expects.
8. `request`: the claim is not a request, or is not the kind of request that `sub` names.

Until a session request JWT is too old, anyone who has it can use it repeatedly; each use starts a
new session.
Source: IRMA documentation, "Session requests as JWTs"; irmago `irma.ParseRequestorJwt`.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Final, NoReturn, Self, TypeAlias, final

import attrs

from irma_core.errors import (
    ConfigurationError,
    RequestError,
    RequestJwtError,
    SigningError,
    UsageError,
)
from irma_core.json_text import JsonValue, write_json
from irma_core.models.arguments import as_utc, check_string, check_timedelta
from irma_core.models.risks import Risk, resolve_request
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
    as_extended,
)
from irma_core.models.statuses import SessionType
from irma_core.tracebacks import boundary
from irma_core.trust.jws import CompactJws, read_compact
from irma_core.trust.jwt_times import LEEWAY, check_times
from irma_core.trust.key_forms import check_shared_secret
from irma_core.trust.keys import PublicKey, SharedKey
from irma_core.trust.signing import Signer
from irma_core.value_object import ValueObject
from irma_core.wire.read_requests import read_request_value
from irma_core.wire.write_requests import write_request

__all__ = [
    "FIELDS",
    "UnsignedJwt",
    "VerifiedRequest",
    "VerifyingKey",
    "check_request_claims",
    "claimed_request",
    "request_claims",
    "request_in_jwt",
    "sign_session_request",
    "subject_of",
    "unsigned_jwt",
    "unsigned_request_jwt",
    "verify_session_request_jwt",
]


VerifyingKey: TypeAlias = PublicKey | SharedKey | str | bytes
"""A `PublicKey` for RS256 or a `SharedKey` for HS256. The library reads a string as a public key in
PEM, and bytes as a shared key. It refuses bytes that hold a public key."""


@final
@boundary
@attrs.frozen(init=False, eq=False, repr=False, getstate_setstate=False)
class VerifiedRequest(ValueObject):
    """The request in a JWT, and its requestor. It exists only if the JWT has passed all checks.

    Attributes:
        requestor: The requestor's name, as in the verifier's `keys`.
        request: The request. Its slots are numbered.
    """

    requestor: str
    request: ExtendedRequest | RevocationRequest

    def __new__(cls) -> Self:  # noqa: D102  # it only raises
        raise UsageError(
            "a VerifiedRequest cannot be constructed: use verify_session_request_jwt()"
        )

    def __copy__(self) -> VerifiedRequest:
        return self

    def __deepcopy__(self, _memo: object) -> VerifiedRequest:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError("a VerifiedRequest cannot be pickled: verify the JWT again")


@boundary
def sign_session_request(
    request: SessionRequest | ExtendedRequest | RevocationRequest,
    *,
    name: str,
    signer: Signer,
    now: datetime,
    allow: Collection[Risk] = (),
) -> str:
    """Return the signed JWT of a request, for `start_session` or any IRMA server.

    Args:
        request: The request.
        name: The requestor's name in the server's `requestors`.
        signer: A signer for the algorithm of the server's `auth_method`.
        now: The present time, as an aware `datetime`.
        allow: The risks that the application accepts, as for a requestor.

    Returns:
        The JWT. The server accepts it for five minutes, and starts a new session each time it is
            used.

    Raises:
        RequestError: A credential would already have expired when it was issued.
        ConfigurationError: The request needs a risk that `allow` does not include.
        SigningError: The signer failed.
    """
    check_string(name, "name")
    _check_signer(signer)
    ready = (
        request
        if isinstance(request, RevocationRequest)
        else resolve_request(as_extended(request), now, allow)
    )
    unsigned = unsigned_request_jwt(ready, name=name, algorithm=signer.algorithm, now=now)
    try:
        signature = signer.sign(unsigned.signing_input)
    except SigningError:
        raise
    except Exception as error:
        raise SigningError(f"the signer failed: {type(error).__name__}") from error
    return unsigned.signed(signature)


def _check_signer(signer: object) -> None:
    algorithm, sign = getattr(signer, "algorithm", None), getattr(signer, "sign", None)
    if isinstance(signer, type) or not isinstance(algorithm, str) or not callable(sign):
        raise ConfigurationError("signer must be a Signer such as HmacSigner(key)")
    if iscoroutinefunction(sign):
        raise ConfigurationError("only an AsyncRequestor can use an async signer")


@boundary
def verify_session_request_jwt(
    jwt: str | bytes,
    *,
    keys: Mapping[str, VerifyingKey],
    max_age: timedelta,
    now: datetime,
    leeway: timedelta = LEEWAY,
    audience: str | None = None,
) -> VerifiedRequest:
    """Verify a session request JWT, and return its request and its requestor.

    Args:
        jwt: The JWT itself, without whitespace or quotes around it.
        keys: The `PublicKey` or `SharedKey` of each requestor, by the requestor's name.
        max_age: How long ago the JWT may have been signed. A server's default is 300 s.
        now: The present time, as an aware `datetime`.
        leeway: How far the clocks of the signer and of this machine may differ.
        audience: The `aud` that the JWT must have. By default, the JWT must not have an `aud`.

    Raises:
        RequestJwtError: The JWT is refused; the module's docstring lists the codes.
        ConfigurationError: A key is invalid.
        UsageError: A time or a duration has the wrong type or is out of range.
    """
    now = as_utc(now, "now")
    check_timedelta(max_age, "max_age")
    check_timedelta(leeway, "leeway")
    jws = read_compact(jwt, RequestJwtError)
    claims = request_claims(jws)
    name = _claimed_requestor(jws.header, claims)
    key = _checked_keys(keys).get(name)
    if key is None:
        raise RequestJwtError("requestor", "it is from an unknown requestor")
    _check_signature(jws, key)
    subject, field = check_request_claims(claims)
    check_times(
        claims,
        now=now,
        leeway=leeway,
        required=("iat",),
        max_age=max_age,
        refused=RequestJwtError,
    )
    if claims.get("aud") != audience:
        raise RequestJwtError("audience", "its aud must be the expected audience")
    try:
        request = claimed_request(claims.get(field), field, subject)
    except RequestError as error:
        failure = RequestJwtError("request", str(error))
    else:
        return _verified(name, request)
    raise failure


def _checked_keys(keys: object) -> Mapping[str, object]:
    if not isinstance(keys, Mapping):
        raise ConfigurationError("keys must map names of requestors to their keys")
    return keys


def _claimed_requestor(header: dict[str, JsonValue], claims: dict[str, JsonValue]) -> str:
    """Return the name of the requestor that a JWT claims to come from: `kid`, or else `iss`.

    This name selects the key, and is trusted only after that key has verified the signature.
    """
    name = header["kid"] if "kid" in header else claims.get("iss")
    if not isinstance(name, str) or not name:
        raise RequestJwtError(
            "requestor",
            "its kid (or, without a kid, its iss) must be the requestor's name, a non-empty string",
        )
    return name


def _check_signature(jws: CompactJws, key: object) -> None:
    if isinstance(key, PublicKey | str):
        jws.check_rs256([key])
    elif isinstance(key, SharedKey):
        jws.check_hs256(key.reveal())
    else:
        jws.check_hs256(check_shared_secret(key, "a key in keys"))


def _verified(requestor: str, request: ExtendedRequest | RevocationRequest) -> VerifiedRequest:
    verified = object.__new__(VerifiedRequest)
    object.__setattr__(verified, "requestor", requestor)
    object.__setattr__(verified, "request", request)
    return verified


CLOCK_MARGIN: Final = timedelta(seconds=10)
"""How far before the present time the `iat` of a new JWT is set. The server refuses an `iat` that
is 2 s ahead of its clock, and accepts one that is up to 300 s old."""

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
"""For each `sub`, the name of the claim that holds the request."""
_CLAIMS = frozenset({"aud", "exp", "iat", "iss", "jti", "kid", "nbf", "sub", *FIELDS.values()})
_NO_SESSION = "must be the type of a disclosure, signature or issuance request"
_MAPS = {"attributes": 1, "labels": 2, "revocation": 1}


@final
@attrs.frozen(eq=False, repr=False)
class UnsignedJwt(ValueObject):
    """A JWT without its signature. A signer signs its `signing_input` (RFC 7515, section 5.1)."""

    signing_input: bytes = attrs.field(repr=False)

    def signed(self, signature: object) -> str:
        """Return the JWT with this signature.

        Raises:
            SigningError: The signature is not bytes, or is empty.
        """
        if not isinstance(signature, bytes) or not signature:
            raise SigningError("the signer must return a signature as bytes")
        return f"{self.signing_input.decode('ascii')}.{_encode(signature)}"


def unsigned_request_jwt(
    request: ExtendedRequest | RevocationRequest, *, name: str, algorithm: str, now: datetime
) -> UnsignedJwt:
    """Return the unsigned JWT of a request.

    Args:
        request: The request. Convert a session request with `resolve_request` first.
        name: The requestor's name, for the claim `iss`.
        algorithm: The signer's algorithm, for the header.
        now: The present time, as an aware `datetime`. `iat` is `CLOCK_MARGIN` before that time.
    """
    subject = subject_of(request)
    issued = int(as_utc(now, "now").timestamp() - CLOCK_MARGIN.total_seconds())
    claims = write_json({"iss": name, "iat": issued, "sub": subject})
    # The request may already hold its own JSON.
    claims = f'{claims[:-1]},"{FIELDS[subject]}":{write_request(request)}}}'
    return UnsignedJwt(f"{_header(algorithm)}.{_encode(claims.encode())}".encode())


def unsigned_jwt(header: JsonValue, claims: JsonValue) -> UnsignedJwt:
    """Return an unsigned JWT with the given header and claims."""
    return UnsignedJwt(f"{_part(header)}.{_part(claims)}".encode())


def subject_of(request: ExtendedRequest | RevocationRequest) -> str:
    """Return the `sub` that the JWT of a request must have."""
    if isinstance(request, RevocationRequest):
        return _REVOCATION
    return _SUBJECTS[request.request.session_type]


def request_claims(jws: CompactJws) -> dict[str, JsonValue]:
    """Read the claims of a session request JWT; refuse any that a server would read differently.

    Raises:
        RequestJwtError: The claims are refused.
    """
    return jws.claims(_CLAIMS, _MAPS)


def check_request_claims(claims: dict[str, JsonValue]) -> tuple[str, str]:
    """Check that the claims hold exactly one session request.

    Returns:
        The `sub`, and the name of the claim that holds the request.

    Raises:
        RequestJwtError: The claims are refused; the module's docstring lists the codes.
    """
    subject = claims.get("sub")
    field = FIELDS.get(subject) if isinstance(subject, str) else None
    if not isinstance(subject, str) or field is None:
        raise RequestJwtError("kind", "its sub must be the type of a session request")
    for name in claims:
        if name not in _CLAIMS:
            raise RequestJwtError(
                "unknown_claim", "it has a claim that session requests do not have"
            )
        if name in FIELDS.values() and name != field:
            raise RequestJwtError("request", "its sub must match the kind of request in the JWT")
    for name in ("aud", "iss", "jti", "kid"):
        if not isinstance(claims.get(name, ""), str):
            raise RequestJwtError("claims", f"{name} must be a string")
    return subject, field


def claimed_request(
    value: JsonValue, field: str, subject: str
) -> ExtendedRequest | RevocationRequest:
    """Read the request that a claim of a session request JWT holds.

    Args:
        value: The claim's value.
        field: The claim's name.
        subject: The JWT's `sub`.

    Raises:
        RequestError: The claim is not a request, or is a request of a kind that `subject` does not
            name. The error's path begins with the claim's name.
    """
    try:
        request = read_request_value(value)
    except RequestError as error:
        path = f"{field}.{error.path}" if error.path else field
        raise RequestError(path, error.reason) from None
    if not isinstance(request, ExtendedRequest | RevocationRequest):
        raise RequestError(field, 'must hold an extended request: {"request": …}')
    if subject_of(request) != subject:
        raise RequestError(field, "must hold the kind of request that is named in the JWT's sub")
    match value:
        case {"request": {"credentials": [*credentials]}}:
            for i, credential in enumerate(credentials):
                _check_no_null(credential, f"{field}.request.credentials[{i}].attributes")
        case _:
            pass
    return request


def _check_no_null(credential: JsonValue, path: str) -> None:
    # In other JSON, null omits the attribute. From a JWT, the server would issue an empty string.
    match credential:
        case {"attributes": dict(attributes)} if None in attributes.values():
            raise RequestError(
                path, "must not contain null: leave out an attribute without a value"
            )
        case _:
            pass


def request_in_jwt(jwt: str) -> ExtendedRequest:
    """Return the request in a session request JWT, without checking its signature.

    Use this for a JWT that the caller made or trusts, and is about to send to the server, which
    verifies it.

    Raises:
        RequestError: The string is not a session request JWT. If a part of the request is invalid,
            the error's path begins with the name of the claim that holds the request.
    """
    try:
        claims = request_claims(read_compact(jwt, RequestJwtError, None))
        subject, field = check_request_claims(claims)
    except RequestJwtError as error:
        failure = error
    else:
        request = claimed_request(claims.get(field), field, subject)
        if isinstance(request, RevocationRequest):
            raise RequestError("sub", _NO_SESSION)
        _check_options(claims[field], field)
        return request
    if failure.code == "kind":
        raise RequestError("sub", _NO_SESSION)
    raise RequestError(
        "", f"expected a session request JWT: {failure.reason}; use read_request for JSON"
    )


def _check_options(value: JsonValue, field: str) -> None:
    """Check that an empty option is the last one in its slot, because the JWT is sent unchanged."""
    match value:
        case {"request": {"disclose": [*disjunctions]}}:
            for i, options in enumerate(disjunctions):
                if isinstance(options, list) and [] in options[:-1]:
                    raise RequestError(
                        f"{field}.request.disclose[{i}]",
                        "the empty option must come last: servers before 1.0.0 ignore the options "
                        "after it",
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
