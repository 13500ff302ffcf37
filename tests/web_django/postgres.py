"""A real PostgreSQL for a test, which can stop it and start it again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, final

import psycopg
import pytest

from tests.ports import unused_port

__all__ = ["PostgresServer", "check_installed", "running_postgres"]

_USER = "postgres"
_CONNECTIONS = 300
PASSWORD = "cuhHLaPbchUZj3TT"


def _program(name: str) -> str | None:
    """Return the path of one of PostgreSQL's programs; Debian puts them outside of `PATH`."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def check_installed() -> None:
    """Skip the test if PostgreSQL is missing, or fail if no program may be missing."""
    if _program("initdb") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is missing: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")


@final
class PostgresServer:
    """A cluster in a directory, on a free port of this machine.

    Args:
        directory: An empty directory to which the server's user may write.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = unused_port()

    def create(self) -> None:
        """Create the cluster."""
        password = self._directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            *("initdb", "-D", str(self._directory / "data"), "-U", _USER, "-A", "scram-sha-256"),
            *(f"--pwfile={password}", "--no-sync", "-E", "UTF8", "--locale=C"),
        )

    def start(self) -> None:
        """Start the cluster, on the same port each time, and wait until it answers."""
        options = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1 "
        # Confirmed changes survive `stop`, which is not a crash of the machine.
        options += f"-c max_connections={_CONNECTIONS} -c synchronous_commit=off"
        self._run(
            *("pg_ctl", "-D", str(self._directory / "data"), "-w", "-s", "-o", options),
            *("-l", str(self._directory / "log"), "start"),
        )

    def stop(self) -> None:
        """Stop the cluster at once; it keeps confirmed changes, and breaks all connections."""
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-w", "-s", "-m", "fast", "stop")

    def settings(self, name: str) -> dict[str, Any]:
        """Return Django's settings for one of the cluster's databases."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": _USER,
            "PASSWORD": PASSWORD,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "OPTIONS": {"connect_timeout": 60},
        }

    def create_database(self, name: str) -> None:
        """Create an empty database."""
        url = f"host=127.0.0.1 port={self.port} user={_USER} password={PASSWORD} dbname=postgres"
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())

    def _run(self, program: str, *arguments: str) -> None:
        path = _program(program)
        assert path is not None, f"{program} is missing"
        # PostgreSQL does not run as root, which tests in a container do.
        other_user = _USER if os.geteuid() == 0 else None
        subprocess.run(
            [path, *arguments],
            check=True,
            user=other_user,
            group=other_user,
            extra_groups=other_user and [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self._directory,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )


@contextmanager
def running_postgres() -> Generator[PostgresServer]:
    """Run a cluster that is removed at the end."""
    # pytest's own directories may be closed to users other than the one who runs it.
    directory = Path(tempfile.mkdtemp(prefix="irma-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(directory, _USER)
    server = PostgresServer(directory)
    try:
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)
