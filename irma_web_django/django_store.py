"""A store in the site's database, for all processes of the site: one row for each key."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import final

from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    connections,
    router,
    transaction,
)

from irma_core.errors import ConfigurationError
from irma_core.protocol.entry_checks import check_clock, check_entry, check_key
from irma_core.protocol.transport import Clock, utc_now
from irma_core.tracebacks import boundary
from irma_web_django.models import IrmaEntry
from irma_web_django.tables import explaining_missing_tables

__all__ = ["DjangoStore", "delete_expired", "dropping_broken_connection"]


@contextmanager
def dropping_broken_connection() -> Generator[None]:
    """Drop a broken connection when a call fails, so that a retry opens a new one.

    Django itself drops a broken connection only between two requests.
    """
    try:
        yield
    except (DatabaseError, InterfaceError):
        connection = connections[router.db_for_write(IrmaEntry)]
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        raise


@final
@boundary
class DjangoStore:
    """Stores values in the database that Django's router chooses for writes of `IrmaEntry`.

    Each call commits before it returns, so that other processes see the value. A call inside the
    caller's transaction is therefore refused. If you use `ATOMIC_REQUESTS`, decorate the view with
    `transaction.non_atomic_requests`. Threads may share a store.

    Args:
        clock: The clock that measures lifetimes, such as `requestor.context.clock`. All processes
            must agree on the time.
    """

    def __init__(self, clock: Clock) -> None:
        check_clock(clock)
        self._clock = clock
        self._is_closed = False

    @dropping_broken_connection()
    @explaining_missing_tables()
    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        """Put a value under `key`, unless the key already has one; see `Store`.

        Raises:
            ConfigurationError: An argument is invalid, the store is closed, the caller is in a
                transaction, or the table is missing.
            django.db.DatabaseError: The database failed.
        """
        check_entry(key, value, lifetime)
        using = self._database()
        now = self._now_ms()
        expires = now + -(-lifetime // timedelta(milliseconds=1))  # rounded up
        entries = IrmaEntry.objects.using(using)
        # Looking first avoids most failing inserts, which some databases log.
        found = entries.filter(key=key).values_list("expires_ms", flat=True).first()
        if found is not None and found > now:
            return False
        stale = entries.filter(key=key, expires_ms__lte=now)
        try:
            with _committing(using):
                # Of several concurrent calls, only one finds the expired row, and only one can
                # insert a row.
                if not stale.update(value=value, expires_ms=expires):
                    entries.create(key=key, value=value, expires_ms=expires)
        except IntegrityError:
            return False
        return True

    @dropping_broken_connection()
    @explaining_missing_tables()
    def get(self, key: str) -> bytes | None:
        """Return the value of a key, or None; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, the store is closed, or the table is
                missing.
            django.db.DatabaseError: The database failed.
        """
        check_key(key)
        # Read from the database that values are written to, because a replica may not have the
        # value yet.
        entries = IrmaEntry.objects.using(self._database())
        live = entries.filter(key=key, expires_ms__gt=self._now_ms())
        found = live.values_list("value", flat=True).first()
        return None if found is None else bytes(found)

    @dropping_broken_connection()
    @explaining_missing_tables()
    def delete(self, key: str) -> None:
        """Delete a key, which may be absent; see `Store`.

        Raises:
            ConfigurationError: The key is not a string, the store is closed, the caller is in a
                transaction, or the table is missing.
            django.db.DatabaseError: The database failed.
        """
        check_key(key)
        using = self._database()
        with _committing(using):
            IrmaEntry.objects.using(using).filter(key=key).delete()

    def close(self) -> None:
        """Refuse further calls. Django closes the connections."""
        self._is_closed = True

    def _database(self) -> str:
        if self._is_closed:
            raise ConfigurationError("the store is closed")
        return router.db_for_write(IrmaEntry)

    def _now_ms(self) -> int:
        return int(utc_now(self._clock).timestamp() * 1000)


@boundary
@explaining_missing_tables()
def delete_expired(clock: Clock) -> int:
    """Delete the entries that have expired, and return how many there were.

    Args:
        clock: The clock that the stores use.

    Raises:
        ConfigurationError: The table is missing.
        django.db.DatabaseError: The database failed.
    """
    using = router.db_for_write(IrmaEntry)
    now = int(utc_now(clock).timestamp() * 1000)
    expired = IrmaEntry.objects.using(using).filter(expires_ms__lte=now)
    return expired.delete()[0]


@contextmanager
def _committing(using: str) -> Generator[None]:
    """Run the block and commit.

    Raises:
        ConfigurationError: The caller is in a transaction, which could roll the changes back.
    """
    with ExitStack() as blocks:
        try:
            blocks.enter_context(transaction.atomic(using, durable=True))
        except RuntimeError:
            raise ConfigurationError(
                "the store was called in a transaction, which could roll the value back: "
                "decorate the view with transaction.non_atomic_requests"
            ) from None
        yield
