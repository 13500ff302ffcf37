"""What a caller sets: checked when the transport is made, so that no request fails for it later."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import make_headers, parse_url

from irma_core.errors import ConfigurationError
from irma_core.models.frozen import FrozenMapping
from irma_core.models.headers import checked_headers, frames_message
from irma_core.models.risks import Risk
from irma_core.models.urls import is_plain_http, origin_fault, whitespace_fault

__all__ = ["Proxy", "TlsSettings", "read_proxy", "tls_context"]

_OLD_TLS = (
    ssl.TLSVersion.MINIMUM_SUPPORTED,
    ssl.TLSVersion.SSLv3,
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
)

PathText = str | os.PathLike[str]


class TlsSettings(NamedTuple):
    """Whom to trust and what to show."""

    ca: PathText | bytes | None = None
    client_certificate: PathText | None = None
    client_key: PathText | None = None
    client_key_password: str | None = None


def tls_context(
    settings: TlsSettings, given: ssl.SSLContext | None, allow: frozenset[Risk]
) -> ssl.SSLContext:
    """Return the context for all connections.

    Args:
        settings: What to make it of.
        given: The caller's own, in place of these settings.
        allow: The risks that are taken.

    Raises:
        ConfigurationError: A file is no good, a setting is empty or contradicts the caller's
            context, or that context verifies too little and this is not allowed.
    """
    for setting, value in settings._asdict().items():
        _check_not_empty(value, setting)
    if given is not None:
        if settings != TlsSettings():
            raise ConfigurationError("ssl_context: it is in place of ca and client_…, not beside")
        _check_context(given, allow)
        return given
    context = _trusting(settings.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # SSLKEYLOGFILE in the environment writes the keys of each connection to a file.
    context.keylog_filename = None  # type: ignore[assignment]  # its annotation lacks None
    if settings.client_certificate is not None:
        _show(context, settings)
    elif settings.client_key is not None or settings.client_key_password is not None:
        raise ConfigurationError("client_key: it needs a client_certificate")
    return context


def _check_not_empty(value: PathText | bytes | None, setting: str) -> None:
    # A setting that was read as empty must not switch a check off.
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if text is not None and not text.strip():
        raise ConfigurationError(f"{setting}: must not be empty; leave it out instead")


def _check_context(context: object, allow: frozenset[Risk]) -> None:
    if not isinstance(context, ssl.SSLContext):
        raise ConfigurationError("ssl_context: must be an ssl.SSLContext")
    if Risk.UNVERIFIED_TLS in allow:
        return
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise ConfigurationError(
            "ssl_context: does not verify the server's certificate and name, so anyone on the "
            "network can be the server; set verify_mode to CERT_REQUIRED and check_hostname, or "
            "allow Risk.UNVERIFIED_TLS"
        )
    if context.minimum_version in _OLD_TLS:
        raise ConfigurationError(
            "ssl_context: takes TLS before 1.2; set minimum_version to TLSVersion.TLSv1_2, or "
            "allow Risk.UNVERIFIED_TLS"
        )


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
        f"client_certificate: it, its client_key or its password does not do ({reason})"
    )


def _why(error: Exception) -> str:
    """Say why without the file's content, of which decoding errors quote parts."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "no PEM data"
    return (error.strerror if isinstance(error, OSError) else None) or "not readable"


class Proxy(NamedTuple):
    """A proxy's URL without user and password, and the headers for the proxy."""

    url: str
    headers: FrozenMapping[str, str]


def read_proxy(
    url: str | None, headers: Mapping[str, str] | None, allow: frozenset[Risk]
) -> Proxy | None:
    """Return the address of a proxy, and what to send to it.

    Raises:
        ConfigurationError: It is no such URL, or credentials for it would travel over plain HTTP
            and this is not allowed.
    """
    own = checked_headers(headers, "proxy_headers", frames_message)
    if url is None:
        if own:
            raise ConfigurationError("proxy_headers: there is no proxy")
        return None
    if not isinstance(url, str):
        raise ConfigurationError("proxy: must be a string")
    if fault := whitespace_fault(url) or origin_fault(url):
        raise ConfigurationError(f"proxy: {fault}")
    try:
        parsed = parse_url(url)
    except LocationParseError:
        parsed = None
    if parsed is None or (parsed.path or "/") != "/" or parsed.query or parsed.fragment:
        raise ConfigurationError(
            "proxy: must be an http or https URL without a path; user:password@ is allowed"
        )
    if parsed.auth:
        own = {**make_headers(proxy_basic_auth=unquote(parsed.auth)), **own}
    if own and is_plain_http(url) and Risk.PLAIN_HTTP not in allow:
        raise ConfigurationError(
            "proxy: its user name, password and headers would travel over plain http; use an "
            "https URL, or allow Risk.PLAIN_HTTP on a network you trust"
        )
    address = parsed._replace(auth=None, path=None, query=None, fragment=None)
    return Proxy(address.url, FrozenMapping(own, is_personal=True))
