"""Chained sessions: when a session is about to end, the server asks which session follows.

The server posts the result to `nextSession.url` while the session is still `CONNECTED` and the
proof is `VALID`. The server and the app wait for the reply: a reply after 3 s still works, but
after 5 s the app has given up. A reply of 200 with a request starts that session, 204 ends the
chain, and after any other reply the session that was about to end fails. So:

* A post is accepted only if its URL has the secret, its result is signed by the server, and the
  session's status is `CONNECTED`. No other page accepts that status. Unsigned posts are refused:
  the server reports nothing about proofs until a session ends, so asking the server would not help.
* A URL belongs to the first session that such a post names. So a URL that leaked through a log
  cannot be used to post the signed result of another session.
* The application is asked once for each session. It receives a `ChainStep`, with an `Answer` that
  passed all the usual checks. The application's choice is recorded before the reply is sent: see
  `NextSessionRecord`.
* A late reply is an error. The chain then fails for the server and the backend, as it already has
  for the app. The record remains.

Source: irmago `startNext` and `nextSession`; IRMA documentation, "Chained sessions".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias, final

import attrs

from irma_core.callbacks.callback_urls import CallbackContext, SealedUrl
from irma_core.callbacks.inbound import (
    JWT,
    InboundRequest,
    check_inbound,
    check_posted_result,
    refuse_post,
)
from irma_core.errors import (
    AnswerError,
    ConfigurationError,
    HandleError,
    PostRefusedError,
    RequestError,
    ResultJwtError,
    UsageError,
)
from irma_core.flows.cancellation import cleanup_deadline, try_cancel_flow
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, call_application
from irma_core.flows.once import (
    CLOCK_SKEW,
    OnceKey,
    check_first_flow,
    claim_or_wait_flow,
    release_on_error_flow,
)
from irma_core.flows.proved_signatures import proved_signature_flow
from irma_core.flows.session_answers import verified_result_flow
from irma_core.flows.session_calls import check_has_request
from irma_core.flows.watch import wait_for_answer_flow
from irma_core.json_text import JsonValue, write_json
from irma_core.models.answers import Answer
from irma_core.models.arguments import (
    check_flag,
    check_instance,
    check_reference,
    check_timeout,
)
from irma_core.models.events import NextSessionChosen
from irma_core.models.results import SessionResult
from irma_core.models.risks import resolve_request
from irma_core.models.session_requests import (
    ExtendedRequest,
    NextSession,
    SessionRequest,
    as_extended,
)
from irma_core.models.sessions import SessionReference, SessionWithRequest, StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer
from irma_core.value_object import ValueObject
from irma_core.wire.stored_requests import read_stored_request, stored_request
from irma_core.wire.write_requests import request_value

__all__ = [
    "ChainState",
    "ChainStep",
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
_PURPOSE: Final = "what follows a session"

NextRequest: TypeAlias = SessionRequest | ExtendedRequest | None


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class ChainStep(ValueObject):
    """A session that is about to end. The application chooses the session that follows.

    Args:
        answer: The session's answer, which has passed every check.
        reference: The chain's reference, as passed to `with_next_session`; empty if none was
            passed.
    """

    answer: Answer
    # The `repr` leaves out the reference, because it may be personal, such as a user's name.
    reference: str = attrs.field(default="", kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.answer, Answer, "answer", "an Answer")
        check_reference(self.reference)


ChooseNext: TypeAlias = Callable[[ChainStep], Awaitable[NextRequest] | NextRequest]
"""The application's function that returns the next session's request, or None to end the chain. The
person's app waits for the function."""


@final
@attrs.frozen(eq=False, repr=False)
class NextSessionSettings(ValueObject):
    """The settings for replying to a server that asks for the next session.

    Args:
        address: The URL that the server posts to.
        store: Records the application's choice for each session.
        choose: The application's function that chooses the next request.
    """

    address: SealedUrl
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    choose: ChooseNext = attrs.field(kw_only=True, repr=False)


