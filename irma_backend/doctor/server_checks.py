"""Checks of the server itself: its reachability, TLS, clock and version."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from irma_backend.doctor.diagnoses import Cause, NotApplicableError, Problem
from irma_backend.doctor.examination import Examination
from irma_core.errors import IrmaError, ServerRefusedError
from irma_core.protocol.endpoints import (
    build_public_key_request,
    parse_health_response,
    parse_public_key_response,
)
from irma_core.protocol.http_dates import read_http_date
from irma_core.trust.authentication import (
    HmacAuthentication,
    PublicKeyAuthentication,
)
from irma_core.trust.jwt_times import LEEWAY
from irma_core.web.site_checks import Level
from irma_transport.failure_reasons import tls_failed

__all__ = ["check_clock", "check_reachable", "check_tls", "check_version"]

_SOON: Final = timedelta(days=14)
_HTTPS_PORT: Final = 443


def check_reachable(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether an IRMA server answers at the base URL."""
    server = examination.context.server
    greeting = examination.greeting
    if isinstance(greeting, IrmaError):
        yield Problem(
            id="reachable.not",
            finding="The IRMA server cannot be reached",
            exactly=str(greeting),
            remedy="Check that the server is running, and that its URL, port and firewall are "
            "right.",
            command=f"curl -i {server.join('health')}",
            cause=Cause.NETWORK,
        )
        return ""
    try:
        parse_health_response(greeting)
    except IrmaError as error:
        if not _is_old_server(examination):
            yield Problem(
                id="reachable.other",
                finding="Something other than an IRMA server answers at the server's URL",
                exactly=str(error),
                remedy="Set the base URL of the IRMA server: with its `api_prefix`, and without "
                "/irma or /session. A proxy in front of the server must forward all paths of "
                "this URL.",
                command=f"curl -i {server.join('health')}",
                cause=Cause.NETWORK,
            )
            return ""
    return f"an IRMA server answers at {server.text}"


def _is_old_server(examination: Examination) -> bool:
    """Return whether this server is older than version 0.15, which introduced the health check."""
    response = examination.send(build_public_key_request(examination.context.server))
    try:
        parse_public_key_response(response)
    except ServerRefusedError as error:
        return error.code is not None
    except IrmaError:
        return False
    return True


def check_tls(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether this machine trusts the server's certificates, and when they expire."""
    context = examination.context
    urls = [context.server.text, *([] if context.frontend is None else [context.frontend.text])]
    hosts = {
        (parts.hostname or "", parts.port or _HTTPS_PORT)
        for parts in map(urlsplit, urls)
        if parts.scheme == "https"
    }
    if not hosts:
        raise NotApplicableError("the server is called over plain HTTP")
    seen: list[str] = []
    for host, port in sorted(hosts):
        command = f"openssl s_client -connect {host}:{port} -servername {host}"
        try:
            end = _end_of_certificate(host, port, context.try_timeout.total_seconds())
        except ssl.SSLError as error:
            yield Problem(
                id="tls.failed",
                finding="A TLS connection cannot be made",
                exactly=tls_failed(error, f"{host}:{port}").partition(": ")[0],
                remedy="Renew or replace the certificate. If you use your own certificate "
                "authority, set the environment variable SSL_CERT_FILE to its certificate.",
                command=command,
                cause=Cause.NETWORK,
            )
            continue
        except OSError as error:
            yield Problem(
                id="tls.unreachable",
                finding="Nothing accepts a TLS connection",
                exactly=f"{host}:{port}, {error.strerror or type(error).__name__}",
                remedy="Check that the server or its proxy listens at that address.",
                command=command,
                cause=Cause.NETWORK,
            )
            continue
        seen.append(f"the certificate of {host} is valid until {end:%Y-%m-%d}")
        if end - examination.now < _SOON:
            yield Problem(
                id="tls.expiring",
                level=Level.WARNING,
                finding="A certificate expires within two weeks",
                exactly=seen[-1],
                remedy="Renew it, and automate its renewal.",
                command=command,
            )
    return "; ".join(seen)


def _end_of_certificate(host: str, port: int, timeout: float) -> datetime:
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        end = dict(secured.getpeercert() or {})["notAfter"]
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(end)), UTC)


def check_clock(examination: Examination) -> Generator[Problem, None, str]:
    """Find out how far the clocks of this machine and of the server differ."""
    greeting = examination.greeting
    written = "" if isinstance(greeting, IrmaError) else greeting.header("date")
    date = read_http_date(written, examination.now)
    if date is None:
        raise NotApplicableError("the server's response has no date")
    ahead = examination.now - date
    if abs(ahead) <= LEEWAY:
        return f"the clocks differ by less than {LEEWAY.seconds} seconds"
    context = examination.context
    is_signing = isinstance(context.authentication, HmacAuthentication | PublicKeyAuthentication)
    yield Problem(
        id="clock.skew",
        # Without JWTs, neither side compares its clock with a time from the other.
        level=Level.ERROR if is_signing or context.takes_signed_results else Level.WARNING,
        finding="This machine's clock and the server's clock differ, so signed requests or results "
        "are refused",
        exactly=f"this machine is {abs(round(ahead.total_seconds()))} seconds "
        f"{'ahead' if ahead > timedelta(0) else 'behind'}",
        remedy="Synchronize both clocks over the network (NTP).",
        command="timedatectl status",
    )
    return ""


def check_version(examination: Examination) -> Generator[Problem, None, str]:
    """Find out the server's approximate version. No response contains the exact version."""
    try:
        with examination.session() as session:
            has_pairing = session.frontend_request is not None
    except NotApplicableError:
        has_pairing = True  # unknown, so there is no finding
    greeting = examination.greeting
    if isinstance(greeting, IrmaError) or greeting.status == _OK:
        return "0.15 or later; an IRMA server does not report its version"
    yield Problem(
        id="version.old",
        level=Level.WARNING,
        finding="The server is older than 0.15"
        if has_pairing
        else "The server is older than 0.8, and has neither pairing nor chained sessions",
        remedy="Update the IRMA server. `docs/explanation/servers.md` lists what each version "
        "lacks.",
    )
    return ""


_OK: Final = 200
