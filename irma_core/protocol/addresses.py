"""The base URL of an IRMA server, the URLs below it, and those of others that must be as safe."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import final
from urllib.parse import urlsplit

import attrs

from irma_core.errors import ConfigurationError
from irma_core.models.risks import Risk
from irma_core.tracebacks import boundary

__all__ = ["ServerUrl", "checked_token_url"]

# A backslash above all: some readers take it for a slash.
_NOT_IN_A_URL = re.compile(r"""[^!-~]|["<>\\^`{|}]""")


@final
@boundary
@attrs.frozen
class ServerUrl:
    """Where an IRMA server is; made by `parse` only, which checks it.

    Args:
        text: Scheme, host, port and path prefix if any, without a slash at the end.
    """

    text: str

    @classmethod
    def parse(cls, url: str, *, allow: Collection[Risk] = ()) -> ServerUrl:
        """Check a base URL.

        Args:
            url: The server's URL with its `api_prefix`, if any, with or without a slash at the
                end: `https://irma.example.com` or `https://example.com/irma-api/`.
            allow: With `Risk.PLAIN_HTTP`, `http` to other hosts than loopback too.

        Raises:
            ConfigurationError: It is no such URL, or plain HTTP that is not allowed.
        """
        _check(url, "base URL", allow)
        if urlsplit(url).query or url.endswith("?"):
            raise ConfigurationError("the base URL must hold no query")
        return cls(url.rstrip("/"))

    def below(self, path: str) -> str:
        """Give the URL of a path below it: `session` without a slash in front."""
        return f"{self.text}/{path}"


@boundary
def checked_token_url(url: str, *, allow: Collection[Risk] = ()) -> str:
    """Give the URL of a token endpoint as it is, once it is checked.

    Raises:
        ConfigurationError: It is no such URL, or plain HTTP that is not allowed.
    """
    _check(url, "token URL", allow)
    return url


def _check(url: object, what: str, allow: Collection[Risk]) -> None:
    if not isinstance(url, str):
        raise ConfigurationError(f"the {what} must be a text")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"the {what} is no URL") from None
    if parts.scheme not in {"http", "https"} or not host or _NOT_IN_A_URL.search(url):
        raise ConfigurationError(
            f"the {what} must be a whole http or https URL, such as https://irma.example.com"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"the {what} must hold no user name and no password")
    if parts.fragment or url.endswith("#"):
        raise ConfigurationError(f"the {what} must hold no fragment")
    if parts.scheme == "http" and Risk.PLAIN_HTTP not in allow and not _is_loopback(host):
        raise ConfigurationError(
            f"plain http to {host}: whoever can change what passes by can log in as anybody; "
            "use https, or allow Risk.PLAIN_HTTP on a network you trust"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
