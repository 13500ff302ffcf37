"""The status backend for threads."""

from __future__ import annotations

import time
from datetime import timedelta
from queue import Empty
from typing import final

from irma_core import RequestorToken, SessionStatus
from irma_core.errors import StatusBackendError
from irma_core.plugins.hookspecs import Secret
from irma_core.protocol.status_backends import Idle
from irma_core.protocol.transport import ReadOutcome
from irma_core.tracebacks import boundary
from irma_status_redis.clients import as_bytes, make_client
from irma_status_redis.failures import Door
from irma_status_redis.listening import Listener
from irma_status_redis.records import PUBLISH, Place, SessionRecord

__all__ = ["RedisStatusBackend"]


@final
@boundary
class RedisStatusBackend:
    """Tells statuses through Redis; a `StatusBackend` that threads may share.

    Args:
        uri: Where Redis is; see the README.
        password: In place of one in the URI.

    Raises:
        ConfigurationError: The URI is none of Redis'.
    """

    def __init__(self, uri: str, *, password: Secret | None = None) -> None:
        self._redis = make_client(uri, password)
        self._door = Door("status backend", StatusBackendError)
        self._listener = Listener(self._redis)

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        """Wait for a status; see `StatusBackend.next_status`.

        Raises:
            StatusBackendError: Redis is away, or does not answer.
        """
        record = SessionRecord(token)
        deadline = time.monotonic() + within.total_seconds()
        if within <= timedelta(0):
            return record.newer(self._look(record.status_place), after) or ReadOutcome.IDLE
        with self._listener.hearing(record.key) as heard:
            status = record.newer(self._look(record.status_place), after)
            while status is None:
                try:
                    told = heard.get(timeout=max(deadline - time.monotonic(), 0))
                except Empty:
                    return ReadOutcome.IDLE
                if isinstance(told, str):
                    raise StatusBackendError(told)
                status = record.newer(told, after)
            return status

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        """Tell all who watch; see `StatusBackend.publish`.

        Raises:
            StatusBackendError: Redis is away, has no room to keep it, or holds something else under
                the session's name.
        """
        record = SessionRecord(token)
        arguments = record.arguments(status, result_jwt)
        answer = self._door.attempt(self._redis, lambda: self._redis.eval(PUBLISH, 2, *arguments))
        record.check_published(answer)

    def published_result(self, token: RequestorToken) -> str | None:
        """Give the signed result that was kept; see `StatusBackend.published_result`.

        Raises:
            StatusBackendError: Redis is away, or does not answer.
        """
        record = SessionRecord(token)
        return record.result(self._look(record.result_place))

    def close(self) -> None:
        """Let go of the connections, and make no more of them."""
        self._door.close()
        self._listener.close()
        self._redis.close()

    def _look(self, place: Place) -> bytes | None:
        return as_bytes(
            self._door.attempt(
                self._redis, lambda: self._redis.getrange(place.name, 0, place.most - 1)
            )
        )
