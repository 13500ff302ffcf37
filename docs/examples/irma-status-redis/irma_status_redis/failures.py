"""What went wrong with Redis, in words that tell no address, name or password.

redis-py's errors have the address in their texts. So they are left behind: ours are raised where
none of them is being handled, or Python would keep it as the context.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis
from redis import exceptions

from irma_core.errors import IrmaError, StatusBackendError, StoreError
from irma_status_redis.address import LONGEST_CALL, NoPasswordError

__all__ = ["attempt", "attempt_async", "reason"]

ResultT = TypeVar("ResultT")
Kind = type[StatusBackendError] | type[StoreError]

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.NoPermissionError, "its user lacks a permission that the README names"),
    (exceptions.AuthenticationError, "it refuses the user name or the password"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "it refuses the user name or the password"),
    (exceptions.AuthorizationError, "it refuses the user name or the password"),
    (exceptions.BusyLoadingError, "it is loading its data"),
    (exceptions.MaxConnectionsError, "it has no connection to spare"),
    (exceptions.OutOfMemoryError, "it is out of memory"),
    (exceptions.ReadOnlyError, "it is a replica, which takes no writes"),
    (exceptions.TimeoutError, "it did not answer in time"),
    (TimeoutError, "it did not answer in time"),
    (exceptions.ConnectionError, "there is no connection to it"),
    (OSError, "there is no connection to it"),
    (exceptions.ResponseError, "it refuses a command"),
)


def reason(error: Exception) -> str:
    """Say what went wrong, without anything of the error's own text."""
    if isinstance(error, IrmaError):
        return str(error)  # our own
    if isinstance(error, NoPasswordError):
        return f"Redis: its password could not be got: {error}"
    for kind, text in _REASONS:
        if isinstance(error, kind):
            return f"Redis: {text}"
    return f"Redis: {type(error).__name__}"


def attempt(call: Callable[[], ResultT], kind: Kind) -> ResultT:
    """Call; what redis-py raises becomes an error of that kind.

    Raises:
        StatusBackendError: Where that is the kind.
        StoreError: Where that is the kind.
    """
    try:
        return call()
    except (redis.RedisError, OSError) as error:
        text = reason(error)
    raise kind(text)


async def attempt_async(call: Callable[[], Awaitable[ResultT]], kind: Kind) -> ResultT:
    """`attempt`, awaited, and ended when its time is up."""
    try:
        async with asyncio.timeout(LONGEST_CALL):
            return await call()
    except (redis.RedisError, OSError) as error:
        text = reason(error)
    raise kind(text)
