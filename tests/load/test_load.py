"""Many simultaneous logins on sites with three workers, also if a store fails or a worker dies.

`make load` runs these tests with 500 visitors, an outage of five seconds and more sites.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from irma_backend.dev_server import running_server
from irma_testing import InMemoryServer
from irma_transport import SystemClock
from tests.load.sites import DJANGO, DJANGO_ASGI, FASTAPI, FLASK, RunningSite, running_site
from tests.load.stores import PostgresDatabase, RedisDatabase, SharedStore, SqliteFile
from tests.load.visitors import Outcome, kill_a_worker, log_many_in, store_away
from tests.redis.redis_server import running_redis
from tests.web_django.postgres import check_installed, running_postgres

VISITORS = int(os.environ.get("IRMA_LOAD", "12"))
IS_FULL = "IRMA_LOAD" in os.environ
AWAY = 5.0 if IS_FULL else 1.0
pytestmark = pytest.mark.long


@contextmanager
def sqlite(directory: Path) -> Generator[SharedStore]:
    yield SqliteFile(directory)


@contextmanager
def postgresql(_directory: Path) -> Generator[SharedStore]:
    check_installed()
    with running_postgres() as server:
        yield PostgresDatabase(server)


@contextmanager
def redis(directory: Path) -> Generator[SharedStore]:
    with running_redis(directory, "--appendonly", "yes") as server:
        yield RedisDatabase(server)


FEW_SITES = {
    "django-postgresql": (DJANGO, postgresql),
    "flask-sqlite": (FLASK, sqlite),
    "fastapi-redis": (FASTAPI, redis),
}
MORE_SITES = {
    "django-sqlite": (DJANGO, sqlite),
    "django-asgi-sqlite": (DJANGO_ASGI, sqlite),
    "flask-redis": (FLASK, redis),
    "fastapi-sqlite": (FASTAPI, sqlite),
}
SITES = {**FEW_SITES, **(MORE_SITES if IS_FULL else {})}


@pytest.fixture(scope="module")
def server() -> Generator[InMemoryServer]:
    """The IRMA server of all sites."""
    server = InMemoryServer(clock=SystemClock())
    with running_server(server):
        yield server


@pytest.fixture(scope="module", params=SITES)
def site(
    request: pytest.FixtureRequest,
    server: InMemoryServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[RunningSite]:
    framework, running_store = SITES[request.param]
    directory = tmp_path_factory.mktemp(request.param)
    with (
        running_store(directory) as store,
        running_site(framework, store, server.url, directory) as site,
    ):
        yield site


def report(outcome: Outcome) -> None:
    """Show the counts of a full run."""
    if IS_FULL:
        print(f"\n{outcome}")  # noqa: T201


def test_every_visitor_logs_in_once(site: RunningSite, server: InMemoryServer) -> None:
    """Each visitor is logged in once, although the browser sends each finish three times."""
    outcome = log_many_in(server, site, VISITORS)
    report(outcome)
    assert outcome.statuses[200] == 3 * VISITORS, outcome
    assert outcome.codes.keys() <= ({"busy"} if site.framework.may_be_busy else set()), outcome
    assert outcome.logged_in == outcome.recognised == VISITORS, outcome
    assert outcome.logins == outcome.people == VISITORS, outcome


def test_no_login_is_lost_or_double_while_the_store_is_down(
    site: RunningSite, server: InMemoryServer
) -> None:
    """While the store is down, visitors who repeat their finish are each logged in once."""
    outcome = log_many_in(server, site, VISITORS, store_away(AWAY))
    report(outcome)
    assert outcome.statuses.keys() <= {200, 409, 503}, outcome
    assert outcome.logged_in == outcome.recognised == VISITORS, outcome
    assert outcome.logins == outcome.people == VISITORS, outcome


def test_no_login_is_lost_or_double_when_a_worker_dies(
    site: RunningSite, server: InMemoryServer
) -> None:
    """If a worker dies, a repeat logs the visitor in or says that the outcome is unknown."""
    outcome = log_many_in(server, site, VISITORS, kill_a_worker)
    report(outcome)
    assert outcome.statuses.keys() <= {200, 409}, outcome
    assert outcome.codes.keys() <= {"network", "busy", "interrupted"}, outcome
    assert outcome.logged_in + outcome.interrupted == VISITORS, outcome
    assert outcome.recognised == outcome.people == VISITORS, outcome
    assert outcome.logins <= VISITORS + outcome.interrupted, outcome
