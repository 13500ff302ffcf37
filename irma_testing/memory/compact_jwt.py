"""JWTs in compact form: those of requestors are read and verified, the server's own are signed.

Belongs here: signatures and times. Does not belong here: what the claims say
(`authentication`, `results`). Written by hand: it has to fail as the official server's library
does. Source: golang-jwt v4; RFC 7515.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, final

import attrs

from irma_core.models.json_text import JsonTextError, read_json
from irma_core.trust.signing import RsaSigner
from irma_testing.memory.refusals import INVALID_REQUEST, Refusal
from irma_testing.memory.replies import compact_json

if TYPE_CHECKING:
    # cryptography costs 60 ms to import; who needs no JWT does not pay.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["JwtSigner", "RequestJwt", "parse_jwt", "verifies_hs256", "verifies_rs256"]

_TIMES = ("exp", "iat", "nbf")
_TEXTS = ("iss", "sub", "aud", "jti")
_PARTS = 3


@final
@attrs.frozen
class RequestJwt:
    """A JWT that was read, but not verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """The `alg` of its header."""
        return str(self.header.get("alg", ""))

    @property
    def signer(self) -> str:
        """Who signed it: the header's `kid` if there is one, else the `iss`."""
        return str(self.header.get("kid", self.claims.get("iss", "")))

    def check_times(self, now: datetime) -> None:
        """Check `exp`, `iat` and `nbf` where they are there.

        Raises:
            Refusal: It is not yet or no longer valid.
        """
        seconds = int(now.timestamp())
        expires = self.claims.get("exp", 0)
        if expires and seconds > expires:
            raise Refusal(INVALID_REQUEST, f"token is expired by {seconds - expires}s")
        if seconds < self.claims.get("iat", 0):
            raise Refusal(INVALID_REQUEST, "token used before issued")
        if seconds < self.claims.get("nbf", 0):
            raise Refusal(INVALID_REQUEST, "token is not valid yet")


def parse_jwt(body: bytes) -> RequestJwt | None:
    """Read a JWT; None if it is none, or its registered claims have other types."""
    parts = body.strip().split(b".")
    if len(parts) != _PARTS:
        return None
    try:
        header, claims = (read_json(_decode(part)) for part in parts[:2])
        signature = _decode(parts[2])
    except (binascii.Error, ValueError, JsonTextError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    well_typed = all(type(claims.get(name, 0)) is int for name in _TIMES) and all(
        type(claims.get(name, "")) is str for name in _TEXTS
    )
    if not well_typed:
        return None
    return RequestJwt(header, claims, b".".join(parts[:2]), signature)


def verifies_hs256(key: str, jwt: RequestJwt) -> bool:
    """Tell whether a JWT was signed with an HMAC key, given in base64."""
    digest = hmac.digest(base64.b64decode(key), jwt.signing_input, "sha256")
    return hmac.compare_digest(digest, jwt.signature)


def verifies_rs256(key: str, jwt: RequestJwt) -> bool:
    """Tell whether a JWT was signed with the key that belongs to an RSA public key in PEM."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  # as at the top
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    public = load_pem_public_key(key.encode())
    if not isinstance(public, RSAPublicKey):
        return False
    try:
        public.verify(jwt.signature, jwt.signing_input, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@final
class JwtSigner:
    """Signs the server's JWTs by RS256; the key is read, or made, when it is first needed.

    Args:
        pem: The RSA private key in PEM; None for one that is made up, once for the process.
    """

    def __init__(self, pem: str | None) -> None:
        self._given = pem

    def sign(self, claims: Mapping[str, object]) -> str:
        """Give the JWT of these claims."""
        parts = [compact_json(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
        signing_input = b".".join(_encode(part) for part in parts)
        return b".".join((signing_input, _encode(self._sign(signing_input)))).decode()

    @functools.cached_property
    def private_key_pem(self) -> str:
        """The private key in PEM."""
        return self._given or _made_up_key()

    @functools.cached_property
    def public_key_pem(self) -> str:
        """The public key in PEM (SPKI)."""
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # as at the top
            Encoding,
            PublicFormat,
            load_pem_private_key,
        )

        private = load_pem_private_key(self.private_key_pem.encode(), None)
        return (
            private.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    @functools.cached_property
    def _sign(self) -> Callable[[bytes], bytes]:
        return RsaSigner(self.private_key_pem).sign


@functools.cache
def _made_up_key() -> str:
    # Making one takes some 50 ms: a suite of many servers shares it.
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  # as at the top
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key: RSAPrivateKey = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _decode(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
