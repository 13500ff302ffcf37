"""Translate errors from urllib3, `http.client`, `ssl` and `socket` into the library's own."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException
from typing import TypeVar

from urllib3.exceptions import InvalidHeader, NameResolutionError

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
from irma_transport_urllib3.exchange import Exchange, NotLoopbackError

__all__ = ["explain"]

_E = TypeVar("_E", bound=BaseException)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b", re.ASCII)


def explain(error: Exception, exchange: Exchange, label: str) -> TransportError:
    """Return the library's error for an error from urllib3 or a module that it uses.

    Args:
        error: The error to translate.
        exchange: The exchange that failed.
        label: The request's label.
    """
    causes = list(_causes(error))
    peer, sent = exchange.peer, exchange.request_sent
    if _first(causes, OverLimitError):
        return ResponseTooLargeError(label, reasons.over_limit(peer), request_sent=sent)
    late = _first(causes, TimeoutError)
    if (
        late is not None and late.errno is None
    ):  # an error without a number does not come from the system
        reason = reasons.timed_out(peer, request_sent=sent)
        return TransportTimeoutError(label, reason, request_sent=sent)
    if not sent:
        return ConnectionFailedError(label, _not_connected(causes, peer), request_sent=False)
    if fault := _fault(causes, exchange):
        return MalformedResponseError(label, reasons.not_http(peer, fault), request_sent=True)
    return ConnectionBrokenError(label, _broken(causes, peer), request_sent=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it wraps; urllib3 puts them into `args` or `__cause__`."""
    while error is not None:
        yield error
        inner = _first(list(error.args), BaseException)
        error = inner or error.__cause__


def _first(candidates: list[BaseException], kind: type[_E]) -> _E | None:
    return next((each for each in candidates if isinstance(each, kind)), None)


def _not_connected(causes: list[BaseException], peer: str) -> str:
    if _first(causes, NotLoopbackError):
        return reasons.NOT_LOOPBACK
    tls = _first(causes, ssl.SSLError)
    if tls is not None:
        return reasons.tls_failed(tls, peer)
    if _first(causes, socket.gaierror) or _first(causes, NameResolutionError):
        return reasons.no_address(peer)
    if _first(causes, ConnectionRefusedError):
        return reasons.refused(peer)
    return f"no connection to {peer}: {_system_reason(causes)}"


def _system_reason(causes: list[BaseException]) -> str:
    if _first(causes, HTTPException):
        return "the proxy sent invalid HTTP"
    system = _first(causes, OSError)
    if system is None:
        return "urllib3 could not open a connection"
    if (refused := _TUNNEL.match(str(system))) is not None:
        return reasons.proxy_refused(int(refused[1]))
    return system.strerror or "it closed the connection"


def _fault(causes: list[BaseException], exchange: Exchange) -> str:
    """Return a description of the invalid HTTP, or "" if the response was only cut short."""
    malformed = _first(causes, NotHttpError)
    if malformed is not None:
        return str(malformed)
    status = _first(causes, BadStatusLine)
    if status is not None and not isinstance(status, ConnectionResetError):
        # A truncated status line still begins like a status line.
        start = str(status.args[0])[:5]
        is_cut = exchange.at_end and "HTTP/".startswith(start)
        return "" if is_cut else "its first line is not a status line"
    if exchange.at_end:
        return ""
    if _first(causes, HTTPException):
        return "its status line, one of its headers or its chunked encoding is invalid"
    return "its length is invalid" if _first(causes, InvalidHeader) else ""


def _broken(causes: list[BaseException], peer: str) -> str:
    tls = _first(causes, ssl.SSLError)
    if tls is None:
        return reasons.cut_short(peer)
    if "CERTIFICATE" in (tls.reason or ""):
        # In TLS 1.3 a server refuses the client's certificate after the handshake.
        why = reasons.tls_reason(tls)
        return f"{peer} refused the client's certificate ({why}): check client_certificate"
    return (
        f"the TLS connection to {peer} broke "
        f"({reasons.tls_reason(tls) or 'it closed the connection'})"
    )
