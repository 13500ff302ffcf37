"""Checks of the URLs that visitors use: the URL in the QR code, and the URLs that browsers call."""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from irma_backend.doctor.diagnoses import Cause, Problem
from irma_backend.doctor.examination import USUAL, Examination, is_here, origin_of
from irma_core import DisclosureRequest
from irma_core.errors import IrmaError
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.sessions import StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.urls import is_plain_http
from irma_core.protocol.endpoints import (
    build_cancel_request,
    build_start_request,
    parse_start_response,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.server_url import leads_to_frontend
from irma_core.web.site_checks import Level

__all__ = ["check_cors", "check_pointer"]

_OK: Final = 200
_ALLOWED: Final = "access-control-allow-origin"


def check_pointer(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether a phone can reach the QR code's URL, as far as this machine can see."""
    context = examination.context
    with examination.session() as session:
        url = session.pointer.url
        parts = urlsplit(url)
        host = parts.netloc
        if not leads_to_frontend(url, context.server, context.frontend):
            yield Problem(
                id="pointer.elsewhere",
                finding="The QR code leads to a host other than the one in the settings",
                exactly=host,
                remedy="Set `frontend_url` to the value of the server's `url` setting, without "
                "/irma.",
                command="irma-backend config",
            )
        if is_here(url):
            yield Problem(
                id="pointer.loopback",
                level=Level.WARNING if examination.is_development else Level.ERROR,
                finding="The QR code points to a loopback address, which on a phone means the "
                "phone itself",
                exactly=host,
                remedy="Set the server's `url` setting to the URL at which phones reach it. "
                "Without a phone, `irma-backend app` plays the app on this machine.",
            )
        elif _is_private(parts.hostname or ""):
            yield Problem(
                id="pointer.private",
                level=Level.WARNING,
                finding="The QR code leads to a private address, which only phones on the same "
                "network can reach",
                exactly=host,
                remedy="Set the server's `url` setting to a public URL before you go live.",
            )
        if is_plain_http(url):
            yield Problem(
                id="pointer.plain",
                finding="The QR code leads to plain HTTP, so anyone on the network can log in as "
                "anyone else",
                exactly=host,
                remedy="Serve the IRMA server over HTTPS, and set its `url` setting to the https "
                "URL.",
            )
        yield from _as_a_phone(examination, session)
    return f"the QR code leads to {host}, where the server answers"


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def _as_a_phone(examination: Examination, session: StartedSession) -> Generator[Problem]:
    """Request a session's status as an app does: at the pointer's URL, without extra headers."""
    host = urlsplit(session.pointer.url).netloc
    try:
        response = examination.send(_status_request(session))
    except IrmaError as error:
        yield Problem(
            id="pointer.unreachable",
            finding="The URL in the QR code cannot be reached from here",
            exactly=f"{host}, {error}",
            remedy="Check the name, the certificate and the proxy at that host. If the host can "
            "only be reached from other networks, open that URL on a phone.",
            command=f"curl -i {origin_of(session.pointer.url)}/",
            cause=Cause.NETWORK,
        )
        return
    if not _is_status(response):
        yield Problem(
            id="pointer.other",
            finding="Something other than the IRMA server answers at the URL in the QR code",
            exactly=f"{host}, HTTP {response.status}",
            remedy="Forward /irma/ and all paths under it to the IRMA server, without requiring a "
            "login.",
            cause=Cause.NETWORK,
        )


def _is_status(response: HttpResponse) -> bool:
    try:
        status = read_json(response.body.decode("utf-8", "replace"))
    except JsonTextError:
        return False
    return response.status == _OK and status in {each.value for each in SessionStatus}


def _status_request(session: StartedSession, *headers: tuple[str, str]) -> HttpRequest:
    return HttpRequest(
        "GET", f"{session.pointer.url}/status", label="GET irma/{token}/status", headers=headers
    )


def check_cors(examination: Examination) -> Generator[Problem, None, str]:
    """Find out whether browsers may call the session's URL, but may not start a session."""
    origin = examination.site_origin
    with examination.session() as session:
        allowed = examination.send(_status_request(session, ("origin", origin))).header(_ALLOWED)
    if allowed not in {"*", origin}:
        yield Problem(
            id="cors.missing",
            finding="Pages of the website may not call the IRMA server, so they show no progress",
            exactly=f"for {origin}",
            remedy="Let the proxy forward the server's header Access-Control-Allow-Origin.",
            cause=Cause.NETWORK,
        )
    if _starts_for_anyone(examination, origin):
        yield Problem(
            id="cors.anyone",
            level=Level.WARNING,
            finding="The server starts sessions without authentication, even at the request of "
            "any web page in a visitor's browser",
            remedy="Set the server's `requestors` instead of `no_auth`, or let its proxy forward "
            "only /irma/ from outside.",
        )
    return "browsers can follow a session, but cannot start one"


def _starts_for_anyone(examination: Examination, origin: str) -> bool:
    """Return whether a page on another website can start a session; cancel that session."""
    server = examination.context.server
    asked = next(
        (
            request
            for name, request in examination.requests.items()
            if isinstance(request, DisclosureRequest) and examination.refusal(name) is None
        ),
        USUAL,
    )
    request = build_start_request(server, asked)
    response = examination.send(
        HttpRequest(
            "POST",
            request.url,
            label=request.label,
            headers=(*request.headers, ("origin", origin)),
            body=request.body,
        )
    )
    try:
        package = parse_start_response(response)
    except IrmaError:
        return False
    examination.send(build_cancel_request(server, package.token))
    return response.header(_ALLOWED) in {"*", origin}
