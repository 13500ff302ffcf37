"""The status backend for threads."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from queue import Empty
from typing import Final, final

from irma_core import RequestorToken
from irma_core.errors import StatusBackendError
from irma_core.interfaces import PublishedEnd, Secret, boundary
from irma_core.models.arguments import check_timeout
from irma_redis.clients import as_bytes, make_client
from irma_redis.failures import Door
from irma_redis.listening import Listener, Queue
from irma_redis.records import CHANNEL, LIFETIME_MS, MAX_BYTES, SessionRecord
from irma_redis.waiting import Notice

__all__ = ["RedisStatusBackend"]

_LONGEST_WAIT: Final = 1.0
"""The longest wait in seconds."""


@final
@boundary
class RedisStatusBackend:
    """A `StatusBackend` in Redis. Threads may share it.

    Args:
        uri: The URI of Redis; see `docs/how-to/redis.md`.
        password: The password, if the URI has none.

    Raises:
        ConfigurationError: The URI is not a Redis URI.
    """

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_client(uri, password)
        self._door = Door("status backend", StatusBackendError)
        self._listener = Listener(self._redis)

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        """Store a session's end, and wake the waiting calls; see `StatusBackend.publish`.

        Raises:
            StatusBackendError: Redis cannot be reached, is full, or holds another program's value
                under the session's key.
            UsageError: An argument has the wrong type.
        """
        record = SessionRecord(token)
        sealed = record.seal(end)
        is_first = self._door.attempt(
            self._redis,
            lambda: self._redis.set(record.key, sealed, nx=True, px=LIFETIME_MS),
        )
        if not is_first:
            record.open(self._look(record.key))  # raises if another program stored the value
        self._door.attempt(self._redis, lambda: self._redis.publish(CHANNEL, record.key))

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        """Wait for the session's end; see `StatusBackend.wait`.

        Raises:
            StatusBackendError: Redis cannot be reached, or holds another program's value under the
                session's key.
            UsageError: An argument has the wrong type.
        """
        record = SessionRecord(token)
        check_timeout(timeout, "timeout")
        deadline = time.monotonic() + timeout.total_seconds()
        if timeout <= timedelta(0):
            return record.open(self._look(record.key))
        # Subscribe before the first look, so that an end published between the two is not lost.
        with self._listener.subscription(record.key) as notices:
            while (end := record.open(self._look(record.key))) is None:
                reason = _next_notice(notices, deadline)
                if reason is not None:
                    raise StatusBackendError(reason)
                if time.monotonic() >= deadline:
                    return None  # in time, even if another program keeps sending notices
            return end

    def close(self) -> None:
        """Close all connections, and open no more."""
        self._door.close()
        self._listener.close()
        self._redis.close()

    def _look(self, key: str) -> bytes | None:
        # Read one byte more than the limit, so that a longer value cannot be opened.
        return as_bytes(
            self._door.attempt(self._redis, lambda: self._redis.getrange(key, 0, MAX_BYTES))
        )


def _next_notice(notices: Queue, deadline: float) -> Notice:
    """Wait for a notice until the deadline, and return it.

    A string says why the wait failed. None means that the caller must look in Redis again, or that
    the deadline has passed.
    """
    while (left := deadline - time.monotonic()) > 0:
        # If a signal arrives just before a thread blocks, Python handles the signal only after the
        # wait.
        with suppress(Empty):
            return notices.get(timeout=min(left, _LONGEST_WAIT))
    return None
