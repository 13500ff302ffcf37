"""Translate errors from aiohttp and asyncio into the library's own."""

from __future__ import annotations

import ssl

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientHttpProxyError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientResponseError,
)
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    ResponseTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from irma_transport import failure_reasons as reasons
from irma_transport.response_errors import NotHttpError, OverLimitError
from irma_transport_aiohttp.exchange import Exchange, NotLoopbackError

__all__ = ["explain"]


def explain(error: Exception, exchange: Exchange, label: str) -> TransportError:
    """Return the library's error for an error from aiohttp or asyncio.

    Args:
        error: The error from aiohttp or asyncio.
        exchange: The exchange that failed.
        label: The request's label.
    """
    peer, sent = exchange.peer, exchange.request_sent
    if isinstance(error, OverLimitError):
        return ResponseTooLargeError(label, reasons.over_limit(peer), request_sent=sent)
    if isinstance(error, ClientConnectorError | ClientConnectorCertificateError):
        return ConnectionFailedError(label, _not_connected(error, peer), request_sent=False)
    if isinstance(error, TimeoutError):
        reason = reasons.timed_out(peer, request_sent=sent)
        return TransportTimeoutError(label, reason, request_sent=sent)
    if isinstance(error, NotLoopbackError):
        return ConnectionFailedError(label, reasons.NOT_LOOPBACK, request_sent=False)
    if not sent:
        return ConnectionFailedError(label, _not_sent(error, peer), request_sent=False)
    if fault := _fault(error):
        return MalformedResponseError(label, reasons.not_http(peer, fault), request_sent=True)
    return ConnectionBrokenError(label, reasons.cut_short(peer), request_sent=True)


def _not_connected(error: ClientConnectorError | ClientConnectorCertificateError, peer: str) -> str:
    if isinstance(error, ClientConnectorCertificateError):
        tls = error.certificate_error
        if isinstance(tls, ssl.SSLError):
            return reasons.tls_failed(tls, peer)
        return f"the certificate of {peer} is not valid"
    cause = error.os_error
    if isinstance(error, ClientProxyConnectionError):
        return f"no connection to the proxy: {cause.strerror or 'it closed the connection'}"
    if isinstance(error, ClientConnectorDNSError):
        return reasons.no_address(peer)
    if isinstance(cause, ssl.SSLError):
        return reasons.tls_failed(cause, peer)
    if isinstance(cause, ConnectionRefusedError):
        return reasons.refused(peer)
    return f"no connection to {peer}: {cause.strerror or 'it closed the connection'}"


def _not_sent(error: Exception, peer: str) -> str:
    if isinstance(error, ClientHttpProxyError):
        return f"no connection to {peer}: {reasons.proxy_refused(error.status)}"
    return f"no connection to {peer}: it closed the connection"


def _fault(error: Exception) -> str:
    """Return a description of the invalid HTTP, or "" if the response was only cut short."""
    if isinstance(error, NotHttpError):
        return str(error)
    if isinstance(error, ClientResponseError):
        return "its status line or one of its headers is invalid"
    cause = error.__cause__ if isinstance(error, ClientPayloadError) else error
    # aiohttp raises these two if the connection ends within a body.
    if isinstance(cause, ContentLengthError | TransferEncodingError):
        return ""
    return "its chunked encoding is invalid" if isinstance(cause, HttpProcessingError) else ""
