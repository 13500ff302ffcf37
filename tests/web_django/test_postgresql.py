"""The store on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections
from django.test import override_settings

from irma_core.errors import ConfigurationError
from irma_testing.contracts import StoreContract
from irma_transport import SystemClock
from irma_web_django.django_store import DjangoStore
from irma_web_django.models import IrmaEntry
from tests.web_django.postgres import PASSWORD, PostgresServer, check_installed, running_postgres


class RouteToPostgres:
    """Routes the store to PostgreSQL."""

    alias = "postgres"

    def db_for_read(self, model: type, **_hints: object) -> str | None:
        return self.alias if model is IrmaEntry else None

    db_for_write = db_for_read

    def allow_migrate(
        self, db: str, _app: str, model_name: str | None = None, **_hints: object
    ) -> bool | None:
        return model_name == "irmaentry" if db == "postgres" else None


ROUTER = RouteToPostgres()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """The databases: `postgres` has the tables, `empty` has none, and `away` has no server."""
    check_installed()
    with running_postgres() as server:
        server.create_database("shop")
        server.create_database("empty")
        aliases = {
            "postgres": ("shop", server.port),
            "empty": ("empty", server.port),
            "away": ("shop", 1),
        }
        for alias, (database, port) in aliases.items():
            default = connections.settings["default"]
            connections.settings[alias] = {
                **default,
                **server.settings(database),
                "PORT": str(port),
            }
        try:
            with override_settings(DATABASE_ROUTERS=[ROUTER]):
                call_command("migrate", "irma_web_django", database="postgres", verbosity=0)
            yield server
        finally:
            for alias in aliases:
                connections[alias].close()
                del connections[alias], connections.settings[alias]


@pytest.mark.usefixtures("postgres")
class TestStoreOnPostgres(StoreContract):
    """The contract of stores on PostgreSQL."""

    secrets = (PASSWORD,)

    @pytest.fixture(autouse=True)
    def _routed(self) -> Iterator[None]:
        with override_settings(DATABASE_ROUTERS=[ROUTER]):
            yield
        ROUTER.alias = "postgres"

    def make_store(self) -> DjangoStore:
        return DjangoStore(SystemClock())

    def make_failing_store(self) -> DjangoStore:
        ROUTER.alias = "away"
        return DjangoStore(SystemClock())

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        def run() -> Any:
            try:
                return method(*arguments)
            finally:
                connections.close_all()  # as Django does at the end of a request

        return await asyncio.to_thread(run)


@pytest.mark.usefixtures("postgres")
def test_a_missing_table_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a table is missing on PostgreSQL, the store says to run `migrate`."""
    monkeypatch.setattr(ROUTER, "alias", "empty")
    with override_settings(DATABASE_ROUTERS=[ROUTER]):
        store = DjangoStore(SystemClock())
        with pytest.raises(ConfigurationError, match="migrate"):
            store.get("key")


def test_a_repeat_opens_a_new_connection(postgres: PostgresServer) -> None:
    """After a broken connection, one call fails, and its repeat in the same request works."""
    store = DjangoStore(SystemClock())
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: store.put_if_absent("again", b"value", timedelta(minutes=1)),
        "get": lambda: store.get("again"),
        "delete": lambda: store.delete("again"),
    }
    results: dict[str, object] = {}
    with override_settings(DATABASE_ROUTERS=[ROUTER]):
        store.get("again")
        for name, call in calls.items():
            postgres.stop()
            postgres.start()
            with pytest.raises(OperationalError):
                call()
            results[name] = call()
    assert results == {"put": True, "get": b"value", "delete": None}
