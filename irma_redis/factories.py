"""Open the status backend or the store that a Redis URI names, for `irma_backend`."""

from __future__ import annotations

from functools import partial
from typing import Final

from irma_core.interfaces import (
    AsyncStatusBackend,
    AsyncStore,
    FactoryContext,
    Mode,
    PluginUri,
    Secret,
    StatusBackend,
    Store,
)
from irma_redis.clients import check_server
from irma_redis.status import RedisStatusBackend
from irma_redis.status_async import AsyncRedisStatusBackend
from irma_redis.store import AsyncRedisStore, RedisStore

__all__ = ["open_status_backend", "open_store"]

_NAME: Final = "redis-password"
"""The name of the secret that holds the password, if the URI has no password."""


def open_status_backend(
    uri: PluginUri, context: FactoryContext
) -> StatusBackend | AsyncStatusBackend:
    """Return a status backend, sync or async as the context requires.

    Raises:
        ConfigurationError: The URI is not a Redis URI, or its database or server cannot be used.
    """
    password = _password(context)
    check_server(uri.text, password, keeps_all=False)
    if context.mode is Mode.SYNC:
        return RedisStatusBackend(uri.text, password=password)
    return AsyncRedisStatusBackend(uri.text, password=password)


def open_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    """Return a store, sync or async as the context requires.

    Raises:
        ConfigurationError: The URI is not a Redis URI, its database or server cannot be used, or
            the server evicts keys.
    """
    password = _password(context)
    check_server(uri.text, password, keeps_all=True)
    if context.mode is Mode.SYNC:
        return RedisStore(uri.text, password=password)
    return AsyncRedisStore(uri.text, password=password)


def _password(context: FactoryContext) -> Secret | None:
    return partial(context.secret, _NAME) if _NAME in context.secrets else None
