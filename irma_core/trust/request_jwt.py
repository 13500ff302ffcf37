"""Session request JWTs, signed at one side and verified at the other.

Who verifies stands where an IRMA server stands: in front of one, or in its place. The checks, in
this order; each refusal is a `RequestJwtError` with the code named:

1. Form and header, as in `result_jwt`.
2. `requestor`: it names nobody who is known, or `kid` and `iss` name two.
3. `algorithm`, `signature`: the algorithm is the key's, never the sender's choice.
4. `nested`, `too_large`, `claims`, `duplicate_key`: as there.
5. `time`, `issued_at`, `too_old`, `expired`, `not_yet`: no whole numbers, an `iat` to come or
   longer ago than allowed; an `exp` past or an `nbf` to come, where they are there.
6. `kind`, `request`: the subject is none of a session request, or its field holds none.

A session request JWT works again until it is too old, each time for a new session.
Source: IRMA documentation, "Session requests as JWTs"; irmago `irma.ParseRequestorJwt`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias, final

import attrs

from irma_core.errors import ConfigurationError, RequestError, RequestJwtError, SigningError
from irma_core.models.json_text import JsonValue
from irma_core.models.risks import Risk, ready_to_start
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
    as_extended,
)
from irma_core.models.wire import read_request_value
from irma_core.trust.compact_jws import CompactJws, read_compact
from irma_core.trust.session_jwt import FIELDS, subject_of, unsigned_request_jwt
from irma_core.trust.signing import Signer

__all__ = ["VerifiedRequest", "VerifyingKey", "sign_session_request", "verify_session_request_jwt"]

_PEM = "-----BEGIN"
_LEEWAY = timedelta(seconds=10)
_SHORTEST_HMAC_KEY = 32
VerifyingKey: TypeAlias = str | bytes
"""Text in PEM is a public key for RS256; bytes are the shared key, decoded, for HS256."""


@final
@attrs.frozen
class VerifiedRequest:
    """What was asked, and by whom.

    Args:
        requestor: The name that the verifier has for the key.
        request: What was asked; slots are numbers.
    """

    requestor: str
    request: ExtendedRequest | RevocationRequest


def sign_session_request(
    request: SessionRequest | ExtendedRequest | RevocationRequest,
    *,
    name: str,
    signer: Signer,
    now: datetime,
    allow: Collection[Risk] = (),
) -> str:
    """Make the JWT of a request: what `start_session` takes, and any IRMA server.

    Args:
        request: What to ask.
        name: The requestor's name in the server's `requestors`.
        signer: Signs by the algorithm of the server's `auth_method`.
        now: An aware time.
        allow: The risks that are taken, as for a requestor.

    Returns:
        The JWT's text; the server takes it for five minutes, each time for a new session.

    Raises:
        RequestError: A credential would be expired when it is issued.
        ConfigurationError: The request takes a risk that is not allowed.
        SigningError: The signer failed.
    """
    ready = (
        request
        if isinstance(request, RevocationRequest)
        else ready_to_start(as_extended(request), now, allow)
    )
    unsigned = unsigned_request_jwt(ready, name=name, algorithm=signer.algorithm, now=now)
    try:
        signature = signer.sign(unsigned.signing_input)
    except SigningError:
        raise
    except Exception as error:
        raise SigningError(f"the signer failed: {type(error).__name__}") from error
    return unsigned.signed(signature)


def verify_session_request_jwt(
    jwt: str | bytes,
    *,
    keys: Mapping[str, VerifyingKey],
    max_age: timedelta,
    now: datetime,
    leeway: timedelta = _LEEWAY,
) -> VerifiedRequest:
    """Give what a session request JWT asks, and who asks, once all of it is verified.

    Args:
        jwt: The text, without anything around it.
        keys: By the requestor's name: a public key in PEM as text, or a shared key as bytes.
        max_age: How long ago it may have been signed; a server's default is 300 s.
        now: An aware time.
        leeway: How far the clocks may differ.

    Raises:
        RequestJwtError: It is refused; see the module for the codes.
        ConfigurationError: A key is none.
    """
    jws = read_compact(jwt, RequestJwtError)
    name = _named(jws)
    key = keys.get(name)
    if key is None:
        raise RequestJwtError("requestor", "it names no requestor that is known")
    _check_signature(jws, key)
    claims = jws.claims()
    _check_times(claims, now, max_age, leeway)
    return VerifiedRequest(name, _request_in(claims))


def _named(jws: CompactJws) -> str:
    """Give who it says it is from, which chooses the key and is believed only by the signature."""
    issuer, kid = jws.claims().get("iss"), jws.header.get("kid")
    names = [name for name in (issuer, kid) if name is not None and name != ""]
    name = names[0] if names else None
    if not isinstance(name, str) or names[-1] != name:
        raise RequestJwtError("requestor", "its iss and kid must name one requestor")
    return name


def _check_signature(jws: CompactJws, key: VerifyingKey) -> None:
    if isinstance(key, str):
        jws.check_rs256([key])
    elif key.lstrip().startswith(_PEM.encode()) or len(key) < _SHORTEST_HMAC_KEY:
        raise ConfigurationError(
            "keys: a public key is PEM text, a shared key 32 bytes or more that are decoded"
        )
    else:
        jws.check_hs256(key)


def _check_times(
    claims: dict[str, JsonValue], now: datetime, max_age: timedelta, leeway: timedelta
) -> None:
    times = {name: claims[name] for name in ("iat", "exp", "nbf") if name in claims}
    # A boolean is an int to Python, and no time.
    numbers = {name: value for name, value in times.items() if type(value) is int}
    if len(numbers) < len(times) or "iat" not in numbers:
        raise RequestJwtError("time", "iat, and exp and nbf if there, must be whole seconds")
    early, late = (now - leeway).timestamp(), (now + leeway).timestamp()
    if numbers["iat"] > late:
        raise RequestJwtError("issued_at", "it was issued in the future: check the clocks")
    if numbers["iat"] < (now - max_age - leeway).timestamp():
        raise RequestJwtError("too_old", "it was issued too long ago: sign anew")
    if numbers.get("exp", early) < early:
        raise RequestJwtError("expired", "it has expired: sign anew")
    if numbers.get("nbf", late) > late:
        raise RequestJwtError("not_yet", "it is not valid yet")


def _request_in(claims: dict[str, JsonValue]) -> ExtendedRequest | RevocationRequest:
    subject = claims.get("sub")
    field = FIELDS.get(subject) if isinstance(subject, str) else None
    if field is None:
        raise RequestJwtError("kind", "its sub is none of a session request")
    try:
        request = read_request_value(claims.get(field))
    except RequestError as error:
        raise RequestJwtError("request", f"{field}: {error}") from None
    if not isinstance(request, ExtendedRequest | RevocationRequest):
        raise RequestJwtError("request", f'{field} must hold {{"request": …}}')
    if subject_of(request) != subject:
        raise RequestJwtError("request", f"{field} holds another kind of request")
    return request
