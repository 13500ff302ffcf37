"""Requests for the tests of transports, and checks of their errors."""

from __future__ import annotations

import traceback
from time import monotonic

from irma_core.errors import TransportError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import Transport
from irma_testing.misbehaving_server import Behaviour, Peer

__all__ = ["PATIENCE", "TOKEN", "assert_discreet", "failure", "for_target", "get", "post", "send"]

TOKEN = "abcdefghijKLMNOPQRST"
NAME = "GET session/{token}/result"
PATIENCE = 60.0  # seconds, long enough for a busy machine


def get(base: str, target: str = f"/session/{TOKEN}/result") -> HttpRequest:
    return HttpRequest("GET", base + target, label=NAME)


def post(base: str, body: bytes, **headers: str) -> HttpRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest("POST", f"{base}/session", label="POST session", headers=named, body=body)


def send(transport: Transport, request: HttpRequest, within: float = PATIENCE) -> HttpResponse:
    return transport.send(request, transport.clock.monotonic() + within)


def failure(transport: Transport, request: HttpRequest, within: float = PATIENCE) -> TransportError:
    """Return the error of a request that must fail, at the latest soon after its deadline."""
    begun = monotonic()
    try:
        send(transport, request, within)
    except TransportError as error:
        assert monotonic() - begun <= max(within, 0) + PATIENCE
        assert_discreet(error)
        return error
    raise AssertionError("no error")


def for_target(target: str, first: Behaviour, other: Behaviour) -> Behaviour:
    """Behave in one way to requests for this target, and in another way to all others.

    On a busy machine, a request with a short deadline may never arrive. If each request in turn had
    its own behaviour, the next request would then meet the behaviour of the missing one.
    """

    def behave(peer: Peer) -> None:
        (first if peer.target() == target else other)(peer)

    return behave


def assert_discreet(error: TransportError) -> None:
    """Check that an error shows no token and has no native error as context."""
    shown = "".join((str(error), repr(error), *traceback.format_exception(error)))
    assert TOKEN not in shown
    assert error.__context__ is None
    assert error.__cause__ is None
