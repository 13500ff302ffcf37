"""The reasons for failures, which both transports state in their errors.

Native errors quote URLs, and a URL may hold a requestor token. So a reason quotes only fixed
phrases from OpenSSL and the system, and a proxy's status.
"""

from __future__ import annotations

import re
import ssl
from typing import Final

__all__ = [
    "NOT_LOOPBACK",
    "cut_short",
    "no_address",
    "not_http",
    "over_limit",
    "proxy_refused",
    "refused",
    "timed_out",
    "tls_failed",
    "tls_reason",
]

NOT_LOOPBACK: Final = (
    "localhost leads to another machine, and the request would go there over plain http: check "
    "the hosts file, or use 127.0.0.1"
)
_OPENSSL_NAME = re.compile(r"[A-Z0-9_]{1,60}", re.ASCII)
_PROXY_WANTS_PASSWORD: Final = 407
_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_TLS_SPOKEN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


def over_limit(peer: str) -> str:
    """Return an error message for a response that is too large."""
    return f"the response from {peer} is larger than max_response_bytes"


def timed_out(peer: str, *, request_sent: bool) -> str:
    """Return an error message for a deadline that has passed."""
    if request_sent:
        return f"no complete response from {peer} in time"
    return f"no connection to {peer} in time: check the address, and the firewalls in between"


def no_address(peer: str) -> str:
    """Return an error message for a host that the resolver does not know."""
    return f"no address found for {peer}: check the host name"


def refused(peer: str) -> str:
    """Return an error message for a connection that was refused."""
    return f"{peer} refused the connection: check that the server is running, and check the port"


def proxy_refused(status: int) -> str:
    """Return an error message for a proxy's refusal; the proxy's own message may repeat secrets."""
    if status == _PROXY_WANTS_PASSWORD:
        return "the proxy refused with HTTP 407: put its user name and password into proxy="
    return f"the proxy refused with HTTP {status}"


def tls_failed(error: ssl.SSLError, peer: str) -> str:
    """Return an error message for a TLS handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_NAME:
            return f"the certificate of {peer} is for another name: use a name that it contains"
        return (
            f"the certificate of {peer} is not trusted ({error.verify_message}): "
            "set ca= to the CA that signed it"
        )
    if error.reason in _NO_TLS_SPOKEN:
        return f"{peer} does not speak TLS: check the port, or use an http URL"
    return (
        f"no TLS connection to {peer} ({tls_reason(error) or 'it closed the connection'}): an IRMA "
        "server's own TLS accepts only TLS 1.2 or later with X25519"
    )


def tls_reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's name for a failure; empty if OpenSSL has no name for it."""
    return error.reason if _OPENSSL_NAME.fullmatch(error.reason or "") else ""


def not_http(peer: str, fault: str) -> str:
    """Return an error message for a response that is malformed."""
    return f"{peer} sent invalid HTTP: {fault}"


def cut_short(peer: str) -> str:
    """Return an error message for a connection that ended in the middle of a response."""
    return f"{peer} closed the connection before the response was complete"
