"""The four ways of authentication with the official server, and its refusals."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from irma_core import (
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    NoAuthentication,
    PublicKeyAuthentication,
    Requestor,
    RevocationRequest,
    RsaSigner,
    SignatureRequest,
    TokenAuthentication,
)
from irma_core.errors import ServerRefusedError
from irma_core.trust.request_jwt import unsigned_request_jwt
from irma_transport_urllib3 import Urllib3Transport
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.rsa_keys import RSA_KEY

AGE = DisclosureRequest({"age": "example.town.age.over18"})
HMAC_KEY = bytes(range(32))
TOKEN = "a-token-of-the-tests"
HTTP_FORBIDDEN, HTTP_BAD_REQUEST = 403, 400


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return RSA_KEY


@pytest.fixture(scope="module")
def rsa_pem(rsa_key: rsa.RSAPrivateKey) -> bytes:
    return rsa_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def strict_server(start_official_server: ServerPool, rsa_key: rsa.RSAPrivateKey) -> OfficialServer:
    public_pem = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return start_official_server(
        ServerOptions(
            default_permissions=False,
            requestors={
                "tok": {
                    "auth_method": "token",
                    "key": TOKEN,
                    "disclose_perms": ["example.town.age.*"],
                },
                "mac": {
                    "auth_method": "hmac",
                    "key": base64.b64encode(HMAC_KEY).decode(),
                    "disclose_perms": ["*"],
                    "sign_perms": ["*"],
                    "issue_perms": ["example.town.*"],
                },
                "pub": {
                    "auth_method": "publickey",
                    "key": public_pem.decode(),
                    "disclose_perms": ["*"],
                    "revoke_perms": ["*"],
                },
            },
        )
    )


@pytest.fixture(scope="module")
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


def test_a_token_starts_sessions(
    strict_server: OfficialServer, transport: Urllib3Transport
) -> None:
    """A requestor with `auth_method: token` starts a session by its token, without a prefix."""
    requestor = Requestor(strict_server.url, transport, authentication=TokenAuthentication(TOKEN))
    assert requestor.start_session(AGE).pointer.url.startswith(strict_server.url)


def test_an_hmac_key_starts_sessions_of_all_kinds(
    strict_server: OfficialServer, transport: Urllib3Transport
) -> None:
    """A requestor with `auth_method: hmac` starts sessions of all types by HS256 JWTs."""
    signer = HmacSigner.from_base64(base64.b64encode(HMAC_KEY).decode())
    requestor = Requestor(
        strict_server.url, transport, authentication=HmacAuthentication("mac", signer)
    )
    attributes = {"over12": "yes", "over18": "yes", "over65": "no"}
    for request in (
        AGE,
        SignatureRequest("message", {"age": "example.town.age.over18"}),
        IssuanceRequest(
            [CredentialRequest("example.town.age", attributes, validity=timedelta(weeks=3))]
        ),
        ExtendedRequest(AGE, timeout=timedelta(seconds=60), validity=timedelta(seconds=60)),
    ):
        assert requestor.start_session(request).token.reveal()


def test_a_private_key_starts_sessions(
    strict_server: OfficialServer, transport: Urllib3Transport, rsa_pem: bytes
) -> None:
    """A requestor with `auth_method: publickey` starts a session by an RS256 JWT."""
    requestor = Requestor(
        strict_server.url,
        transport,
        authentication=PublicKeyAuthentication("pub", RsaSigner(rsa_pem)),
    )
    assert requestor.start_session(AGE).token.reveal()


def test_a_jwt_made_elsewhere_starts_a_session(
    strict_server: OfficialServer, transport: Urllib3Transport
) -> None:
    """A JWT that the caller made starts a session, and the requestor's own token is not sent."""
    unsigned = unsigned_request_jwt(
        ExtendedRequest(AGE), name="mac", algorithm="HS256", now=datetime.now(UTC)
    )
    jwt = unsigned.signed(HmacSigner(HMAC_KEY).sign(unsigned.signing_input))
    requestor = Requestor(
        strict_server.url, transport, authentication=TokenAuthentication("never sent")
    )
    session = requestor.start_session(jwt)
    assert session.request.request.disclose.slots == (0,)


def test_a_clock_slightly_ahead_is_tolerated(
    strict_server: OfficialServer, transport: Urllib3Transport
) -> None:
    """A JWT starts a session if the requestor's clock is 8 s ahead of the server's."""
    ahead = datetime.now(UTC) + timedelta(seconds=8)
    unsigned = unsigned_request_jwt(ExtendedRequest(AGE), name="mac", algorithm="HS256", now=ahead)
    jwt = unsigned.signed(HmacSigner(HMAC_KEY).sign(unsigned.signing_input))
    assert Requestor(strict_server.url, transport).start_session(jwt).token.reveal()


