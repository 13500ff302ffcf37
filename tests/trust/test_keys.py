"""Keys and signers are accepted or refused; no error and no `repr` shows a key."""

import base64
import pickle
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from irma_core import (
    DisclosureRequest,
    HmacAuthentication,
    HmacSigner,
    PublicKeyAuthentication,
    Requestor,
    Risk,
    RsaSigner,
    TokenAuthentication,
)
from irma_core.errors import ConfigurationError, RequestError, SigningError
from irma_core.trust.request_jwt import request_in_jwt
from irma_testing import ScriptedTransport
from tests.rsa_keys import RSA_KEY

KEY = bytes(range(223, 255))
ASK = DisclosureRequest(["s.i.card.a"])


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None
) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_an_hmac_key_is_accepted_in_either_base64_alphabet(encode: Any) -> None:
    """An HMAC key is accepted in both alphabets of base64, with or without padding."""
    text = encode(KEY).decode()
    expected = HmacSigner(KEY).sign(b"x")
    assert HmacSigner.from_base64(f" {text}\n").sign(b"x") == expected
    assert HmacSigner.from_base64(text.rstrip("=")).sign(b"x") == expected


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "\u00e9", cast("str", b"AAAA")])
def test_an_invalid_hmac_key_is_refused(text: str) -> None:
    """An HMAC key is refused if it is not base64 or is under 32 bytes (RFC 7518, section 3.2)."""
    with pytest.raises(ConfigurationError):
        HmacSigner.from_base64(text)
    with pytest.raises(ConfigurationError):
        HmacSigner(cast("bytes", text))


def test_an_hmac_key_stays_in_its_process() -> None:
    """An HMAC key is in no `repr` and cannot be pickled."""
    signer = HmacSigner(KEY)
    assert repr(signer) == "<HmacSigner>"
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        pickle.dumps(signer)


def test_an_rsa_key_is_accepted_with_its_password() -> None:
    """An RSA key in PEM, as a string or bytes, signs PKCS #1 v1.5 with SHA-256."""
    key = RSA_KEY
    for signer in (
        RsaSigner(pem(key).decode()),
        RsaSigner(pem(key, b"secret"), password=b"secret"),
    ):
        key.public_key().verify(signer.sign(b"x"), b"x", padding.PKCS1v15(), SHA256())
        assert "secret" not in repr(signer)
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(signer)


def test_an_invalid_rsa_key_is_refused() -> None:
    """A short RSA key, a key of another kind, a wrong password and a value without PEM fail."""
    short, curve = rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())
    for data, password in ((pem(short), None), (pem(curve), None), (b"x", None)):
        with pytest.raises(ConfigurationError):
            RsaSigner(data, password=password)
    with pytest.raises(ConfigurationError) as caught:
        RsaSigner(pem(short, b"secret"), password=b"wrong")
    assert "wrong" not in str(caught.value).replace("wrong password", "")


def test_a_value_that_is_not_a_signer_is_not_shown() -> None:
    """A key in the signer's place is a likely mistake, so the error does not show the value."""
    with pytest.raises(ConfigurationError, match="RS256"):
        PublicKeyAuthentication("me", HmacSigner(KEY))
    for wrong in ("the key itself", None):
        with pytest.raises(ConfigurationError, match="not a signer") as caught:
            HmacAuthentication("me", cast("HmacSigner", wrong))
        assert "the key itself" not in str(caught.value)
    for name in ("", "\ud800", cast("str", 1)):
        with pytest.raises(ConfigurationError, match="name"):
            HmacAuthentication(name, HmacSigner(KEY))
    for token in ("", "two\nlines", "\u00e9", cast("str", None)):
        with pytest.raises(ConfigurationError):
            TokenAuthentication(token)


class OddSigner:
    """A signer whose repr shows its key, and which returns or raises the given result."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    @property
    def algorithm(self) -> str:
        return "HS256"

    def sign(self, signing_input: bytes) -> bytes:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return cast("bytes", self.outcome)

    def __repr__(self) -> str:
        return "the key itself"


async def _awaited() -> bytes:
    return b"never"


@pytest.mark.parametrize(
    "outcome", [b"", "text", None, OSError("token removed"), SigningError("x")]
)
def test_a_signer_that_fails_is_a_signing_error(outcome: Any) -> None:
    """A signer that raises or returns no signature causes a SigningError, and nothing is sent."""
    authentication = HmacAuthentication("me", OddSigner(outcome))
    transport = ScriptedTransport()
    with pytest.raises(SigningError):
        Requestor("https://irma.example", transport, authentication=authentication).start_session(
            ASK
        )
    assert transport.requests == []
    assert "the key itself" not in repr(authentication)


def test_the_sync_requestor_refuses_an_async_signer() -> None:
    """A Requestor refuses an async signer, and leaves no coroutine without an await."""
    authentication = HmacAuthentication("me", OddSigner(_awaited()))
    requestor = Requestor(
        "https://irma.example", ScriptedTransport(), authentication=authentication
    )
    with pytest.raises(ConfigurationError, match="is async"):
        requestor.start_session(ASK)


def claim(text: str) -> str:
    payload = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    return f"e30.{payload}.AA"


@pytest.mark.parametrize(
    ("jwt", "place"),
    [
        ("", ""),
        ("a.b.c", ""),
        (claim("[]"), ""),
        (claim("{}"), "sub"),
        (claim('{"sub":"verification_request"}'), "sprequest"),
        (
            claim('{"sub":"verification_request","sprequest":{"request":{}}}'),
            "sprequest.request.@context",
        ),
        (
            claim(
                '{"sub":"verification_request","sprequest":{"@context":'
                '"https://irma.app/ld/request/disclosure/v2","disclose":[[["s.i.c.a"]]]}}'
            ),
            "sprequest",
        ),
    ],
)
def test_an_invalid_request_jwt_is_refused_at_its_path(jwt: str, place: str) -> None:
    """A request JWT that the server would refuse is not sent, and the error has the path."""
    with pytest.raises(RequestError) as caught:
        request_in_jwt(jwt)
    assert caught.value.path == place


def test_a_requestor_refuses_settings_of_the_wrong_kind() -> None:
    """The error of each wrong setting names the expected type."""
    anything = cast("Any", Requestor)
    for settings in ({"allow": Risk.PLAIN_HTTP}, {"allow": ["plain http"]}, {"timeout": 5}):
        with pytest.raises(ConfigurationError):
            anything("https://irma.example", ScriptedTransport(), **settings)
    for url in (None, "https://irma.example\\@other"):
        with pytest.raises(ConfigurationError):
            anything(url, ScriptedTransport())
