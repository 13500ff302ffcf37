"""Signed results, verified by the server's key, which may have to be fetched first.

Belongs here: when the key is fetched, for whom, and when again. Does not belong here: what makes a
signed result true (`trust.result_jwt`), how one fetch serves many (`kept`).
"""

from __future__ import annotations

import math
from datetime import timedelta

from irma_core.errors import (
    ConfigurationError,
    ResultJwtError,
    StatusBackendError,
    UnexpectedResponseError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, next_status, published_result
from irma_core.flows.exchange import exchange_flow
from irma_core.flows.single_flight import CachedValue, fetch_once_flow
from irma_core.models.results import SessionResult
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.endpoints import build_public_key_request, parse_public_key_response
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import utc_now
from irma_core.trust.jws import check_public_keys
from irma_core.trust.result_jwt import verify_result_jwt
from irma_core.trust.server_keys import FetchedServerKey, GivenKey

__all__ = [
    "is_published_final_flow",
    "published_result_flow",
    "verified_result_flow",
]


def verified_result_flow(
    context: RequestorContext,
    jwt: str | bytes,
    *,
    may_fetch: bool = True,
    deadline: float = math.inf,
) -> Flow[SessionResult]:
    """Give the session result in a JWT, once all of it is verified by the requestor's settings.

    Args:
        context: The requestor's.
        jwt: What claims to be a signed result.
        may_fetch: Whether a key may be fetched for it: only where the server was asked for the
            JWT. Whoever sends us one must not make us call the server, however often it is wrong.
        deadline: That of a longer story, on the monotonic clock; else the call's own.

    Raises:
        ResultJwtError: It is refused; with `no_key`, since none is at hand and none may be fetched.
        ConfigurationError: The requestor has no key, and none to be fetched.
        IrmaError: The key could not be fetched.
    """
    policy, kept = context.fetched_key, context.kept_key
    if policy is None:
        return _verified(context, jwt, context.server_keys)
    if not may_fetch:
        at_hand = kept.at_hand(context.clock.monotonic())
        if at_hand is None:
            raise ResultJwtError("no_key", "the server's key is not at hand, nor fetched for this")
        return _verified(context, jwt, (at_hand.text,))
    latest = min(deadline, context.deadline())
    key = yield from _key_flow(context, policy, latest)
    try:
        return _verified(context, jwt, (key.text,))
    except ResultJwtError as error:
        interval = policy.minimum_interval.total_seconds()
        may_replace = kept.may_replace(key, context.clock.monotonic(), interval)
        if error.code != "signature" or not may_replace:
            raise
    key = yield from _key_flow(context, policy, latest, other_than=key)
    return _verified(context, jwt, (key.text,))


def _key_flow(
    context: RequestorContext,
    policy: FetchedServerKey,
    deadline: float,
    *,
    other_than: CachedValue | None = None,
) -> Flow[CachedValue]:
    def fetch() -> Flow[CachedValue]:
        asked_at = context.clock.monotonic()
        request = build_public_key_request(context.server)
        pem = yield from exchange_flow(context, request, _parse_key, deadline)
        until = asked_at + policy.lifetime.total_seconds()
        return CachedValue(pem, until, is_replacement=other_than is not None)

    return fetch_once_flow(context.kept_key, context.clock, fetch, deadline, other_than=other_than)


def _parse_key(response: HttpResponse) -> str:
    pem = parse_public_key_response(response)
    try:
        check_public_keys((pem,))
    except ConfigurationError:
        # Nobody here set it: it is the server's nonsense.
        raise UnexpectedResponseError(
            "GET publickey", response.status, "is no RSA key of 2048 bits or more"
        ) from None
    return pem


def _verified(
    context: RequestorContext, jwt: str | bytes, keys: tuple[GivenKey, ...]
) -> SessionResult:
    if not keys:
        raise ConfigurationError("server_key: signed results need the server's key")
    return verify_result_jwt(
        jwt,
        keys=keys,
        issuer=context.jwt_issuer,
        now=utc_now(context.clock),
        allow=context.allow,
        # Its size was bounded where it came from: by the transport's max_response_bytes, or as a
        # post. A second bound here would make that setting worth nothing.
        max_bytes=max(len(jwt), 1),
    )


def published_result_flow(
    context: RequestorContext, token: RequestorToken, deadline: float
) -> Flow[SessionResult | None]:
    """Give the signed result that was published, verified; None where the server must be asked.

    That is so where none was published, the backend fails, or what it gives is refused, not final,
    or of another session.
    """
    if context.status_backend is None or not context.takes_signed_results:
        return None
    try:
        by = context.try_deadline(deadline)
        jwt = yield from published_result(context.status_backend, token, by)
        if not isinstance(jwt, str):
            return None
        result = yield from verified_result_flow(context, jwt, may_fetch=False)
    except (StatusBackendError, ResultJwtError):
        return None
    return result if result.token == token and result.status.is_final else None


def is_published_final_flow(
    context: RequestorContext, token: RequestorToken, deadline: float
) -> Flow[bool]:
    """Tell whether the status backend says that the session has ended."""
    if context.status_backend is None:
        return False
    try:
        by = context.try_deadline(deadline)
        told = yield from next_status(context.status_backend, token, None, timedelta(0), by)
    except StatusBackendError:
        return False
    return isinstance(told, SessionStatus) and told.is_final
