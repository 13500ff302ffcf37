"""Raise a clear error if tables are missing because `migrate` has not run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from django.db import DatabaseError, connections, router
from django.db.migrations.executor import MigrationExecutor

from irma_core.errors import ConfigurationError
from irma_web_django.models import IrmaEntry

__all__ = ["MISSING", "are_tables_missing", "explaining_missing_tables"]

MISSING: Final = "the tables of irma_web_django are missing or out of date"
_REMEDY: Final = "run manage.py migrate"


def are_tables_missing() -> bool:
    """Return whether this application has migrations that have not been run.

    Raises:
        django.db.DatabaseError: The database cannot be reached.
    """
    executor = MigrationExecutor(connections[router.db_for_write(IrmaEntry)])
    leaves = executor.loader.graph.leaf_nodes("irma_web_django")
    return bool(executor.migration_plan(leaves))


@contextmanager
def explaining_missing_tables() -> Generator[None]:
    """Run a block that uses the tables; explain the error if they are missing.

    Raises:
        ConfigurationError: The database failed because a table is missing.
        django.db.DatabaseError: The database failed for another reason.
    """
    try:
        yield
    except DatabaseError:
        # The class and the message of the error differ between databases.
        if _is_surely_missing():
            raise ConfigurationError(f"{MISSING}: {_REMEDY}") from None
        raise


def _is_surely_missing() -> bool:
    try:
        return are_tables_missing()
    except DatabaseError:
        return False  # the first error explains more
