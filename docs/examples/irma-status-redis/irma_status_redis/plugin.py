"""The hooks of the plugin: factories by URI scheme."""

from __future__ import annotations

from collections.abc import Mapping
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
    StatusBackendFactory,
    Store,
    StoreFactory,
    hookimpl,
)
from irma_status_redis.clients import check_server
from irma_status_redis.status import RedisStatusBackend
from irma_status_redis.status_async import AsyncRedisStatusBackend
from irma_status_redis.store import AsyncRedisStore, RedisStore

__all__ = ["irma_status_backends", "irma_stores"]

SCHEMES: Final = ("redis", "rediss", "unix")
PASSWORD: Final = "redis-password"  # its name
"""The name of the secret with the password, if the URI has none."""


@hookimpl
def irma_status_backends() -> Mapping[str, StatusBackendFactory]:
    """Return the factory of status backends."""
    return dict.fromkeys(SCHEMES, _status_backend)


@hookimpl
def irma_stores() -> Mapping[str, StoreFactory]:
    """Return the factory of stores."""
    return dict.fromkeys(SCHEMES, _store)


def _status_backend(uri: PluginUri, context: FactoryContext) -> StatusBackend | AsyncStatusBackend:
    password = _password(context)
    check_server(uri.text, password, keeps_all=False)
    if context.mode is Mode.SYNC:
        return RedisStatusBackend(uri.text, password=password)
    return AsyncRedisStatusBackend(uri.text, password=password)


def _store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    password = _password(context)
    check_server(uri.text, password, keeps_all=True)
    if context.mode is Mode.SYNC:
        return RedisStore(uri.text, password=password)
    return AsyncRedisStore(uri.text, password=password)


def _password(context: FactoryContext) -> Secret | None:
    return partial(context.secret, PASSWORD) if PASSWORD in context.secrets else None
