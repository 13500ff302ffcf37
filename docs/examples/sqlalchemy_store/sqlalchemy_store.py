import time
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

entries = Table(
    "irma_entries",
    MetaData(),  # or your models' own, so that your migrations create the table
    Column("key", String(200), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)


class SqlAlchemyStore:
    """A store for all processes that use the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_closed = False

    def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        try:
            with self._transaction() as connection:
                _put(connection, key, value, lifetime)
        except IntegrityError:  # the key exists, and has not expired
            return False
        return True

    def get(self, key: str) -> bytes | None:
        with self._transaction() as connection:
            return _get(connection, key)

    def delete(self, key: str) -> None:
        with self._transaction() as connection:
            connection.execute(entries.delete().where(entries.c.key == key))

    def delete_expired(self) -> None:
        """Delete expired rows; call this every hour, for example."""
        with self._transaction() as connection:
            connection.execute(entries.delete().where(entries.c.expires_ms <= _now_ms()))

    def close(self) -> None:
        self._is_closed = True  # the application owns the engine, and disposes of it

    def _transaction(self) -> AbstractContextManager[Connection]:
        if self._is_closed:
            raise ValueError("the store is closed")
        return self._engine.begin()


class AsyncSqlAlchemyStore:
    """`SqlAlchemyStore` for asyncio."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._is_closed = False

    async def put_if_absent(self, key: str, value: bytes, lifetime: timedelta) -> bool:
        try:
            async with self._transaction() as connection:
                await connection.run_sync(_put, key, value, lifetime)
        except IntegrityError:
            return False
        return True

    async def get(self, key: str) -> bytes | None:
        async with self._transaction() as connection:
            return await connection.run_sync(_get, key)

    async def delete(self, key: str) -> None:
        async with self._transaction() as connection:
            await connection.execute(entries.delete().where(entries.c.key == key))

    async def aclose(self) -> None:
        self._is_closed = True

    def _transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        if self._is_closed:
            raise ValueError("the store is closed")
        return self._engine.begin()


def _put(connection: Connection, key: str, value: bytes, lifetime: timedelta) -> None:
    """Put a value, or raise `IntegrityError` if the key has one."""
    now = _now_ms()
    put = {"value": value, "expires_ms": now + max(1, round(lifetime.total_seconds() * 1000))}
    # Of concurrent calls, only one finds the row still expired, and only one can insert a row.
    expired = (entries.c.key == key) & (entries.c.expires_ms <= now)
    if connection.execute(entries.update().where(expired).values(put)).rowcount == 0:
        connection.execute(entries.insert().values(key=key, **put))


def _get(connection: Connection, key: str) -> bytes | None:
    live = (entries.c.key == key) & (entries.c.expires_ms > _now_ms())
    value: bytes | None = connection.scalar(select(entries.c.value).where(live))
    return value


def _now_ms() -> int:
    return int(time.time() * 1000)  # all processes must agree on the time
