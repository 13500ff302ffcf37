"""Calls to a server behind a gateway: with a token, and with another one where that is refused.

A flow knows nothing of the gateway. It is run inside another that puts the token into what it
sends, so that no flow can forget it. Belongs here: when a token is fetched and where it goes. Does
not belong here: what a token request is made of (`trust.gateway`).
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias, TypeVar

import attrs

from irma_core.errors import (
    DeadlineError,
    GatewayError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.flows.effects import CloseStream, Effect, Flow, OpenStream, Send, Sign
from irma_core.flows.kept import Fetched, kept_flow
from irma_core.flows.wiring import Wiring
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.token_endpoint import build_token_request, parse_token_response
from irma_core.protocol.transport import utc_now
from irma_core.trust.gateway import GatewayAuthentication, token_form, unsigned_assertion
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["through_gateway"]

ReturnT = TypeVar("ReturnT")
Gateway: TypeAlias = GatewayAuthentication[Signer | AsyncSigner]
_UNAUTHORIZED: Final = 401
_MARGIN, _SHARE = 30.0, 0.1
"""How long before its end a token is used no more: seconds, or a share of a short life."""
_NOT_AGAIN_WITHIN = 10.0
"""Seconds. A gateway that refuses every token shall not make us fetch one at each call."""
_UNIQUE_PARTS = 4


def through_gateway(wiring: Wiring, flow: Flow[ReturnT]) -> Flow[ReturnT]:
    """Give the flow, made to go through the requestor's gateway if it has one."""
    return flow if wiring.gateway is None else _through_flow(wiring, wiring.gateway, flow)


def _through_flow(wiring: Wiring, gateway: Gateway, flow: Flow[ReturnT]) -> Flow[ReturnT]:
    answer: Any = None
    failure: BaseException | None = None
    try:
        while True:
            try:
                effect = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration as stop:
                result: ReturnT = stop.value
                return result
            answer, failure = None, None
            try:
                if isinstance(effect, Send | OpenStream):
                    answer = yield from _sent_flow(wiring, gateway, effect)
                else:
                    answer = yield effect
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # the flow raises it again
                failure = error
    finally:
        flow.close()


def _sent_flow(wiring: Wiring, gateway: Gateway, effect: Send | OpenStream) -> Flow[Any]:
    """Send it with a token; once more with another where the gateway refuses the first.

    No IRMA server says 401: what is refused so has not reached it, so that a start is repeated too.
    """
    if not _is_behind(wiring, gateway, effect.request):
        return (yield effect)
    token = yield from _token_flow(wiring, gateway, effect.deadline)
    answer = yield _with(token, gateway, effect)
    if answer.status != _UNAUTHORIZED:
        return answer
    if not wiring.kept_token.may_replace(token, wiring.clock.monotonic(), _NOT_AGAIN_WITHIN):
        return answer
    if isinstance(effect, OpenStream):
        yield CloseStream(answer)
    token = yield from _token_flow(wiring, gateway, effect.deadline, other_than=token)
    return (yield _with(token, gateway, effect))


def _is_behind(wiring: Wiring, gateway: Gateway, request: HttpRequest) -> bool:
    """Tell whether the token may go there, and whether there is room for it.

    What browsers call needs no token, or they could not; and has an `Authorization` of its own.
    """
    if not request.url.startswith(wiring.server.below("")):
        return False
    return gateway.header.lower() not in {name for name, _value in request.headers}


def _with(token: Fetched, gateway: Gateway, effect: Send | OpenStream) -> Effect:
    header = (gateway.header.lower(), f"Bearer {token.text}")
    request = attrs.evolve(effect.request, headers=(*effect.request.headers, header))
    return attrs.evolve(effect, request=request)


def _token_flow(
    wiring: Wiring,
    gateway: Gateway,
    deadline: float,
    *,
    other_than: Fetched | None = None,
) -> Flow[Fetched]:
    """Give a token; where there is none, that is a failure before anything was sent."""
    try:
        return (
            yield from kept_flow(
                wiring.kept_token,
                wiring.clock,
                lambda: _fetch_flow(wiring, gateway, deadline),
                deadline,
                other_than=other_than,
            )
        )
    except DeadlineError as error:
        raise GatewayError("it gave no token in time") from error


def _fetch_flow(wiring: Wiring, gateway: Gateway, deadline: float) -> Flow[Fetched]:
    assertion = None
    unique = "".join(f"{int(wiring.jitter() * 2**32):08x}" for _ in range(_UNIQUE_PARTS))
    to_sign = unsigned_assertion(gateway, now=utc_now(wiring.clock), unique=unique)
    if to_sign is not None:
        signer, unsigned = to_sign
        signature = yield from Sign(signer, unsigned.signing_input)
        assertion = unsigned.signed(signature)
    request = build_token_request(gateway.token_url, *token_form(gateway, assertion))
    asked_at = wiring.clock.monotonic()
    try:
        response = yield from Send(request, deadline)
    except TransportError as error:
        if isinstance(error, TransportTimeoutError) and wiring.seconds_left(deadline) <= 0:
            # The call's own time was short, which is no failure of those who wait for its token.
            raise DeadlineError("the time was up while a token was fetched") from error
        raise GatewayError(f"it could not be asked: {error.reason}") from error
    token, seconds = parse_token_response(response)
    lives = math.inf if seconds is None else seconds - min(_MARGIN, seconds * _SHARE)
    return Fetched(token, until=asked_at + lives)
