"""What a caller sets: checked when the transport is made, so that no request fails for it later."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import make_headers, parse_url

from irma_core.errors import ConfigurationError

__all__ = ["Proxy", "TlsSettings", "checked_headers", "read_proxy", "tls_context"]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset({"connection", "content-length", "expect", "te", "transfer-encoding", "upgrade"})

PathText = str | os.PathLike[str]


class TlsSettings(NamedTuple):
    """Whom to trust and what to show."""

    ca: PathText | bytes | None = None
    certificate: PathText | None = None
    key: PathText | None = None
    password: str | None = None


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the context for all connections; `ConfigurationError` if a file is no good."""
    context = _trusting(settings.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate is not None:
        _show(context, settings)
    elif settings.key is not None or settings.password is not None:
        raise ConfigurationError("client_key: it needs a client_certificate")
    return context


def _trusting(ca: PathText | bytes | None) -> ssl.SSLContext:
    try:
        if ca is None:
            return ssl.create_default_context()
        text = ca.decode("ascii") if isinstance(ca, bytes) else os.fspath(ca)
        if "-----BEGIN" in text:
            return ssl.create_default_context(cadata=text)
        return ssl.create_default_context(cafile=text)
    except (OSError, ValueError) as error:
        reason = _why(error)
    raise ConfigurationError(f"ca: neither a path to nor the text of PEM certificates ({reason})")


def _show(context: ssl.SSLContext, settings: TlsSettings) -> None:
    # Without a password OpenSSL would ask the terminal for one.
    password = settings.password or ""
    try:
        context.load_cert_chain(
            os.fspath(settings.certificate or ""), settings.key, lambda: password
        )
    except (OSError, ValueError) as error:
        reason = _why(error)
    else:
        return
    raise ConfigurationError(
        f"client_certificate: it, its client_key or its password does not do ({reason})"
    )


def _why(error: Exception) -> str:
    """Say why without the file's content, of which decoding errors quote parts."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "no PEM data"
    return (error.strerror if isinstance(error, OSError) else None) or "not readable"


def checked_headers(headers: Mapping[str, str] | None, setting: str) -> dict[str, str]:
    """Give the headers with names in lower case; `ConfigurationError` if one cannot be sent."""
    checked: dict[str, str] = {}
    for name, value in (headers or {}).items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
            raise ConfigurationError(f"{setting}: {name!r} is no header to set")
        if not _HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"{setting}: the value of {name} cannot be sent")
        checked[name.lower()] = value
    return checked


class Proxy(NamedTuple):
    """A proxy's URL without user and password, and the headers for the proxy."""

    url: str
    headers: dict[str, str]


def read_proxy(url: str | None, headers: Mapping[str, str] | None) -> Proxy | None:
    """Read the address of a proxy; `ConfigurationError` if it is none."""
    own = checked_headers(headers, "proxy_headers")
    if url is None:
        if own:
            raise ConfigurationError("proxy_headers: there is no proxy")
        return None
    try:
        parsed = parse_url(url)
    except LocationParseError:
        parsed = None
    if parsed is None or parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError("proxy: it must be an http or https URL, user:password@ allowed")
    if parsed.auth:
        own = {**make_headers(proxy_basic_auth=unquote(parsed.auth)), **own}
    address = parsed._replace(auth=None, path=None, query=None, fragment=None)
    return Proxy(address.url, own)
