"""The store on Django's ORM, on SQLite; `test_postgresql` repeats this on PostgreSQL."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.test import TestCase, override_settings

from irma_core.errors import ConfigurationError
from irma_testing import ManualClock
from irma_testing.contracts import StoreContract
from irma_transport import SystemClock
from irma_web_django.django_store import DjangoStore, delete_expired
from irma_web_django.models import IrmaEntry
from tests.web_django.conftest import point

HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("database")
class TestStore(StoreContract):
    """The contract of stores on SQLite."""

    def make_store(self) -> DjangoStore:
        return DjangoStore(SystemClock())

    async def call(self, method: Callable[..., Any], *arguments: object) -> Any:
        def run() -> Any:
            try:
                return method(*arguments)
            finally:
                connections.close_all()  # as Django does at the end of a request

        return await asyncio.to_thread(run)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(database: Path, clock: ManualClock) -> DjangoStore:
    return DjangoStore(clock)


def test_an_expired_row_is_put_again_in_place(store: DjangoStore, clock: ManualClock) -> None:
    """A key whose expired row still exists can be put again exactly once."""
    assert store.put_if_absent("key", b"first", HOUR)
    clock.advance(HOUR)
    assert store.get("key") is None
    assert IrmaEntry.objects.count() == 1
    assert store.put_if_absent("key", b"second", HOUR)
    assert not store.put_if_absent("key", b"third", HOUR)
    assert store.get("key") == b"second"


def test_a_call_in_a_transaction_is_refused(store: DjangoStore) -> None:
    """A call in the caller's transaction is refused, because a rollback could undo the value."""
    with (
        transaction.atomic(),
        pytest.raises(ConfigurationError, match="non_atomic_requests"),
    ):
        store.put_if_absent("key", b"value", HOUR)
    assert store.get("key") is None
    store.put_if_absent("key", b"value", HOUR)
    with transaction.atomic(), pytest.raises(ConfigurationError, match="non_atomic_requests"):
        store.delete("key")
    assert store.get("key") == b"value"


def test_an_applications_test_case_can_use_the_store(database: Path) -> None:
    """The transaction that Django's own `TestCase` keeps open does not count as the caller's."""
    outcome = []

    class Case(TestCase):
        def runTest(self) -> None:  # noqa: N802  # unittest's name
            store = DjangoStore(SystemClock())
            outcome.append(store.put_if_absent("key", b"value", HOUR))
            outcome.append(store.put_if_absent("key", b"value", HOUR))
            store.delete("key")

    Case().debug()
    assert outcome == [True, False]


class RouteToOther:
    """Routes the store to the database `other`, and reads elsewhere, as with a replica."""

    def db_for_read(self, model: type, **_hints: object) -> str | None:
        return "default" if model is IrmaEntry else None

    def db_for_write(self, model: type, **_hints: object) -> str | None:
        return "other" if model is IrmaEntry else None


@override_settings(DATABASE_ROUTERS=[RouteToOther()])
def test_the_router_chooses_the_database(store: DjangoStore, clock: ManualClock) -> None:
    """Values go to the database that the router writes to, and are read from the same one."""
    assert store.put_if_absent("key", b"value", HOUR)
    with transaction.atomic("default"):
        assert not store.put_if_absent("key", b"value", HOUR)
    assert store.get("key") == b"value"
    assert IrmaEntry.objects.using("other").count() == 1
    assert IrmaEntry.objects.using("default").count() == 0
    clock.advance(HOUR)
    assert delete_expired(clock) == 1
    assert IrmaEntry.objects.using("other").count() == 0


def test_the_cleanup_deletes_what_has_expired(database: Path) -> None:
    """`irma_cleanup` deletes expired entries, and no others."""
    past, present = ManualClock(), DjangoStore(SystemClock())
    DjangoStore(past).put_if_absent("old", b"", HOUR)
    present.put_if_absent("new", b"", HOUR)
    said = StringIO()
    call_command("irma_cleanup", stdout=said)
    assert said.getvalue() == "Deleted 1 expired entries.\n"
    assert [entry.key for entry in IrmaEntry.objects.all()] == ["new"]


@override_settings(USE_TZ=False)
def test_the_time_zone_of_the_site_does_not_matter(store: DjangoStore) -> None:
    """Lifetimes are the same in a site that has time zones switched off."""
    assert store.put_if_absent("key", b"value", HOUR)
    assert store.get("key") == b"value"


def test_a_closed_store_refuses_every_call(store: DjangoStore) -> None:
    """A closed store raises an error when it is used, and can be closed again."""
    store.close()
    store.close()
    with pytest.raises(ConfigurationError, match="closed"):
        store.get("key")


def test_no_traceback_contains_a_value(store: DjangoStore) -> None:
    """After a failure of the database, no frame of the traceback has the value."""
    value = b"sealed-qmnN5Z3dK2fV"
    connections["default"].close()
    point("default", Path("/nothing/there"))
    with pytest.raises(OperationalError) as caught:
        store.put_if_absent("key", value, HOUR)
    error: BaseException | None = caught.value
    while error is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        others = [frame for frame in frames if frame.f_globals["__name__"] != __name__]
        assert not [frame for frame in others if value in frame.f_locals.values()]
        assert "qmnN5Z3dK2fV" not in str(error)
        error = error.__cause__ or error.__context__
