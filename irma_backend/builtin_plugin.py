"""What is built in: `file:` and `hmac:` for signing, `memory:` and `sqlite:` for stores.

A plugin like any other, and the first of each wiring, so that none can take its schemes.
Belongs here: what stands behind the four schemes. Does not belong here: the rules for plugins
(`irma_core.plugins`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, final
from urllib.parse import unquote, urlsplit

from irma_backend.memory_store import AsyncMemoryStore, MemoryStore
from irma_backend.sqlite_store import AsyncSqliteStore, SqliteStore
from irma_core.errors import ConfigurationError
from irma_core.models.risks import Risk
from irma_core.plugins.hookspecs import (
    FactoryContext,
    Mode,
    PluginUri,
    SignerFactory,
    StoreFactory,
    hookimpl,
)
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.trust.key_forms import setting_text
from irma_core.trust.signing import AsyncSigner, HmacSigner, RsaSigner, Signer

__all__ = ["irma_signing_schemes", "irma_stores"]

_LARGEST_KEY_FILE: Final = 64 * 1024
_PEM: Final = "-----BEGIN "
_ENCRYPTED: Final = ("ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED")


@hookimpl
def irma_signing_schemes() -> Mapping[str, SignerFactory]:
    """Give `file:` and `hmac:`."""
    return {"file": _file_signer, "hmac": _secret_signer}


@hookimpl
def irma_stores() -> Mapping[str, StoreFactory]:
    """Return the factories of `memory:` and `sqlite:`."""
    return {"memory": _memory_store, "sqlite": _sqlite_store}


def _file_signer(uri: PluginUri, context: FactoryContext) -> Signer | AsyncSigner:
    """Take a private key in PEM (RS256), or a key in base64 (HS256) as the server has it."""
    content = _read(_parse_path(uri))
    if _PEM in setting_text(content):
        return _for_mode(_rsa_signer(content), context)
    try:
        return _for_mode(_hmac_signer(content), context)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; or, for RS256, a private key in PEM") from None


def _secret_signer(uri: PluginUri, context: FactoryContext) -> Signer | AsyncSigner:
    """Take a key in base64 by the name that it has in `secrets`."""
    name = unquote(uri.rest)
    if name not in context.secrets:
        # The name is not shown: somebody may have written the key in its place.
        there = ", ".join(sorted(context.secrets)) or "none"
        raise ConfigurationError(
            f"the URI names no secret: hmac:NAME takes the key by its name in secrets= ({there})"
        )
    return _for_mode(_hmac_signer(context.secret(name)), context)


def _memory_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    if uri.rest:
        raise ConfigurationError("nothing stands behind memory:")
    if Risk.MEMORY_STORE not in context.allow:
        raise ConfigurationError(
            "each process would have a store of its own: allow Risk.MEMORY_STORE if this program "
            "runs as one process, else use a store that its processes share"
        )
    is_async = context.mode is Mode.ASYNC
    return AsyncMemoryStore(context.clock) if is_async else MemoryStore(context.clock)


def _sqlite_store(uri: PluginUri, context: FactoryContext) -> Store | AsyncStore:
    is_async = context.mode is Mode.ASYNC
    return (AsyncSqliteStore if is_async else SqliteStore)(_parse_path(uri), context.clock)


def _parse_path(uri: PluginUri) -> Path:
    """Return the path of `file:PATH` or `file:///PATH` (RFC 8089), which may be relative."""
    try:
        parts = urlsplit(uri.text)
    except ValueError:
        parts = urlsplit("file://?")
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path:
        raise ConfigurationError(f"{uri.scheme}: takes a path, in which ? and # are %3F and %23")
    return Path(unquote(parts.path))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_KEY_FILE + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "is no path"
    else:
        if len(content) <= _LARGEST_KEY_FILE:
            return content
        reason = "too large for a key"
    raise ConfigurationError(f"the file cannot be read: {reason}")


def _rsa_signer(pem: bytes) -> RsaSigner:
    text = setting_text(pem)
    if any(mark in text for mark in _ENCRYPTED):
        raise ConfigurationError(
            "the key in the file is encrypted: keep it in the clear in a file that only this "
            "program may read, or give RsaSigner(pem, password=…) to a Requestor of your own"
        )
    return RsaSigner(pem)


def _hmac_signer(key: bytes) -> HmacSigner:
    return HmacSigner.from_base64(key)


def _for_mode(signer: Signer, context: FactoryContext) -> Signer | AsyncSigner:
    return _AsyncSigner(signer) if context.mode is Mode.ASYNC else signer


@final
class _AsyncSigner:
    """A signer that computes, a millisecond at most, and waits for nothing: it needs no thread."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def algorithm(self) -> str:
        return self._signer.algorithm

    async def sign(self, signing_input: bytes) -> bytes:
        return self._signer.sign(signing_input)

    def __repr__(self) -> str:
        return f"<{type(self._signer).__name__}, awaited>"
