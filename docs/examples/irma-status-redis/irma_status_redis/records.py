"""What is in Redis of a session, and under which name.

A hash for each session, which expires, and one channel for all: whoever publishes does both at
once. Redis sees a hash of the requestor token, and never the token: from that comes the key which
seals statuses and signed results. So who can read Redis reads no attributes, and who can write to
it makes no statuses; it can keep them back, which the watch's questions to the server find out.
Belongs here: names, form and sealing. Does not belong here: connections.
"""

from __future__ import annotations

import os
from datetime import timedelta
from hashlib import sha256
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import StatusBackendError

__all__ = ["CHANNEL", "PUBLISH", "RESULT", "STATUS", "SessionRecord", "split_notice"]

CHANNEL: Final = "irma:status"
STATUS: Final = "status"
RESULT: Final = "result"
KEPT_FOR: Final = timedelta(minutes=30)
"""The server forgets sessions sooner, and its signed results expire sooner."""

PUBLISH: Final = """
local kept = redis.call('HGET', KEYS[1], 'word')
if kept and not string.find(ARGV[2], ' ' .. kept .. ' ', 1, true) then return 0 end
local fields = {'word', ARGV[1], 'status', ARGV[3]}
if ARGV[4] ~= '' then fields[5], fields[6] = 'result', ARGV[4] end
local done = redis.pcall('HSET', KEYS[1], unpack(fields))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', ARGV[6], KEYS[1] .. ' ' .. ARGV[3])
if type(done) == 'table' then return done end
return 1
"""
"""Keeps and tells a status, unless it may not follow the one kept. Where Redis has no room to keep
it, who listens hears it all the same, and who published hears of the failure."""

_NONCE = 12


@final
class SessionRecord:
    """The record of one session.

    Args:
        token: Whose session.
    """

    __slots__ = ("_cipher", "key")

    def __init__(self, token: RequestorToken) -> None:
        text = token.reveal().encode()
        self.key = "irma:status:" + sha256(b"irma-status-redis name " + text).hexdigest()[:32]
        self._cipher = AESGCM(sha256(b"irma-status-redis key " + text).digest())

    def arguments(
        self, status: SessionStatus, result_jwt: str | None
    ) -> tuple[str | bytes | int, ...]:
        """Give what `PUBLISH` takes behind the key."""
        before = [one.value for one in SessionStatus if one is status or one.may_become(status)]
        result = b"" if result_jwt is None else self._seal(RESULT, result_jwt)
        lifetime = int(KEPT_FOR / timedelta(milliseconds=1))
        sealed = self._seal(STATUS, status.value)
        return status.value, f" {' '.join(before)} ", sealed, result, lifetime, CHANNEL

    def newer(self, sealed: bytes | None, after: SessionStatus | None) -> SessionStatus | None:
        """Give the status that is kept or told; None where there is none that may follow `after`.

        Raises:
            StatusBackendError: It was not published by anybody who knows the token.
        """
        if sealed is None:
            return None
        status = SessionStatus(self._open(STATUS, sealed))
        return status if after is None or after.may_become(status) else None

    def result(self, sealed: bytes | None) -> str | None:
        """Give the signed result that is kept; None where there is none.

        Raises:
            StatusBackendError: It was not published by anybody who knows the token.
        """
        return None if sealed is None else self._open(RESULT, sealed)

    def _seal(self, what: str, text: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), what.encode())

    def _open(self, what: str, sealed: bytes) -> str:
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], what.encode()).decode()
        except (InvalidTag, ValueError):
            pass
        raise StatusBackendError("Redis: what it holds was not published for this session")


def split_notice(notice: bytes) -> tuple[str, bytes]:
    """Give a notice's key, and the sealed status."""
    key, _, sealed = notice.partition(b" ")
    return key.decode("ascii", "replace"), sealed
