"""Session request JWTs: signing them for a server, and verifying them instead of a server."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core import (
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    HmacSigner,
    IssuanceRequest,
    PublicKey,
    RequestJwtError,
    Requestor,
    RevocationRequest,
    Risk,
    RsaSigner,
    SharedKey,
    SignatureRequest,
    sign_session_request,
    verify_session_request_jwt,
)
from irma_core.errors import ConfigurationError, SigningError, UsageError
from irma_core.models.session_requests import as_extended
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings
from tests.rsa_keys import RSA_KEY as RSA
from tests.trust import make_jwt_vectors
from tests.trust.test_keys import pem

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = bytes(range(32))
KEYS: dict[str, str | bytes] = {"shop": SECRET, "bank": make_jwt_vectors.pem(RSA)}
AGE = DisclosureRequest(["a.b.c.d"])
MAX_AGE = timedelta(seconds=300)


def sign(request: Any = AGE, name: str = "shop", **settings: Any) -> str:
    signer = HmacSigner(SECRET) if name == "shop" else RsaSigner(pem(RSA))
    return sign_session_request(request, name=name, signer=signer, now=NOW, **settings)


def verify(jwt: str | bytes, now: datetime = NOW, **settings: Any) -> Any:
    given_: dict[str, Any] = {"keys": KEYS, "max_age": MAX_AGE, "now": now, **settings}
    return verify_session_request_jwt(jwt, **given_)


def refused(jwt: str | bytes, now: datetime = NOW, **settings: Any) -> str:
    with pytest.raises(RequestJwtError) as caught:
        verify(jwt, now, **settings)
    return caught.value.code


@pytest.mark.parametrize("name", ["shop", "bank"])
@pytest.mark.parametrize(
    "request_",
    [
        AGE,
        ExtendedRequest(AGE, timeout=timedelta(seconds=60)),
        SignatureRequest("één ✓", ["a.b.c.d"]),
        IssuanceRequest([CredentialRequest("a.b.c", {"d": "x"}, validity=timedelta(weeks=9))]),
        RevocationRequest("a.b.c", "key"),
    ],
)
def test_a_signed_request_is_verified_unchanged(name: str, request_: Any) -> None:
    """All kinds of requests survive signing by either algorithm, with the name of the key."""
    verified = verify(sign(request_, name))
    assert verified.requestor == name
    if isinstance(request_, RevocationRequest):
        assert verified.request == request_
    elif not isinstance(request_, IssuanceRequest):
        assert verified.request == as_extended(request_)
    else:
        (credential,) = verified.request.request.credentials
        assert credential.validity > NOW + timedelta(weeks=8)


def test_a_server_accepts_a_request_jwt() -> None:
    """A server accepts the JWT as a string, without any other authentication."""
    known = {"shop": RequestorSettings("hmac", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")}
    server = InMemoryServer(ServerSettings(requestors=known))
    signer = HmacSigner(SECRET)
    jwt = sign_session_request(AGE, name="shop", signer=signer, now=server.clock.now())
    session = Requestor(server.url, server.transport()).start_session(jwt)
    assert session.request == as_extended(AGE)


def test_a_forbidden_request_is_not_signed() -> None:
    """Signing demands permission for risks and refuses expired credentials, as a start does."""
    demo = DisclosureRequest(["irma-demo.a.b.c"])
    with pytest.raises(ConfigurationError, match="DEMO_ATTRIBUTES"):
        sign(demo)
    assert verify(sign(demo, allow=[Risk.DEMO_ATTRIBUTES]))


def test_a_signer_that_fails_is_named() -> None:
    """The error of a failing signer names its class; the cause is the signer's exception."""

    class Broken:
        algorithm = "HS256"

        def sign(self, signing_input: bytes) -> bytes:
            raise self.error

        error: Exception = OSError("slot 7")

    broken = Broken()
    with pytest.raises(SigningError, match="OSError") as caught:
        sign_session_request(AGE, name="shop", signer=broken, now=NOW)
    assert caught.value.__cause__ is broken.error
    broken.error = SigningError("locked")
    with pytest.raises(SigningError, match="locked"):
        sign_session_request(AGE, name="shop", signer=broken, now=NOW)


CLAIMS: dict[str, Any] = {
    "iss": "bank",
    "iat": int(NOW.timestamp()),
    "sub": "verification_request",
    "sprequest": {
        "request": {
            "@context": "https://irma.app/ld/request/disclosure/v2",
            "disclose": [[["a.b.c.d"]]],
        }
    },
}
PLAIN = CLAIMS["sprequest"]["request"]


