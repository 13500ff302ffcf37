"""What a native error means in the error tree, and what to do about it.

Native errors quote URLs, and a URL may hold a requestor token. So nothing of their text is taken
over but the fixed phrases of OpenSSL and of the system, and the status of a proxy.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException
from typing import Final, TypeVar

from urllib3.exceptions import InvalidHeader, NameResolutionError

from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    MalformedResponseError,
    ResponseTooLargeError,
    TransportError,
    TransportTimeoutError,
)
from irma_transport_urllib3.exchange import (
    Exchange,
    NotHttpError,
    NotLoopbackError,
    OverLimitError,
)

__all__ = ["NOT_LOOPBACK", "explain", "proxy_refused", "tls_reason"]

_E = TypeVar("_E", bound=BaseException)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b", re.ASCII)
NOT_LOOPBACK: Final = (
    "localhost leads to another machine, and the request would go there over plain http: check "
    "the hosts file, or use 127.0.0.1"
)
_REASON = re.compile(r"[A-Z0-9_]{1,60}", re.ASCII)
_PROXY_WANTS_PASSWORD: Final = 407
_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def explain(error: Exception, exchange: Exchange, path: str) -> TransportError:
    """Give the error of the tree for a native one.

    Args:
        error: From urllib3, `http.client`, `ssl` or `socket`.
        exchange: How far it got.
        path: The request's name for people.
    """
    causes = list(_causes(error))
    sent = exchange.request_sent
    if _first(causes, OverLimitError):
        reason = f"the response of {exchange.peer} is over the limit of max_response_bytes"
        return ResponseTooLargeError(path, reason, request_sent=sent)
    late = _first(causes, TimeoutError)
    if late is not None and late.errno is None:  # with a number it is the system's, before time
        return TransportTimeoutError(path, _late(exchange), request_sent=sent)
    if not sent:
        return ConnectionFailedError(path, _not_connected(causes, exchange.peer), request_sent=sent)
    nonsense = _nonsense(causes, exchange)
    if nonsense:
        reason = f"{exchange.peer} sent no valid HTTP: {nonsense}"
        return MalformedResponseError(path, reason, request_sent=sent)
    return ConnectionBrokenError(path, _broken(causes, exchange.peer), request_sent=sent)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give the error and those that it wraps: urllib3 puts them into `args` or `__cause__`."""
    while error is not None:
        yield error
        inner = _first(list(error.args), BaseException)
        error = inner or error.__cause__


def proxy_refused(status: int) -> str:
    """Return what a proxy's refusal means; its own words may repeat what it was sent."""
    if status == _PROXY_WANTS_PASSWORD:
        return "the proxy refused with HTTP 407: it wants a user name and a password, proxy="
    return f"the proxy refused with HTTP {status}"


def _first(candidates: list[BaseException], kind: type[_E]) -> _E | None:
    return next((one for one in candidates if isinstance(one, kind)), None)


def _late(exchange: Exchange) -> str:
    if exchange.request_sent:
        return f"no whole response from {exchange.peer} in time"
    return f"no connection to {exchange.peer} in time: is the address right, and a firewall open?"


def _not_connected(causes: list[BaseException], peer: str) -> str:
    if _first(causes, NotLoopbackError):
        return NOT_LOOPBACK
    tls = _first(causes, ssl.SSLError)
    if tls is not None:
        return _tls_refused(tls, peer)
    if _first(causes, socket.gaierror) or _first(causes, NameResolutionError):
        return f"no address found for {peer}: check the host's name"
    if _first(causes, ConnectionRefusedError):
        return f"{peer} refused the connection: does the server run, and is the port right?"
    return f"no connection to {peer}: {_system_reason(causes)}"


def _system_reason(causes: list[BaseException]) -> str:
    if _first(causes, HTTPException):
        return "the proxy sent no valid HTTP"
    system = _first(causes, OSError)
    if system is None:
        return "it cannot be made"
    if (refused := _TUNNEL.match(str(system))) is not None:
        return proxy_refused(int(refused[1]))
    return system.strerror or "it was closed"


def _tls_refused(error: ssl.SSLError, peer: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_NAME:
            return f"the certificate of {peer} is for another name: use the name it is for"
        why = error.verify_message
        return f"the certificate of {peer} is not trusted ({why}): give the CA that signed it, ca="
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
        return f"{peer} does not speak TLS: is it an http address, or is the port wrong?"
    return (
        f"no TLS with {peer} ({tls_reason(error) or 'it closed the connection'}): "
        "an IRMA server's own TLS takes TLS 1.2 or later and X25519 only"
    )


def tls_reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's name of a failure; empty where it has none of its own."""
    return error.reason if _REASON.fullmatch(error.reason or "") else ""


def _nonsense(causes: list[BaseException], exchange: Exchange) -> str:
    """Say what was not HTTP; nothing if what came was cut short."""
    strange = _first(causes, NotHttpError)
    if strange is not None:
        return str(strange)
    status = _first(causes, BadStatusLine)
    if status is not None and not isinstance(status, ConnectionResetError):
        # A cut one begins as a status line does.
        begun = str(status.args[0])[:5]
        return "" if exchange.at_end and "HTTP/".startswith(begun) else "its first line is none"
    if exchange.at_end:
        return ""
    if _first(causes, HTTPException):
        return "its head or its chunks are not understood"
    return "its length is not understood" if _first(causes, InvalidHeader) else ""


def _broken(causes: list[BaseException], peer: str) -> str:
    tls = _first(causes, ssl.SSLError)
    if tls is None:
        return f"{peer} ended the connection before the whole response had come"
    if "CERTIFICATE" in (tls.reason or ""):
        # In TLS 1.3 a server refuses the client's certificate after the handshake.
        why = tls_reason(tls)
        return f"{peer} does not take the client's certificate ({why}): client_certificate="
    return f"TLS with {peer} broke ({tls_reason(tls) or 'it was closed'})"
