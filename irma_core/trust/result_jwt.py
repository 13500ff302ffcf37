"""Result JWTs: what the server signed, believed only after every check.

The checks, in this order; each refusal is a `ResultJwtError` with the code named:

1. `too_large`: over `max_bytes`, or a header over 4 KiB. `encrypted`: a JWE. `form`: not three
   parts of base64url, or more around them. (RFC 7515, section 7.1)
2. `header`, `duplicate_key`, `base64`: no JSON object, a key twice, or base64 with spare bits:
   readers differ on what they say. (RFC 8725, section 2.4; RFC 4648, section 3.5)
   `other_case`: a name that counts, in another case: a reader in Go takes it for that name.
3. `critical`, `b64`, `key_in_header`, `compressed`, `nested`, `kind`: a header that demands an
   extension, brings its own key, or announces something else than this JWT. (RFC 7515, section
   4.1.11; RFC 7797)
4. `algorithm_none`, `algorithm_hs256`, `algorithm`: irmago signs by RS256. (RFC 8725, section 3.1)
5. `weak_key`, `signature`: a key under 2048 bits, or none that made the signature.
6. `nested`, `too_large`, `claims`, `duplicate_key`, `other_case`: the claims are no JSON object,
   hold over 30 000 values, or have a key twice, or a name that counts in another case.
7. `issuer`: another server's. `kind`, `subject`: of something else than a session result, or of
   another type of session than the result says.
8. `time`, `issued_at`, `expired`, `not_yet`: times that are missing or no numbers, an `iat` to
   come, an `exp` past, an `nbf` to come. (RFC 7519, section 4.1)
9. `audience`: it has an `aud`. IRMA servers write none, so it is for another reader.
10. `simulated`: of a server in memory, unless `Risk.SIMULATED_PROOFS` is allowed.
11. `result`: the claims are no session result.

A valid signature says that the server said it, and no more: irmago signs a result at any status,
names no audience, and signs anew each time. What counts for a session is `SessionResult.answer_to`.
Source: IRMA documentation, "Session result JWTs"; irmago `server.ResultJwt`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import final

import attrs

from irma_core.errors import ResultJwtError
from irma_core.json_text import JsonValue
from irma_core.models.frozen import FrozenMapping
from irma_core.models.moments import as_utc, check_timedelta
from irma_core.models.results import SessionResult, signed_result
from irma_core.models.risks import Risk
from irma_core.models.statuses import ProofStatus, SessionType
from irma_core.tracebacks import boundary
from irma_core.trust.jws import LARGEST_JWT, read_compact
from irma_core.trust.jwt_times import LEEWAY, check_times
from irma_core.trust.keys import PublicKey
from irma_core.wire.go_names import has_other_case
from irma_core.wire.read_results import read_session_result
from irma_core.wire.values import WireError

__all__ = ["GetproofResult", "verify_getproof_jwt", "verify_result_jwt"]

_REGISTERED = frozenset({"aud", "exp", "iat", "iss", "jti", "nbf", "simulated", "sub"})
_CLAIMS = _REGISTERED | {
    "disclosed",
    "error",
    "nextSession",
    "proofStatus",
    "signature",
    "status",
    "token",
    "type",
}
_OLDER_CLAIMS = _REGISTERED | {"attributes", "status"}
_ATTRIBUTE = frozenset(
    {"id", "issuancetime", "notrevoked", "notrevokedbefore", "rawvalue", "status", "value"}
)
_ERROR = frozenset({"description", "error", "message", "stacktrace", "status"})
_SIGNATURE = frozenset({"message"})
_MAPS = {"value": 1}
_OLDER_MAPS = {"attributes": 1}

_TYPES = {f"{kind.value}_result": kind for kind in SessionType if kind is not SessionType.REDIRECT}
_PROOF_STATUSES = {status.value: status for status in ProofStatus}
_OLDER_TYPES = {
    "disclosure_result": SessionType.DISCLOSING,
    "abs_result": SessionType.SIGNING,
    "issue_result": SessionType.ISSUING,
}


def _hidden_values(values: Mapping[str, str]) -> Mapping[str, str]:
    return FrozenMapping(values, is_personal=True)


@final
@boundary
@attrs.frozen
class GetproofResult:
    """What the JWT of `getproof` says. It names no session: nothing binds it to what was asked.

    Args:
        type: The type of session.
        proof_status: Whether the proof holds; None before the end and after a cancel.
        unchecked_attributes: Value by identifier; an attribute without a value has an empty text.
    """

    type: SessionType
    proof_status: ProofStatus | None
    unchecked_attributes: Mapping[str, str] = attrs.field(
        repr=False, kw_only=True, converter=_hidden_values
    )


@boundary
def verify_result_jwt(
    jwt: str | bytes,
    *,
    keys: Sequence[PublicKey | str | bytes],
    issuer: str | None,
    now: datetime,
    leeway: timedelta = LEEWAY,
    allow: Collection[Risk] = (),
    max_bytes: int = LARGEST_JWT,
) -> SessionResult:
    """Give the session result in a JWT, once all of it is verified.

    Args:
        jwt: From `get_result_jwt` or a callback, without anything around it.
        keys: The server's public keys in PEM; more than one during a change of keys.
        issuer: The server's `jwt_issuer`; None for a server that has an empty one.
        now: An aware time.
        leeway: How far the clocks may differ.
        allow: `Risk.SIMULATED_PROOFS`, for a server in memory.
        max_bytes: The size of the largest JWT that is looked at.

    Returns:
        A result whose `evidence` is `SIGNED`; `answer_to` makes an answer of it.

    Raises:
        ResultJwtError: It is refused; see the module for the codes.
        ConfigurationError: A key is no RSA public key in PEM.
        UsageError: `now` or `leeway` has another type or is out of range.
    """
    now = as_utc(now, "now")
    check_timedelta(leeway, "leeway")
    jws = read_compact(jwt, ResultJwtError, max_bytes)
    jws.check_rs256(keys)
    claims = jws.claims(_CLAIMS, _MAPS)
    _check_inner_names(claims)
    kind = _checked_kind(claims, issuer, _TYPES)
    if claims.get("type") != kind.value:
        raise ResultJwtError("subject", "it is of another type of session than its result")
    check_times(claims, now=now, leeway=leeway, required=("iat", "exp"), refused=ResultJwtError)
    _check_audience(claims)
    _check_simulated(claims, allow)
    try:
        result = read_session_result(claims)
    except WireError as error:
        raise ResultJwtError("result", f"it holds no session result: {error}") from None
    return signed_result(result)


@boundary
def verify_getproof_jwt(
    jwt: str | bytes,
    *,
    keys: Sequence[PublicKey | str | bytes],
    issuer: str | None,
    now: datetime,
    leeway: timedelta = LEEWAY,
    allow: Collection[Risk] = (),
    max_bytes: int = LARGEST_JWT,
) -> GetproofResult:
    """Give what the JWT of `getproof` says, once all of it is verified; as `verify_result_jwt`.

    Raises:
        ResultJwtError: It is refused; see the module for the codes.
        ConfigurationError: A key is no RSA public key in PEM.
        UsageError: `now` or `leeway` has another type or is out of range.
    """
    now = as_utc(now, "now")
    check_timedelta(leeway, "leeway")
    jws = read_compact(jwt, ResultJwtError, max_bytes)
    jws.check_rs256(keys)
    claims = jws.claims(_OLDER_CLAIMS, _OLDER_MAPS)
    kind = _checked_kind(claims, issuer, _OLDER_TYPES)
    if "exp" not in claims:
        raise ResultJwtError(
            "time",
            "it has no exp: servers before 0.7.0 write one only where the request has a validity",
        )
    check_times(claims, now=now, leeway=leeway, required=("iat", "exp"), refused=ResultJwtError)
    _check_audience(claims)
    _check_simulated(claims, allow)
    attributes, status = claims.get("attributes"), claims.get("status")
    if not isinstance(attributes, dict) or not isinstance(status, str):
        raise ResultJwtError("result", "it holds no result of the older layout")
    found = _PROOF_STATUSES.get(status)
    if status and found is None:
        raise ResultJwtError("result", "its status is none of a proof")
    texts = {name: value for name, value in attributes.items() if isinstance(value, str)}
    if len(texts) < len(attributes):
        raise ResultJwtError("result", "an attribute's value is no text")
    return GetproofResult(kind, found, unchecked_attributes=texts)


def _check_inner_names(claims: dict[str, JsonValue]) -> None:
    """Check the names within, where a server written in Go would take one for another."""
    left: list[JsonValue] = [claims.get("disclosed")]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left.extend(item)
        else:
            _check_names(item, _ATTRIBUTE)
    _check_names(claims.get("error"), _ERROR)
    _check_names(claims.get("signature"), _SIGNATURE)


def _check_names(value: JsonValue, known: frozenset[str]) -> None:
    if isinstance(value, dict) and has_other_case(value, known):
        raise ResultJwtError("other_case", "a name in the result is a known one in another case")


def _checked_kind(
    claims: dict[str, JsonValue], issuer: str | None, kinds: Mapping[str, SessionType]
) -> SessionType:
    if claims.get("iss") != issuer or (issuer is None and "iss" in claims):
        raise ResultJwtError("issuer", "it is of another server, or the issuer set is wrong")
    subject = claims.get("sub")
    kind = kinds.get(subject) if isinstance(subject, str) else None
    if kind is None:
        raise ResultJwtError("kind", "it is a JWT of another kind")
    return kind


def _check_audience(claims: dict[str, JsonValue]) -> None:
    if "aud" in claims:
        raise ResultJwtError("audience", "it is for another reader: IRMA servers name no audience")


def _check_simulated(claims: dict[str, JsonValue], allow: Collection[Risk]) -> None:
    if claims.get("simulated", False) is not False and Risk.SIMULATED_PROOFS not in allow:
        raise ResultJwtError(
            "simulated",
            "it is of a server in memory and proves nothing; tests allow Risk.SIMULATED_PROOFS",
        )
