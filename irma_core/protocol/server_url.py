"""The base URL of an IRMA server, the URLs below it, and those of others that must be as safe."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NoReturn, Self, final
from urllib.parse import urlsplit

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.risks import Risk
from irma_core.models.urls import is_loopback, origin_fault, path_fault, whitespace_fault
from irma_core.tracebacks import boundary

__all__ = ["ServerUrl", "checked_token_url", "leads_to_frontend"]

_NOT_IN_A_URL = re.compile(r"""["<>\\^`{|}]""")


@final
@boundary
@attrs.frozen(init=False, getstate_setstate=False)
class ServerUrl:
    """Where an IRMA server is; made by `parse` only, which checks it.

    Args:
        text: Scheme, host, port and path prefix if any, without a slash at the end.
    """

    text: str

    def __new__(cls) -> Self:  # noqa: D102  # nobody calls it
        raise UsageError("a ServerUrl is made by ServerUrl.parse() only, which checks it")

    def __copy__(self) -> ServerUrl:
        return self

    def __deepcopy__(self, _memo: object) -> ServerUrl:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError("a ServerUrl is not pickled: parse its text again")

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        allow: Collection[Risk] = (),
        what: str = "base URL",
        is_proxied: bool = False,
    ) -> ServerUrl:
        """Check a base URL.

        Args:
            url: The server's URL with its `api_prefix`, if any, with or without a slash at the
                end: `https://irma.example.com` or `https://example.com/irma-api/`.
            allow: With `Risk.PLAIN_HTTP`, `http` to other hosts than loopback too.
            what: The name of the setting, for errors.
            is_proxied: Whether requests go through a proxy: then loopback is no exception.

        Raises:
            ConfigurationError: It is no such URL, or plain HTTP that is not allowed.
        """
        _check(url, what, allow, is_proxied=is_proxied)
        if urlsplit(url).query or url.endswith("?"):
            raise ConfigurationError(f"the {what} must hold no query")
        made = object.__new__(cls)
        object.__setattr__(made, "text", url.rstrip("/"))
        return made

    def join(self, path: str) -> str:
        """Return the URL of a path below it; `session`, for example, without a leading slash."""
        return f"{self.text}/{path}"


@boundary
def checked_token_url(url: str, *, allow: Collection[Risk] = (), is_proxied: bool = False) -> str:
    """Return the URL of a token endpoint as it is, once it is checked.

    Args:
        url: The URL.
        allow: With `Risk.PLAIN_HTTP`, `http` to other hosts than loopback too.
        is_proxied: Whether requests go through a proxy: then loopback is no exception.

    Raises:
        ConfigurationError: It is no such URL, or plain HTTP that is not allowed.
    """
    _check(url, "token URL", allow, is_proxied=is_proxied)
    return url


def _check(url: object, what: str, allow: Collection[Risk], *, is_proxied: bool) -> None:
    if not isinstance(url, str):
        raise ConfigurationError(f"the {what} must be a string")
    if fault := whitespace_fault(url) or origin_fault(url) or _form_fault(url) or path_fault(url):
        raise ConfigurationError(f"the {what} {fault}")
    parts = urlsplit(url)
    if parts.scheme != "http" or Risk.PLAIN_HTTP in allow:
        return
    if is_proxied:
        raise ConfigurationError(
            f"the {what} is plain http through a proxy: the proxy, and everyone on the way to it, "
            "can read every request and change every reply; use https, or allow Risk.PLAIN_HTTP"
        )
    if not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"the {what} is plain http to {parts.hostname}: anyone who can change the traffic can "
            "log in as anybody; use https, or allow Risk.PLAIN_HTTP on a network you trust"
        )


def _form_fault(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        return "must hold no user name and no password"
    if not parts.netloc.isascii():
        return "must have its host in ASCII: write a name such as café.example in its xn-- form"
    if not url.isascii() or _NOT_IN_A_URL.search(url):
        return "must be percent-encoded: it holds a character that no URL has"
    if parts.fragment or url.endswith("#"):
        return "must hold no fragment"
    return ""


@boundary
def leads_to_frontend(url: str, server: ServerUrl, frontend: ServerUrl | None) -> bool:
    """Return whether the URL of a session pointer leads to where the IRMA server is known to be.

    Args:
        url: The pointer's URL, which is checked already.
        server: The server's base URL. Where no other is known, the pointer must have its scheme and
            host. The port may differ, as the server can listen on two.
        frontend: Where apps and browsers reach the server, if that is a setting. Then the pointer
            must be below it.
    """
    if frontend is not None:
        return url.startswith(frontend.join(""))
    pointed, known = urlsplit(url), urlsplit(server.text)
    hosts = pointed.hostname or "", known.hostname or ""
    is_same_host = hosts[0] == hosts[1] or all(is_loopback(host) for host in hosts)
    return pointed.scheme == known.scheme and is_same_host