def by_rsa(header: dict[str, Any] | None = None, **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not ...}
    return make_jwt_vectors.sign({**make_jwt_vectors.HEADER, **(header or {})}, claims, RSA)


REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "an unknown name": (lambda: by_rsa(iss="nobody"), "requestor"),
    "no name": (lambda: by_rsa(iss=...), "requestor"),
    "a name that is a number": (lambda: by_rsa(iss=7), "requestor"),
    "a name that is a list": (lambda: by_rsa({"kid": ["bank"]}), "requestor"),
    "another's kid": (lambda: by_rsa({"kid": "shop"}), "algorithm_rs256"),
    "an empty kid": (lambda: by_rsa({"kid": ""}), "requestor"),
    "a kid that is null": (lambda: by_rsa({"kid": None}), "requestor"),
    "an empty name": (lambda: by_rsa(iss=""), "requestor"),
    "another's name": (lambda: by_rsa(iss="shop"), "algorithm_rs256"),
    "alg none": (lambda: by_rsa({"alg": "none"}), "algorithm_none"),
    "another key": (
        lambda: make_jwt_vectors.sign(make_jwt_vectors.HEADER, CLAIMS, make_jwt_vectors.OTHER),
        "signature",
    ),
    "a key in the header": (lambda: by_rsa({"jku": "https://a.example"}), "key_in_header"),
    "no iat": (lambda: by_rsa(iat=...), "time"),
    "an iat with a fraction, too long ago": (lambda: by_rsa(iat=1.5), "too_old"),
    "an iat that is true": (lambda: by_rsa(iat=True), "time"),
    "an exp that is a string": (lambda: by_rsa(exp="1"), "time"),
    "an iat in the future": (lambda: by_rsa(iat=CLAIMS["iat"] + 11), "issued_at"),
    "an iat too long ago": (lambda: by_rsa(iat=CLAIMS["iat"] - 311), "too_old"),
    "an exp in the past": (lambda: by_rsa(exp=CLAIMS["iat"] - 11), "expired"),
    "an nbf in the future": (lambda: by_rsa(nbf=CLAIMS["iat"] + 11), "not_yet"),
    "an nbf that is null": (lambda: by_rsa(nbf=None), "time"),
    "an audience": (lambda: by_rsa(aud="https://a.example"), "audience"),
    "an audience that is null": (lambda: by_rsa(aud=None), "claims"),
    "an audience in a list": (lambda: by_rsa(aud=["https://irma.example"]), "claims"),
    "a jti that is a number": (lambda: by_rsa(jti=1), "claims"),
    "simulated": (lambda: by_rsa(simulated=True), "unknown_claim"),
    "a claim in another case": (lambda: by_rsa(Iss="shop"), "other_case"),
    "a claim with a long s": (
        lambda: make_jwt_vectors.sign(
            make_jwt_vectors.HEADER, {**CLAIMS, "\u017fub": "issue_request"}, RSA
        ),
        "other_case",
    ),
    "a header in another case": (lambda: by_rsa({"Kid": "shop"}), "other_case"),
    "another kind's request beside": (
        lambda: by_rsa(absrequest=CLAIMS["sprequest"]),
        "request",
    ),
    "a subject in another case": (lambda: by_rsa(sub="Verification_request"), "kind"),
    "an unknown subject": (lambda: by_rsa(sub="disclosing_result"), "kind"),
    "a subject that is a list": (lambda: by_rsa(sub=[]), "kind"),
    "another subject's field": (lambda: by_rsa(sub="issue_request"), "request"),
    "another kind in the field": (
        lambda: by_rsa(sub="issue_request", iprequest=CLAIMS["sprequest"]),
        "request",
    ),
    "another kind in its only field": (
        lambda: by_rsa(sub="issue_request", sprequest=..., iprequest=CLAIMS["sprequest"]),
        "request",
    ),
    "a plain request": (lambda: by_rsa(sprequest=PLAIN), "request"),
    "a field that no request has": (
        lambda: by_rsa(sprequest={"request": {**PLAIN, "labels_": {}}}),
        "request",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_invalid_request_jwt_is_refused(what: str) -> None:
    """Each invalid JWT is refused with the code of its fault."""
    make, code = REFUSED[what]
    assert refused(make()) == code


def test_a_name_may_be_in_the_header() -> None:
    """The requestor's name may be in `kid`, which irmago prefers to `iss`."""
    assert verify(by_rsa({"kid": "bank"}, iss=...)).requestor == "bank"
    assert verify(by_rsa({"kid": "bank"})).requestor == "bank"
    assert verify(by_rsa({"kid": "bank"}, iss="Our Bank, Amsterdam")).requestor == "bank"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"leeway": 10}, "leeway must be a timedelta"),
        ({"leeway": timedelta(seconds=-1)}, "leeway must not be negative"),
        ({"max_age": 300}, "max_age must be a timedelta"),
        ({"max_age": timedelta(seconds=-1)}, "max_age must not be negative"),
    ],
)
def test_an_invalid_duration_is_the_callers_mistake(settings: dict[str, Any], said: str) -> None:
    """An invalid duration is the caller's mistake, and the error names its argument."""
    with pytest.raises(UsageError, match=said):
        verify(HONEST, **settings)


