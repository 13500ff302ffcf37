"""The leftovers of stopped work: sockets, tasks and threads of this process."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Leftovers", "settled"]


@dataclass(frozen=True)
class Leftovers:
    """The numbers of sockets, tasks and threads."""

    sockets: int
    tasks: int
    threads: int

    @classmethod
    def now(cls) -> Self:
        """Count sockets and threads, and the tasks of the running event loop, if there is one."""
        try:
            tasks = len(asyncio.all_tasks())
        except RuntimeError:
            tasks = 0
        targets = [_target(entry) for entry in Path("/proc/self/fd").iterdir()]
        sockets = sum(target.startswith("socket:") for target in targets)
        return cls(sockets, tasks, threading.active_count())

    def beyond(self, before: Leftovers) -> int:
        """Return how many sockets, tasks and threads are new since the earlier count."""
        return (
            max(self.sockets - before.sockets, 0)
            + max(self.tasks - before.tasks, 0)
            + max(self.threads - before.threads, 0)
        )


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:  # the file descriptor of the listing itself
        return ""


async def settled() -> None:
    """Let the event loop close sockets, which takes it a step or two."""
    for _ in range(5):
        await asyncio.sleep(0)
