"""The connection pools of one process, and the choice of the pool for a URL."""

from __future__ import annotations

import os
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.exceptions import HTTPError

from irma_core.errors import ConfigurationError
from irma_core.models.urls import is_loopback
from irma_transport.request_parts import split_url
from irma_transport.settings import Proxy
from irma_transport_urllib3.connection import PlainPool, TlsPool

__all__ = ["Origin", "PoolSettings", "Pools"]

# An application has few base URLs; this limit is for an application that generates them.
_MAX_ORIGINS = 64


class PoolSettings(NamedTuple):
    """The settings of every pool."""

    context: ssl.SSLContext
    size: int
    proxy: Proxy | None


class Origin(NamedTuple):
    """A scheme, host and port, and how to send requests there.

    Attributes:
        pool: The pool of connections to the origin.
        peer: Host and port, for error messages.
        prefix: The start of each request target: the origin if a proxy forwards the request, or
            else empty.
        must_be_loopback: Whether plain HTTP is allowed only because the connection stays on this
            machine.
    """

    pool: HTTPConnectionPool
    peer: str
    prefix: str
    must_be_loopback: bool


class Pools:
    """The pools of one process; a forked child must make its own."""

    def __init__(self, settings: PoolSettings) -> None:
        self.pid = os.getpid()
        self._settings = settings
        self._manager = _manager(settings)
        self._origins: dict[str, Origin] = {}

    def locate(self, url: str) -> tuple[Origin, str]:
        """Return the origin and the target of a URL.

        Raises:
            ConfigurationError: The string is not an absolute HTTP URL with a valid host and port.
        """
        base, target = split_url(url)
        origin = self._origins.get(base)
        if origin is None:
            origin = self._open(base)
        if not target.startswith("/"):
            target = "/" + target
        return origin, origin.prefix + target

    def close(self) -> None:
        """Close idle connections now, and connections in use when their response ends."""
        for origin in list(self._origins.values()):
            origin.pool.close()
        self._origins.clear()
        self._manager.clear()

    def _open(self, base: str) -> Origin:
        try:
            pool = self._manager.connection_from_url(base)
        except (HTTPError, UnicodeError):
            pool = None
        if pool is None:
            raise ConfigurationError(f"the host or port of {base} is not valid")
        peer = base.partition("://")[2]
        is_forwarded = self._settings.proxy is not None and base[:5].lower() == "http:"
        prefix = base if is_forwarded else ""
        if len(self._origins) >= _MAX_ORIGINS:
            self._origins.clear()
        host = urlsplit(base).hostname or ""
        is_local = (
            self._settings.proxy is None and base[:5].lower() == "http:" and is_loopback(host)
        )
        origin = self._origins[base] = Origin(pool, peer, prefix, is_local)
        return origin


def _manager(settings: PoolSettings) -> PoolManager:
    manager: PoolManager
    if settings.proxy is None:
        manager = PoolManager(maxsize=settings.size, ssl_context=settings.context)
    else:
        manager = ProxyManager(
            # The headers for the proxy are left out, because hooks of `http.client` would see them.
            settings.proxy.url,
            proxy_ssl_context=settings.context,
            maxsize=settings.size,
            ssl_context=settings.context,
        )
    classes = manager.pool_classes_by_scheme.copy()  # all managers share the original dictionary
    classes.update(http=PlainPool, https=TlsPool)
    manager.pool_classes_by_scheme = classes
    return manager