def answer_next_session_flow(
    context: RequestorContext, settings: NextSessionSettings, post: InboundRequest
) -> Flow[HttpResponse]:
    """Return the reply to the server, with the request for the session that follows.

    Returns:
        200 with a request, 204 if no session follows, or a refusal; see `inbound` for the codes.

    Raises:
        StoreError: The store failed. The application's function may already have been called.
        RequestError: The next request is invalid, or too large to be stored.
        ConfigurationError: The next request needs a risk that is not allowed.
        DeadlineError: The application's function took longer than the requestor's `timeout`.
        Exception: The application's function raised it.
        IrmaError: The server's key could not be fetched.
    """
    deadline, sealer = context.deadline(_REPLY_WITHIN), settings.address.sealer
    try:
        callback = check_inbound(context, settings.address, post, JWT)
        try:
            result = yield from verified_result_flow(context, post.body, deadline)
        except ResultJwtError as error:
            raise PostRefusedError(error.code, error.reason) from None
        check_posted_result(post, result, callback)
        answer = yield from _answer_flow(context, result, callback, deadline)
        first = OnceKey(settings.store, f"irma-next-url:{callback.name}")
        yield from check_first_flow(context, first, result.token, callback.lifetime)
        once = next_session_key(settings.store, result.token)
        stored = yield from claim_or_wait_flow(context, once, deadline)
        if stored is None:
            choosing = _choose_flow(context, settings, answer, callback)
            record, sealed = yield from release_on_error_flow(context, once, choosing)
            yield from once.record(sealed, callback.lifetime, context.deadline())
        else:
            now = utc_now(context.clock)
            record = NextSessionRecord.unseal(stored, sealer, result.token, now)
    except PostRefusedError as refused:
        return refuse_post(context, settings.address, refused)
    if context.seconds_left(deadline) <= 0:
        late = "the application took too long, so the person's app has given up"
        return refuse_post(context, settings.address, PostRefusedError("late", late))
    if record.request is None:
        return HttpResponse(204)
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return HttpResponse(200, headers, body=write_json(record.request).encode())


def _answer_flow(
    context: RequestorContext, result: SessionResult, callback: CallbackContext, deadline: float
) -> Flow[Answer]:
    if result.status is not SessionStatus.CONNECTED:
        raise PostRefusedError(
            "status", "a next session can be chosen only while the session is CONNECTED"
        )
    session = callback.session(result.token)
    try:
        answer = result.answer_before_next_session(session)
        return (yield from proved_signature_flow(context, session, answer, deadline))
    except AnswerError as error:
        raise PostRefusedError("answer", error.reason) from None


def _choose_flow(
    context: RequestorContext,
    settings: NextSessionSettings,
    answer: Answer,
    callback: CallbackContext,
) -> Flow[tuple[NextSessionRecord, bytes]]:
    """Ask the application for the next request; return the record of it, unsealed and sealed."""
    step = ChainStep(answer, reference=callback.reference)
    chosen = yield from call_application(partial(settings.choose, step), context.deadline())
    now = utc_now(context.clock)
    ready = None
    if chosen is not None:
        extended = _with_reference(as_extended(chosen), callback.reference, settings.address, now)
        ready = resolve_request(extended, now, context.allow)
    if context.observer is not None:
        type_ = None if ready is None else ready.request.session_type
        context.notify(NextSessionChosen(answer.token.fingerprint, type_))
    record = NextSessionRecord.of(ready)
    return record, record.seal(settings.address.sealer, answer.token, now, callback.lifetime)


def _with_reference(
    chosen: ExtendedRequest, reference: str, address: SealedUrl, now: datetime
) -> ExtendedRequest:
    """Add the chain's reference to the chosen request, if it has a next-session URL from this site.

    If the application passed a reference to `with_next_session` for this request, that reference is
    kept.
    """
    if not reference or chosen.next_session is None:
        return chosen
    try:
        own = address.unseal(chosen.next_session.url, now).reference
    except HandleError:
        return chosen  # the URL does not belong to this receiver
    if own:
        return chosen
    return attrs.evolve(chosen, next_session=NextSession(address.url_for(chosen, now, reference)))


def next_session_key(store: Store | AsyncStore, token: RequestorToken) -> OnceKey:
    """Return the store key which lets the application choose the next session only once."""
    return OnceKey.of_session(store, "next", token)


