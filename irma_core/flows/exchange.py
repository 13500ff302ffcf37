"""One call to the server, with the tries it may need, before one deadline.

Belongs here: `GET` and `DELETE`, repeated on faults that pass; and `POST`, repeated only where not
a byte was sent, signed anew each time. Does not belong here: what a call means.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar, final

import attrs

from irma_core.errors import (
    DeadlineError,
    GatewayError,
    IrmaError,
    ServerRefusedError,
    SigningError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Send, Sleep, sign
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.policy import is_transient, retry_after
from irma_core.protocol.transport import utc_now
from irma_core.trust.request_jwt import UnsignedJwt
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["Prepared", "ToSign", "exchange_flow", "post_flow"]

ParsedT = TypeVar("ParsedT")
Parse: TypeAlias = Callable[[HttpResponse], ParsedT]


@final
@attrs.frozen
class ToSign:
    """A request that lacks its JWT's signature.

    Args:
        signer: Who signs.
        jwt: What is signed.
        build: Makes the request of the JWT's text.
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
    """Send a `GET` or `DELETE` until it succeeds, fails for good, or no try or time is left.

    Args:
        context: The requestor's.
        request: What to send.
        parse: Reads the response, or raises.
        deadline: By when it must all be over.
        parse_repeated: Reads the responses to the tries after the first, if they differ.

    Raises:
        DeadlineError: The time was up; the cause is the last failure.
        IrmaError: What the last try raised.
    """
    tries = 1
    while True:
        asked_to_wait = timedelta(0)
        try:
            response = yield from Send(request, context.try_deadline(deadline))
            asked_to_wait = retry_after(response, utc_now(context.clock))
            return parse(response)
        except (
            TransportError,
            ServerRefusedError,
            UnexpectedResponseError,
            SigningError,
        ) as error:
            wait = _wait_or_raise(context, error, tries, deadline, asked_to_wait)
        yield from Sleep(wait)
        tries += 1
        parse = parse_repeated or parse


def post_flow(
    context: RequestorContext,
    prepare: Callable[[datetime], Prepared],
    parse: Parse[ParsedT],
    deadline: float,
) -> Flow[ParsedT]:
    """Send a `POST` once; again only while not a byte of it has been sent.

    Args:
        context: The requestor's.
        prepare: Makes the request at each try, given the time of it.
        parse: Reads the response, or raises.
        deadline: By when it must all be over.

    Raises:
        DeadlineError: The time was up before anything was sent, perhaps by the signer.
        TransportError: The wire failed; `request_sent` tells how far it got.
        SigningError: The signer failed.
        IrmaError: What `prepare` or `parse` raises.
    """
    tries = 1
    while True:
        prepared = prepare(utc_now(context.clock))
        if isinstance(prepared, ToSign):
            signature = yield from sign(prepared.signer, prepared.jwt.signing_input, deadline)
            if context.seconds_left(deadline) <= 0:
                # On a thread nobody can end a signer, so it may have taken all of the time.
                raise DeadlineError("the time for the whole call was up while the signer signed")
            prepared = prepared.build(prepared.jwt.signed(signature))
        try:
            response = yield from Send(prepared, context.try_deadline(deadline))
        except TransportError as error:
            if error.request_sent:
                raise
            wait = _wait_or_raise(context, error, tries, deadline, timedelta(0))
        else:
            return parse(response)
        yield from Sleep(wait)
        tries += 1


def _wait_or_raise(
    context: RequestorContext,
    error: IrmaError,
    tries: int,
    deadline: float,
    asked_to_wait: timedelta,
) -> timedelta:
    """Give how long to wait before another try, or raise since there is none."""
    left = context.seconds_left(deadline)
    if left <= 0 and isinstance(error, TransportTimeoutError):
        raise DeadlineError(f"{error.label}: the time for the whole call was up") from error
    wait = context.retry.wait(tries, context.jitter()) if is_transient(error) else None
    if isinstance(error, GatewayError):
        asked_to_wait = timedelta(seconds=error.retry_after)
    if wait is None or (wait := max(wait, asked_to_wait)).total_seconds() >= left:
        raise error
    return wait
