"""Change the requests that a flow sends to the IRMA server, without changing the flow.

Two settings of a requestor apply to each of its calls: its headers, and the token for a gateway.
They are added to the requests that a flow yields, so no flow can forget them.

They are added only to the requestor's *own* calls, which go to its base URL. Calls to the session
pointer's URL, which the server chose and which browsers also call, get neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import attrs

from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, OpenStream, Send
from irma_core.models.holders import Headers
from irma_core.protocol.endpoints import FRONTEND
from irma_core.protocol.messages import HttpRequest

__all__ = ["OwnCall", "add_headers", "replace_own_calls_flow", "with_own_headers"]

ReturnT = TypeVar("ReturnT")
OwnCall: TypeAlias = Send | OpenStream


def with_own_headers(context: RequestorContext, flow: Flow[ReturnT]) -> Flow[ReturnT]:
    """Return a flow that runs `flow`, with the requestor's headers on its calls to the base URL."""
    headers = context.headers

    def send_flow(call: OwnCall) -> Flow[Any]:
        return (yield add_headers(call, headers))

    return replace_own_calls_flow(flow, send_flow)


def replace_own_calls_flow(
    flow: Flow[ReturnT], send_flow: Callable[[OwnCall], Flow[Any]]
) -> Flow[ReturnT]:
    """Run a flow, but replace each of its calls to the requestor's base URL with another flow.

    Args:
        flow: The flow to run. It is always closed at the end.
        send_flow: The replacement. It takes the call, sends it, and returns the response.

    Raises:
        BaseException: The flow raised it. The flow receives any exception from `send_flow`.
    """
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
                    answer = yield from send_flow(effect)
                else:
                    answer = yield effect
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # the flow decides what it means
                failure = error
    finally:
        flow.close()


def add_headers(call: OwnCall, headers: Headers) -> OwnCall:
    """Return a copy of the call whose request has the given headers in addition to its own."""
    old = call.request
    more = (*old.headers, *headers)
    request = HttpRequest(old.method, old.url, label=old.label, headers=more, body=old.body)
    return attrs.evolve(call, request=request)


def _is_own_call(effect: OwnCall) -> bool:
    return effect.request.label not in FRONTEND
