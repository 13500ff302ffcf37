from pathlib import Path

import pytest
from sqlite_status import SqliteStatusBackend

from irma_testing.contracts import StatusBackendContract


class TestSqliteStatusBackend(StatusBackendContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "status.db"

    def make_status_backend(self) -> SqliteStatusBackend:
        return SqliteStatusBackend(str(self.path))

    def make_failing_status_backend(self) -> SqliteStatusBackend:
        return SqliteStatusBackend(str(self.path / "no directory"))
