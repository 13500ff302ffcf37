"""The base URL of an IRMA server, and checks of other URLs that must be equally safe."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NoReturn, Self, final
from urllib.parse import urlsplit

import attrs

from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.risks import Risk
from irma_core.models.urls import is_loopback, origin_fault, path_fault, whitespace_fault
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = ["ServerUrl", "checked_token_url", "leads_to_frontend"]

_NOT_IN_A_URL: Final = r"""["<>\\^`{|}]"""


@final
@boundary
@attrs.frozen(init=False, eq=False, repr=False, getstate_setstate=False)
class ServerUrl(ValueObject):
    """The checked base URL of an IRMA server; use `parse` to make one.

    Args:
        text: The URL, without a slash at the end.
    """

    text: str

    def __new__(cls) -> Self:  # noqa: D102  # not to be called
        raise UsageError(
            "a ServerUrl cannot be constructed: use ServerUrl.parse(), which checks it"
        )

    def __copy__(self) -> ServerUrl:
        return self

    def __deepcopy__(self, _memo: object) -> ServerUrl:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError("a ServerUrl cannot be pickled: parse its URL again")

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        allow: Collection[Risk] = (),
        what: str = "base URL",
        is_proxied: bool = False,
    ) -> ServerUrl:
        """Check the URL of a server, and return it as a `ServerUrl`.

        Args:
            url: The server's URL, with its `api_prefix` if it has one, and with or without a slash
                at the end: `https://irma.example.com` or `https://example.com/irma-api/`.
            allow: The allowed risks; `Risk.PLAIN_HTTP` permits `http` to hosts other than loopback.
            what: The name of the setting, for errors.
            is_proxied: Whether requests go through a proxy. If so, plain HTTP to loopback also
                requires `Risk.PLAIN_HTTP`.

        Raises:
            ConfigurationError: The URL is invalid, or is plain HTTP that is not allowed.
        """
        _check(url, what, allow, is_proxied=is_proxied)
        if urlsplit(url).query or url.endswith("?"):
            raise ConfigurationError(f"the {what} must not have a query")
        parsed = object.__new__(cls)
        object.__setattr__(parsed, "text", url.rstrip("/"))
        return parsed

    def join(self, path: str) -> str:
        """Return the URL of a path below the base URL.

        The path must not begin with a slash: pass `session`, for example.
        """
        return f"{self.text}/{path}"


@boundary
def checked_token_url(url: str, *, allow: Collection[Risk] = (), is_proxied: bool = False) -> str:
    """Check the URL of a token endpoint, and return it unchanged.

    Args:
        url: The URL.
        allow: The allowed risks; `Risk.PLAIN_HTTP` permits `http` to hosts other than loopback.
        is_proxied: Whether requests go through a proxy. If so, plain HTTP to loopback also
            requires `Risk.PLAIN_HTTP`.

    Raises:
        ConfigurationError: The URL is invalid, or is plain HTTP that is not allowed.
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
            f"the {what} uses plain http through a proxy: the proxy, and anyone between this "
            "machine and the proxy, can read every request and change every response; use https, "
            "or allow Risk.PLAIN_HTTP"
        )
    if not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"the {what} uses plain http to {parts.hostname}: anyone who can change the traffic "
            "can log in as anyone else; use https, or allow Risk.PLAIN_HTTP on a network that you "
            "trust"
        )


def _form_fault(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        return "must not have a user name or password"
    if not parts.netloc.isascii():
        return "must have a host in ASCII: write a name such as café.example in its xn-- form"
    if not url.isascii() or re.search(_NOT_IN_A_URL, url):
        return "must be percent-encoded: it has a character that is not valid in a URL"
    if parts.fragment or url.endswith("#"):
        return "must not have a fragment"
    return ""


@boundary
def leads_to_frontend(url: str, server: ServerUrl, frontend: ServerUrl | None) -> bool:
    """Return whether the URL of a session pointer leads to the IRMA server.

    Args:
        url: The pointer's URL, which has already been checked.
        server: The server's base URL. Without `frontend`, the pointer must have the same scheme and
            host. The port may differ, because the server can listen on two ports.
        frontend: The server's URL for apps and browsers, if it is configured. The pointer must then
            be below that URL.
    """
    if frontend is not None:
        return url.startswith(frontend.join(""))
    pointer, known = urlsplit(url), urlsplit(server.text)
    hosts = pointer.hostname or "", known.hostname or ""
    is_same_host = hosts[0] == hosts[1] or all(is_loopback(host) for host in hosts)
    return pointer.scheme == known.scheme and is_same_host
