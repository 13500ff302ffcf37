"""The signers for a key in a token: one for threads, and one for asyncio."""

from __future__ import annotations

import asyncio
from typing import final

from irma_core.errors import ConfigurationError, SigningError
from irma_core.interfaces import boundary
from irma_signing_pkcs11.failures import TokenError
from irma_signing_pkcs11.sessions import KeySessions

__all__ = ["AsyncPkcs11Signer", "Pkcs11Signer"]


@final
@boundary
class Pkcs11Signer:
    """A signer whose token signs with RS256. Threads may share it."""

    def __init__(self, sessions: KeySessions) -> None:
        self._sessions = sessions

    @property
    def algorithm(self) -> str:
        """The JWS algorithm."""
        return "RS256"

    def sign(self, signing_input: bytes) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature with SHA-256, made in the token.

        Raises:
            SigningError: The token is gone or refuses, or the process was forked after the login.
        """
        try:
            return self._sessions.sign(signing_input)
        except TokenError as error:
            reason = str(error)
        # Raised outside `except`: frames of the native error may hold the PIN.
        raise SigningError(f"pkcs11: {reason}")

    def open(self) -> None:
        """Log in and find the key, before the first signature.

        Raises:
            ConfigurationError: The module, token, PIN or key is invalid.
        """
        try:
            self._sessions.open()
        except TokenError as error:
            reason = str(error)
        else:
            return
        raise ConfigurationError(f"{reason}")

    def close(self) -> None:
        """Close the sessions and log out. The signer cannot be used again."""
        self._sessions.close()

    def __repr__(self) -> str:
        return "<Pkcs11Signer>"

    def __reduce__(self) -> str:
        raise ConfigurationError("a signer cannot be pickled: its sessions are this process's")


@final
@boundary
class AsyncPkcs11Signer:
    """A signer for asyncio. It runs on a thread, because a token takes milliseconds or more.

    A cancelled task stops waiting. The token still signs, but the signature is discarded.
    """

    def __init__(self, signer: Pkcs11Signer) -> None:
        self._signer = signer

    @property
    def algorithm(self) -> str:
        """The JWS algorithm."""
        return self._signer.algorithm

    async def sign(self, signing_input: bytes) -> bytes:
        """Return the signature; see `Pkcs11Signer.sign`."""
        return await asyncio.to_thread(self._signer.sign, signing_input)

    async def aclose(self) -> None:
        """Close the sessions and log out."""
        await asyncio.to_thread(self._signer.close)

    def __repr__(self) -> str:
        return "<AsyncPkcs11Signer>"

    def __reduce__(self) -> str:
        raise ConfigurationError("a signer cannot be pickled: its sessions are this process's")
