"""Many logins at once at the example project, under gunicorn with three workers, or uvicorn.

Each visitor starts a session, answers it with an app, and sends the finish three times at once. A
finish is repeated for as long as its reply says so, as the page's script does.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, final

import aiohttp
import attrs
import psycopg

from irma_backend.dev_server import running_server
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.web_django.postgres import PASSWORD, PostgresServer

__all__ = ["Database", "Outcome", "PostgresDatabase", "SqliteDatabase", "log_many_in"]

ROOT: Final = Path(__file__).parent.parent.parent
PROJECT: Final = ROOT / "docs" / "examples" / "django_login"
_FINISHES: Final = 3
_REPEATS_FOR: Final = 120.0
"""Seconds; a bound against hanging."""
_COUNT: Final = "SELECT count(*) FROM django_session"
_USERS: Final = "SELECT count(*) FROM auth_user"


@final
class SqliteDatabase:
    """A file, which the workers share."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "cellar.sqlite3"
        self._away = directory / "cellar.away"
        self.environment = {"SQLITE_FILE": str(self._file)}

    def count(self, query: str) -> int:
        """Return the number that a query returns."""
        with closing(sqlite3.connect(self._file)) as connection:
            return int(connection.execute(query).fetchone()[0])

    def go_away(self) -> None:
        """Let every new connection fail."""
        self._file.rename(self._away)
        self._file.mkdir()

    def come_back(self) -> None:
        """Take connections again."""
        self._file.rmdir()
        self._away.rename(self._file)


@final
class PostgresDatabase:
    """A database of a server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        server.create_database("cellar")
        self.environment = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGPASSWORD": PASSWORD,
        }

    def count(self, query: str) -> int:
        """Return the number that a query returns."""
        url = f"host=127.0.0.1 port={self._server.port} user=postgres password={PASSWORD}"
        with closing(psycopg.connect(f"{url} dbname=cellar")) as connection:
            row: Any = connection.execute(query.encode()).fetchone()
            return int(row[0])

    def go_away(self) -> None:
        """Break every connection, and let every new one fail."""
        self._server.stop()

    def come_back(self) -> None:
        """Take connections again."""
        self._server.start()


Database = SqliteDatabase | PostgresDatabase


@attrs.frozen
class Outcome:
    """What happened to the visitors of a run.

    Args:
        logged_in: How many visitors got the same session by each of their finishes.
        sessions: How many sessions the site has.
        users: How many users it has.
        statuses: How often the finishes had which HTTP status, repeats included.
        codes: How often a reply had which error.
        seconds: How long the finishes took in all.
    """

    logged_in: int
    sessions: int
    users: int
    statuses: Counter[int]
    codes: Counter[str]
    seconds: float


def log_many_in(
    database: Database,
    directory: Path,
    visitors: int,
    *,
    away: float | None = None,
    is_asgi: bool = False,
) -> Outcome:
    """Log that many visitors in at once, and return what happened.

    Args:
        database: The database of the site.
        directory: For the log of the web server.
        visitors: How many.
        away: For how many seconds the database is away while they finish; None for never.
        is_asgi: Whether the site runs under uvicorn, in one process.
    """
    server = InMemoryServer(clock=SystemClock())
    with running_server(server) as url, _site(database, url, directory, is_asgi=is_asgi) as site:
        return asyncio.run(_run(server, site, database, visitors, away))


@contextmanager
def _site(
    database: Database, irma_server: str, directory: Path, *, is_asgi: bool
) -> Generator[str]:
    environment = {
        **os.environ,
        **database.environment,
        "PYTHONPATH": f"{ROOT}:{PROJECT}",
        "DJANGO_SETTINGS_MODULE": "cellar.settings",
        "IRMA_SERVER": irma_server,
    }
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        address = f"127.0.0.1:{port}"
    python = [sys.executable, "-m"]
    migrate = [*python, "django", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, env=environment, cwd=directory, check=True)
    serve = [*python, "gunicorn", "-w", "3", "-b", address, "--timeout", "120", "cellar.wsgi"]
    if is_asgi:
        application = ["--factory", "django.core.asgi:get_asgi_application"]
        serve = [*python, "uvicorn", "--port", f"{port}", "--lifespan", "off", *application]
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            serve, env=environment, cwd=directory, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_open(address, process)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()


def _wait_until_open(address: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = address.partition(":")
    ends = time.monotonic() + _REPEATS_FOR
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the web server ended by itself"
            assert time.monotonic() < ends, "the web server does not answer"
            time.sleep(0.05)
        else:
            return


async def _run(
    server: InMemoryServer, site: str, database: Database, count: int, away: float | None
) -> Outcome:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=_REPEATS_FOR)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        site, connector=connector, timeout=timeout, cookie_jar=jar
    ) as browsers:
        visitors = [_Visitor(browsers, f"visitor{number}@example.com") for number in range(count)]
        await asyncio.gather(*(visitor.start(server) for visitor in visitors))
        statuses: Counter[int] = Counter()
        codes: Counter[str] = Counter()
        first = asyncio.Event()
        begun = time.monotonic()
        finishes = [
            asyncio.create_task(visitor.finish(statuses, codes, first))
            for visitor in visitors
            for _ in range(_FINISHES)
        ]
        if away is not None:
            await first.wait()  # so that some logins are done, and others are not
            await asyncio.to_thread(database.go_away)
            await asyncio.sleep(away)
            await asyncio.to_thread(database.come_back)
        sessions = await asyncio.gather(*finishes)
        seconds = time.monotonic() - begun
    of_visitors = [{*sessions[each : each + _FINISHES]} for each in range(0, len(sessions), 3)]
    return Outcome(
        logged_in=sum(len(each) == 1 and None not in each for each in of_visitors),
        sessions=database.count(_COUNT),
        users=database.count(_USERS),
        statuses=statuses,
        codes=codes,
        seconds=seconds,
    )


@final
class _Visitor:
    def __init__(self, browsers: aiohttp.ClientSession, email: str) -> None:
        self._browsers = browsers
        self._email = email
        self._headers: dict[str, str] = {}
        self._handle = ""

    async def start(self, server: InMemoryServer) -> None:
        """Open the page, start a session, and answer it with the app."""
        async with self._browsers.get("/") as page:
            text = await page.text()
            token = page.cookies["csrftoken"].value
        found = re.search(r'"headers":({.*?})', text)
        assert found is not None
        self._headers = {**json.loads(found[1]), "Cookie": f"csrftoken={token}"}
        async with self._browsers.post(
            "/irma/start/login", json={}, headers=self._headers
        ) as reply:
            started = await reply.json()
            assert reply.status == 200, started
            self._headers["Cookie"] += f"; irma={reply.cookies['irma'].value}"
        self._handle = started["handle"]
        app = SimulatedApp(server)
        app.add("pbdf.sidn-pbdf.email", {"email": self._email})
        await asyncio.to_thread(app.accept, started["sessionPtr"])

    async def finish(
        self, statuses: Counter[int], codes: Counter[str], first: asyncio.Event
    ) -> str | None:
        """Finish, as often as the replies say; return the key of Django's session."""
        ends = time.monotonic() + _REPEATS_FOR
        while time.monotonic() < ends:
            body = {"handle": self._handle}
            async with self._browsers.post(
                "/irma/finish/login", json=body, headers=self._headers
            ) as reply:
                statuses[reply.status] += 1
                received = await reply.json()
                if reply.status == 200:
                    first.set()
                    return reply.cookies["sessionid"].value
                codes[received["error"]["code"]] += 1
                if received["error"]["again"] != "finish":
                    return None
            await asyncio.sleep(1)
        return None
