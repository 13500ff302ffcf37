"""Limit how many sessions one network may start in a minute. The counts are in Django's cache.

Only a start is expensive, because it opens a session on the IRMA server. `SESSIONS_PER_BROWSER`
relies on a cookie, so it does not stop a program that discards its cookies. This limit does.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from irma_web_django.irma_site import IrmaSite

__all__ = ["WINDOW", "is_over_limit"]

_LOG: Final = logging.getLogger("irma_web_django")
WINDOW: Final = timedelta(minutes=1)
"""The period for which starts are counted."""
_IPV6_HOST: Final = 72
"""The number of low bits of an IPv6 address that a customer can choose, because a provider assigns
a /56 or a larger network (RFC 6177, section 2)."""


def is_over_limit(site: IrmaSite, request: HttpRequest) -> bool:
    """Count a start, and return whether its network has used up this minute's starts.

    No header is trusted: see `SiteSettings.client_address`. If the cache fails, the start is
    allowed.
    """
    limit, network = site.settings.starts_per_minute, _network(site, request)
    if limit is None or network is None:
        return False
    window = int(site.now().timestamp() // WINDOW.total_seconds())
    # The cache contains no readable address.
    name = salted_hmac("irma_web_django.starts", network, algorithm="sha256").hexdigest()
    key = f"irma-starts:{window}:{name}"
    try:
        cache.add(key, 0, 2 * WINDOW.total_seconds())
        return cache.incr(key) > limit
    except Exception:  # noqa: BLE001  # each cache has errors of its own
        _LOG.warning("a start was not counted: the cache failed", exc_info=True)
        return False


def _network(site: IrmaSite, request: HttpRequest) -> str | None:
    """Return the network that a request comes from, or None if Django does not report it."""
    function = site.settings.client_address
    given = request.META.get("REMOTE_ADDR") if function is None else function(request)
    try:
        address: IPv4Address | IPv6Address = ip_address(f"{given}")
    except ValueError:
        # A server on a Unix socket receives no address, but the site's function should return one.
        return None if function is None else "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if function is None and not address.is_global:
        return None  # a proxy in front of all visitors, or this machine
    if isinstance(address, IPv6Address):
        return f"{int(address) >> _IPV6_HOST:x}"
    return f"{address}"