@pytest.mark.parametrize(
    ("authentication", "status", "code"),
    [
        (NoAuthentication(), HTTP_BAD_REQUEST, "INVALID_REQUEST"),
        (TokenAuthentication("wrong"), HTTP_FORBIDDEN, "UNAUTHORIZED"),
        (TokenAuthentication(f"Bearer {TOKEN}"), HTTP_FORBIDDEN, "UNAUTHORIZED"),
        (HmacAuthentication("mac", HmacSigner(bytes(range(100, 132)))), HTTP_BAD_REQUEST, None),
        (HmacAuthentication("nobody", HmacSigner(HMAC_KEY)), HTTP_BAD_REQUEST, None),
        (HmacAuthentication("pub", HmacSigner(HMAC_KEY)), HTTP_BAD_REQUEST, None),
    ],
    ids=["none", "wrong token", "Bearer", "wrong key", "unknown name", "another's name"],
)
def test_wrong_authentication_is_refused(
    strict_server: OfficialServer,
    transport: Urllib3Transport,
    authentication: NoAuthentication | TokenAuthentication | HmacAuthentication[HmacSigner],
    status: int,
    code: str | None,
) -> None:
    """The server refuses each wrong authentication, and the error does not show the token."""
    requestor = Requestor(strict_server.url, transport, authentication=authentication)
    with pytest.raises(ServerRefusedError) as caught:
        requestor.start_session(AGE)
    assert caught.value.http_status == status
    assert code in (None, caught.value.code)
    assert TOKEN not in str(caught.value)


def test_a_forbidden_attribute_is_refused(
    strict_server: OfficialServer, transport: Urllib3Transport
) -> None:
    """The error for a forbidden attribute keeps the server's message, but does not show it."""
    requestor = Requestor(strict_server.url, transport, authentication=TokenAuthentication(TOKEN))
    with pytest.raises(ServerRefusedError) as caught:
        requestor.start_session(DisclosureRequest({"mail": "example.town.resident.email"}))
    assert caught.value.code == "UNAUTHORIZED"
    assert "example.town.resident.email" in caught.value.remote_message
    assert "example.town.resident.email" not in str(caught.value)


def test_unwanted_authentication_is_refused(
    official_server: OfficialServer, transport: Urllib3Transport
) -> None:
    """A server with `no_auth` refuses a requestor that sends a token."""
    requestor = Requestor(official_server.url, transport, authentication=TokenAuthentication(TOKEN))
    with pytest.raises(ServerRefusedError) as caught:
        requestor.start_session(AGE)
    assert caught.value.http_status == HTTP_BAD_REQUEST


def test_revocation_is_authenticated(
    strict_server: OfficialServer, transport: Urllib3Transport, rsa_pem: bytes
) -> None:
    """`revoke` authenticates to the server, which refuses a type that cannot be revoked."""
    request = RevocationRequest("example.town.age", "key-1")
    allowed = PublicKeyAuthentication("pub", RsaSigner(rsa_pem))
    with pytest.raises(ServerRefusedError) as caught:
        Requestor(strict_server.url, transport, authentication=allowed).revoke(request)
    assert caught.value.code == "REVOCATION"
    forbidden = HmacAuthentication("mac", HmacSigner(HMAC_KEY))
    with pytest.raises(ServerRefusedError) as caught:
        Requestor(strict_server.url, transport, authentication=forbidden).revoke(request)
    assert caught.value.http_status == HTTP_FORBIDDEN


def test_base_url_with_a_prefix(
    start_official_server: ServerPool, transport: Urllib3Transport
) -> None:
    """The base URL includes the server's `api_prefix`, and may end with a slash."""
    server = start_official_server(ServerOptions(api_prefix="/api"))
    for url in (server.url.rstrip("/"), server.url.rstrip("/") + "/"):
        requestor = Requestor(url, transport)
        requestor.check_health()
        assert requestor.get_status(requestor.start_session(AGE)).value == "INITIALIZED"


def test_requestors_come_from_the_environment(
    start_official_server: ServerPool,
    transport: Urllib3Transport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server reads requestors from the environment, which other users cannot see."""
    requestors = {"shop": {"auth_method": "token", "key": TOKEN}}
    monkeypatch.setenv("IRMASERVER_REQUESTORS", json.dumps(requestors))
    options = ServerOptions(extra_flags=("--no-auth=false",))
    server = start_official_server(options, shared=False)
    shop, stranger = (TokenAuthentication(token) for token in (TOKEN, f"not-{TOKEN}"))
    Requestor(server.url, transport, authentication=shop).start_session(AGE)
    with pytest.raises(ServerRefusedError):
        Requestor(server.url, transport, authentication=stranger).start_session(AGE)
    server.close()
