"""The methods by which requestors authenticate, and their permissions."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from irma_core import HmacSigner, RsaSigner, Signer
from irma_testing import (
    EXAMPLE_SCHEME,
    InMemoryServer,
    ManualClock,
    RequestorSettings,
    ServerSettings,
)
from irma_testing.memory.jwt import JwtSigner
from irma_testing.memory.replies import compact_json
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    FIRSTNAME,
    OVER18,
    Http,
    disclosure,
    error_in,
    issuance,
    json_in,
    revocation,
    signature,
)

AGE18 = disclosure([[OVER18]])
EXTENDED = {"request": AGE18}
KEY = base64.b64encode(bytes(range(32))).decode()
HMAC = HmacSigner.from_base64(KEY)
RSA_KEYS = JwtSigner(None)
RSA = RsaSigner(RSA_KEYS.private_key_pem)
NOT_AUTHENTICATED = (400, "INVALID_REQUEST", "request could not be authenticated")


@pytest.fixture
def server(clock: ManualClock) -> InMemoryServer:
    requestors = {
        "tok": RequestorSettings("token", "secret", disclose_perms=["example.town.age.over18"]),
        "mac": RequestorSettings(
            "hmac", KEY, sign_perms=["example.*"], issue_perms=["example.town.age"]
        ),
        "pub": RequestorSettings("publickey", RSA_KEYS.public_key_pem, host_perms=["*.example"]),
    }
    settings = ServerSettings(
        requestors=requestors,
        disclose_perms=["example.town.age.*"],
        sign_perms=[],
        issue_perms=[],
    )
    return InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=clock)


def jwt(claims: dict[str, Any], signer: Signer = HMAC, **header: str) -> bytes:
    """Sign claims."""
    head = {"typ": "JWT", "alg": signer.algorithm, **header}
    encoded = [encode(compact_json(part).encode()) for part in (head, claims)]
    signing_input = b".".join(encoded)
    return signing_input + b"." + encode(signer.sign(signing_input))


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def claims(clock: ManualClock, **others: Any) -> dict[str, Any]:
    return {
        "iss": "mac",
        "iat": int(clock.now().timestamp()),
        "sub": "verification_request",
        "sprequest": EXTENDED,
        **others,
    }


def send(http: Http, text: bytes, path: str = "/session") -> tuple[int, str, str]:
    """Send a JWT; return the status, error name and message, which are empty if it is accepted."""
    response = http.call("POST", path, text, content_type="text/plain; charset=utf-8")
    return (200, "", "") if response.status == 200 else error_in(response)


def test_each_method_authenticates(http: Http, clock: ManualClock) -> None:
    """A token, an HMAC and an RSA signature authenticate a requestor; `kid` may name it."""
    assert http.start(AGE18, authorization="secret")
    for text in (
        jwt(claims(clock)),
        jwt(claims(clock)) + b"\n",
        jwt(claims(clock, iss="pub"), RSA),
        jwt(claims(clock, iss="x"), kid="mac"),
        jwt(claims(clock, sub="disclosing")),
        jwt(claims(clock, exp=int(clock.now().timestamp()) + 1, nbf=1)),
    ):
        assert send(http, text) == (200, "", "")


def test_a_request_without_a_matching_method_is_refused(http: Http, clock: ManualClock) -> None:
    """A request that matches no method of authentication is refused."""
    token = jwt(claims(clock))
    assert http.refused(AGE18) == NOT_AUTHENTICATED
    assert http.refused(token, content_type="application/json") == NOT_AUTHENTICATED
    plain = {"content_type": "text/plain"}
    for body in (
        jwt(claims(clock), alg="none"),
        b"x",
        b"a.b.c",
        b"bnVsbA.bnVsbA.",
        jwt(claims(clock, iat=1.5)),
        jwt(claims(clock, iss=7)),
    ):
        assert http.refused(body, **plain) == NOT_AUTHENTICATED
    assert http.refused(token, **plain, authorization="secret") == NOT_AUTHENTICATED


def test_a_wrong_token_is_unauthorized(http: Http) -> None:
    """A wrong token gets a 403, and so does a right token after `Bearer`."""
    for token in ("wrong", "Bearer secret", KEY):
        assert http.refused(AGE18, authorization=token) == (403, "UNAUTHORIZED", "")


def test_bad_jwt_is_refused(http: Http, clock: ManualClock) -> None:
    """A bad JWT gets the official server's status and message."""
    now = int(clock.now().timestamp())
    other = HmacSigner(bytes(range(1, 33)))
    for text, expected in (
        (jwt(claims(clock), other), (400, "INVALID_REQUEST", "signature is invalid")),
        (jwt(claims(clock, iss="pub"), other), (400, "INVALID_REQUEST", "Unknown requestor: pub")),
        (jwt(claims(clock, iss="mac"), RSA), (400, "INVALID_REQUEST", "Unknown requestor: mac")),
        (
            jwt(claims(clock, iss="pub"), RsaSigner(_other_rsa_key())),
            (400, "INVALID_REQUEST", "signature is invalid"),
        ),
        (jwt(claims(clock, iat=now + 2)), (400, "INVALID_REQUEST", "token used before issued")),
        (jwt(claims(clock, nbf=now + 2)), (400, "INVALID_REQUEST", "token is not valid yet")),
        (jwt(claims(clock, exp=now - 3)), (400, "INVALID_REQUEST", "token is expired by 3s")),
        (jwt(claims(clock, iat=now - 301)), (403, "UNAUTHORIZED", "jwt too old")),
        (jwt(claims(clock, iat=now - 300)), (200, "", "")),
    ):
        assert send(http, text) == expected