def test_an_audience_may_be_expected() -> None:
    """A verifier that expects an audience accepts only JWTs for it; the server ignores it."""
    ours = by_rsa(aud="https://irma.example")
    assert verify(ours, audience="https://irma.example").requestor == "bank"
    assert refused(ours, audience="https://irma.example/") == "audience"
    assert refused(by_rsa(), audience="https://irma.example") == "audience"


def test_a_time_may_have_a_fraction() -> None:
    """RFC 7519 allows fractions of seconds, but the official server accepts only whole seconds."""
    at = NOW.timestamp()
    assert verify(by_rsa(iat=at - 0.5, exp=at + 0.5, nbf=at - 0.5)).requestor == "bank"
    assert refused(by_rsa(iat=at + 10.5)) == "issued_at"


def test_a_jwt_of_another_shared_key_is_refused() -> None:
    """HS256 with another key or with a public key's PEM is refused."""
    other = sign_session_request(AGE, name="shop", signer=HmacSigner(bytes(range(1, 33))), now=NOW)
    assert refused(other) == "signature"
    text = ".".join(map(make_jwt_vectors.encode, (b'{"alg":"HS256"}', json.dumps(CLAIMS).encode())))
    mac = hmac.digest(make_jwt_vectors.pem(RSA).encode(), text.encode(), "sha256")
    assert refused(f"{text}.{make_jwt_vectors.encode(mac)}") == "algorithm_hs256"


@pytest.mark.parametrize(
    "key", [b"short", make_jwt_vectors.pem(RSA).encode(), "no PEM", 7, bytearray(SECRET), bytes(32)]
)
def test_an_invalid_key_is_the_callers_mistake(key: Any) -> None:
    """A public key as bytes is refused, since it would be a shared key that everyone knows."""
    with pytest.raises(ConfigurationError):
        verify(sign(), keys={"shop": key})


@pytest.mark.parametrize("keys", [None, SECRET, ["shop"]])
def test_keys_without_names_are_the_callers_mistake(keys: Any) -> None:
    """The keys must be a mapping from names, because the JWT names its key."""
    with pytest.raises(ConfigurationError, match="keys must map names"):
        verify(sign(), keys=keys)


def test_the_type_of_a_key_chooses_the_algorithm() -> None:
    """A shared key verifies HS256 and a public key RS256, whatever the JWT says."""
    shared, public = SharedKey(SECRET), PublicKey(make_jwt_vectors.pem(RSA))
    assert verify(sign(), keys={"shop": shared}).requestor == "shop"
    assert verify(sign(name="bank"), keys={"bank": public}).requestor == "bank"
    assert refused(sign(), keys={"shop": public}) == "algorithm_hs256"
    assert refused(sign(name="bank"), keys={"bank": shared}) == "algorithm_rs256"


@given(place=st.integers(min_value=0), byte=st.integers(min_value=0, max_value=255))
def test_a_request_jwt_with_one_byte_changed_is_refused(place: int, byte: int) -> None:
    """A request JWT is refused after any change of one byte."""
    honest = HONEST.encode()
    at = place % len(honest)
    changed = honest[:at] + bytes([byte]) + honest[at + 1 :]
    if changed != honest:
        assert refused(changed)


HONEST = sign()


def test_an_async_signer_is_refused() -> None:
    """An asyncio signer is refused before a call, because nothing would await the result."""

    class Awaited:
        algorithm = "HS256"

        async def sign(self, signing_input: bytes) -> bytes:
            raise AssertionError(signing_input)

    wrong: Any = Awaited()
    with pytest.raises(ConfigurationError, match="only an AsyncRequestor can use"):
        sign_session_request(
            DisclosureRequest(["a.b.c.d"]), name="shop", signer=wrong, now=datetime.now(UTC)
        )
