"""Signers of session request JWTs: two protocols, and two signers that hold a key in memory.

Plugins provide signers for keys in files and in hardware.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, Protocol, final

from irma_core.errors import ConfigurationError
from irma_core.models.holders import HiddenSecret
from irma_core.tracebacks import boundary
from irma_core.trust.key_forms import check_shared_secret, pem_form, why_no_pem
from irma_core.trust.keys import SHORTEST_RSA_KEY, secret_of_base64

if TYPE_CHECKING:
    # cryptography is slow to import, and only needed to sign with RSA.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["AsyncSigner", "HmacSigner", "RsaSigner", "Signer"]

HS256: Final = "HS256"
RS256: Final = "RS256"


class Signer(Protocol):
    """Signs on the calling thread. Threads may share it."""

    @property
    def algorithm(self) -> str:
        """The JWS algorithm: `HS256` or `RS256`."""
        ...

    def sign(self, signing_input: bytes) -> bytes:
        """Return the signature of the JWS signing input, as raw bytes.

        If this method raises an exception, the caller gets a `SigningError` with the exception as
        its cause. So the exception's message must hold no secret.
        """
        ...


class AsyncSigner(Protocol):
    """Signs asynchronously, for example by calling a key service."""

    @property
    def algorithm(self) -> str:
        """The JWS algorithm: `HS256` or `RS256`."""
        ...

    async def sign(self, signing_input: bytes) -> bytes:
        """Return the signature of the JWS signing input; see `Signer.sign`."""
        ...


@final
@boundary
class HmacSigner:
    """Signs with HS256 and a key that is shared with the server.

    Args:
        key: The decoded key, of 32 bytes or more. The server's configuration holds it in base64;
            see `from_base64`.

    Raises:
        ConfigurationError: The key is too short (RFC 7518, section 3.2), is just a few bytes
            repeated, is undecoded base64, or is not a shared secret (for example, it is a PEM key).
    """

    def __init__(self, key: bytes) -> None:
        self._key = HiddenSecret(check_shared_secret(key, "an HMAC key"))

    @classmethod
    def from_base64(cls, text: str | bytes) -> HmacSigner:
        """Return a signer with the key that the server's configuration holds in base64.

        Like the server, this accepts both alphabets (`+/` and `-_`), with or without padding, in
        one line or several.

        Raises:
            ConfigurationError: The string is not base64, or the key is not a shared secret.
        """
        made = object.__new__(cls)
        made._key = HiddenSecret(secret_of_base64(text, "the HMAC key"))
        return made

    @classmethod
    def from_client_secret(cls, secret: str) -> HmacSigner:
        """Return a signer for an OAuth client. Its key is the UTF-8 form of the client secret.

        The signer is for a `GatewayAssertion` (`client_secret_jwt`). For an IRMA server use
        `from_base64`, which decodes the key.

        Raises:
            ConfigurationError: `secret` is not a string, is too short, or can be guessed.
        """
        if not isinstance(secret, str):
            raise ConfigurationError("the client secret must be str")
        made = object.__new__(cls)
        key = secret.encode("utf-8", "surrogatepass")
        made._key = HiddenSecret(check_shared_secret(key, "a client secret", was_base64=True))
        return made

    @property
    def algorithm(self) -> str:
        """The JWS algorithm."""
        return HS256

    def sign(self, signing_input: bytes) -> bytes:
        """Return the HMAC-SHA256 of the signing input."""
        return hmac.digest(self._key.reveal(), signing_input, "sha256")

    def __repr__(self) -> str:
        return "<HmacSigner>"

    def __reduce__(self) -> str:
        raise ConfigurationError("a signer cannot be pickled: its key must not leave the process")


@final
@boundary
class RsaSigner:
    """Signs with RS256 and a private key. The constructor takes about 50 ms to read the key.

    Args:
        pem: The private key in PEM, PKCS#1 or PKCS#8.
        password: The password of an encrypted key.

    Raises:
        ConfigurationError: `pem` is not an RSA key of 2048 bits or more, or `password` is wrong.
    """

    def __init__(self, pem: bytes | str, *, password: bytes | None = None) -> None:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        self._key = _read_private_key(pem, password)
        self._padding, self._hash = PKCS1v15(), SHA256()

    @property
    def algorithm(self) -> str:
        """The JWS algorithm."""
        return RS256

    def sign(self, signing_input: bytes) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature with SHA-256."""
        return self._key.sign(signing_input, self._padding, self._hash)

    def __repr__(self) -> str:
        return "<RsaSigner>"

    def __reduce__(self) -> str:
        raise ConfigurationError("a signer cannot be pickled: its key must not leave the process")


def _read_private_key(pem: object, password: object) -> RSAPrivateKey:
    # Imported here because it is slow to import.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    if not isinstance(pem, str | bytes):
        raise ConfigurationError("the private key must be PEM as str or bytes")
    if password is not None and not isinstance(password, bytes):
        raise ConfigurationError("password must be bytes")
    form = pem_form(pem)
    try:
        key = None if form is None else load_pem_private_key(form, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if key is None:
        why = why_no_pem(pem, private=True)
        raise ConfigurationError(f"the private key cannot be read as an RSA key in PEM: {why}")
    if not isinstance(key, RSAPrivateKey) or key.key_size < SHORTEST_RSA_KEY:
        raise ConfigurationError("RS256 needs an RSA key of 2048 bits or more")
    return key
