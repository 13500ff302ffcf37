"""The one connection on which a process hears of statuses: a thread reads it.

It begins with the first who waits. When it breaks, all who wait are told, and the next who comes
begins a new one: so nobody believes that silence means something while nobody listens. A server
that hangs is found out by a ping.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, final

import redis

from irma_core.errors import StatusBackendError
from irma_status_redis.address import LONGEST_CALL, LONGEST_STEP
from irma_status_redis.clients import as_bytes
from irma_status_redis.failures import reason
from irma_status_redis.records import CHANNEL
from irma_status_redis.waiting import Heard, Waiting

__all__ = ["CLOSED", "SILENCE", "Listener"]

SILENCE: Final = 2.0
"""Seconds without a message before a ping, and again before the connection counts as broken."""
_TICK: Final = 0.25
"""Seconds after which the thread looks whether it is wanted still."""
CLOSED: Final = "the status backend is closed"

Queue = SimpleQueue[Heard]


@final
class Listener:
    """Hears for all threads of a process.

    Args:
        client: Whose connections it takes one of.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._is_closed = False

    @contextmanager
    def hearing(self, key: str) -> Generator[Queue]:
        """Give what comes of a session; inside, nothing that is published is missed.

        Raises:
            StatusBackendError: There is no subscription.
        """
        queue: Queue = SimpleQueue()
        with self._lock:
            if self._is_closed:
                raise StatusBackendError(CLOSED)
            if self._run is None or not self._run.is_listening:
                self._run = _Run(self._client, self._lock)
            run = self._run
            run.waiting.add(key, queue)
        try:
            run.wait_for_subscription()
            yield queue
        finally:
            with self._lock:
                run.waiting.remove(key, queue)

    def close(self) -> None:
        """Let go of the connection, and tell all who wait."""
        with self._lock:
            self._is_closed = True
            run = self._run
        if run is not None:
            run.stop()


@final
class _Run:
    """One subscription, from its beginning to its end."""

    def __init__(self, client: redis.Redis, lock: threading.Lock) -> None:
        self.waiting: Waiting[Queue] = Waiting()
        self._lock = lock
        self._pubsub = client.pubsub()  # type: ignore[no-untyped-call]  # redis-py's
        self._is_wanted = True
        self._is_subscribed = False
        self._heard_at = 0.0
        self._is_pinged = False
        self._has_begun = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._listen, name="irma-status-redis", daemon=True)
        self._thread.start()

    @property
    def is_listening(self) -> bool:
        """Whether it may still tell something; not in a process that was forked since."""
        return self._failure is None and self._thread.is_alive()

    def wait_for_subscription(self) -> None:
        self._has_begun.wait(LONGEST_CALL)
        if not self._is_subscribed or self._failure is not None:
            raise StatusBackendError(self._failure or "Redis: it did not answer in time")

    def stop(self) -> None:
        self._is_wanted = False
        self._thread.join(LONGEST_CALL)

    def _listen(self) -> None:
        failure = CLOSED
        try:
            self._subscribe()
            while self._is_wanted:
                self._hear()
        except Exception as error:  # noqa: BLE001  # all who wait are told
            failure = reason(error)
        finally:
            with self._lock:
                self._failure = failure
                self.waiting.fail(failure)
            self._has_begun.set()
            self._pubsub.close()

    def _subscribe(self) -> None:
        self._pubsub.subscribe(CHANNEL)
        if self._pubsub.get_message(timeout=LONGEST_STEP) is None:
            raise redis.TimeoutError
        self._heard_at = time.monotonic()
        self._is_subscribed = True
        self._has_begun.set()

    def _hear(self) -> None:
        message = self._pubsub.get_message(timeout=_TICK)
        now = time.monotonic()
        if message is not None:
            self._heard_at, self._is_pinged = now, False
            notice = as_bytes(message["data"])
            if message["type"] == "message" and notice is not None:
                with self._lock:
                    self.waiting.tell(notice)
        elif now - self._heard_at > 2 * SILENCE:
            raise redis.TimeoutError
        elif now - self._heard_at > SILENCE and not self._is_pinged:
            self._is_pinged = True
            self._pubsub.ping()
