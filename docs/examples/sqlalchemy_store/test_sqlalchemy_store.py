import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy_store import AsyncSqlAlchemyStore, SqlAlchemyStore, entries

from irma_testing.contracts import AsyncStoreContract, StoreContract

URL = os.environ.get("DATABASE_URL")  # such as postgresql+psycopg://shop:…@127.0.0.1/shop


class TestSqlAlchemyStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _table(self, tmp_path: Path) -> Iterator[None]:
        self.engine = create_engine(URL or f"sqlite:///{tmp_path}/shop.db")
        entries.metadata.create_all(self.engine)
        yield
        self.engine.dispose()

    def make_store(self) -> SqlAlchemyStore:
        return SqlAlchemyStore(self.engine)

    def make_failing_store(self) -> SqlAlchemyStore:
        return SqlAlchemyStore(create_engine("sqlite:////no/directory/shop.db"))


@pytest.mark.skipif(URL is None, reason="DATABASE_URL is not set")
class TestAsyncSqlAlchemyStore(AsyncStoreContract):
    @pytest.fixture(autouse=True)
    def _table(self) -> None:
        self.url = URL or ""
        entries.metadata.create_all(create_engine(self.url, poolclass=NullPool))

    def make_store(self) -> AsyncSqlAlchemyStore:
        return AsyncSqlAlchemyStore(create_async_engine(self.url, poolclass=NullPool))

    def make_failing_store(self) -> AsyncSqlAlchemyStore:
        nobody = "postgresql+psycopg://shop:password@127.0.0.1:1/shop"
        return AsyncSqlAlchemyStore(create_async_engine(nobody))

    secrets = ("password",)
