"""Result JWTs: what the server signed, believed only after every check.

The checks, in this order; each refusal is a `ResultJwtError` with the code named:

1. `too_large`: over 1 MiB, or a header over 4 KiB. `encrypted`: a JWE. `form`: not three parts of
   base64url, or more around them. (RFC 7515, section 7.1)
2. `header`, `duplicate_key`, `base64`: no JSON object, a key twice, or base64 with spare bits:
   readers differ on what they say. (RFC 8725, section 2.4; RFC 4648, section 3.5)
3. `critical`, `b64`, `key_in_header`, `nested`, `kind`: a header that demands an extension, brings
   its own key, or announces something else than this JWT. (RFC 7515, section 4.1.11; RFC 7797)
4. `algorithm_none`, `algorithm_hs256`, `algorithm`: irmago signs by RS256. (RFC 8725, section 3.1)
5. `weak_key`, `signature`: a key under 2048 bits, or none that made the signature.
6. `nested`, `too_large`, `claims`, `duplicate_key`: the claims are no JSON object, hold over 30 000
   values, or have a key twice.
7. `issuer`: another server's. `kind`, `subject`: of something else than a session result, or of
   another type of session than the result says.
8. `time`, `issued_at`, `expired`: times that are no whole numbers, an `iat` to come, an `exp` past.
9. `simulated`: of a server in memory, unless `Risk.SIMULATED_PROOFS` is allowed.
10. `result`: the claims are no session result.

Before all of them a requestor that fetches the server's key may say `no_key`: none is at hand, and
none is fetched on behalf of whoever sent this.

A valid signature says that the server said it, and no more: irmago signs a result at any status,
names no audience, and signs anew each time. What counts for a session is `SessionResult.answer_to`.
Source: IRMA documentation, "Session result JWTs"; irmago `server.ResultJwt`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, final

import attrs

from irma_core.errors import ResultJwtError
from irma_core.models.answers import Evidence
from irma_core.models.json_text import JsonValue
from irma_core.models.reading import WireError
from irma_core.models.results import SessionResult
from irma_core.models.risks import Risk
from irma_core.models.statuses import ProofStatus, SessionType
from irma_core.models.wire import read_as
from irma_core.trust.compact_jws import read_compact

__all__ = ["OlderResult", "verify_getproof_jwt", "verify_result_jwt"]

LEEWAY: Final = timedelta(seconds=10)
"""How far the clocks of server and verifier may differ."""

_TYPES = {f"{kind.value}_result": kind for kind in SessionType if kind is not SessionType.REDIRECT}
_PROOF_STATUSES = {status.value: status for status in ProofStatus}
_OLDER_TYPES = {
    "disclosure_result": SessionType.DISCLOSING,
    "abs_result": SessionType.SIGNING,
    "issue_result": SessionType.ISSUING,
}


@final
@attrs.frozen
class OlderResult:
    """What the JWT of `getproof` says. It names no session: nothing binds it to what was asked.

    Args:
        type: The type of session.
        proof_status: Whether the proof holds; None before the end and after a cancel.
        unchecked_attributes: Value by identifier; an attribute without a value has an empty text.
    """

    type: SessionType
    proof_status: ProofStatus | None
    unchecked_attributes: dict[str, str] = attrs.field(repr=False, kw_only=True)


def verify_result_jwt(
    jwt: str | bytes,
    *,
    keys: Sequence[str | bytes],
    issuer: str | None,
    now: datetime,
    leeway: timedelta = LEEWAY,
    allow: Collection[Risk] = (),
) -> SessionResult:
    """Give the session result in a JWT, once all of it is verified.

    Args:
        jwt: From `get_result_jwt` or a callback, without anything around it.
        keys: The server's public keys in PEM; more than one during a change of keys.
        issuer: The server's `jwt_issuer`; None for a server that has an empty one.
        now: An aware time.
        leeway: How far the clocks may differ.
        allow: `Risk.SIMULATED_PROOFS`, for a server in memory.

    Returns:
        A result whose `evidence` is `SIGNED`; `answer_to` makes an answer of it.

    Raises:
        ResultJwtError: It is refused; see the module for the codes.
        ConfigurationError: A key is no RSA public key in PEM.
    """
    claims = _signed_claims(jwt, keys)
    kind = _checked_kind(claims, issuer, _TYPES)
    if claims.get("type") != kind.value:
        raise ResultJwtError("subject", "it is of another type of session than its result")
    _check_times(claims, now, leeway)
    _check_simulated(claims, allow)
    try:
        result = read_as(claims, SessionResult)
    except WireError as error:
        raise ResultJwtError("result", f"it holds no session result: {error}") from None
    return attrs.evolve(result, evidence=Evidence.SIGNED)


def verify_getproof_jwt(
    jwt: str | bytes,
    *,
    keys: Sequence[str | bytes],
    issuer: str | None,
    now: datetime,
    leeway: timedelta = LEEWAY,
    allow: Collection[Risk] = (),
) -> OlderResult:
    """Give what the JWT of `getproof` says, once all of it is verified; as `verify_result_jwt`.

    Raises:
        ResultJwtError: It is refused; see the module for the codes.
        ConfigurationError: A key is no RSA public key in PEM.
    """
    claims = _signed_claims(jwt, keys)
    kind = _checked_kind(claims, issuer, _OLDER_TYPES)
    _check_times(claims, now, leeway)
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
    return OlderResult(kind, found, unchecked_attributes=texts)


def _signed_claims(jwt: str | bytes, keys: Sequence[str | bytes]) -> dict[str, JsonValue]:
    jws = read_compact(jwt, ResultJwtError)
    jws.check_rs256(keys)
    return jws.claims()


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


def _check_times(claims: dict[str, JsonValue], now: datetime, leeway: timedelta) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    # A boolean is an int to Python, and no time.
    if type(issued) is not int or type(expires) is not int:
        raise ResultJwtError("time", "iat and exp must be whole numbers of seconds")
    if issued > (now + leeway).timestamp():
        raise ResultJwtError("issued_at", "it was issued in the future: check the clocks")
    if expires < (now - leeway).timestamp():
        raise ResultJwtError("expired", "it has expired: ask the server for a new one")


def _check_simulated(claims: dict[str, JsonValue], allow: Collection[Risk]) -> None:
    if claims.get("simulated", False) is not False and Risk.SIMULATED_PROOFS not in allow:
        raise ResultJwtError(
            "simulated",
            "it is of a server in memory and proves nothing; tests allow Risk.SIMULATED_PROOFS",
        )
