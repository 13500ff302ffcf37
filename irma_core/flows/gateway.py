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
    SigningError,
    TransportError,
    TransportTimeoutError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import CloseStream, Flow, OpenStream, Send, sign
from irma_core.flows.single_flight import CachedValue, fetch_once_flow
from irma_core.protocol.endpoints import FRONTEND
from irma_core.protocol.messages import HttpRequest
from irma_core.protocol.token_endpoint import build_token_request, parse_token_response
from irma_core.protocol.transport import utc_now
from irma_core.trust.gateway_settings import GatewayAuthentication, token_form, unsigned_assertion
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["through_gateway"]

ReturnT = TypeVar("ReturnT")
Gateway: TypeAlias = GatewayAuthentication[Signer | AsyncSigner]
Headers: TypeAlias = tuple[tuple[str, str], ...]
_UNAUTHORIZED: Final = 401
_MARGIN, _SHARE = 30.0, 0.1
"""How long before its end a token is used no more: seconds, or a share of a short life."""
_TOKENS_PER_CALL = 2
_UNIQUE_PARTS = 4


def through_gateway(context: RequestorContext, flow: Flow[ReturnT]) -> Flow[ReturnT]:
    """Return the flow with the requestor's own headers, through its gateway if it has one."""
    is_plain = context.gateway is None and not context.headers
    return flow if is_plain else _through_flow(context, flow)


def _through_flow(context: RequestorContext, flow: Flow[ReturnT]) -> Flow[ReturnT]:
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
                if isinstance(effect, Send | OpenStream) and _is_own_call(effect):
                    answer = yield from _sent_flow(context, effect)
                else:
                    answer = yield effect
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # the flow raises it again
                failure = error
    finally:
        flow.close()


def _sent_flow(context: RequestorContext, effect: Send | OpenStream) -> Flow[Any]:
    """Send it with a token; once more with another where the gateway refuses the first.

    No IRMA server says 401: what is refused so has not reached it, so that a start is repeated too.
    A refused token is forgotten at once, so that a later call fetches one even if this one cannot.
    """
    gateway, effect = context.gateway, _with(effect, context.headers)
    if gateway is None:
        return (yield effect)
    for _ in range(_TOKENS_PER_CALL):
        if not _may_have_token(context):
            break
        token = yield from _token_flow(context, gateway, effect.deadline)
        shown = (gateway.header.lower(), f"Bearer {token.text}")
        answer = yield _with(effect, (shown,))
        if answer.status != _UNAUTHORIZED:
            context.refusals.taken()
            return answer
        if isinstance(effect, OpenStream):
            yield CloseStream(answer)
        context.kept_token.forget(token)
        now = context.clock.monotonic()
        context.refusals.token_refused(now, is_replacement=token.is_refresh)
    raise GatewayError(
        "the gateway refuses each token that its authorization server gives: check that it takes "
        "tokens of this client and scope, in this header",
        http_status=_UNAUTHORIZED,
        may_pass=not context.refusals.has_lasted(context.clock.monotonic()),
        label=effect.request.label,
    )


def _is_own_call(effect: Send | OpenStream) -> bool:
    """Return whether it is one of the requestor's own calls.

    What a browser calls as well needs neither header nor token, or browsers could not call it; and
    it goes to the URL of the session's pointer, which the server chose.
    """
    return effect.request.label not in FRONTEND


def _may_have_token(context: RequestorContext) -> bool:
    """Return whether there is a token, or one may be fetched."""
    now = context.clock.monotonic()
    return context.kept_token.fresh(now) is not None or context.refusals.may_replace(now)


def _with(effect: Send | OpenStream, headers: Headers) -> Send | OpenStream:
    request = attrs.evolve(effect.request, headers=(*effect.request.headers, *headers))
    return attrs.evolve(effect, request=request)


def _token_flow(context: RequestorContext, gateway: Gateway, deadline: float) -> Flow[CachedValue]:
    """Return a token; where there is none, that is a failure before anything was sent."""
    kept, clock = context.kept_token, context.clock
    try:
        return (
            yield from fetch_once_flow(
                kept, clock, lambda: _fetch_flow(context, gateway, deadline), deadline
            )
        )
    except DeadlineError as error:
        reason = "no token from the gateway's authorization server in time"
        raise GatewayError(reason, may_pass=True) from error


def _fetch_flow(context: RequestorContext, gateway: Gateway, deadline: float) -> Flow[CachedValue]:
    """Ask the authorization server for a token, unless it asked to be left alone for a while."""
    refusals = context.refusals
    asked_at = context.clock.monotonic()
    if pause := refusals.pause(asked_at):
        reason = "the gateway's authorization server asked to wait before another token request"
        raise GatewayError(reason, may_pass=True, retry_after=pause)
    is_replacement = refusals.is_token_refused
    request = yield from _request_flow(context, gateway, deadline)
    try:
        response = yield from Send(request, deadline)
        token, seconds = parse_token_response(response, utc_now(context.clock))
    except GatewayError as error:
        now = context.clock.monotonic()
        refusals.request_failed(now, error.retry_after)
        error.may_pass = error.may_pass or refusals.may_pass(now)
        raise
    except TransportError as error:
        if isinstance(error, TransportTimeoutError) and context.seconds_left(deadline) <= 0:
            # The call's own time was short, which is no failure of those who wait for its token.
            raise DeadlineError("the time was up while a token was fetched") from error
        refusals.request_failed(context.clock.monotonic(), 0.0)
        reason = f"the gateway's authorization server could not be asked: {error.reason}"
        raise GatewayError(reason, may_pass=True) from error
    lives = math.inf if seconds is None else seconds - min(_MARGIN, seconds * _SHARE)
    return CachedValue(token, until=asked_at + lives, is_refresh=is_replacement)


def _request_flow(
    context: RequestorContext, gateway: Gateway, deadline: float
) -> Flow[HttpRequest]:
    assertion = None
    unique = "".join(f"{int(context.jitter() * 2**32):08x}" for _ in range(_UNIQUE_PARTS))
    to_sign = unsigned_assertion(gateway, now=utc_now(context.clock), unique=unique)
    if to_sign is not None:
        signer, unsigned = to_sign
        try:
            signature = yield from sign(signer, unsigned.signing_input, deadline)
        except SigningError as error:
            if context.seconds_left(deadline) <= 0:
                raise DeadlineError("the time was up while a token request was signed") from error
            raise
        assertion = unsigned.signed(signature)
    return build_token_request(gateway.token_url, *token_form(gateway, assertion))
