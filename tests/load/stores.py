"""The stores of sites under load, which can fail for a moment and recover."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol, final

from tests.redis.redis_server import RedisServer
from tests.web_django.postgres import PASSWORD, PostgresServer

__all__ = ["PostgresDatabase", "RedisDatabase", "SharedStore", "SqliteFile"]


class SharedStore(Protocol):
    """A store, or a database, that the workers of a site share.

    Attributes:
        environment: The environment variables by which a site finds the store.
    """

    environment: dict[str, str]

    def go_away(self) -> None:
        """Let every new connection fail."""

    def come_back(self) -> None:
        """Accept connections again, with all data from before."""


@final
class SqliteFile:
    """An SQLite file that the workers share.

    Args:
        directory: The directory of the file's folder.
    """

    def __init__(self, directory: Path) -> None:
        self._folder: Final = directory / "database"
        self._away: Final = directory / "away"
        self._folder.mkdir()
        file = self._folder / "site.sqlite3"
        uri = f"sqlite:{file}"
        self.environment = {
            "SQLITE_FILE": str(file),
            "FLASK_IRMA_STORE": uri,
            "IRMA_STORE": uri,
        }

    def go_away(self) -> None:
        """Move the file's folder, so that no program can open the file."""
        self._folder.rename(self._away)

    def come_back(self) -> None:
        """Move the folder back."""
        self._away.rename(self._folder)


@final
class PostgresDatabase:
    """A database on a PostgreSQL server.

    Args:
        server: A running server.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        server.create_database("cellar")
        self.environment = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGPASSWORD": PASSWORD,
        }

    def go_away(self) -> None:
        """Break every connection, and refuse new ones."""
        self._server.stop()

    def come_back(self) -> None:
        """Accept connections again."""
        self._server.start()


@final
class RedisDatabase:
    """The database of a Redis server.

    Args:
        server: A running server, which keeps confirmed data.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.environment = {"FLASK_IRMA_STORE": server.uri, "IRMA_STORE": server.uri}

    def go_away(self) -> None:
        """Break every connection, and refuse new ones."""
        self._server.kill()

    def come_back(self) -> None:
        """Accept connections again."""
        self._server.start()
