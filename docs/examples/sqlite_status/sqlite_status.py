import os
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from hashlib import sha256

from irma_core import RequestorToken, SessionStatus
from irma_core.protocol.status_backends import Idle
from irma_core.protocol.transport import ReadOutcome

TABLE = "CREATE TABLE IF NOT EXISTS told (name TEXT PRIMARY KEY, word TEXT, jwt TEXT, at REAL)"
TELL = """INSERT INTO told VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE
SET word = ?2, jwt = coalesce(?3, jwt), at = ?4 WHERE instr(?5, word)"""


def _name(token: RequestorToken) -> str:
    return sha256(token.reveal().encode()).hexdigest()  # who reads the file learns no token


class SqliteStatusBackend:
    """Tells the processes of one machine, by a file that only they may read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_closed = False

    def next_status(
        self, token: RequestorToken, after: SessionStatus | None, within: timedelta
    ) -> SessionStatus | Idle:
        ends = time.monotonic() + within.total_seconds()
        while True:
            word, _ = self._row(token)
            if word and (after is None or after.may_become(SessionStatus(word))):
                return SessionStatus(word)
            if time.monotonic() >= ends:
                return ReadOutcome.IDLE
            time.sleep(0.05)

    def publish(self, token: RequestorToken, status: SessionStatus, result_jwt: str | None) -> None:
        earlier = " ".join(s.value for s in SessionStatus if s is status or s.may_become(status))
        row = (_name(token), status.value, result_jwt, time.time(), earlier)
        with self._opened() as database:
            database.execute("DELETE FROM told WHERE at < ?", (time.time() - 1800,))
            database.execute(TELL, row)  # one statement: nobody gets between

    def published_result(self, token: RequestorToken) -> str | None:
        return self._row(token)[1]

    def close(self) -> None:
        self._is_closed = True  # nothing is open between two calls

    def _row(self, token: RequestorToken) -> tuple[str | None, str | None]:
        look = "SELECT word, jwt FROM told WHERE name = ?"
        with self._opened() as database:
            word, jwt = database.execute(look, (_name(token),)).fetchone() or (None, None)
        return word, jwt

    def _opened(self) -> closing[sqlite3.Connection]:
        if self._is_closed:
            raise ValueError("the status backend is closed")
        # SQLite would leave the mode to the umask, and its other files get the mode of this one.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        database.execute(TABLE)
        return closing(database)