@final
@attrs.frozen(eq=False, repr=False)
class NextSessionRecord(ValueObject):
    """The stored record of the request for the session that follows.

    The record serves two purposes: a repeated POST gets the same reply, and the next answer is
    compared with the recorded request.

    Args:
        request: The JSON that the server receives; None if no session follows.
        stored: The request in its stored form; None if no session follows.
    """

    request: JsonValue = attrs.field(repr=False)
    stored: JsonValue = attrs.field(repr=False)

    @classmethod
    def of(cls, request: ExtendedRequest | None) -> NextSessionRecord:
        """Return the record for a request that is ready to start.

        If `request` is None, the record says that no session follows.

        Raises:
            RequestError: The request is too large to be stored.
        """
        if request is None:
            return cls(None, None)
        return cls(dict(request_value(request)), stored_request(request))

    @property
    def next_request(self) -> ExtendedRequest | None:
        """The request with which the next answer is compared; None if no session follows."""
        return None if self.stored is None else read_stored_request(self.stored)

    def seal(
        self, sealer: Sealer, token: RequestorToken, now: datetime, lifetime: timedelta
    ) -> bytes:
        """Return the record, sealed for one session, so that it cannot be used for another session.

        Raises:
            RequestError: The next session's request is too large to be stored.
        """
        value: JsonValue = [self.request, self.stored]
        try:
            return sealer.seal(
                value,
                purpose=_PURPOSE,
                now=now,
                lifetime=lifetime + CLOCK_SKEW,  # valid as long as the store's entry
                binding=token.reveal(),
            ).encode()
        except UsageError:
            raise RequestError(
                "",
                "the next session's request is too large to be stored: ask for fewer attributes, "
                "or for shorter values",
            ) from None

    @classmethod
    def unseal(
        cls, stored: bytes, sealer: Sealer, token: RequestorToken, now: datetime
    ) -> NextSessionRecord:
        """Return the record that was stored for a session.

        Raises:
            ConfigurationError: The record was sealed with other keys, or for another session.
        """
        try:
            value = sealer.unseal(
                stored.decode("latin-1"), purpose=_PURPOSE, now=now, binding=token.reveal()
            )
        except HandleError:
            raise ConfigurationError(
                "sealer: the store's record was sealed with other keys, or for another session; "
                "give all processes the same keys"
            ) from None
        match value:
            case [request, value]:
                return cls(request, value)
            case _:
                raise ConfigurationError(
                    "store: the record has a format that this version cannot read; run the same "
                    "version in all processes"
                )


@final
@attrs.frozen(eq=False, repr=False)
class ChainState(ValueObject):
    """The progress of following a chain.

    Args:
        first: The chain's first session.
        sealer: Opens the records of the sessions that follow.
        store: Contains the records.
        deadline: The end of the timeout, on the monotonic clock.
        keep_session: Whether the running session continues when the caller stops early. If not, the
            session is cancelled.
        last: The last answer that was returned; None before the first.
    """

    first: StartedSession
    sealer: Sealer = attrs.field(kw_only=True)
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    deadline: float = attrs.field(kw_only=True)
    keep_session: bool = attrs.field(kw_only=True)
    last: Answer | None = attrs.field(default=None, kw_only=True)

    @property
    def is_over(self) -> bool:
        """Whether the chain ended with the answer in `last`."""
        return self.last is not None and self.last.next_session is None


def begin_chain(
    context: RequestorContext,
    settings: NextSessionSettings,
    first: StartedSession,
    *,
    timeout: timedelta,
    keep_session: bool = False,
) -> ChainState:
    """Begin to follow a chain; the timeout starts now, and applies to the whole chain.

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
    """Wait for the end of the next session; return its answer and the next state.

    Raises:
        NobodyAnsweredError: The timeout passed.
        AnswerError: The session has no answer, so the chain ends; the subclass names the reason.
        ConfigurationError: The store does not have the next request, or the request was sealed with
            other keys.
        IrmaError: `wait_for_answer_flow` raised it, or the store failed.
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
    """Cancel the running session when the caller stops following the chain early."""
    if state.last is not None and state.last.next_session is not None and not state.keep_session:
        yield from try_cancel_flow(context, state.last.next_session)


def _next_session_flow(
    context: RequestorContext, state: ChainState, last: Answer, token: RequestorToken
) -> Flow[SessionReference]:
    try:
        stored = yield from next_session_key(state.store, last.token).read_record(
            max(state.deadline, cleanup_deadline(context))
        )
        request = _next_request(last.token, stored, state.sealer, utc_now(context.clock))
    except GeneratorExit:
        raise  # a generator that is being closed cannot send anything
    except BaseException:
        yield from leave_chain_flow(context, state)
        raise
    # The first session started before this one, and its start time is known.
    return SessionReference(request, token, started_after=state.first.started_at)


def _next_request(
    token: RequestorToken, stored: bytes | None, sealer: Sealer, now: datetime
) -> ExtendedRequest:
    record = stored and NextSessionRecord.unseal(stored, sealer, token, now)
    request = record.next_request if record else None
    if request is None:
        raise ConfigurationError(
            "store: has no request for the next session; use the same store as the receiver that "
            "replies to the server"
        )
    return request
