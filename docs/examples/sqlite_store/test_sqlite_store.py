from pathlib import Path

import pytest
from sqlite_store import SqliteStore

from irma_testing.contracts import StoreContract


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store.db"

    def make_store(self) -> SqliteStore:
        return SqliteStore(str(self.path))

    def make_failing_store(self) -> SqliteStore:
        return SqliteStore(str(self.path / "no directory"))
