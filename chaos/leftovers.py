"""What is left of work that was stopped: sockets, tasks and threads of this process."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Leftovers", "settled"]


@dataclass(frozen=True)
class Leftovers:
    """How many there are."""

    sockets: int
    tasks: int
    threads: int

    @classmethod
    def now(cls) -> Self:
        """Count them; tasks are those of the event loop that runs, if one does."""
        try:
            tasks = len(asyncio.all_tasks())
        except RuntimeError:
            tasks = 0
        targets = [_target(entry) for entry in Path("/proc/self/fd").iterdir()]
        sockets = sum(target.startswith("socket:") for target in targets)
        return cls(sockets, tasks, threading.active_count())

    def beyond(self, before: Leftovers) -> int:
        """Count what was not there before."""
        return (
            max(self.sockets - before.sockets, 0)
            + max(self.tasks - before.tasks, 0)
            + max(self.threads - before.threads, 0)
        )


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:  # the listing's own
        return ""


async def settled() -> None:
    """Let the event loop do what closing left to it: a socket closes a step or two later."""
    for _ in range(5):
        await asyncio.sleep(0)
