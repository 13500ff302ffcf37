"""Verify result JWTs, which the server signs.

The checks run in this order. Each refusal is a `ResultJwtError` with one of the codes listed:

1. `too_large`: the JWT is over `max_bytes`, or its header is over 4 KiB. `encrypted`: it is a JWE.
   `form`: it does not have three parts in base64url. (RFC 7515, section 7.1)
2. `header`: the header is not a JSON object. `duplicate_key`: it has a key twice. `base64`: unused
   bits of base64 are set, and readers treat them differently. (RFC 8725, section 2.4; RFC 4648,
   section 3.5) `other_case`: it has a known name in another case, which a reader in Go treats as
   that name.
3. `critical`, `b64`, `key_in_header`, `compressed`, `nested`, `kind`: the header requires an
   extension, holds a key, or announces another kind of content. (RFC 7515, section 4.1.11; RFC
   7797)
4. `algorithm_none`, `algorithm_hs256`, `algorithm`: the algorithm is not RS256, which irmago uses.
   (RFC 8725, section 3.1)
5. `weak_key`: a key has under 2048 bits. `signature`: no given key verifies the signature.
6. `nested`, `too_large`, `claims`, `duplicate_key`, `other_case`: the claims are another JWT or not
   a JSON object, hold over 30 000 values, or have a key twice or a known name in another case.
7. `issuer`: the JWT is from another server. `kind`, `subject`: the JWT is not a session result, or
   names a type of session that its result contradicts.
8. `time`, `issued_at`, `expired`, `not_yet`: a time is missing or not a number, `iat` is in the
   future, `exp` is in the past, or `nbf` is in the future. (RFC 7519, section 4.1)
9. `audience`: the JWT has an `aud`. IRMA servers write no `aud`, so it is for another recipient.
10. `simulated`: an in-memory server signed the JWT, and `Risk.SIMULATED_PROOFS` is not allowed.
11. `result`: the claims are not a session result.

A valid signature only shows that the server made the statement. irmago signs a result whatever the
session's status, names no audience, and signs again for each call. `SessionResult.answer_to`
compares the result with the session's request.
Source: IRMA documentation, "Session result JWTs"; irmago `server.ResultJwt`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import final

import attrs

from irma_core.errors import ResultJwtError
from irma_core.json_text import JsonValue
from irma_core.models.arguments import as_utc, check_timedelta
from irma_core.models.holders import FrozenMapping
from irma_core.models.results import SessionResult, signed_result
from irma_core.models.risks import Risk
from irma_core.models.statuses import ProofStatus, SessionType
from irma_core.tracebacks import boundary
from irma_core.trust.jws import LARGEST_JWT, read_compact
from irma_core.trust.jwt_times import LEEWAY, check_times
from irma_core.trust.keys import PublicKey
from irma_core.value_object import ValueObject
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
@attrs.frozen(eq=False, repr=False)
class GetproofResult(ValueObject):
    """The result in a `getproof` JWT, which does not name the session or the request.

    Args:
        type: The type of session.
        proof_status: Whether the proof is valid; None if the session has not ended or was
            cancelled.
        unchecked_attributes: The disclosed values by identifier; an attribute without a value has
            an empty string.
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
    """Return the session result in a JWT, after all the checks that this module lists.

    Args:
        jwt: The JWT from `get_result_jwt` or a callback, without whitespace or quotes around it.
        keys: The server's public keys in PEM. Pass several while a key is being replaced.
        issuer: The server's setting `jwt_issuer`; None if the setting is empty.
        now: The present time, as an aware `datetime`.
        leeway: How far the clocks of the signer and of this machine may differ.
        allow: The risks that the application allows. To accept results from an in-memory server,
            allow `Risk.SIMULATED_PROOFS`.
        max_bytes: The maximum size of the JWT, in bytes.

    Returns:
        A result whose `evidence` is `SIGNED`. Its `answer_to` returns the answer.

    Raises:
        ResultJwtError: The JWT is refused; the module's docstring lists the codes.
        ConfigurationError: A key is not an RSA public key in PEM.
        UsageError: `now` or `leeway` has the wrong type or is out of range.
    """
    now = as_utc(now, "now")
    check_timedelta(leeway, "leeway")
    jws = read_compact(jwt, ResultJwtError, max_bytes)
    jws.check_rs256(keys)
    claims = jws.claims(_CLAIMS, _MAPS)
    _check_inner_names(claims)
    kind = _checked_kind(claims, issuer, _TYPES)
    if claims.get("type") != kind.value:
        raise ResultJwtError("subject", "its sub must name the same type of session as its result")
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
    """Return the result in a `getproof` JWT, after the same checks as `verify_result_jwt`.

    `irma_core.protocol.endpoints.build_getproof_request` makes the request for such a JWT.

    Raises:
        ResultJwtError: The JWT is refused; the module's docstring lists the codes.
        ConfigurationError: A key is not an RSA public key in PEM.
        UsageError: `now` or `leeway` has the wrong type or is out of range.
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
            "it has no exp: set the request's validity, because servers before 0.7.0 otherwise "
            "write no exp",
        )
    check_times(claims, now=now, leeway=leeway, required=("iat", "exp"), refused=ResultJwtError)
    _check_audience(claims)
    _check_simulated(claims, allow)
    attributes, status = claims.get("attributes"), claims.get("status")
    if not isinstance(attributes, dict) or not isinstance(status, str):
        raise ResultJwtError(
            "result", "it must have attributes and a status, as a getproof result does"
        )
    found = _PROOF_STATUSES.get(status)
    if status and found is None:
        raise ResultJwtError("result", "its status must be a proof status")
    texts = {name: value for name, value in attributes.items() if isinstance(value, str)}
    if len(texts) < len(attributes):
        raise ResultJwtError("result", "an attribute's value must be a string")
    return GetproofResult(kind, found, unchecked_attributes=texts)


def _check_inner_names(claims: dict[str, JsonValue]) -> None:
    """Refuse names in the result that differ from known names only in case.

    A reader written in Go would treat such names as the known ones.
    """
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
        raise ResultJwtError(
            "other_case", "a name in the result differs only in case from a known name"
        )


def _checked_kind(
    claims: dict[str, JsonValue], issuer: str | None, kinds: Mapping[str, SessionType]
) -> SessionType:
    if claims.get("iss") != issuer or (issuer is None and "iss" in claims):
        raise ResultJwtError(
            "issuer",
            "it is from another server, or jwt_issuer differs from the server's `jwt_issuer` "
            "setting",
        )
    subject = claims.get("sub")
    kind = kinds.get(subject) if isinstance(subject, str) else None
    if kind is None:
        raise ResultJwtError(
            "kind", f"its sub must be the type of a session result, such as {next(iter(kinds))}"
        )
    return kind


def _check_audience(claims: dict[str, JsonValue]) -> None:
    if "aud" in claims:
        raise ResultJwtError("audience", "it has an aud, which IRMA servers never write")


def _check_simulated(claims: dict[str, JsonValue], allow: Collection[Risk]) -> None:
    if claims.get("simulated", False) is not False and Risk.SIMULATED_PROOFS not in allow:
        raise ResultJwtError(
            "simulated",
            "an in-memory server made it, so it proves nothing; in tests, allow "
            "Risk.SIMULATED_PROOFS",
        )
