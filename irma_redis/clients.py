"""redis-py's sync and async clients, without retries and with a time limit for every wait.

By default redis-py repeats a command ten times if the reply is lost. If a `SET NX` has succeeded,
its repeat fails, so each process assumes that another one has put the key. So these clients do not
retry, and the caller decides what to repeat.

The timeout of the async client uses `asyncio.wait_for`, which may lose a cancellation in Python
3.11. So `attempt_async` limits the call instead.
"""

from __future__ import annotations

from typing import Any, Final

import redis
import redis.asyncio
from redis.asyncio import connection as awaited
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from irma_core.errors import ConfigurationError
from irma_core.interfaces import Secret
from irma_redis.address import CONNECTIONS, LONGEST_STEP, Address
from irma_redis.failures import fault

__all__ = ["as_bytes", "check_server", "make_async_client", "make_client"]

_LIMITS: Final[dict[str, Any]] = {
    "socket_connect_timeout": LONGEST_STEP,
    "timeout": LONGEST_STEP,
    "max_connections": CONNECTIONS,
    "protocol": 2,
    "driver_info": None,
}
_CLASSES: dict[str, Any] = {  # a pool takes more kinds of connection than its annotation says
    "redis": redis.Connection,
    "rediss": redis.SSLConnection,
    "unix": redis.UnixDomainSocketConnection,
}
_ASYNC_CLASSES: dict[str, Any] = {  # a pool takes more kinds of connection than its annotation says
    "redis": awaited.Connection,
    "rediss": awaited.SSLConnection,
    "unix": awaited.UnixDomainSocketConnection,
}


def make_client(uri: str, password: Secret | None) -> redis.Redis:
    """Return a client for threads, which connects when it is used.

    Raises:
        ConfigurationError: The URI is not a Redis URI.
    """
    address = Address.parse(uri, password)
    pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]  # redis-py's
        connection_class=_CLASSES[address.scheme],
        retry=Retry(NoBackoff(), 0),
        socket_timeout=LONGEST_STEP,
        **_LIMITS,
        **address.options,
    )
    return redis.Redis.from_pool(pool)


def make_async_client(uri: str, password: Secret | None) -> redis.asyncio.Redis:
    """Return a client for asyncio; see `make_client`."""
    address = Address.parse(uri, password)
    pool = redis.asyncio.BlockingConnectionPool(
        connection_class=_ASYNC_CLASSES[address.scheme],
        retry=AsyncRetry(NoBackoff(), 0),
        socket_timeout=None,
        **_LIMITS,
        **address.options,
    )
    return redis.asyncio.Redis.from_pool(pool)


def check_server(uri: str, password: Secret | None, *, keeps_all: bool) -> None:
    """Check the settings of the Redis server before a status backend or a store uses it.

    An unreachable server is not an error.

    Args:
        uri: The URI of Redis.
        password: See `make_client`.
        keeps_all: Whether to refuse a Redis server that evicts keys when it is full.

    Raises:
        ConfigurationError: The URI is not a Redis URI, or the database, the server or the eviction
            policy cannot be used.
    """
    client = make_client(uri, password)
    text = None
    try:
        memory: dict[str, Any] = client.info("memory")
        evicts = memory.get("maxmemory") and memory.get("maxmemory_policy") != "noeviction"
        if keeps_all and evicts:
            text = (
                "it evicts keys when it is full, so a handle or callback could be accepted "
                "twice; set maxmemory-policy to noeviction"
            )
    except Exception as error:  # noqa: BLE001  # redis-py's, which show an address
        found = fault(error)
        text = found.text if found.is_setting else None
    finally:
        client.close()
    if text is not None:
        raise ConfigurationError(f"Redis: {text}")


def as_bytes(answer: object) -> bytes | None:
    """Return a reply if it is `bytes`, as stored values are, and otherwise None."""
    return answer if isinstance(answer, bytes) else None
