"""The end of a session as it is stored in Redis: its key, and its sealed form.

Redis has a hash of the requestor token, never the token itself. The key that seals the end is also
derived from the token. So a program that can read Redis cannot read attributes, and a program that
can write there cannot forge an end. Such a program can delete an end, but watches then find the end
by polling the IRMA server.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import StatusBackendError, UsageError
from irma_core.interfaces import PublishedEnd
from irma_core.models.arguments import check_instance

__all__ = ["CHANNEL", "LIFETIME_MS", "MAX_BYTES", "SessionRecord"]

CHANNEL: Final = "irma:status"
LIFETIME_MS: Final = int(timedelta(minutes=30) / timedelta(milliseconds=1))
"""How many milliseconds Redis keeps the end of a session: longer than the IRMA server keeps the
session, and longer than the server's signed results are valid."""

_NONCE: Final = 12
_TAG: Final = 16
_STATUS_WIDTH: Final = 16  # padding, so that the size does not reveal the status
MAX_BYTES: Final = _NONCE + _STATUS_WIDTH + 1 + 1024 * 1024 + _TAG
"""The largest size in bytes of a session's end in sealed form. Longer values are refused."""


@final
class SessionRecord:
    """Seals and opens the end of one session.

    Args:
        token: The session's requestor token.
    """

    __slots__ = ("_cipher", "key")

    def __init__(self, token: RequestorToken) -> None:
        check_instance(token, RequestorToken, "token", "a RequestorToken")
        secret = token.reveal().encode()
        self.key = f"irma:end:{sha256(b'irma-redis name ' + secret).hexdigest()[:32]}"
        self._cipher = AESGCM(sha256(b"irma-redis key " + secret).digest())

    def seal(self, end: PublishedEnd) -> bytes:
        """Return the sealed form of the session's end."""
        check_instance(end, PublishedEnd, "end", "a PublishedEnd")
        result = "" if end.result_jwt is None else f"={end.result_jwt}"
        nonce = os.urandom(_NONCE)
        plain = f"{end.status.value:{_STATUS_WIDTH}}{result}".encode()
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def open(self, sealed: bytes | None) -> PublishedEnd | None:
        """Return the session's end from its sealed form; None if Redis has no value.

        Raises:
            StatusBackendError: The value was not published for this session.
        """
        if not sealed:
            return None
        with suppress(InvalidTag, ValueError, UsageError):
            return self._open(sealed)
        # The error is raised here, because no local variable of this frame holds the plaintext.
        raise StatusBackendError("Redis: the stored value was not published for this session")

    def _open(self, sealed: bytes) -> PublishedEnd:
        plain = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
        status = SessionStatus(plain[:_STATUS_WIDTH].rstrip())
        result = plain[_STATUS_WIDTH:]
        return PublishedEnd(status, result[1:] if result else None)
