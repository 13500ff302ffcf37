"""Session request JWTs, signed at one side and verified at the other.

Who verifies stands where an IRMA server stands: in front of one, or in its place. The checks, in
this order; each refusal is a `RequestJwtError` with the code named:

1. Form and header, as in `result_jwt`.
2. `nested`, `too_large`, `claims`, `duplicate_key`, `other_case`: as there.
3. `requestor`: it names no requestor that is known. As at the server `kid` in the header decides,
   and `iss` only where there is no `kid`: official libraries put a name for people into `iss`.
4. `algorithm`, `signature`: the algorithm is the key's, never the sender's choice.
5. `kind`, `unknown_claim`, `request`, `claims`: the subject is none of a session request; a claim
   is none that those have; another claim holds a request too; a claim is of another type.
6. `time`, `issued_at`, `too_old`, `expired`, `not_yet`: no numbers of seconds, an `iat` to come or
   longer ago than allowed; an `exp` past or an `nbf` to come, where they are there.
7. `audience`: its `aud` is not the one that the caller expects.
8. `request`: the claim holds no request, or one of another kind.

A session request JWT works again until it is too old, each time for a new session.
Source: IRMA documentation, "Session requests as JWTs"; irmago `irma.ParseRequestorJwt`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from typing import NoReturn, Self, TypeAlias, final

import attrs

from irma_core.errors import (
    ConfigurationError,
    RequestError,
    RequestJwtError,
    SigningError,
    UsageError,
)
from irma_core.models.arguments import check_string
from irma_core.models.json_text import JsonValue
from irma_core.models.moments import as_utc, check_timedelta
from irma_core.models.risks import Risk, ready_to_start
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
    as_extended,
)
from irma_core.tracebacks import boundary
from irma_core.trust.compact_jws import CompactJws, read_compact
from irma_core.trust.jwt_times import LEEWAY, check_times
from irma_core.trust.key_forms import check_shared_secret
from irma_core.trust.keys import PublicKey, SharedKey
from irma_core.trust.session_jwt import (
    check_request_claims,
    claimed_request,
    request_claims,
    unsigned_request_jwt,
)
from irma_core.trust.signing import Signer

__all__ = ["VerifiedRequest", "VerifyingKey", "sign_session_request", "verify_session_request_jwt"]

VerifyingKey: TypeAlias = PublicKey | SharedKey | str | bytes
"""A `PublicKey` for RS256 or a `SharedKey` for HS256. Plain text in PEM is a public key, and plain
bytes are a shared key; bytes that hold a public key are refused."""


@final
@boundary
@attrs.frozen(init=False, getstate_setstate=False)
class VerifiedRequest:
    """What was asked, and by whom. It exists only after every check of the JWT.

    Attributes:
        requestor: The name that the verifier has for the key.
        request: What was asked; slots are numbers.
    """

    requestor: str
    request: ExtendedRequest | RevocationRequest

    def __new__(cls) -> Self:  # noqa: D102  # nobody calls it
        raise UsageError("a VerifiedRequest is made by verify_session_request_jwt() only")

    def __copy__(self) -> VerifiedRequest:
        return self

    def __deepcopy__(self, _memo: object) -> VerifiedRequest:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError("a VerifiedRequest is not pickled: verify the JWT again")


@boundary
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
    check_string(name, "name")
    _check_signer(signer)
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


def _check_signer(signer: object) -> None:
    algorithm, sign = getattr(signer, "algorithm", None), getattr(signer, "sign", None)
    if isinstance(signer, type) or not isinstance(algorithm, str) or not callable(sign):
        raise ConfigurationError("signer: must be a Signer, such as HmacSigner(key)")
    if iscoroutinefunction(sign):
        raise ConfigurationError("signer: this one is awaited; only an AsyncRequestor awaits it")


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
    """Give what a session request JWT asks, and who asks, once all of it is verified.

    Args:
        jwt: The text, without anything around it.
        keys: By the requestor's name: its `PublicKey` or its `SharedKey`.
        max_age: How long ago it may have been signed; a server's default is 300 s.
        now: An aware time.
        leeway: How far the clocks may differ.
        audience: The `aud` that it must have; by default one with any is refused.

    Raises:
        RequestJwtError: It is refused; see the module for the codes.
        ConfigurationError: A key is none.
        UsageError: A time or a duration has another type or is out of range.
    """
    now = as_utc(now, "now")
    check_timedelta(max_age, "max_age")
    check_timedelta(leeway, "leeway")
    jws = read_compact(jwt, RequestJwtError)
    claims = request_claims(jws)
    name = _named(jws.header, claims)
    key = _by_name(keys).get(name)
    if key is None:
        raise RequestJwtError("requestor", "it names no requestor that is known")
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
        raise RequestJwtError("audience", "its aud is another one than expected")
    try:
        request = claimed_request(claims.get(field), field, subject)
    except RequestError as error:
        failure = RequestJwtError("request", str(error))
    else:
        return _verified(name, request)
    raise failure


def _by_name(keys: object) -> Mapping[str, object]:
    if not isinstance(keys, Mapping):
        raise ConfigurationError("keys must map names of requestors to their keys")
    return keys


def _named(header: dict[str, JsonValue], claims: dict[str, JsonValue]) -> str:
    """Return the name that it says it is from.

    The name chooses the key, and only the signature makes it true.
    """
    name = header["kid"] if "kid" in header else claims.get("iss")
    if not isinstance(name, str) or not name:
        raise RequestJwtError("requestor", "its kid, or without one its iss, must be a name")
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