def _other_rsa_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # slow to import
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_jwt_has_its_request_in_one_claim(http: Http, clock: ManualClock) -> None:
    """A JWT must have an extended request in the claim that belongs to its subject."""
    for changed, expected in (
        ({"sub": "nothing"}, (400, "INVALID_REQUEST", "Invalid session type")),
        ({"sub": "signature_request"}, (500, "INTERNAL_ERROR", "")),
        (
            {"sprequest": AGE18},
            (400, "INVALID_REQUEST", "Invalid JWT body: Not a ServiceProviderRequest"),
        ),
        (
            {"sprequest": {"request": signature("x", [[OVER18]])}},
            (400, "INVALID_REQUEST", "Invalid JWT body: Not a disclosure request"),
        ),
    ):
        assert send(http, jwt(claims(clock, **changed))) == expected
    old = {"type": "disclosing", "content": [{"attributes": [OVER18]}]}
    assert send(http, jwt(claims(clock, sprequest={"request": old}))) == (200, "", "")


def test_permissions(http: Http, clock: ManualClock) -> None:
    """A refusal names the first thing that the requestor may not request, such as an attribute."""
    unauthorized = (403, "UNAUTHORIZED")

    def refused(request: dict[str, Any]) -> tuple[int, str, str]:
        return http.refused(request, authorization="secret")

    assert refused(disclosure([[OVER18, EMAIL]])) == (*unauthorized, EMAIL)
    assert refused(signature("x", [[OVER18]])) == (*unauthorized, "")
    assert refused(issuance(AGE)) == (*unauthorized, "No issuer permissions configured")
    assert refused(disclosure([[OVER18]], host="other.example")) == (
        *unauthorized,
        "requestor not allowed to use the requested host",
    )

    def issued(*credentials: Any) -> bytes:
        request = {"request": issuance(*credentials)}
        return jwt(claims(clock, sub="issue_request", iprequest=request))

    assert send(http, issued(AGE)) == (200, "", "")
    resident = {"credential": "example.town.resident", "attributes": {"firstname": "Ada"}}
    assert send(http, issued(AGE, resident)) == (
        *unauthorized,
        "No issuer permissions configured for credential 'example.town.resident'",
    )
    signed = {"request": signature("x", [[FIRSTNAME]])}
    text = jwt(claims(clock, sub="signature_request", absrequest=signed))
    assert send(http, text) == (200, "", "")


def test_session_at_another_host(http: Http, clock: ManualClock) -> None:
    """A session's pointer has the requested host, and calls to another host are refused."""
    request = {"request": disclosure([[OVER18]], host="other.example")}
    text = jwt(claims(clock, iss="pub", sprequest=request), RSA)
    response = http.call("POST", "/session", text, content_type="text/plain")
    url = json_in(response)["sessionPtr"]["u"]
    assert url.startswith("https://other.example/irma/session/")
    assert http.call("GET", f"{url}/status").status == 200
    there = url.replace("other.example", "irma.example")
    assert error_in(http.call("GET", f"{there}/status")) == (403, "UNAUTHORIZED", "Host mismatch")
    assert http.call("GET", f"{there}/status", host="other.example").status == 200
    # A requestor with patterns of hosts needs the default host among them.
    default = jwt(claims(clock, iss="pub"), RSA)
    assert send(http, default) == (200, "", "")


def test_revocation_is_authenticated(http: Http, clock: ManualClock) -> None:
    """A revocation is authenticated by a token or a JWT; a JWT without a request gets a 500."""
    request = revocation("example.town.age", "k")

    def revoked(body: object, **headers: str) -> tuple[int, str, str]:
        return error_in(http.call("POST", "/revocation", body, **headers))

    assert revoked(request) == NOT_AUTHENTICATED
    assert revoked(request, authorization="secret") == (403, "UNAUTHORIZED", "")
    assert revoked({"type": "example.town.age"}, authorization="secret") == (
        400,
        "INVALID_REQUEST",
        "not a revocation request",
    )
    assert send(http, jwt(claims(clock)), "/revocation") == (500, "INTERNAL_ERROR", "")
    assert send(http, jwt(claims(clock, revrequest={})), "/revocation") == (
        400,
        "INVALID_REQUEST",
        "Invalid JWT body",
    )
    assert send(http, jwt(claims(clock, revrequest=request)), "/revocation") == (
        403,
        "UNAUTHORIZED",
        "",
    )
