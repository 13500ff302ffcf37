"""What an error of aiohttp means in the error tree, and what to do about it.

Its texts quote URLs, and a URL may hold a requestor token: nothing of them is taken
over but the fixed phrases of OpenSSL and of the system, and the status of a proxy.
"""

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
from irma_transport_aiohttp.exchange import Exchange, NotLocalError
from irma_transport_urllib3.exchange import NotHttpError, OverLimitError
from irma_transport_urllib3.failures import NOT_LOOPBACK, proxy_refused, tls_reason

__all__ = ["explain"]

_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def explain(error: Exception, exchange: Exchange, path: str) -> TransportError:
    """Give the error of the tree for a native one.

    Args:
        error: From aiohttp, asyncio or reading the body.
        exchange: How far it got.
        path: The request's name for people.
    """
    peer, sent = exchange.peer, exchange.request_sent
    if isinstance(error, OverLimitError):
        reason = f"the response of {peer} is over the limit of max_response_bytes"
        return ResponseTooLargeError(path, reason, request_sent=sent)
    if isinstance(error, ClientConnectorError | ClientConnectorCertificateError):
        return ConnectionFailedError(path, _not_connected(error, peer), request_sent=False)
    if isinstance(error, TimeoutError):
        return TransportTimeoutError(path, _late(exchange), request_sent=sent)
    if isinstance(error, NotLocalError):
        return ConnectionFailedError(path, NOT_LOOPBACK, request_sent=False)
    if not sent:
        return ConnectionFailedError(path, _not_made(error, peer), request_sent=False)
    nonsense = _nonsense(error)
    if nonsense:
        reason = f"{peer} sent no valid HTTP: {nonsense}"
        return MalformedResponseError(path, reason, request_sent=True)
    reason = f"{peer} ended the connection before the whole response had come"
    return ConnectionBrokenError(path, reason, request_sent=True)


def _late(exchange: Exchange) -> str:
    peer = exchange.peer
    if exchange.request_sent:
        return f"no whole response from {peer} in time"
    return f"no connection to {peer} in time: is the address right, and a firewall open?"


def _not_connected(error: ClientConnectorError | ClientConnectorCertificateError, peer: str) -> str:
    if isinstance(error, ClientConnectorCertificateError):
        return _certificate(error.certificate_error, peer)
    cause = error.os_error
    if isinstance(error, ClientProxyConnectionError):
        return f"no connection to the proxy: {cause.strerror or 'it was closed'}"
    if isinstance(error, ClientConnectorDNSError):
        return f"no address found for {peer}: check the host's name"
    if isinstance(cause, ssl.SSLError):
        why = tls_reason(cause) or "it closed the connection"
        return (
            f"no TLS with {peer} ({why}): is it an http address? An IRMA server's own TLS takes "
            "TLS 1.2 or later and X25519 only"
        )
    if isinstance(cause, ConnectionRefusedError):
        return f"{peer} refused the connection: does the server run, and is the port right?"
    return f"no connection to {peer}: {cause.strerror or 'it was closed'}"


def _certificate(error: Exception, peer: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_NAME:
            return f"the certificate of {peer} is for another name: use the name it is for"
        why = error.verify_message
        return f"the certificate of {peer} is not trusted ({why}): give the CA that signed it, ca="
    return f"the certificate of {peer} is not right"


def _not_made(error: Exception, peer: str) -> str:
    if isinstance(error, ClientHttpProxyError):
        return f"no connection to {peer}: {proxy_refused(error.status)}"
    return f"no connection to {peer}: it was closed"


def _nonsense(error: Exception) -> str:
    """Say what was not HTTP; nothing if what came was cut short."""
    if isinstance(error, NotHttpError):
        return str(error)
    if isinstance(error, ClientResponseError):
        return "its head is not understood"
    cause = error.__cause__ if isinstance(error, ClientPayloadError) else error
    # These two are what aiohttp makes of a body whose connection ends before its time.
    if isinstance(cause, ContentLengthError | TransferEncodingError):
        return ""
    return "its chunks are not understood" if isinstance(cause, HttpProcessingError) else ""
