"""The settings of a transport. All of them are checked when the transport is created."""

from __future__ import annotations

import os
import ssl
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from irma_core.errors import ConfigurationError
from irma_core.models.headers import checked_headers, frames_message
from irma_core.models.holders import FrozenMapping
from irma_core.models.risks import Risk
from irma_core.models.urls import is_plain_http, origin_fault, whitespace_fault

__all__ = [
    "DEFAULT_MAX_RESPONSE_BYTES",
    "LONGEST_IDLE",
    "PathOrString",
    "Proxy",
    "TlsSettings",
    "check_limits",
    "read_proxy",
    "tls_context",
]

PathOrString = str | os.PathLike[str]

# An IRMA server closes a connection that is idle for 2.0 s; the margin covers network delays.
LONGEST_IDLE: Final = timedelta(seconds=1.5)
DEFAULT_MAX_RESPONSE_BYTES: Final = 1024 * 1024

_OLD_TLS = (
    ssl.TLSVersion.MINIMUM_SUPPORTED,
    ssl.TLSVersion.SSLv3,
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
)


def check_limits(idle_limit: object, max_response_bytes: object, pool_size: object) -> None:
    """Check the limits of a transport.

    Raises:
        ConfigurationError: A limit has the wrong type, or is out of range.
    """
    if not isinstance(idle_limit, timedelta) or not timedelta(0) <= idle_limit <= LONGEST_IDLE:
        raise ConfigurationError("idle_limit: must be a timedelta from 0 to 1.5 seconds")
    for name, value in (("max_response_bytes", max_response_bytes), ("pool_size", pool_size)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError(f"{name}: must be a whole number of at least 1")


class TlsSettings(NamedTuple):
    """The certificates to trust, and the client certificate."""

    ca: PathOrString | bytes | None = None
    client_certificate: PathOrString | None = None
    client_key: PathOrString | None = None
    client_key_password: str | None = None


def tls_context(
    settings: TlsSettings, ssl_context: ssl.SSLContext | None, allow: frozenset[Risk]
) -> ssl.SSLContext:
    """Return the TLS context for all connections.

    Args:
        settings: The certificates.
        ssl_context: The caller's own TLS context, in place of these settings.
        allow: The accepted risks.

    Raises:
        ConfigurationError: A setting is empty, has the wrong type, or contradicts `ssl_context`; a
            file cannot be used; or `ssl_context` verifies too little and this is not allowed.
    """
    for setting, value in settings._asdict().items():
        _check_not_empty(value, setting)
    if ssl_context is not None:
        if settings != TlsSettings():
            raise ConfigurationError(
                "ssl_context: cannot be combined with ca, client_certificate or client_key; load "
                "the certificates into the context instead"
            )
        _check_context(ssl_context, allow)
        return ssl_context
    context = _trusting(settings.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Otherwise the variable SSLKEYLOGFILE makes Python write each connection's keys to a file.
    context.keylog_filename = None  # type: ignore[assignment]  # its annotation lacks None
    if settings.client_certificate is not None:
        _load_client_certificate(context, settings)
    elif settings.client_key is not None or settings.client_key_password is not None:
        raise ConfigurationError("client_key: also needs a client_certificate")
    return context


def _check_not_empty(value: object, setting: str) -> None:
    if value is None:
        return
    kinds: tuple[type, ...] = (str, os.PathLike)
    expected = "a path"
    if setting == "ca":
        kinds, expected = (*kinds, bytes), "a path, or PEM certificates"
    elif setting == "client_key_password":
        kinds, expected = (str,), "a string"
    if not isinstance(value, kinds):
        raise ConfigurationError(f"{setting}: must be {expected}")
    # An empty setting must not disable a check.
    string = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(string, str | bytes) and not string.strip():
        raise ConfigurationError(f"{setting}: must not be empty; leave it out instead")


def _check_context(context: object, allow: frozenset[Risk]) -> None:
    if not isinstance(context, ssl.SSLContext):
        raise ConfigurationError("ssl_context: must be an ssl.SSLContext")
    if Risk.UNVERIFIED_TLS in allow:
        return
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise ConfigurationError(
            "ssl_context: does not verify the server's certificate and name, so anyone on the "
            "network can pose as the server; set check_hostname to True and verify_mode to "
            "CERT_REQUIRED, or allow Risk.UNVERIFIED_TLS"
        )
    if context.minimum_version in _OLD_TLS:
        raise ConfigurationError(
            "ssl_context: accepts TLS versions before 1.2; set minimum_version to "
            "TLSVersion.TLSv1_2, or allow Risk.UNVERIFIED_TLS"
        )


def _trusting(ca: PathOrString | bytes | None) -> ssl.SSLContext:
    try:
        if ca is None:
            return ssl.create_default_context()
        string = ca.decode("ascii") if isinstance(ca, bytes) else os.fspath(ca)
        if "-----BEGIN" in string:
            return ssl.create_default_context(cadata=string)
        return ssl.create_default_context(cafile=string)
    except (OSError, ValueError) as error:
        reason = _why(error)
    raise ConfigurationError(
        f"ca: must be PEM certificates, or the path of a file that contains them ({reason})"
    )


def _load_client_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    # Without a password, OpenSSL would ask for one at the terminal.
    password = settings.client_key_password or ""
    try:
        context.load_cert_chain(
            os.fspath(settings.client_certificate or ""), settings.client_key, lambda: password
        )
    except (OSError, ValueError) as error:
        reason = _why(error)
    else:
        return
    raise ConfigurationError(
        f"client_certificate: cannot be loaded ({reason}); check the file, client_key and "
        "client_key_password"
    )


def _why(error: Exception) -> str:
    """Return why a file cannot be used, without any message that quotes its contents."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "no PEM data"
    return (error.strerror if isinstance(error, OSError) else None) or "not readable"


class Proxy(NamedTuple):
    """A proxy's URL without user name and password, and the headers to send to the proxy."""

    url: str
    headers: FrozenMapping[str, str]


def read_proxy(
    url: str | None, headers: Mapping[str, str] | None, allow: frozenset[Risk]
) -> Proxy | None:
    """Return the proxy to use, if any.

    Raises:
        ConfigurationError: The URL is not a proxy URL, or the proxy's credentials would travel
            over plain HTTP, which is not allowed.
    """
    own = checked_headers(headers, "proxy_headers", frames_message)
    if url is None:
        if own:
            raise ConfigurationError("proxy_headers: there is no proxy to send them to; set proxy=")
        return None
    if not isinstance(url, str):
        raise ConfigurationError("proxy: must be a string")
    if fault := whitespace_fault(url) or origin_fault(url):
        raise ConfigurationError(f"proxy: {fault}")
    parts = urlsplit(url)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigurationError(
            "proxy: must be an http or https URL without a path; user:password@ is allowed"
        )
    login = parts.netloc.rpartition("@")[0]
    if login:
        own = {"proxy-authorization": _basic(login), **own}
    if own and is_plain_http(url) and Risk.PLAIN_HTTP not in allow:
        raise ConfigurationError(
            "proxy: its user name, password and headers would travel over plain http; use an "
            "https URL, or allow Risk.PLAIN_HTTP on a network you trust"
        )
    return Proxy(f"{parts.scheme}://{_address(parts)}", FrozenMapping(own, is_personal=True))


def _basic(login: str) -> str:
    return "Basic " + b64encode(unquote(login).encode()).decode("ascii")


def _address(parts: SplitResult) -> str:
    """Return the host in ASCII, and the port if the URL has one."""
    try:
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if not host:
        raise ConfigurationError(
            "proxy: must have a valid host; write an international name in its xn-- form"
        )
    host = f"[{host}]" if ":" in host else host
    return host if parts.port is None else f"{host}:{parts.port}"
