import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta

from irma_core.interfaces import (
    AsyncStore,
    FactoryContext,
    PluginUri,
    Store,
    StoreFactory,
    hookimpl,
)

TABLE = "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB, expires REAL)"
PUT = """
INSERT INTO kept VALUES (:key, :value, :expires)
ON CONFLICT (key) DO UPDATE SET value = :value, expires = :expires WHERE expires <= :now
"""


class SqliteStore:
    """A store for the processes of one machine."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_closed = False

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        now = time.time()
        put = {"key": key, "value": value, "now": now, "expires": now + lifetime.total_seconds()}
        with self._opened() as database:
            database.execute("DELETE FROM kept WHERE expires <= ?", (now - 3600,))
            return database.execute(PUT, put).rowcount == 1  # one statement, so it is atomic

    def get(self, key: str) -> bytes | None:
        with self._opened() as database:
            query = "SELECT value FROM kept WHERE key = ? AND expires > ?"
            row: tuple[bytes] | None = database.execute(query, (key, time.time())).fetchone()
        return row[0] if row else None

    def delete(self, key: str) -> None:
        with self._opened() as database:
            database.execute("DELETE FROM kept WHERE key = ?", (key,))

    def close(self) -> None:
        self._is_closed = True  # no connection is open between calls

    def _opened(self) -> closing[sqlite3.Connection]:
        if self._is_closed:
            raise ValueError("the store is closed")
        # SQLite would leave the mode to the umask. Its other files get this file's mode.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        database.execute(TABLE)
        return closing(database)


@hookimpl
def irma_stores() -> Mapping[str, StoreFactory]:
    return {"shared-file": make_store}


def make_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    return SqliteStore(uri.rest)
