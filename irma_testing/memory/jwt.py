"""JWTs in compact form: read and verify requestors' JWTs, and sign the server's own.

This module uses no JWT library, because it must fail exactly as the official server's library does.
Source: golang-jwt v4; RFC 7515.
"""

from __future__ import annotations

import base64
import functools
import hmac
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, final

import attrs

from irma_core.trust.signing import RsaSigner
from irma_testing.memory.go_json import Json, Members, Number, parse_first, parse_json
from irma_testing.memory.go_types import (
    INT,
    TEXT,
    Field,
    Struct,
    decode_any_base64,
    decode_base64,
    wrap,
)
from irma_testing.memory.replies import INVALID_REQUEST, Refusal, compact_json

if TYPE_CHECKING:
    # Importing cryptography takes 60 ms, which tests without JWTs can avoid.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = [
    "JwtSigner",
    "RequestJwt",
    "moment_of",
    "parse_jwt",
    "read_public_key",
    "verifies_hs256",
    "verifies_rs256",
]

_REGISTERED = Struct(
    *(Field(name, TEXT) for name in ("aud", "jti", "iss", "sub")),
    *(Field(name, INT) for name in ("exp", "iat", "nbf")),
)
_PARTS = 3
_YEAR_ONE = 62_135_596_800
"""Seconds from the year one, the zero value of Go's `time.Time`, to 1970."""
_PEM_BLOCK = re.compile(
    r"^-----BEGIN ([^\n]*?)-----[ \t\r]*\n(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n)*"
    r"([A-Za-z0-9+/=\s]*?)^-----END \1-----[ \t\r]*$",
    re.MULTILINE,
)
_RSA_IDENTIFIER = bytes.fromhex("2a864886f70d010101")


@final
@attrs.frozen
class RequestJwt:
    """A JWT that has been parsed but not yet verified.

    `registered` holds the claims that RFC 7519 registers; `claims` holds all claims.
    """

    header: Mapping[str, Json]
    registered: Mapping[str, Any]
    claims: Json
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """The `alg` in the JWT's header."""
        return str(self.header["alg"])

    @property
    def signer(self) -> str:
        """The requestor that signed the JWT: the `kid` in its header, or else its claim `iss`.

        Raises:
            Refusal: The `kid` is not a string.
        """
        if "kid" not in self.header:
            return str(self.registered["iss"])
        name = self.header["kid"]
        if not isinstance(name, str):
            raise Refusal(INVALID_REQUEST, "requestor name was not a string")
        return name

    def check_times(self, now: datetime) -> None:
        """Raise `Refusal` if the claim `exp`, `iat` or `nbf` makes the JWT invalid at this time."""
        seconds = int(now.timestamp())
        expires_at, issued_at, not_before = (
            self.registered[name] for name in ("exp", "iat", "nbf")
        )
        if not_before and seconds < moment_of(not_before):
            raise Refusal(INVALID_REQUEST, "token is not valid yet")
        if issued_at and seconds < moment_of(issued_at):
            raise Refusal(INVALID_REQUEST, "token used before issued")
        if expires_at and seconds >= moment_of(expires_at):
            ago = _duration(seconds - moment_of(expires_at))
            raise Refusal(INVALID_REQUEST, f"token is expired by {ago}")


def moment_of(seconds: int) -> int:
    """Return Unix seconds as Go's `time.Unix` holds them: distant times overflow."""
    return wrap(seconds + _YEAR_ONE) - _YEAR_ONE


def _duration(seconds: int) -> str:
    """Return a duration as Go prints it."""
    max_seconds = (1 << 63) // 1_000_000_000
    if seconds > max_seconds:
        return "2562047h47m16.854775807s"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def parse_jwt(body: bytes) -> RequestJwt | None:
    """Return the JWT, or None if it is malformed or a registered claim has the wrong type."""
    parts = body.split(b".")
    if len(parts) != _PARTS:
        return None
    try:
        header = parse_json(_decode(parts[0]))
        claims = parse_first(_decode(parts[1]))
        registered = _REGISTERED.read_new(claims)
    except ValueError:
        return None
    # If a member repeats, the last one counts; here names are case-sensitive.
    fields = dict(header.pairs) if isinstance(header, Members) else {}
    if not isinstance(fields.get("alg"), str) or not _has_only_floats(header):
        return None
    return RequestJwt(fields, registered, claims, b".".join(parts[:2]), parts[2])


