"""Who waits for which session in this process, and how they are told. For both modes."""

from __future__ import annotations

from typing import Generic, Protocol, TypeAlias, TypeVar, final

from irma_status_redis.records import split_notice

__all__ = ["Heard", "Waiting"]

Heard: TypeAlias = bytes | str
"""A sealed status; or, as text, why nothing more will come."""


class _Queue(Protocol):
    def put_nowait(self, item: Heard, /) -> None: ...


QueueT = TypeVar("QueueT", bound=_Queue)


@final
class Waiting(Generic[QueueT]):
    """The queues of those who wait, by the key of the session's record.

    Not safe for threads: the sync listener holds its lock meanwhile.
    """

    def __init__(self) -> None:
        self._queues: dict[str, list[QueueT]] = {}

    def add(self, key: str, queue: QueueT) -> None:
        """Tell this queue of the session from now on."""
        self._queues.setdefault(key, []).append(queue)

    def remove(self, key: str, queue: QueueT) -> None:
        """Tell it no more."""
        queues = self._queues[key]
        queues.remove(queue)
        if not queues:
            del self._queues[key]

    def tell(self, notice: bytes) -> None:
        """Tell who waits for the session of a notice."""
        key, sealed = split_notice(notice)
        for queue in self._queues.get(key, ()):
            queue.put_nowait(sealed)

    def fail(self, reason: str) -> None:
        """Tell all that nothing more will come."""
        for queues in self._queues.values():
            for queue in queues:
                queue.put_nowait(reason)
