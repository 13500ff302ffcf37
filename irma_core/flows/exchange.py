"""One call to the server, with retries and a single deadline.

`GET` and `DELETE` are retried after transient faults. `POST` is retried only if nothing was sent,
and is signed again each time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar, final

import attrs

from irma_core.errors import (
    DeadlineError,
    IrmaError,
    ServerRefusedError,
    SigningError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Send, Sleep, sign
from irma_core.flows.observing import notify_of_retry
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.policy import is_transient, retry_after, wait_of
from irma_core.protocol.transport import utc_now
from irma_core.trust.request_jwt import UnsignedJwt
from irma_core.trust.signing import AsyncSigner, Signer
from irma_core.value_object import ValueObject

__all__ = ["Prepared", "ToSign", "exchange_flow", "post_flow"]

ParsedT = TypeVar("ParsedT")
Parse: TypeAlias = Callable[[HttpResponse], ParsedT]


@final
@attrs.frozen(eq=False, repr=False)
class ToSign(ValueObject):
    """A request whose JWT is not signed yet.

    Args:
        signer: The signer.
        jwt: The unsigned JWT.
        build: Builds the request from the signed JWT.
    """

    signer: Signer | AsyncSigner
    jwt: UnsignedJwt
    build: Callable[[str], HttpRequest]


Prepared: TypeAlias = HttpRequest | ToSign


def exchange_flow(
    context: RequestorContext,
    request: HttpRequest,
    parse: Parse[ParsedT],
    deadline: float,
    *,
    parse_repeated: Parse[ParsedT] | None = None,
) -> Flow[ParsedT]:
    """Send a `GET` or `DELETE`; retry after transient faults while attempts and time are left.

    Args:
        context: The requestor's context.
        request: The request.
        parse: Parses the response, or raises an error.
        deadline: When the call must be over, including all attempts.
        parse_repeated: Parses the responses to retries; None to use `parse` for them too.

    Raises:
        DeadlineError: The deadline passed; the cause is the last failure.
        IrmaError: The last attempt raised it.
    """
    tries = 1
    while True:
        requested_wait = timedelta(0)
        try:
            response = yield from Send(request, context.try_deadline(deadline))
            requested_wait = retry_after(response, utc_now(context.clock))
            return parse(response)
        except (
            TransportError,
            ServerRefusedError,
            UnexpectedResponseError,
            SigningError,
        ) as error:
            wait = _wait_or_raise(context, error, tries, deadline, requested_wait)
            notify_of_retry(context, request.label, error, wait)
        yield from Sleep(wait)
        tries += 1
        parse = parse_repeated or parse


def post_flow(
    context: RequestorContext,
    prepare: Callable[[datetime], Prepared],
    parse: Parse[ParsedT],
    deadline: float,
) -> Flow[ParsedT]:
    """Send a `POST`; retry only if nothing was sent.

    Args:
        context: The requestor's context.
        prepare: Takes the present time, and returns the request for one attempt.
        parse: Parses the response, or raises an error.
        deadline: When the call must be over, including all attempts.

    Raises:
        DeadlineError: The deadline passed before anything was sent, perhaps while signing.
        TransportError: The network failed; see its `request_sent`.
        SigningError: The signer failed.
        IrmaError: `prepare` or `parse` raised it.
    """
    tries = 1
    while True:
        prepared = prepare(utc_now(context.clock))
        if isinstance(prepared, ToSign):
            signature = yield from sign(prepared.signer, prepared.jwt.signing_input, deadline)
            if context.seconds_left(deadline) <= 0:
                # Nothing can end a signer that blocks its thread, so it may have used up the time.
                raise DeadlineError("the call's deadline passed while the signer was signing")
            prepared = prepared.build(prepared.jwt.signed(signature))
        try:
            response = yield from Send(prepared, context.try_deadline(deadline))
        except TransportError as error:
            if error.request_sent:
                raise
            wait = _wait_or_raise(context, error, tries, deadline, timedelta(0))
            notify_of_retry(context, prepared.label, error, wait)
        else:
            return parse(response)
        yield from Sleep(wait)
        tries += 1


def _wait_or_raise(
    context: RequestorContext,
    error: IrmaError,
    tries: int,
    deadline: float,
    requested_wait: timedelta,
) -> timedelta:
    """Return how long to wait before the next attempt; raise the error if no attempt is left."""
    left = context.seconds_left(deadline)
    if left <= 0 and isinstance(error, TransportTimeoutError):
        raise DeadlineError(f"{error.label}: the call's deadline passed") from error
    wait = context.retry.wait(tries, context.jitter()) if is_transient(error) else None
    if wait is None or (wait := max(wait, requested_wait, wait_of(error))).total_seconds() >= left:
        raise error
    return wait