def _has_only_floats(value: Json) -> bool:
    """Return whether all numbers in a JSON value fit a `float64`, Go's type for untyped numbers."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, Number) and math.isinf(float(inner.text)):
            return False
        if isinstance(inner, Members):
            pending += [member for _, member in inner.pairs]
        elif isinstance(inner, list):
            pending += inner
    return True


def verifies_hs256(key: str, jwt: RequestJwt) -> bool:
    """Return whether a JWT was signed with an HMAC key; the key is given in base64.

    Raises:
        ValueError: The signature is not in base64.
    """
    digest = hmac.digest(decode_any_base64(key), jwt.signing_input, "sha256")
    return hmac.compare_digest(digest, _decode(jwt.signature))


def verifies_rs256(key: str, jwt: RequestJwt) -> bool:
    """Return whether a JWT's RS256 signature is valid under an RSA public key in PEM.

    Raises:
        ValueError: The signature is not in base64.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # as at the top
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    signature = _decode(jwt.signature)
    try:
        read_public_key(key).verify(signature, jwt.signing_input, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def read_public_key(pem: str) -> RSAPublicKey:
    """Read a requestor's public key from a PEM whose first block is a key (SPKI) or a certificate.

    Raises:
        ValueError: The PEM holds no RSA public key.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    block = _PEM_BLOCK.search(pem)
    if block is None:
        raise ValueError("no PEM block")
    der = base64.b64decode("".join(block[2].split()), validate=True)
    if block[1] == "CERTIFICATE":
        key: object = load_der_x509_certificate(der).public_key()
    elif _RSA_IDENTIFIER in der:
        key = load_der_public_key(der)
    else:
        # cryptography would also read PKCS#1, which the official server does not.
        raise ValueError("not a public key in SPKI form")
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  # the PEM is a bad value
    return key


@final
class JwtSigner:
    """Signs the server's JWTs with RS256. The key is read, or generated, on first use.

    Args:
        pem: The RSA private key in PEM; None for a generated key, which the whole process shares.
    """

    def __init__(self, pem: str | None) -> None:
        self._pem = pem

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return a signed JWT with these claims."""
        parts = [compact_json(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
        signing_input = b".".join(_encode(part) for part in parts)
        return b".".join((signing_input, _encode(self._key.sign(signing_input)))).decode()

    @property
    def private_key_pem(self) -> str:
        """The private key that signs the JWTs, in PEM."""
        return self._key.private_pem

    @property
    def public_key_pem(self) -> str:
        """The public key in PEM (SPKI)."""
        return self._key.public_pem

    @functools.cached_property
    def _key(self) -> _Key:
        return _generated_key() if self._pem is None else _Key(self._pem)


@final
class _Key:
    """A private key; its public key and signing function are made on first use."""

    def __init__(self, private_pem: str) -> None:
        self.private_pem = private_pem

    @functools.cached_property
    def public_pem(self) -> str:
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # as at the top
            Encoding,
            PublicFormat,
            load_pem_private_key,
        )

        private = load_pem_private_key(self.private_pem.encode(), None)
        return (
            private.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    @functools.cached_property
    def sign(self) -> Callable[[bytes], bytes]:
        return RsaSigner(self.private_pem).sign


@functools.cache
def _generated_key() -> _Key:
    # Generating or reading a key takes about 50 ms. With this cache, a test suite with many servers
    # does each only once.
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # as at the top
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key: RSAPrivateKey = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _Key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _decode(part: bytes) -> bytes:
    return decode_base64(part, url=True, padded=False)


def _encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
