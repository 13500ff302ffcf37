import os
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from hashlib import sha256

from irma_core import RequestorToken, SessionStatus
from irma_core.interfaces import PublishedEnd

TABLE = "CREATE TABLE IF NOT EXISTS ends (name TEXT PRIMARY KEY, status TEXT, jwt TEXT, at REAL)"


class SqliteStatusBackend:
    """A status backend for the processes of one machine, in a file that only they may read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_closed = False

    def publish(self, token: RequestorToken, end: PublishedEnd) -> None:
        row = (_name(token), end.status.value, end.result_jwt, time.time())
        with self._database() as database:
            database.execute("DELETE FROM ends WHERE at < ?", (time.time() - 1800,))
            database.execute("INSERT OR IGNORE INTO ends VALUES (?, ?, ?, ?)", row)

    def wait(self, token: RequestorToken, timeout: timedelta) -> PublishedEnd | None:
        deadline = time.monotonic() + timeout.total_seconds()
        while (end := self._find(token)) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return end

    def close(self) -> None:
        self._is_closed = True  # no connection is open between two calls

    def _find(self, token: RequestorToken) -> PublishedEnd | None:
        with self._database() as database:
            query = "SELECT status, jwt FROM ends WHERE name = ?"
            row = database.execute(query, (_name(token),)).fetchone()
        return row and PublishedEnd(SessionStatus(row[0]), row[1])

    def _database(self) -> closing[sqlite3.Connection]:
        if self._is_closed:
            raise ValueError("the status backend is closed")
        # The file must be private. SQLite's other files get the mode of this one.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        database.execute(TABLE)
        return closing(database)


def _name(token: RequestorToken) -> str:
    return sha256(token.reveal().encode()).hexdigest()  # the file must not contain the token
