"""Keys, with one type for each use: a shared secret for HS256, a public key for RS256."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, final

from irma_core.errors import ConfigurationError
from irma_core.models.holders import HiddenSecret
from irma_core.tracebacks import boundary
from irma_core.trust.key_forms import (
    SHORTEST_SECRET,
    check_shared_secret,
    decoded_base64,
    has_other_key,
    pem_form,
    why_no_pem,
)

if TYPE_CHECKING:
    # cryptography is slow to import, and only needed to verify.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["SHORTEST_RSA_KEY", "PublicKey", "SharedKey", "load_public_key", "secret_of_base64"]

SHORTEST_RSA_KEY: Final = 2048
"""The minimum size of an RSA key, in bits."""


@final
@boundary
class SharedKey:
    """A secret that the requestor and the server share, for HS256.

    Args:
        key: The decoded key, of 32 bytes or more. A server's configuration holds it in base64; see
            `from_base64`.

    Raises:
        ConfigurationError: The key is too short, is just a few bytes repeated, is undecoded base64,
            or is another kind of key, such as a public key.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = HiddenSecret(check_shared_secret(key, "a shared key"))

    @classmethod
    def from_base64(cls, text: str | bytes) -> SharedKey:
        """Return the key that the server's configuration holds in base64.

        Like the server, this accepts both alphabets, with or without padding, in one line or
        several.

        Raises:
            ConfigurationError: The string is not base64, or the key is not a shared secret.
        """
        made = object.__new__(cls)
        made._key = HiddenSecret(secret_of_base64(text, "the shared key"))
        return made

    def reveal(self) -> bytes:
        """Return the bytes of the key."""
        return self._key.reveal()

    def __repr__(self) -> str:
        return "<SharedKey>"

    def __reduce__(self) -> str:
        raise ConfigurationError("a shared key cannot be pickled: it must not leave the process")


@final
@boundary
class PublicKey:
    """A public RSA key of 2048 bits or more, for RS256.

    Args:
        pem: The key in PEM.

    Raises:
        ConfigurationError: `pem` is not such a key. The error says what `pem` seems to be.
    """

    __slots__ = ("_pem",)

    def __init__(self, pem: str | bytes) -> None:
        self._pem = _checked_pem(pem)

    @property
    def pem(self) -> str | bytes:
        """The key in PEM."""
        return self._pem

    def __repr__(self) -> str:
        return "<PublicKey>"


def _checked_pem(pem: object) -> str | bytes:
    if not isinstance(pem, str | bytes):
        raise ConfigurationError("a public key must be an RSA key in PEM, as str or bytes")
    if load_public_key(pem).key_size < SHORTEST_RSA_KEY:
        raise ConfigurationError("a public key must be an RSA key of 2048 bits or more")
    return pem


def secret_of_base64(text: object, name: str) -> bytes:
    """Return the shared secret that a base64 string encodes.

    Raises:
        ConfigurationError: The string is not base64, or not a shared secret.
    """
    if not isinstance(text, str | bytes):
        raise ConfigurationError(f"{name} must be base64 as str or bytes")
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    if has_other_key(data):
        raise ConfigurationError(
            f"{name} must be a shared secret in base64, but a public key, a private key or a "
            "certificate was given"
        )
    decoded = decoded_base64(text, name)
    if data[:1] == b"/" and len(decoded) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"{name} looks like the path of a file: pass the contents of the file"
        )
    return check_shared_secret(decoded, name, was_base64=True)


@lru_cache(maxsize=64)
def load_public_key(pem: str | bytes) -> RSAPublicKey:
    """Return the RSA key in a PEM string.

    Raises:
        ConfigurationError: The string holds no RSA key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    form = pem_form(pem)
    try:
        key = None if form is None else load_pem_public_key(form)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPublicKey):
        return key
    why = "it is not an RSA key" if key is not None else why_no_pem(pem, private=False)
    raise ConfigurationError(f"a public key must be an RSA key in PEM: {why}")
