"""The pools of one process, and what a URL means for them."""

from __future__ import annotations

import os
import re
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.exceptions import HTTPError

from irma_core.errors import ConfigurationError
from irma_core.models.urls import is_loopback
from irma_transport_urllib3.connection import PlainPool, TlsPool
from irma_transport_urllib3.settings import Proxy

__all__ = ["Origin", "PoolSettings", "Pools", "shown_target", "split_url"]

# The host gives nothing back to what follows, or a long URL that does not fit would take long.
_URL = re.compile(r"(https?://[^/?#@\s\\]++)((?:[/?][\x21-\x22\x24-\x7e]*)?)", re.IGNORECASE)
_LONGEST_URL = 65_536
# Base URLs are few; this bounds a caller who makes them up.
_MOST_ORIGINS = 64
_PATH_FOR_PEOPLE = re.compile(r"[A-Za-z0-9/{}._~-]+")


class PoolSettings(NamedTuple):
    """What pools are made of."""

    context: ssl.SSLContext
    kept: int
    proxy: Proxy | None


class Origin(NamedTuple):
    """Scheme, host and port, and how to send there.

    Attributes:
        pool: Its connections.
        peer: Host and port for error texts.
        prefix: What a target begins with: for a proxy that forwards, the origin.
        must_be_loopback: Whether it is plain HTTP that was allowed for staying on this machine.
    """

    pool: HTTPConnectionPool
    peer: str
    prefix: str
    must_be_loopback: bool


class Pools:
    """The pools of the process that made them; a forked child must make its own."""

    def __init__(self, settings: PoolSettings) -> None:
        self.pid = os.getpid()
        self._settings = settings
        self._manager = _manager(settings)
        self._origins: dict[str, Origin] = {}

    def locate(self, url: str) -> tuple[Origin, str]:
        """Give the origin and the target; `ConfigurationError` if the URL is no absolute one."""
        base, target = split_url(url)
        origin = self._origins.get(base)
        if origin is None:
            origin = self._open(base)
        if not target.startswith("/"):
            target = "/" + target
        return origin, origin.prefix + target

    def close(self) -> None:
        """Close all connections that are not in use; those in use close after it."""
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
        if len(self._origins) >= _MOST_ORIGINS:
            self._origins.clear()
        host = urlsplit(base).hostname or ""
        is_local = (
            self._settings.proxy is None and base[:5].lower() == "http:" and is_loopback(host)
        )
        origin = self._origins[base] = Origin(pool, peer, prefix, is_local)
        return origin


def shown_target(path: str) -> str:
    """Return the target that others may see, for a request's name for people."""
    target = path.partition(" ")[2].removeprefix("/")
    return f"/{target}" if _PATH_FOR_PEOPLE.fullmatch(target) else "/not-shown"


def split_url(url: str) -> tuple[str, str]:
    """Give scheme, host and port, and the rest; `ConfigurationError` if it is no absolute URL."""
    match = _URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    if match is None:
        raise ConfigurationError(
            "the URL must be absolute, percent-encoded, of HTTP or HTTPS, and no longer than "
            f"{_LONGEST_URL} characters"
        )
    base, target = match.groups()
    return base, target


def _manager(settings: PoolSettings) -> PoolManager:
    manager: PoolManager
    if settings.proxy is None:
        manager = PoolManager(maxsize=settings.kept, ssl_context=settings.context)
    else:
        manager = ProxyManager(
            settings.proxy.url,
            proxy_headers=settings.proxy.headers.copy(),
            proxy_ssl_context=settings.context,
            maxsize=settings.kept,
            ssl_context=settings.context,
        )
    classes = manager.pool_classes_by_scheme.copy()  # all managers share the original
    classes.update(http=PlainPool, https=TlsPool)
    manager.pool_classes_by_scheme = classes
    return manager
