"""What is in Redis of a session, and under which name.

A status and a result, each under a name of its own that expires, and one channel for all: the
program that publishes does all at once. Redis sees a hash of the requestor token, and never the
token: from that comes the key which seals statuses and signed results. So who can read Redis reads
no attributes, and who can write to it makes no statuses; it can keep them back, which the watch's
questions to the server find out.

A status must not run back, and Redis cannot open what is sealed. So before each sealed status
stands a mark: a MAC of the status under the session's own key, which the script only compares.
Belongs here: names, form and sealing. Does not belong here: connections.
"""

from __future__ import annotations

import hmac
import os
from datetime import timedelta
from hashlib import sha256
from typing import Final, NamedTuple, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import StatusBackendError

__all__ = ["CHANNEL", "PUBLISH", "Place", "SessionRecord", "split_notice"]

CHANNEL: Final = "irma:status"
KEPT_FOR: Final = timedelta(minutes=30)
"""The server forgets sessions sooner, and its signed results expire sooner."""

PUBLISH: Final = """
local kept = redis.call('GETRANGE', KEYS[1], 0, 15)
local function stands_in(marks)
  for at = 1, #marks, 16 do
    if string.sub(marks, at, at + 15) == kept then return true end
  end
  return false
end
local told, done = KEYS[1] .. ' ' .. ARGV[3], 1
if kept ~= '' and not stands_in(ARGV[1]) then
  if stands_in(ARGV[2]) then return 0 end
  redis.call('PUBLISH', ARGV[6], told)
  return -1
end
if ARGV[4] ~= '' then done = redis.pcall('SET', KEYS[2], ARGV[4], 'PX', ARGV[5]) end
if type(done) ~= 'table' or not done.err then
  done = redis.pcall('SET', KEYS[1], ARGV[3], 'PX', ARGV[5])
end
redis.call('PUBLISH', ARGV[6], told)
if done.err then return done end
return 1
"""
"""Keeps and tells a status, unless it may not follow the one kept. Each value is set together with
its lifetime, by one command. Where Redis has no room to keep it, who listens hears it all the same,
and who published hears of the failure; so it is where what is kept is no status of the session."""

_NONCE: Final = 12
_MARK: Final = 16
_STATUS_WIDTH: Final = 16  # all statuses are of one length, or their length would tell them
_SEALED_STATUS: Final = _MARK + _NONCE + _STATUS_WIDTH + 16
_LARGEST_RESULT: Final = 1024 * 1024 + _NONCE + 16
_FOREIGN: Final = "Redis: what it holds was not published for this session"


class Place(NamedTuple):
    """A name in Redis, and how many bytes of what is there are read: one more than there may be."""

    name: str
    most: int


@final
class SessionRecord:
    """The record of one session.

    Args:
        token: Whose session.
    """

    __slots__ = ("_cipher", "_marking", "key", "result_place", "status_place")

    def __init__(self, token: RequestorToken) -> None:
        text = token.reveal().encode()
        name = sha256(b"irma-status-redis name " + text).hexdigest()[:32]
        self.key = f"irma:status:{name}"
        self.status_place = Place(self.key, _SEALED_STATUS + 1)
        self.result_place = Place(f"irma:result:{name}", _LARGEST_RESULT + 1)
        self._cipher = AESGCM(sha256(b"irma-status-redis key " + text).digest())
        self._marking = sha256(b"irma-status-redis mark " + text).digest()

    def arguments(
        self, status: SessionStatus, result_jwt: str | None
    ) -> tuple[str | bytes | int, ...]:
        """Return what `PUBLISH` takes: two names, and the arguments behind them."""
        before = [one for one in SessionStatus if one is status or one.may_become(status)]
        result = b"" if result_jwt is None else self._seal("result", result_jwt)
        lifetime = int(KEPT_FOR / timedelta(milliseconds=1))
        sealed = self._mark(status) + self._seal("status", status.value.ljust(_STATUS_WIDTH))
        marks = (b"".join(map(self._mark, some)) for some in (before, SessionStatus))
        return self.key, self.result_place.name, *marks, sealed, result, lifetime, CHANNEL

    def check_published(self, answer: object) -> None:
        """Check what `PUBLISH` answered.

        Raises:
            StatusBackendError: What is kept is no status of this session, so nothing was kept.
        """
        if answer == -1:
            raise StatusBackendError(_FOREIGN)

    def newer(self, kept: bytes | None, after: SessionStatus | None) -> SessionStatus | None:
        """Return the status that is kept or told; None if there is none that may follow `after`.

        Raises:
            StatusBackendError: It was not published by anybody who knows the token.
        """
        if not kept:
            return None
        status = SessionStatus(self._open("status", kept[_MARK:]).rstrip())
        return status if after is None or after.may_become(status) else None

    def result(self, sealed: bytes | None) -> str | None:
        """Return the signed result that is kept; None if there is none.

        Raises:
            StatusBackendError: It was not published by anybody who knows the token.
        """
        return self._open("result", sealed) if sealed else None

    def _mark(self, status: SessionStatus) -> bytes:
        return hmac.digest(self._marking, status.value.encode(), "sha256")[:_MARK]

    def _seal(self, what: str, text: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), what.encode())

    def _open(self, what: str, sealed: bytes) -> str:
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], what.encode()).decode()
        except (InvalidTag, ValueError):
            pass
        raise StatusBackendError(_FOREIGN)


def split_notice(notice: bytes) -> tuple[str, bytes]:
    """Return a notice's key, and the sealed status."""
    key, _, sealed = notice.partition(b" ")
    return key.decode("ascii", "replace"), sealed
