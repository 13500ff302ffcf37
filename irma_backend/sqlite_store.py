"""A store in an SQLite file, for the processes on one machine: `sqlite:PATH`."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import uniform
from typing import Final, TypeVar, final

from irma_backend.sqlite_connections import Connections
from irma_core.errors import ConfigurationError
from irma_core.protocol.entry_checks import check_clock, check_entry, check_key
from irma_core.protocol.transport import Clock, utc_now
from irma_core.tracebacks import boundary

__all__ = ["AsyncSqliteStore", "SqliteStore"]

ReturnT = TypeVar("ReturnT")
_BUSY_TIMEOUT: Final = timedelta(seconds=10)
_LOOK_AGAIN: Final = (0.001, 0.01)
"""The shortest and longest wait before the next attempt to lock the file, in seconds."""
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS entries
(key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL NOT NULL) WITHOUT ROWID
"""
_SWEEP: Final = "DELETE FROM entries WHERE expires <= :now"
_PUT: Final = "INSERT INTO entries VALUES (:key, :value, :expires) ON CONFLICT (key) DO NOTHING"
_GET: Final = "SELECT value FROM entries WHERE key = :key AND expires > :now"
_DELETE: Final = "DELETE FROM entries WHERE key = :key"


@final
@boundary
class SqliteStore:
    """Keeps values in an SQLite file that all processes on one machine share.

    Threads may share a store, and so may processes after a fork. The file is created with mode
    0600. It must be on a local disk, because SQLite cannot lock files on a network file system.

    Args:
        path: The file. Its directory must exist.
        clock: The clock that measures lifetimes, such as `transport.clock`. The clocks of all
            processes must agree.

    Raises:
        ConfigurationError: The file cannot be created or opened.
    """

    def __init__(self, path: str | Path, clock: Clock) -> None:
        given: object = path
        if not isinstance(given, str | Path) or given == "":
            raise ConfigurationError("path: must be the path of a file")
        check_clock(clock)
        self._path = Path(path).absolute()
        self._clock = clock
        self._connections = Connections(self._path, _BUSY_TIMEOUT)
        self._is_closed = False
        self._create()

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `Store`.

        Raises:
            ConfigurationError: An argument is invalid, or the store is closed.
            sqlite3.Error: The file cannot be written, or stayed locked for 10 seconds.
        """
        check_entry(key, value, lifetime)
        now = self._now()
        entry = {"key": key, "value": value, "expires": now + lifetime.total_seconds()}
        with self._transaction() as database:
            database.execute(_SWEEP, {"now": now})
            return database.execute(_PUT, entry).rowcount == 1

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, or the store is closed.
            sqlite3.Error: The file cannot be read, or stayed locked for 10 seconds.
        """
        check_key(key)
        self.check_open()
        # This needs no transaction: a reader sees the last commit, and does not wait for a writer.
        with self._connections.borrowed() as database:
            row: tuple[bytes] | None = database.execute(
                _GET, {"key": key, "now": self._now()}
            ).fetchone()
        return row[0] if row else None

    def delete(self, key: str) -> None:
        """Delete a key, which may be absent; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, or the store is closed.
            sqlite3.Error: The file cannot be written, or stayed locked for 10 seconds.
        """
        check_key(key)
        with self._transaction() as database:
            database.execute(_DELETE, {"key": key})

    def close(self) -> None:
        """Refuse further calls. The file keeps its contents."""
        self._is_closed = True
        self._connections.close()

    def check_open(self) -> None:
        """Check that the store is not closed.

        Raises:
            ConfigurationError: The store is closed.
        """
        if self._is_closed:
            raise ConfigurationError("the store is closed")

    def _now(self) -> float:
        return utc_now(self._clock).timestamp()

    def _create(self) -> None:
        try:
            # SQLite gives its -wal and -shm files the mode of this one.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with self._transaction() as database:
                database.execute(_CREATE)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or "not a path"
        except sqlite3.DatabaseError:
            reason = "it is not an SQLite database that this program may write"
        else:
            return
        raise ConfigurationError(f"path: cannot open the store's file: {reason}")

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        self.check_open()
        with self._connections.borrowed() as database:
            _begin(database)
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")


def _begin(database: sqlite3.Connection) -> None:
    """Begin a write transaction as soon as no other process is writing.

    SQLite itself would try less and less often to get the lock, so the process that has waited
    longest would always lose. We therefore try every few milliseconds, in every process.
    """
    ends = time.monotonic() + _BUSY_TIMEOUT.total_seconds()
    database.execute("PRAGMA busy_timeout = 0")
    while True:
        try:
            # A transaction that starts as a reader would fail if another process wrote meanwhile.
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(uniform(*_LOOK_AGAIN))  # noqa: S311  # no secret
        else:
            break
    database.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT // timedelta(milliseconds=1)}")


@final
@boundary
class AsyncSqliteStore:
    """`SqliteStore` for asyncio. Calls run in a separate thread, so the event loop never waits.

    Args:
        path: As for `SqliteStore`.
        clock: As for `SqliteStore`.

    Raises:
        ConfigurationError: The file cannot be created or opened.
    """

    def __init__(self, path: str | Path, clock: Clock) -> None:
        self._store = SqliteStore(path, clock)
        # One thread keeps the calls in order, so a put that was cancelled while it ran has ended
        # before the next call begins.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="irma-sqlite-store")

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value unless the key has one; see `SqliteStore`."""
        return await self._run(lambda: self._store.put_if_absent(key, value, lifetime))

    async def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None; see `SqliteStore`."""
        return await self._run(lambda: self._store.get(key))

    async def delete(self, key: str) -> None:
        """Delete a key, which may be absent; see `SqliteStore`."""
        await self._run(lambda: self._store.delete(key))

    async def aclose(self) -> None:
        """Refuse further calls; see `SqliteStore`."""
        self._store.close()
        self._thread.shutdown(wait=False)

    async def _run(self, call: Callable[[], ReturnT]) -> ReturnT:
        self._store.check_open()
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
