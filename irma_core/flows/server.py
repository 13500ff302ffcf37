"""What can be asked of the server itself."""

from __future__ import annotations

from irma_core.flows.effects import Flow
from irma_core.flows.exchange import exchange_flow
from irma_core.flows.wiring import Wiring
from irma_core.protocol.endpoints import (
    build_health_request,
    build_public_key_request,
    parse_health_response,
    parse_public_key_response,
)

__all__ = ["check_health_flow", "get_public_key_flow"]


def get_public_key_flow(wiring: Wiring) -> Flow[str]:
    """Ask for the key that the server signs results with: PEM."""
    request = build_public_key_request(wiring.server)
    return exchange_flow(wiring, request, parse_public_key_response, wiring.deadline())


def check_health_flow(wiring: Wiring) -> Flow[None]:
    """Ask whether the server is up."""
    request = build_health_request(wiring.server)
    return exchange_flow(wiring, request, parse_health_response, wiring.deadline())
