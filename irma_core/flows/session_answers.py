"""Get the answer of a session: request the result, verify it, and compare it with the request."""

from __future__ import annotations

import math
from datetime import timedelta

from irma_core.errors import (
    ConfigurationError,
    ResultJwtError,
    SessionNotFinishedError,
    StatusBackendError,
    UnexpectedResponseError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, wait_for_end
from irma_core.flows.exchange import exchange_flow
from irma_core.flows.observing import observed_answer
from irma_core.flows.proved_signatures import proved_signature_flow
from irma_core.flows.session_calls import (
    check_has_request,
    get_result_jwt_flow,
    get_unchecked_result_flow,
)
from irma_core.flows.single_flight import CachedValue, fetch_once_flow
from irma_core.models.answers import Answer
from irma_core.models.results import SessionResult
from irma_core.models.sessions import SessionWithRequest
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.endpoints import build_public_key_request, parse_public_key_response
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_core.protocol.transport import utc_now
from irma_core.trust.jws import check_public_keys
from irma_core.trust.result_jwt import verify_result_jwt
from irma_core.trust.server_keys import FetchedServerKey, GivenKey

__all__ = [
    "get_answer_flow",
    "get_result_flow",
    "unobserved_answer_flow",
    "verified_result_flow",
]


def get_answer_flow(
    context: RequestorContext, session: SessionWithRequest, deadline: float = math.inf
) -> Flow[Answer]:
    """Get the result of a session, check it, and return the answer.

    If the requestor has a server key, configured or fetched, the result must be signed. If the
    status backend does not have the signed result yet, the flow asks the server.

    Raises:
        UsageError: The session is not a `SessionWithRequest`.
        ResultJwtError: The signed result was rejected.
        AnswerError: There is no answer; the subclass names the reason.
    """
    return observed_answer(context, session, unobserved_answer_flow(context, session, deadline))


def unobserved_answer_flow(
    context: RequestorContext, session: SessionWithRequest, deadline: float
) -> Flow[Answer]:
    """Return the answer as `get_answer_flow` does, but do not notify the observer.

    This is for flows that notify the observer themselves.
    """
    check_has_request(session)
    deadline = min(context.deadline(), deadline)
    end = yield from _published_end_flow(context, session.token, deadline)
    published = None if end is None else _verify_published(context, session.token, end)
    answer = None if published is None else published.answer_to(session)
    while answer is None:
        # The JWT is not stored in a variable, because a traceback may show local variables.
        result = (yield from get_result_flow(context, session.token, deadline))[0]
        try:
            answer = result.answer_to(session)
        except SessionNotFinishedError:
            # The server first posts the callback, which causes the end to be published, and then
            # stores the end. So an unfinished session with a published end will finish in a moment.
            is_late = context.seconds_left(deadline) <= context.poll_interval.total_seconds()
            if end is None or is_late:
                raise
            yield from Sleep(context.poll_interval)
    return (yield from proved_signature_flow(context, session, answer, deadline))


def get_result_flow(
    context: RequestorContext, token: RequestorToken, deadline: float
) -> Flow[tuple[SessionResult, str | None]]:
    """Ask the server for the result of a session, whatever its status.

    Returns:
        The result, and its verified JWT; None in place of the JWT if the requestor accepts unsigned
        results.
    """
    if not context.takes_signed_results:
        return (yield from get_unchecked_result_flow(context, token, deadline)), None
    jwt = yield from get_result_jwt_flow(context, token, deadline)
    return (yield from verified_result_flow(context, jwt, deadline)), jwt


def verified_result_flow(
    context: RequestorContext, jwt: str | bytes, deadline: float = math.inf
) -> Flow[SessionResult]:
    """Verify a signed result; fetch the server's key first if it is not cached.

    Args:
        context: The requestor's context.
        jwt: The signed result. It must come from the server or a caller that knows a secret URL:
            anyone else could make us fetch keys again and again.
        deadline: When the flow must end, on the monotonic clock, if that is before the context's
            usual time limit.

    Raises:
        ResultJwtError: The signed result was rejected.
        ConfigurationError: The requestor has no server key and fetches none.
        IrmaError: The key could not be fetched.
    """
    policy = context.fetched_key
    if policy is None:
        return _verify(context, jwt, context.server_keys)
    deadline = min(deadline, context.deadline())
    key = yield from _server_key_flow(context, policy, deadline)
    try:
        return _verify(context, jwt, (key.text,))
    except ResultJwtError as error:
        # The server may have a new key. That explains an invalid signature, but no other fault.
        interval = policy.minimum_interval.total_seconds()
        may_refresh = context.key_flight.may_refresh(key, context.clock.monotonic(), interval)
        if error.code != "signature" or not may_refresh:
            raise
    key = yield from _server_key_flow(context, policy, deadline, rejected=key)
    return _verify(context, jwt, (key.text,))


def _server_key_flow(
    context: RequestorContext,
    policy: FetchedServerKey,
    deadline: float,
    *,
    rejected: CachedValue | None = None,
) -> Flow[CachedValue]:
    def fetch() -> Flow[CachedValue]:
        until = context.clock.monotonic() + policy.lifetime.total_seconds()

        def parse(response: HttpResponse) -> CachedValue:
            return CachedValue(_parse_key(response), until, is_refresh=rejected is not None)

        return exchange_flow(context, build_public_key_request(context.server), parse, deadline)

    return fetch_once_flow(context.key_flight, context.clock, fetch, deadline, rejected=rejected)


def _parse_key(response: HttpResponse) -> str:
    pem = parse_public_key_response(response)
    try:
        check_public_keys((pem,))
    except ConfigurationError:
        # The key comes from the server, so the caller's configuration is not to blame.
        raise UnexpectedResponseError(
            "GET publickey", response.status, "is not an RSA public key of 2048 bits or more"
        ) from None
    return pem


def _verify(
    context: RequestorContext, jwt: str | bytes, keys: tuple[GivenKey, ...]
) -> SessionResult:
    if not keys:
        raise ConfigurationError(
            "server_key is not set: signed results can only be verified with the server's key"
        )
    return verify_result_jwt(
        jwt,
        keys=keys,
        issuer=context.jwt_issuer,
        now=utc_now(context.clock),
        allow=context.allow,
        # The transport's `max_response_bytes`, or the limit for a POST, has already limited the
        # size. A second limit here would make a larger setting useless.
        max_bytes=max(len(jwt), 1),
    )


def _published_end_flow(
    context: RequestorContext, token: RequestorToken, deadline: float
) -> Flow[PublishedEnd | None]:
    """Ask the status backend how a session ended, and return the end.

    Return None if the backend does not know or fails: the caller can then ask the server.
    """
    backend = context.status_backend
    if backend is None:
        return None
    try:
        # A backend that hangs must leave the server some time to answer.
        half = context.clock.monotonic() + context.seconds_left(deadline) / 2
        by = min(context.try_deadline(deadline), half)
        return (yield from wait_for_end(backend, token, timedelta(0), by))
    except StatusBackendError:
        return None


def _verify_published(
    context: RequestorContext, token: RequestorToken, end: PublishedEnd
) -> SessionResult | None:
    """Return the published result; None if it is missing or rejected, or the key is not cached.

    Any program that can write to the backend may have published the result. So the flow does not
    fetch a key to verify it.
    """
    keys = context.server_keys
    if context.fetched_key is not None:
        key = context.key_flight.fresh(context.clock.monotonic())
        keys = () if key is None else (key.text,)
    if end.result_jwt is None or not keys:
        return None
    try:
        result = _verify(context, end.result_jwt, keys)
    except ResultJwtError:
        return None
    return result if result.token == token and result.status.is_final else None
