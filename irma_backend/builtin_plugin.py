"""The built-in plugin: signers for `file:` and `hmac:`, and stores in memory, SQLite and Redis.

It is registered before all other plugins, so no other plugin can take over its URI schemes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, final
from urllib.parse import unquote

from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
from irma_backend.path_uris import path_of
from irma_backend.sqlite_store import AsyncSqliteStore, SqliteStore
from irma_core.errors import ConfigurationError
from irma_core.plugins.hookspecs import (
    FactoryContext,
    Mode,
    PluginUri,
    SignerFactory,
    StatusBackendFactory,
    StoreFactory,
    hookimpl,
)
from irma_core.protocol.status_backends import AsyncStatusBackend, StatusBackend
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.trust.key_forms import setting_text
from irma_core.trust.signing import AsyncSigner, HmacSigner, RsaSigner, Signer

__all__ = ["irma_signing_schemes", "irma_status_backends", "irma_stores"]

_LARGEST_KEY_FILE: Final = 64 * 1024
_REDIS: Final = ("redis", "rediss", "unix")
_PEM: Final = "-----BEGIN "
_ENCRYPTED: Final = ("ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED")


@hookimpl
def irma_signing_schemes() -> Mapping[str, SignerFactory]:
    """Return the functions that open signers from `file:` and `hmac:` URIs."""
    return {"file": _file_signer, "hmac": _secret_signer}


@hookimpl
def irma_status_backends() -> Mapping[str, StatusBackendFactory]:
    """Return the function that opens status backends, for each of Redis's URI schemes."""
    return dict.fromkeys(_REDIS, _redis_status_backend)


@hookimpl
def irma_stores() -> Mapping[str, StoreFactory]:
    """Return the functions that open stores, by URI scheme: memory, SQLite and Redis."""
    return {
        "memory": _memory_store,
        "sqlite": _sqlite_store,
        **dict.fromkeys(_REDIS, _redis_store),
    }


def _file_signer(uri: PluginUri, context: FactoryContext) -> Signer | AsyncSigner:
    """Return a signer whose key is in a file: a private key in PEM (RS256), or base64 (HS256)."""
    content = _read(path_of(uri.text))
    if _PEM in setting_text(content):
        return _for_mode(_rsa_signer(content), context)
    try:
        return _for_mode(_hmac_signer(content), context)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; for RS256, use a private key in PEM") from None


def _secret_signer(uri: PluginUri, context: FactoryContext) -> Signer | AsyncSigner:
    """Return a signer with a base64 key from `secrets`."""
    name = unquote(uri.rest)
    if name not in context.secrets:
        # The error does not show the name, because the user may have typed the key itself.
        there = ", ".join(sorted(context.secrets)) or "none"
        raise ConfigurationError(f"hmac:NAME must name a key in secrets= (available: {there})")
    return _for_mode(_hmac_signer(context.secret(name)), context)


def _memory_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    if uri.rest:
        raise ConfigurationError("the URI must be exactly `memory:`, with nothing after the colon")
    is_async = context.mode is Mode.ASYNC
    return (AsyncMemoryStore if is_async else MemoryStore)(context.clock, allow=context.allow)


def _sqlite_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    is_async = context.mode is Mode.ASYNC
    return (AsyncSqliteStore if is_async else SqliteStore)(path_of(uri.text), context.clock)


def _redis_status_backend(
    uri: PluginUri, context: FactoryContext
) -> StatusBackend | AsyncStatusBackend:
    open_status_backend, _ = _import_redis()
    return open_status_backend(uri, context)


def _redis_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    _, open_store = _import_redis()
    return open_store(uri, context)


def _import_redis() -> tuple[StatusBackendFactory, StoreFactory]:
    """Import the Redis extra; return the functions that open its status backends and stores."""
    try:
        from irma_redis.factories import open_status_backend, open_store  # noqa: PLC0415
    except ImportError as error:
        reason = error.msg
    else:
        return open_status_backend, open_store
    raise ConfigurationError(reason)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_KEY_FILE + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "the path is not valid"
    else:
        if len(content) <= _LARGEST_KEY_FILE:
            return content
        reason = "too large for a key"
    raise ConfigurationError(f"the file cannot be read: {reason}")


def _rsa_signer(pem: bytes) -> RsaSigner:
    text = setting_text(pem)
    if any(mark in text for mark in _ENCRYPTED):
        raise ConfigurationError(
            "the key in the file is encrypted: store it unencrypted in a file that only this "
            "program may read, or pass RsaSigner(pem, password=…) to a Requestor"
        )
    return RsaSigner(pem)


def _hmac_signer(key: bytes) -> HmacSigner:
    return HmacSigner.from_base64(key)


def _for_mode(signer: Signer, context: FactoryContext) -> Signer | AsyncSigner:
    return _AsyncSigner(signer) if context.mode is Mode.ASYNC else signer


@final
class _AsyncSigner:
    """Wraps a sync signer for asyncio, without a thread: signing takes at most a millisecond."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def algorithm(self) -> str:
        return self._signer.algorithm

    async def sign(self, signing_input: bytes) -> bytes:
        return self._signer.sign(signing_input)

    def __repr__(self) -> str:
        return f"<{type(self._signer).__name__}, awaited>"
