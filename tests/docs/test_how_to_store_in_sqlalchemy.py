"""The how-to on SQLAlchemy shows the files of an example that passes the contract of stores."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select

from irma_core import DisclosureRequest, Requestor, new_sealing_key
from irma_core.errors import HandleUsedError
from irma_testing import InMemoryServer, SimulatedApp
from tests.docs.pages import ROOT, code_of, runs
from tests.pytest_plugin.running import outcome
from tests.web_django.postgres import PASSWORD, check_installed, running_postgres

PAGE = "docs/how-to/store-in-sqlalchemy.md"
EXAMPLE = ROOT / "docs" / "examples" / "sqlalchemy_store"


@runs(PAGE, python=3)
def test_blocks_are_the_example_files() -> None:
    """The blocks of the page equal the files of the example."""
    names = ("sqlalchemy_store.py", "sqlalchemy_worker.py", "test_sqlalchemy_store.py")
    assert code_of(PAGE) == [(EXAMPLE / name).read_text(encoding="utf-8") for name in names]


def test_the_store_passes_the_contract_on_sqlite() -> None:
    """The example passes the sync contract on SQLite when it is run as a reader runs it."""
    assert outcome(EXAMPLE).partition(" passed")[0].isdigit()


@pytest.mark.long
def test_the_store_passes_both_contracts_on_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example passes the contracts of both modes on PostgreSQL."""
    check_installed()
    with running_postgres() as server:
        server.create_database("shop")
        url = f"postgresql+psycopg://postgres:{PASSWORD}@127.0.0.1:{server.port}/shop"
        monkeypatch.setenv("DATABASE_URL", url)
        assert outcome(EXAMPLE).endswith(" passed")


def test_two_workers_redeem_a_handle_once(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    irma_requestor: Requestor,
    irma_server: InMemoryServer,
    irma_app: SimulatedApp,
) -> None:
    """A worker refuses the handle that another has redeemed; expired rows can be deleted."""
    monkeypatch.syspath_prepend(EXAMPLE)
    worker = import_module("sqlalchemy_worker")
    engines: list[Engine] = []

    def remember_engine(*arguments: Any, **settings: Any) -> Engine:
        engines.append(create_engine(*arguments, **settings))
        return engines[-1]

    monkeypatch.setattr(worker, "create_engine", remember_engine)
    keys, url = [new_sealing_key()], f"sqlite:///{tmp_path}/shop.db"
    one, other = (worker.make_handles(irma_requestor, url, keys) for _ in range(2))
    irma_app.add("a.b.c", {"d": "yes"})
    session = irma_requestor.start_session(DisclosureRequest({"age": "a.b.c.d"}))
    handle = one.seal(session, binding="ada")
    irma_app.accept(session.pointer)
    assert one.redeem(handle, binding="ada")["age"].value == "yes"
    with pytest.raises(HandleUsedError):
        other.redeem(handle, binding="ada")
    example = import_module("sqlalchemy_store")
    keys_there = select(example.entries.c.key)
    store = example.SqlAlchemyStore(engines[0])
    store.put_if_absent("old", b"", timedelta(milliseconds=1))
    while store.get("old") is not None:
        pass
    for is_there in (True, False):
        with engines[0].connect() as connection:
            there = connection.scalars(keys_there).all()
        assert ("old" in there) is is_there
        assert len(there) >= 1 + is_there
        store.delete_expired()
    for engine in engines:
        engine.dispose()
