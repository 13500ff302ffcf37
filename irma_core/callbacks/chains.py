"""Chained sessions: the server asks what to do next with a person who has just proved something.

It posts the result to `nextSession.url` while the session is still `CONNECTED` and the proof is
`VALID`, and both server and app wait: after 3 s it works, after 5 s the app has given up. A reply
of 200 with a request starts that session, 204 ends the chain, and anything else fails the session
that was to end. So:

* the post is taken only with the secret in its URL, the server's signature and the status
  `CONNECTED`, which counts nowhere else. Unsigned posts are refused: before the end the server says
  nothing of proofs, so asking it would settle nothing;
* a URL belongs to the first session that such a post to it names. So a URL that is read in a log
  takes no signed result of another session;
* the application is asked once a session, and gets an `Answer`, after the same checks as ever. What
  it says is recorded before it is sent: a post that comes again gets the same reply, and who
  follows the chain (`chains`) learns what was asked;
* a reply that comes too late is an error, so that the chain fails for everybody, and not for the
  app alone. The record stays.

Source: irmago `startNext` and `nextSession`; IRMA documentation, "Chained sessions".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final, TypeAlias, final

import attrs

from irma_core.callbacks.inbound import (
    JWT,
    CallbackContext,
    InboundRequest,
    SealedUrl,
    opened,
    refusal,
    verify_posted_result_flow,
)
from irma_core.errors import (
    AnswerError,
    ConfigurationError,
    HandleError,
    PostRefusedError,
    RequestError,
    UsageError,
)
from irma_core.flows.cancellation import cleanup_deadline, try_cancel_flow
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, call_application
from irma_core.flows.once import CLOCKS_DIFFER, OnceKey, claim_or_wait_flow, release_on_error_flow
from irma_core.flows.session_calls import check_has_request
from irma_core.flows.watch import wait_for_answer_flow
from irma_core.json_text import JsonValue, write_json
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_flag, check_timeout
from irma_core.models.results import SessionResult
from irma_core.models.risks import resolve_request
from irma_core.models.session_requests import ExtendedRequest, SessionRequest, as_extended
from irma_core.models.sessions import SessionReference, SessionWithRequest, StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.trust.sealing import Sealer
from irma_core.wire.stored_requests import read_stored_request, stored_request
from irma_core.wire.write_requests import request_value

__all__ = [
    "ChainState",
    "ChooseNext",
    "NextSessionRecord",
    "NextSessionSettings",
    "answer_next_session_flow",
    "begin_chain",
    "leave_chain_flow",
    "next_answer_flow",
    "next_session_key",
]


_REPLY_WITHIN: Final = timedelta(seconds=3)

NextRequest: TypeAlias = SessionRequest | ExtendedRequest | None
ChooseNext: TypeAlias = Callable[[Answer], Awaitable[NextRequest] | NextRequest]
"""The application's function: what to ask next, or None. It is quick: the person's app waits."""


@final
@attrs.frozen
class NextSessionSettings:
    """What answering needs beside the requestor's context.

    Args:
        address: Where the server posts to.
        store: Knows what the application said.
        choose: The application's function.
    """

    address: SealedUrl
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    choose: ChooseNext = attrs.field(kw_only=True, repr=False)


def answer_next_session_flow(
    context: RequestorContext, settings: NextSessionSettings, post: InboundRequest
) -> Flow[HttpResponse]:
    """Tell the server what is to follow the session that it posts.

    Returns:
        The reply: 200 with a request, 204 for nothing, or a refusal; see `posts` for its codes.

    Raises:
        StoreError: The store failed; whether the application was asked is not known.
        RequestError: The next request is wrong, or too large to be kept.
        ConfigurationError: It takes a risk that is not allowed.
        DeadlineError: The application's function took longer than the requestor's `timeout`.
        Exception: Whatever the application's function raises.
        IrmaError: The server's key had to be fetched, and could not be.
    """
    deadline = context.deadline(_REPLY_WITHIN)
    try:
        unsealed = opened(context, settings.address, post, JWT)
        result = yield from verify_posted_result_flow(context, post, unsealed, deadline)
        answer = _answer(result, unsealed)
        yield from _check_first_flow(context, settings.store, unsealed, result.token)
        once = next_session_key(settings.store, result.token)
        stored = yield from claim_or_wait_flow(context, once, deadline)
        if stored is None:
            choosing = _choose_flow(context, settings, answer, unsealed.lifetime)
            record, sealed = yield from release_on_error_flow(context, once, choosing)
            yield from once.record(sealed, unsealed.lifetime, context.deadline())
        else:
            record = NextSessionRecord.unseal(
                stored, settings.address.sealer, result.token, utc_now(context.clock)
            )
    except PostRefusedError as refused:
        return refusal(refused)
    if context.seconds_left(deadline) <= 0:
        late = "the application took too long: the person's app gives up"
        return refusal(PostRefusedError("late", late))
    if record.request is None:
        return HttpResponse(204)
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return HttpResponse(200, headers, body=write_json(record.request).encode())


def _check_first_flow(
    context: RequestorContext,
    store: Store | AsyncStore,
    unsealed: CallbackContext,
    token: RequestorToken,
) -> Flow[None]:
    """Check that no other session was posted to the URL before."""
    first = OnceKey(store, f"irma-next-url:{unsealed.name}")
    name = sha256(token.reveal().encode()).hexdigest().encode()
    if (yield from first.record(name, unsealed.lifetime, context.deadline())):
        return
    if (yield from first.read_record(context.deadline())) != name:
        raise PostRefusedError("session", "another session was posted to its URL before")


def _choose_flow(
    context: RequestorContext,
    settings: NextSessionSettings,
    answer: Answer,
    lifetime: timedelta,
) -> Flow[tuple[NextSessionRecord, bytes]]:
    """Ask the application; return the record of its choice, also as the store keeps it."""
    chosen = yield from call_application(partial(settings.choose, answer), context.deadline())
    now = utc_now(context.clock)
    ready = None if chosen is None else resolve_request(as_extended(chosen), now, context.allow)
    record = NextSessionRecord.of(ready)
    return record, record.seal(settings.address.sealer, answer.token, now, lifetime)


def _answer(result: SessionResult, unsealed: CallbackContext) -> Answer:
    if result.status is not SessionStatus.CONNECTED:
        raise PostRefusedError("status", "the session is not CONNECTED, so nothing follows it")
    try:
        return result.answer_before_next_session(SessionReference(unsealed.request, result.token))
    except AnswerError as error:
        raise PostRefusedError("answer", error.reason) from None


_PURPOSE: Final = "what follows a session"


def next_session_key(store: Store | AsyncStore, token: RequestorToken) -> OnceKey:
    """Give what is done once: to ask the application what follows that session."""
    return OnceKey.of_session(store, "next", token)


@final
@attrs.frozen
class NextSessionRecord:
    """What follows a session.

    Args:
        request: As the server gets it, in JSON; None for nothing.
        kept: The same in its kept form.
    """

    request: JsonValue = attrs.field(repr=False)
    kept: JsonValue = attrs.field(repr=False)

    @classmethod
    def of(cls, request: ExtendedRequest | None) -> NextSessionRecord:
        """Give the record of a request that is ready to start, or of none.

        Raises:
            RequestError: It is too large to be kept.
        """
        if request is None:
            return cls(None, None)
        return cls(dict(request_value(request)), stored_request(request))

    @property
    def asked(self) -> ExtendedRequest | None:
        """What is asked, for the answer to it; None for nothing."""
        return None if self.kept is None else read_stored_request(self.kept)

    def seal(
        self, sealer: Sealer, token: RequestorToken, now: datetime, lifetime: timedelta
    ) -> bytes:
        """Give it as it is stored, for that session: who can write to the store swaps none.

        Raises:
            RequestError: It is too large.
        """
        value: JsonValue = [self.request, self.kept]
        try:
            return sealer.seal(
                value,
                purpose=_PURPOSE,
                now=now,
                lifetime=lifetime + CLOCKS_DIFFER,  # as the record, or it could not be read
                binding=token.reveal(),
            ).encode()
        except UsageError:
            raise RequestError("", "the next session's request is too large to be kept") from None

    @classmethod
    def unseal(
        cls, stored: bytes, sealer: Sealer, token: RequestorToken, now: datetime
    ) -> NextSessionRecord:
        """Give what was stored for that session.

        Raises:
            ConfigurationError: Another sealer sealed it, or it is another session's.
        """
        try:
            value = sealer.unseal(
                stored.decode("latin-1"), purpose=_PURPOSE, now=now, binding=token.reveal()
            )
        except HandleError:
            raise ConfigurationError(
                "what follows the session was sealed with other keys than these, or for another"
            ) from None
        match value:
            case [request, kept]:
                return cls(request, kept)
            case _:
                raise ConfigurationError("what follows the session was kept in another form")


@final
@attrs.frozen
class ChainState:
    """How far a chain was followed.

    Args:
        first: Its first session.
        sealer: Opens what was kept of those that follow.
        store: Where that is.
        deadline: By when it must be over, on the monotonic clock.
        keep_session: Whether a session that is not waited for any more is left as it is.
        last: The answer that was given last.
    """

    first: StartedSession
    sealer: Sealer = attrs.field(kw_only=True)
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    deadline: float = attrs.field(kw_only=True)
    keep_session: bool = attrs.field(kw_only=True)
    last: Answer | None = attrs.field(default=None, kw_only=True)

    @property
    def is_over(self) -> bool:
        """Whether no session follows the one whose answer was given last."""
        return self.last is not None and self.last.next_session is None


def begin_chain(
    context: RequestorContext,
    settings: NextSessionSettings,
    first: StartedSession,
    *,
    timeout: timedelta,
    keep_session: bool = False,
) -> ChainState:
    """Begin to follow a chain; the timeout runs from now, for all of the chain.

    Raises:
        UsageError: An argument has the wrong type.
    """
    check_has_request(first)
    check_timeout(timeout, "timeout")
    check_flag(keep_session, "keep_session")
    return ChainState(
        first,
        sealer=settings.address.sealer,
        store=settings.store,
        deadline=context.deadline(timeout),
        keep_session=keep_session,
    )


def next_answer_flow(
    context: RequestorContext, state: ChainState
) -> Flow[tuple[Answer, ChainState]]:
    """Wait for the end of the next session; give its answer, and the state to go on from.

    Raises:
        NobodyAnsweredError: The time was up.
        AnswerError: Another of its subclasses: the session has no answer, and the chain ends with
            it.
        ConfigurationError: The store does not know what was asked, or the sealer cannot read it.
        IrmaError: As `wait_for_answer_flow`; or the store failed.
    """
    session: SessionWithRequest = state.first
    if state.last is not None and state.last.next_session is not None:
        session = yield from _next_session_flow(context, state, state.last, state.last.next_session)
    left = timedelta(seconds=context.seconds_left(state.deadline))
    answer = yield from wait_for_answer_flow(
        context, session, left, keep_session=state.keep_session
    )
    return answer, attrs.evolve(state, last=answer)


def leave_chain_flow(context: RequestorContext, state: ChainState) -> Flow[None]:
    """Cancel the session that runs when the caller stops to follow the chain, unless it is kept."""
    if state.last is not None and state.last.next_session is not None and not state.keep_session:
        yield from try_cancel_flow(context, state.last.next_session)


def _next_session_flow(
    context: RequestorContext, state: ChainState, last: Answer, token: RequestorToken
) -> Flow[SessionReference]:
    try:
        stored = yield from next_session_key(state.store, last.token).read_record(
            max(state.deadline, cleanup_deadline(context))
        )
        asked = _asked_after(last.token, stored, state.sealer, utc_now(context.clock))
    except GeneratorExit:
        raise  # nothing can be sent any more
    except BaseException:
        yield from leave_chain_flow(context, state)
        raise
    return SessionReference(asked, token)


def _asked_after(
    token: RequestorToken, stored: bytes | None, sealer: Sealer, now: datetime
) -> ExtendedRequest:
    record = stored and NextSessionRecord.unseal(stored, sealer, token, now)
    asked = record.asked if record else None
    if asked is None:
        raise ConfigurationError(
            "the store does not know what was asked in the session that follows: give the one of "
            "the receiver that answers the server"
        )
    return asked
