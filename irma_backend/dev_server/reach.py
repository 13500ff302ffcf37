"""The addresses at which a development server listens, and at which browsers and apps reach it.

By default, only this machine can reach the server. If other machines can reach it, the address of
its pages contains a secret, because anyone who opens those pages can answer sessions with their
buttons.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from ipaddress import ip_address
from typing import Final, final
from urllib.parse import urlsplit

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.arguments import check_instance, check_optional
from irma_testing.arguments import check_url

__all__ = ["LOOPBACK", "Reach"]

LOOPBACK: Final = "127.0.0.1"
_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104  # they are recognised here, and not listened on
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# An address reserved for documentation (RFC 5737). Connecting a UDP socket sends no packet, and no
# packet could reach this address.
_SOMEWHERE: Final = ("192.0.2.1", 9)


@final
@attrs.frozen
class Reach:
    """The addresses of one server.

    Args:
        host: The IP address to listen on; `0.0.0.0` for all addresses.
        url: The base URL at which apps and browsers reach the server; None for the server's own
            address.
        tls: The context with the certificate; None for plain HTTP.
        secret: The part of the pages' address that makes it hard to guess. If `secret` is empty,
            the pages are at the root.

    Raises:
        ConfigurationError: An argument has the wrong type, the host is not an IP address, or
            `secret` is empty although other machines can reach the server.
    """

    host: str = LOOPBACK
    url: str | None = None
    tls: ssl.SSLContext | None = None
    secret: str = attrs.field(default="", repr=False)

    def __attrs_post_init__(self) -> None:
        check_optional(self.tls, ssl.SSLContext, "tls", "an ssl.SSLContext")
        check_instance(self.secret, str, "secret", "a string")
        if self.url is not None:
            check_url(self.url, "url")
        if self.host != "localhost" and not _is_address(self.host):
            raise ConfigurationError("host: must be an IP address such as 192.168.1.5 or 0.0.0.0")
        if not self.is_local and not self.secret:
            raise ConfigurationError(
                "secret: must be given, because other machines can reach this server"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server, judging by its addresses."""
        return _is_loopback(self.host) and (
            self.url is None or _is_loopback(urlsplit(self.url).hostname or "")
        )

    @property
    def scheme(self) -> str:
        """The URL scheme of the server's own address, `http` or `https`."""
        return "http" if self.tls is None else "https"

    def base_url(self, port: int, path: str) -> str:
        """Return the base URL of the server, which listens on this port.

        Args:
            port: The port.
            path: The path of the base URL; ignored if `url` is set.
        """
        if self.url is not None:
            return self.url.rstrip("/")
        host = _address_of_this_machine(self.host) if self.host in _ANY else self.host
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"

    def allows(self, host: str, port: int) -> bool:
        """Return whether a value of the header `Host` refers to this server.

        A website can point its own name at this machine (DNS rebinding), but it cannot point an IP
        address there. So a server that other machines reach accepts every IP address.
        """
        name, _, given = host.lower().rpartition(":")
        if not given.isdigit():  # clients omit the default port
            name, given = host.lower(), str(_DEFAULT_PORTS[self.scheme])
        is_own_port = given == str(port)
        if is_own_port and name in _NAMES:
            return True
        if self.url is not None and host.lower() == urlsplit(self.url).netloc.lower():
            return True
        return is_own_port and not self.is_local and _is_address(name.strip("[]"))

    def allowed(self, port: int) -> str:
        """Return a description of the values that `allows` accepts."""
        names = [f"{name}:{port}" for name in sorted(_NAMES)]
        if self.url is not None:
            names.append(urlsplit(self.url).netloc)
        if not self.is_local:
            names.append(f"an IP address with :{port}")
        return ", ".join(names)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: object) -> bool:
    try:
        return isinstance(host, str) and bool(ip_address(host))
    except ValueError:
        return False


def _address_of_this_machine(host: str) -> str:
    """Return this machine's network address, or the loopback address if there is no network."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.connect(_SOMEWHERE if family == socket.AF_INET else ("2001:db8::1", 9))
            return str(probe.getsockname()[0])
    except OSError:
        return LOOPBACK if family == socket.AF_INET else "::1"
