"""An archive that stores each signature whole."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from irma_core import AttributeBasedSignature

CREATE = """CREATE TABLE IF NOT EXISTS signatures
(number INTEGER PRIMARY KEY, text TEXT NOT NULL, signature TEXT NOT NULL, started TEXT NOT NULL)"""


class Archived(NamedTuple):
    """A signature, and when its session started, both of which are needed to verify it later.

    Attributes:
        signature: The signature, as the IRMA server sent it.
        started_at: When the session started; the signature must not be older.
    """

    signature: AttributeBasedSignature
    started_at: datetime


class Archive:
    """Keeps signatures in an SQLite file that only this program may read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self._connection() as connection:
            connection.execute(CREATE)

    def add(self, archived: Archived) -> int:
        """Archive a signature, and return its number."""
        signature, started_at = archived
        row = (signature.message, signature.json_text, started_at.isoformat())
        with self._connection() as connection:
            added = connection.execute("INSERT INTO signatures VALUES (NULL, ?, ?, ?)", row)
            return int(added.lastrowid or 0)

    def get(self, number: int) -> Archived:
        """Return a signature. Raise KeyError if no signature has that number."""
        query = "SELECT text, signature, started FROM signatures WHERE number = ?"
        with self._connection() as connection:
            row = connection.execute(query, (number,)).fetchone()
        if row is None:
            raise KeyError(number)
        text, signature, started = row
        return Archived(AttributeBasedSignature(signature, text), datetime.fromisoformat(started))

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        # The file must be private. SQLite's other files get the mode of this one.
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(self._file)) as connection, connection:
            yield connection
