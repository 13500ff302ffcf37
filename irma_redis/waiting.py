"""The waits in progress in this process, keyed by session.

The sync and the async listener both use this.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeAlias, TypeVar, final

__all__ = ["Notice", "Waiting"]

Notice: TypeAlias = str | None
"""The notice to a wait: None if it must read its session's record again, or a string that says why
no more notices will arrive."""


class _Queue(Protocol):
    def put_nowait(self, item: Notice, /) -> None: ...

    def empty(self) -> bool: ...


QueueT = TypeVar("QueueT", bound=_Queue)


@final
class Waiting(Generic[QueueT]):
    """Maps the key of each session's record to the queues of the waits for that session.

    It is not thread-safe, so the sync listener holds a lock around each call.
    """

    def __init__(self) -> None:
        self._queues: dict[str, list[QueueT]] = {}

    def add(self, key: str, queue: QueueT) -> None:
        """Send the notices of the session with this key to `queue`."""
        self._queues.setdefault(key, []).append(queue)

    def remove(self, key: str, queue: QueueT) -> None:
        """Send no more notices of the session to `queue`."""
        queues = self._queues[key]
        queues.remove(queue)
        if not queues:
            del self._queues[key]

    def wake(self, key: str) -> None:
        """Wake the waits for the session with this key."""
        for queue in self._queues.get(key, ()):
            if queue.empty():  # one notice is enough to make the waiter look again
                queue.put_nowait(None)

    def fail(self, reason: str) -> None:
        """Wake all waits, because no more notices will arrive."""
        for queues in self._queues.values():
            for queue in queues:
                queue.put_nowait(reason)
