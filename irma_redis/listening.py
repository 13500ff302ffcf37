"""Receive notices of ended sessions on one connection per process, which one thread reads.

The first wait opens the connection. When the connection breaks, all waits fail, and the next wait
opens a new connection. So no wait relies on a lost connection. A ping detects whether Redis hangs.
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
from irma_redis.address import LONGEST_CALL, LONGEST_STEP
from irma_redis.clients import as_bytes
from irma_redis.failures import reason
from irma_redis.records import CHANNEL
from irma_redis.waiting import Notice, Waiting

__all__ = ["CLOSED", "SILENCE", "TICK", "Listener", "Queue"]

SILENCE: Final = 2.0
"""After this many seconds without a message, the thread sends a ping. After as many seconds without
a reply, the thread treats the connection as broken."""
TICK: Final = 0.25
"""Seconds after which the thread checks whether it must stop."""
CLOSED: Final = "the status backend is closed"

Queue = SimpleQueue[Notice]


@final
class Listener:
    """Receives notices of ended sessions for all threads of a process.

    Args:
        client: The Redis client. The listener uses one of its connections.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._is_closed = False

    @contextmanager
    def subscription(self, key: str) -> Generator[Queue]:
        """Yield the queue for a session's notices; inside the block, no notice is missed.

        Raises:
            StatusBackendError: The subscription failed, or the listener is closed.
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
        """Close the connection; all waits fail."""
        with self._lock:
            self._is_closed = True
            run = self._run
        if run is not None:
            run.stop()


@final
class _Run:
    """One subscription and the thread that reads it."""

    def __init__(self, client: redis.Redis, lock: threading.Lock) -> None:
        self.waiting: Waiting[Queue] = Waiting()
        self._lock = lock
        self._pubsub = client.pubsub()  # type: ignore[no-untyped-call]  # redis-py's
        self._is_wanted = True
        self._is_subscribed = False
        self._received_at = 0.0
        self._pinged_at: float | None = None
        self._has_begun = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._listen, name="irma-redis", daemon=True)
        self._thread.start()

    @property
    def is_listening(self) -> bool:
        """Whether notices may still arrive. False in a child process that was forked later."""
        return self._failure is None and self._thread.is_alive()

    def wait_for_subscription(self) -> None:
        self._has_begun.wait(LONGEST_CALL)
        if not self._is_subscribed or self._failure is not None:
            raise StatusBackendError(self._failure or "Redis did not answer in time")

    def stop(self) -> None:
        self._is_wanted = False
        self._thread.join(LONGEST_CALL)

    def _listen(self) -> None:
        failure = CLOSED
        try:
            self._subscribe()
            while self._is_wanted:
                self._receive()
        except Exception as error:  # noqa: BLE001  # all waits fail
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
        self._received_at = time.monotonic()
        self._is_subscribed = True
        self._has_begun.set()

    def _receive(self) -> None:
        message = self._pubsub.get_message(timeout=TICK)
        now = time.monotonic()
        if message is not None:
            self._received_at, self._pinged_at = now, None
            key = as_bytes(message["data"])
            if message["type"] == "message" and key is not None:
                with self._lock:
                    self.waiting.wake(key.decode("ascii", "replace"))
        elif self._pinged_at is not None:
            # Count from the ping, because this process may have been suspended before it sent the
            # ping.
            if now - self._pinged_at > SILENCE:
                raise redis.TimeoutError
        elif now - self._received_at > SILENCE:
            self._pubsub.ping()
            self._pinged_at = now
