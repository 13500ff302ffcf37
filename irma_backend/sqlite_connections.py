"""A pool of open connections to an SQLite file, which a process's threads borrow.

SQLite records its locks in a table in the process's memory. A fork copies this table, but not the
locks, so a child would mistake its parent's locks for its own. Another process could then delete
the log, and values that the child stored would be lost. Therefore no connection stays open during a
fork.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, final

from irma_core.errors import ConfigurationError

__all__ = ["Connections"]

_MOST_IDLE: Final = 10
"""The maximum number of connections that a process keeps open between calls."""
_connections: Final[weakref.WeakSet[Connections]] = weakref.WeakSet()
_opened: Final[set[_Opened]] = set()
"""The connections that are open in this process, or were open in its parent at the fork."""


@final
class Connections:
    """A pool of open connections to a file. Threads borrow them.

    When the last connection closes, SQLite copies its log into the database and waits for the disk
    several times. So storing a value is five times faster if a connection stays open.

    Args:
        path: The file, as an absolute path.
        busy_timeout: How long SQLite waits for a lock.
    """

    def __init__(self, path: Path, busy_timeout: timedelta) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._idle: list[_Opened] = []
        self.close = weakref.finalize(self, _close_all, self._idle)
        _connections.add(self)

    def close_idle(self) -> None:
        """Close the connections that no thread uses."""
        _close_all(self._idle)

    @contextmanager
    def borrowed(self) -> Generator[sqlite3.Connection]:
        """Lend a connection for a `with` block, in which no other thread uses it."""
        try:
            opened = self._idle.pop()
        except IndexError:
            opened = _Opened(self._path, self._busy_timeout)
        else:
            if not opened.is_current(self._path):
                opened.close()
                opened = _Opened(self._path, self._busy_timeout)
        try:
            yield opened.database
        except BaseException:
            opened.close()
            raise
        if len(self._idle) < _MOST_IDLE and self.close.alive:
            self._idle.append(opened)
        else:
            opened.close()


@final
class _Opened:
    """A connection, and the identity of the file that it opened."""

    def __init__(self, path: Path, busy_timeout: timedelta) -> None:
        self._path, self._process = path, os.getpid()
        if any(each.is_inherited(path) for each in list(_opened)):
            raise ConfigurationError(
                "another thread was using the store's file when this process was forked: fork "
                "first, and use the store afterwards"
            )
        _opened.add(self)  # before the connection opens, so that a fork in between is noticed
        try:
            self._open(path, busy_timeout)
        except BaseException:
            _opened.discard(self)
            raise

    def _open(self, path: Path, busy_timeout: timedelta) -> None:
        self.database = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",  # a deleted file is not created again
            uri=True,
            timeout=busy_timeout.total_seconds(),
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            # Readers do not wait for a writer. The file keeps this mode permanently.
            self.database.execute("PRAGMA journal_mode = WAL")
            self._file = _identity(path)
        except BaseException:
            self.database.close()
            raise

    def close(self) -> None:
        self.database.close()
        _opened.discard(self)

    def is_inherited(self, path: Path) -> bool:
        """Return whether this is the parent process's connection to the file."""
        return self._path == path and self._process != os.getpid()

    def is_current(self, path: Path) -> bool:
        """Return whether the file is still at its path and has not been replaced."""
        return self._file == _identity(path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _close_all(idle: list[_Opened]) -> None:
    while idle:
        idle.pop().close()


def _close_before_fork() -> None:
    for each in list(_connections):
        each.close_idle()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_close_before_fork)
