"""Many logins at once under web servers, on SQLite and PostgreSQL, also while the database is away.

`make load` runs this with 200 visitors and five seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web_django.load import Database, PostgresDatabase, SqliteDatabase, log_many_in
from tests.web_django.postgres import check_installed, running_postgres

VISITORS = int(os.environ.get("IRMA_LOAD", "12"))
IS_FULL = "IRMA_LOAD" in os.environ
AWAY = 5.0 if IS_FULL else 1.0


@pytest.fixture(params=["sqlite", "postgresql"])
def site_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    if request.param == "sqlite":
        yield SqliteDatabase(tmp_path)
        return
    check_installed()
    with running_postgres() as server:
        yield PostgresDatabase(server)


def test_every_visitor_logs_in_once(site_database: Database, tmp_path: Path) -> None:
    """Each visitor has one user and one session, although each finish comes three times."""
    outcome = log_many_in(site_database, tmp_path, VISITORS)
    assert outcome.statuses == {200: 3 * VISITORS}, outcome
    assert outcome.logged_in == outcome.sessions == outcome.users == VISITORS, outcome


def test_no_login_is_lost_or_double_while_the_database_is_away(
    site_database: Database, tmp_path: Path
) -> None:
    """Visitors who repeat a finish for as long as the replies say so are logged in, once."""
    outcome = log_many_in(site_database, tmp_path, VISITORS, away=AWAY)
    assert outcome.statuses.keys() <= {200, 503}, outcome
    assert outcome.logged_in == outcome.sessions == outcome.users == VISITORS, outcome


def test_every_visitor_logs_in_once_under_asgi(tmp_path: Path) -> None:
    """Under uvicorn, where Django runs the views in threads, each visitor logs in once, too."""
    outcome = log_many_in(SqliteDatabase(tmp_path), tmp_path, VISITORS, is_asgi=True)
    # In one process, a repeat may find the first finish still running; the page tries again.
    assert outcome.statuses.keys() <= {200, 503}, outcome
    assert outcome.logged_in == outcome.sessions == outcome.users == VISITORS, outcome
