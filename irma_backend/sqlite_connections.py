"""Open connections to an SQLite file, which the threads of a process take in turn."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, final

__all__ = ["Connections"]

_MOST_IDLE: Final = 10
"""Connections that a process keeps open between calls."""


@final
class Connections:
    """Open connections to a file, which threads borrow in turn.

    The last connection that is closed makes SQLite copy its log into the database, and wait for the
    disk several times. So a put is five times faster if one stays open.

    Args:
        path: The file, as an absolute path.
        busy_timeout: How long SQLite waits for a lock.
    """

    def __init__(self, path: Path, busy_timeout: timedelta) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        # By process: a child must use no connection of its parent, and must not close one either.
        self._idle: dict[int, list[_Opened]] = {}
        self.close = weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def borrowed(self) -> Generator[sqlite3.Connection]:
        """Lend a connection that nobody else uses meanwhile."""
        idle = self._idle.setdefault(os.getpid(), [])
        try:
            opened = idle.pop()
        except IndexError:
            opened = _Opened(self._path, self._busy_timeout)
        else:
            if not opened.is_current(self._path):
                opened.database.close()
                opened = _Opened(self._path, self._busy_timeout)
        try:
            yield opened.database
        except BaseException:
            opened.database.close()
            raise
        if len(idle) < _MOST_IDLE and self.close.alive:
            idle.append(opened)
        else:
            opened.database.close()


@final
class _Opened:
    """A connection, and which file it is to."""

    def __init__(self, path: Path, busy_timeout: timedelta) -> None:
        self.database = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",  # a file that is gone is not made again
            uri=True,
            timeout=busy_timeout.total_seconds(),
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            # Readers do not wait for a writer. The mode is a property of the file and stays.
            self.database.execute("PRAGMA journal_mode = WAL")
            self._file = _identity(path)
        except BaseException:
            self.database.close()
            raise

    def is_current(self, path: Path) -> bool:
        """Return whether the file is still at its path, and no other one took its place."""
        return self._file == _identity(path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _close_all(idle: dict[int, list[_Opened]]) -> None:
    own = idle.get(os.getpid(), [])
    while own:
        own.pop().database.close()
