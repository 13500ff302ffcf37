"""Pairing, done by the requestor itself: for a session on a console, where no browser does it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from irma_core.errors import ConfigurationError
from irma_core.flows.effects import Flow
from irma_core.flows.exchange import Prepared, post_flow
from irma_core.flows.sessions import of_known_session
from irma_core.flows.wiring import Wiring
from irma_core.models.arguments import check_instance
from irma_core.models.pairing import FrontendOptions, PairingMethod
from irma_core.models.sessions import StartedSession
from irma_core.models.tokens import FrontendAuthorization
from irma_core.protocol.addresses import ServerUrl, leads_to_frontend
from irma_core.protocol.endpoints import (
    build_complete_pairing_request,
    build_pairing_request,
    parse_complete_pairing_response,
    parse_pairing_response,
)

__all__ = ["complete_pairing_flow", "set_pairing_flow"]

_POINTER: Final = "session pointer's URL"


def set_pairing_flow(
    wiring: Wiring, session: StartedSession, method: PairingMethod
) -> Flow[FrontendOptions]:
    """Switch pairing on or off; only before an app has connected.

    Raises:
        SessionGoneError: The server no longer knows the session.
        IrmaError: What `post_flow` raises.
    """
    check_instance(method, PairingMethod, "method", "a PairingMethod")
    url, authorization = _frontend(wiring, session)

    def prepare(_now: datetime) -> Prepared:
        return build_pairing_request(url, authorization, method)

    parse = of_known_session(session.token, parse_pairing_response)
    return post_flow(wiring, prepare, parse, wiring.deadline())


def complete_pairing_flow(wiring: Wiring, session: StartedSession) -> Flow[None]:
    """Say that the person typed the right code; only while the status is `PAIRING`.

    Raises:
        SessionGoneError: The server no longer knows the session.
        IrmaError: What `post_flow` raises.
    """
    url, authorization = _frontend(wiring, session)

    def prepare(_now: datetime) -> Prepared:
        return build_complete_pairing_request(url, authorization)

    parse = of_known_session(session.token, parse_complete_pairing_response)
    return post_flow(wiring, prepare, parse, wiring.deadline())


def _frontend(wiring: Wiring, session: StartedSession) -> tuple[ServerUrl, FrontendAuthorization]:
    check_instance(session, StartedSession, "session", "a StartedSession")
    if session.frontend_request is None:
        raise ConfigurationError(
            "session: the server gave no frontend request: before 0.8 it has no pairing"
        )
    url = session.pointer.url
    if not leads_to_frontend(url, wiring.server, wiring.frontend):
        known = "the frontend_url" if wiring.frontend is not None else "the base URL's host"
        raise ConfigurationError(
            f"the session pointer, which the server made, does not lead to {known}: it leads to "
            f"{_origin(url)}. If that is where your server's setting `url` points, give it as "
            "frontend_url"
        )
    is_proxied = wiring.is_proxied
    where = ServerUrl.parse(url, allow=wiring.allow, what=_POINTER, is_proxied=is_proxied)
    return where, session.frontend_request.authorization


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
