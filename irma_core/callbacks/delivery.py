"""Callbacks: the server posts how a session ended, and the application is notified once.

The server posts before it stores the end of the session and before it replies to the app. The
server and the app both wait for the receiver's reply; after 4.2 s the app gives up. The server
ignores the content of the reply, and repeats only the post that reports a timeout. If the app gave
up, the server posts `DONE` first and then `CANCELLED`, and stores the first outcome. So:

* A signed post is handled while the server waits. It is checked, claimed under the session's token,
  delivered to the application, recorded and published. Duplicate posts, at the same time or later,
  wait for the record and deliver nothing.
* A sealed URL belongs to the first session that a signed post names. So a URL that leaked through a
  log cannot deliver its reference with the result of another session.
* If a post contradicts what was delivered, the server is asked. If the server reports an outcome
  other than the delivered one, that outcome is delivered too.
* If the application's function fails, the claim is released and the error is raised. The next post
  delivers the outcome. Until then, the server keeps the result, as for any session. A receiver may
  also keep the post: see `kept_posts` and `replays`.
* An unsigned POST proves nothing. It is only a hint to ask the server about that session. The
  server cannot respond while it waits, so the receiver sends its reply first, and asks later. A
  stranger who knows the URL may post made-up tokens: see `named_sessions`.

Source: irmago `doResultCallback` and `setStatus`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import copy
from datetime import timedelta
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar, final

import attrs

from irma_core.callbacks.callback_urls import CallbackContext, SealedUrl, StaticUrl
from irma_core.callbacks.inbound import (
    JSON,
    JWT,
    InboundRequest,
    at_present,
    check_inbound,
    check_posted_result,
    parse_posted_result,
    refuse_post,
)
from irma_core.callbacks.kept_posts import KEPT_FOR, KeptPost, KeptPosts, PostKeeper
from irma_core.callbacks.named_sessions import NamedSessions
from irma_core.errors import (
    AnswerError,
    ConfigurationError,
    IrmaError,
    PostRefusedError,
    ResultJwtError,
    SessionGoneError,
    StoreError,
    WrongSessionError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, call_application, publish_end
from irma_core.flows.once import (
    OnceKey,
    check_first_flow,
    claim_or_record_flow,
    release_flow,
    release_on_error_flow,
)
from irma_core.flows.proved_signatures import proved_signature_flow
from irma_core.flows.session_answers import get_result_flow, verified_result_flow
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance, check_reference
from irma_core.models.events import CallbackDelivered
from irma_core.models.results import SessionResult
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.tracebacks import boundary
from irma_core.value_object import ValueObject

__all__ = [
    "CallbackSettings",
    "Deliver",
    "PendingCallback",
    "SessionOutcome",
    "handle_callback_flow",
    "receive_callback_flow",
    "receive_unsigned_callback_flow",
    "resolve_unsigned_callback_flow",
]


UrlT_co = TypeVar("UrlT_co", bound=SealedUrl | StaticUrl, covariant=True)

_REPLY_WITHIN: Final = timedelta(seconds=3)
"""The time limit for the library's own work on a post, apart from the application's function. The
app waits for the reply, and gives up after 4.2 s.
"""
_STORED_WITHIN: Final = timedelta(seconds=20)
_ASK_AGAIN: Final = timedelta(milliseconds=200)
_ACCEPTED: Final = HttpResponse(204)
_UNHANDLED: Final = frozenset({"busy", "undecided"})
"""The codes which mean that a verified post was refused before its outcome was delivered."""


@final
@boundary
@attrs.frozen(eq=False, repr=False)
class SessionOutcome(ValueObject):
    """How a session ended, as reported to the application.

    Args:
        token: The session's requestor token, as `start_session` returned it.
        status: The final status. `DONE` does not guarantee that there is an answer.
        outcome: The answer, or the reason why there is no answer.
        reference: The application's own reference, as passed to `with_callback`. It is an empty
            string if there is none, and for a static session.
    """

    token: RequestorToken
    status: SessionStatus
    _outcome: Answer | AnswerError = attrs.field(repr=False)
    # The `repr` leaves out the reference, because it may be personal, such as a user's name.
    reference: str = attrs.field(default="", kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.token, RequestorToken, "token", "a RequestorToken")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        expected = "an Answer or an AnswerError"
        check_instance(self._outcome, (Answer, AnswerError), "outcome", expected)
        check_reference(self.reference)

    @property
    def error_name(self) -> str:
        """The class name of the error that `get_answer` raises; empty if there is an answer."""
        return type(self._outcome).__name__ if isinstance(self._outcome, AnswerError) else ""

    def get_answer(self) -> Answer:
        """Return the answer, which has passed every check.

        Only an answer gives access to the attributes.

        Raises:
            AnswerError: There is no answer; each reason has a subclass.
        """
        if isinstance(self._outcome, AnswerError):
            raise copy(
                self._outcome
            )  # if the error were shared, each raise would extend its traceback
        return self._outcome


Deliver: TypeAlias = Callable[[SessionOutcome], Awaitable[None] | None]
"""The application's function that receives an outcome. It must be quick, because the person's app
waits for it.
"""


@final
@attrs.frozen(eq=False, repr=False)
class CallbackSettings(ValueObject, Generic[UrlT_co]):
    """The settings for receiving callbacks.

    Args:
        address: The URL that the server posts to.
        store: Records which outcomes have been delivered.
        deliver: The application's function that receives an outcome.
        kept: Where posts are kept until they are delivered; None to keep no posts.
    """

    address: UrlT_co
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    deliver: Deliver = attrs.field(kw_only=True, repr=False)
    kept: KeptPosts | None = attrs.field(default=None, kw_only=True, repr=False)

    def keeper(self, post: InboundRequest, replayed: KeptPost | None = None) -> PostKeeper:
        """Return the `PostKeeper` for a post. In a replay, `replayed` is the kept post."""
        sealer = self.address.sealer if isinstance(self.address, SealedUrl) else None
        return PostKeeper(self.kept, sealer, post, replayed)

    def remembered(self, lifetime: timedelta) -> timedelta:
        """Return how long the store keeps the record of a delivery.

        The record is kept for as long as posts may arrive or be replayed.

        Args:
            lifetime: How long posts to the session's URL may arrive.
        """
        return lifetime if self.kept is None else max(lifetime, KEPT_FOR)


@final
@attrs.frozen(eq=False, repr=False)
class _Delivery(ValueObject):
    """An outcome to deliver.

    Args:
        once: The store key which ensures that the outcome is delivered only once.
        callback: The session data that belongs to the callback URL.
        result: The session's result. It was verified, or was fetched from the server itself.
        jwt: The JWT of the result, if it is signed.
        keeper: Keeps the post that has the result until the outcome is delivered.
    """

    once: OnceKey
    callback: CallbackContext
    result: SessionResult
    jwt: str | None = attrs.field(repr=False)
    keeper: PostKeeper = attrs.field(factory=PostKeeper.of_nothing, repr=False)

    def outcome_flow(self, context: RequestorContext, deadline: float) -> Flow[SessionOutcome]:
        """Return the outcome in the form that the application receives."""
        result, session = self.result, self.callback.session(self.result.token)
        outcome: Answer | AnswerError
        try:
            answer = result.answer_to(session)
            outcome = yield from proved_signature_flow(context, session, answer, deadline)
        except AnswerError as error:
            outcome = error
        reference = self.callback.reference
        return SessionOutcome(result.token, result.status, outcome, reference=reference)


def receive_callback_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl | StaticUrl],
    post: InboundRequest,
) -> Flow[HttpResponse]:
    """Handle a signed post, and keep the post if handling it fails.

    Returns:
        The reply: 204, or a refusal; see `inbound` for the codes.

    Raises:
        StoreError: The store failed. The outcome may have been delivered.
        StatusBackendError: The status backend failed. The outcome has been delivered.
        DeadlineError: The application's function took longer than the requestor's `timeout`.
        Exception: The application's function raised it.
        IrmaError: A request to the server failed.
    """
    keeper = settings.keeper(post)
    try:
        yield from handle_callback_flow(context, settings, post, keeper)
    except PostRefusedError as refused:
        if refused.code in _UNHANDLED:
            yield from keeper.keep_failed_flow(context, refused)
        return refuse_post(context, settings.address, refused)
    except Exception as error:
        yield from keeper.keep_failed_flow(context, error)
        raise
    return _ACCEPTED


def handle_callback_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl | StaticUrl],
    post: InboundRequest,
    keeper: PostKeeper,
) -> Flow[None]:
    """Check a signed post, and deliver its outcome.

    For the other errors, see `receive_callback_flow`.

    Raises:
        PostRefusedError: The post is refused.
    """
    deadline = context.deadline(_REPLY_WITHIN)
    callback = check_inbound(context, settings.address, post, JWT)
    try:
        result = yield from verified_result_flow(context, post.body, deadline)
    except ResultJwtError as error:
        raise PostRefusedError(error.code, error.reason) from None
    check_posted_result(post, result, callback)
    once = _once_key(settings, result)
    if isinstance(settings.address, SealedUrl):
        first = OnceKey(settings.store, f"irma-callback-url:{callback.name}:first")
        lifetime = settings.remembered(callback.lifetime)
        yield from check_first_flow(context, first, result.token, lifetime)
    keeper.note_verified(
        _outcome_name(once, result.status),
        result.token.fingerprint,
        is_done=result.status is SessionStatus.DONE,
    )
    delivery = _Delivery(once, callback, result, post.body.decode("ascii"), keeper)
    delivered = yield from _deliver_once_flow(context, settings, delivery, deadline)
    if delivered is not result.status:
        # The posts contradict each other. Only one handler asks the server; its claim is left to
        # expire.
        asking = once.child(f"asking-{result.status.value}")
        if (yield from asking.claim(context.deadline())):
            flow = _settle_flow(context, settings, delivery, deadline)
            yield from release_on_error_flow(context, asking, flow)
        elif keeper.is_replay:
            raise PostRefusedError(
                "busy", "another process is asking the server about this session"
            )


def _settle_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl | StaticUrl],
    delivery: _Delivery,
    deadline: float,
) -> Flow[None]:
    """Ask the server about a post that contradicts a delivered outcome.

    If the server reports another outcome than the delivered one, deliver that outcome too.
    """
    keeper, result = delivery.keeper, delivery.result
    try:
        stored, jwt = yield from _stored_result_flow(at_present(context), result.token, deadline)
    except SessionGoneError:
        if not keeper.is_replay:
            raise
        # By the time of a replay, the server has forgotten the session. The server stored the
        # outcome of its first post. Only a first post can have status `DONE`, so this outcome is
        # the stored one.
        if result.status is SessionStatus.DONE:
            yield from _deliver_too_flow(context, settings, delivery, deadline)
    else:
        once = _once_key(settings, stored)
        asked = _Delivery(once, delivery.callback, stored, jwt, keeper)
        yield from _deliver_asked_flow(context, settings, asked, deadline)
    yield from keeper.remove_flow(context)


@final
@attrs.frozen(eq=False, repr=False)
class PendingCallback(ValueObject):
    """The work that remains after the reply to an unsigned post: asking the server for the outcome.

    Args:
        token: The token of the session that the post names.
        callback: The session data that the post's URL contains.
        at_url: The store key that records that an outcome was delivered for the URL.
        named: The sessions named so far by posts to this URL.
    """

    token: RequestorToken
    callback: CallbackContext
    at_url: OnceKey
    named: NamedSessions

    @property
    def asking(self) -> OnceKey:
        """The store key that a job claims before it asks the server."""
        return self.at_url.child("asking")


def receive_unsigned_callback_flow(
    context: RequestorContext, settings: CallbackSettings[SealedUrl], post: InboundRequest
) -> Flow[tuple[HttpResponse, PendingCallback | None]]:
    """Reply to an unsigned post.

    Returns:
        The reply, and the argument for `resolve_unsigned_callback_flow`, which is run once the
        reply has been sent. The argument is None if there is nothing to ask the server.

    Raises:
        StoreError: The store failed.
    """
    try:
        callback = check_inbound(context, settings.address, post, JSON)
        result = parse_posted_result(post)
        check_posted_result(post, result, callback)
        _once_key(settings, result)
    except PostRefusedError as refused:
        return refuse_post(context, settings.address, refused), None
    key = f"irma-callback-url:{callback.name}"
    named = NamedSessions(settings.store, settings.address.sealer, key)
    pending = PendingCallback(result.token, callback, OnceKey(settings.store, key), named)
    deadline = context.deadline()
    if (yield from pending.at_url.read_record(deadline)) is not None:
        return _ACCEPTED, None
    # The token is noted before the claim is made. So if another job holds the claim, that job will
    # find the token.
    if not (yield from named.note_flow(context, result.token)):
        return _ACCEPTED, None
    return _ACCEPTED, pending if (yield from pending.asking.claim(deadline)) else None


def resolve_unsigned_callback_flow(
    context: RequestorContext, settings: CallbackSettings[SealedUrl], pending: PendingCallback
) -> Flow[None]:
    """Ask the server how the session ended, and notify the application.

    Run this flow once the reply has been sent.

    Raises:
        PostRefusedError: `undecided`: the server has not yet stored how the session ended.
        SessionGoneError: The server does not know the session.
        WrongSessionError: The server returned the result of another session.
        IrmaError: The request to the server failed; or one of the errors that
            `receive_callback_flow` lists.
    """
    asked: list[RequestorToken] = []
    waiting = [pending.token]
    failures: list[IrmaError] = []
    while waiting:
        claimed_at = context.clock.monotonic()
        flow = _resolve_each_flow(context, settings, pending, waiting)
        failed = yield from release_on_error_flow(context, pending.asking, flow)
        if failed is None:
            return
        failures += failed
        asked += waiting
        yield from release_flow(context, pending.asking, claimed_at)
        named = yield from pending.named.list_flow(context)
        waiting = [token for token in named if token not in asked]
        if waiting and not (yield from pending.asking.claim(context.deadline())):
            break
    raise failures[-1]


def _resolve_each_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl],
    pending: PendingCallback,
    tokens: list[RequestorToken],
) -> Flow[list[IrmaError] | None]:
    """Ask the server about the session of each token, until an outcome is delivered.

    Return the failures if no outcome is delivered, and otherwise None.
    """
    failures: list[IrmaError] = []
    for token in tokens:
        deadline = context.deadline(_STORED_WITHIN)
        try:
            yield from _ask_server_flow(context, settings, token, pending.callback, deadline)
        except SessionGoneError as error:
            yield from pending.named.forget_flow(context, token)
            failures.append(error)
        except PostRefusedError as error:
            failures.append(error)
        else:
            lifetime = pending.callback.lifetime
            yield from pending.at_url.record(b"delivered", lifetime, context.deadline())
            return None
    return failures


def _outcome_name(once: OnceKey, status: SessionStatus) -> str:
    return f"{once.key} {status.value}"  # contradictory posts count as two outcomes


def _once_key(settings: CallbackSettings[SealedUrl | StaticUrl], result: SessionResult) -> OnceKey:
    """Return the store key which ensures that a session's outcome is delivered only once."""
    if not result.status.is_final:
        raise PostRefusedError("status", "the session has not ended")
    return OnceKey.of_session(settings.store, "callback", result.token)


def _ask_server_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl],
    token: RequestorToken,
    callback: CallbackContext,
    deadline: float,
) -> Flow[None]:
    """Ask the server how a session ended; deliver the outcome unless it has been delivered."""
    result, jwt = yield from _stored_result_flow(context, token, deadline)
    delivery = _Delivery(_once_key(settings, result), callback, result, jwt)
    yield from _deliver_asked_flow(context, settings, delivery, deadline)


def _stored_result_flow(
    context: RequestorContext, token: RequestorToken, deadline: float
) -> Flow[tuple[SessionResult, str | None]]:
    """Return the final result that the server has stored, and its JWT if it is signed."""
    while True:
        result, jwt = yield from get_result_flow(context, token, deadline)
        if result.token != token:
            raise WrongSessionError(
                token.fingerprint,
                f"the result belongs to another session, {result.token.fingerprint}",
            )
        if result.status.is_final:
            return result, jwt
        # The server stores the end only after it has received the reply to its post.
        if context.seconds_left(deadline) <= _ASK_AGAIN.total_seconds():
            raise PostRefusedError(
                "undecided", "the server has not yet stored how the session ended"
            )
        yield from Sleep(_ASK_AGAIN)


def _deliver_asked_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl | StaticUrl],
    delivery: _Delivery,
    deadline: float,
) -> Flow[None]:
    """Deliver the outcome that the server reported, even if another was delivered before."""
    delivered = yield from _deliver_once_flow(context, settings, delivery, deadline)
    if delivered is not delivery.result.status:
        yield from _deliver_too_flow(context, settings, delivery, deadline)


def _deliver_too_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl | StaticUrl],
    delivery: _Delivery,
    deadline: float,
) -> Flow[None]:
    """Deliver an outcome that differs from the one already delivered, but only once."""
    other = delivery.once.child(delivery.result.status.value)
    delivery = attrs.evolve(delivery, once=other)
    yield from _deliver_once_flow(context, settings, delivery, deadline)


def _deliver_once_flow(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl | StaticUrl],
    delivery: _Delivery,
    deadline: float,
) -> Flow[SessionStatus]:
    """Deliver the outcome, unless the session's outcome has already been delivered.

    Return the status that was delivered, now or earlier.
    """
    once, status, keeper = delivery.once, delivery.result.status, delivery.keeper
    is_mine, record = yield from claim_or_record_flow(context, once, deadline)
    if record is not None:
        delivered = _delivered_status(record)
        if is_mine and delivered is status:
            yield from keeper.remove_flow(context)
        return delivered
    outcome = yield from release_on_error_flow(
        context, once, _kept_outcome_flow(context, delivery, deadline)
    )
    call = call_application(partial(settings.deliver, outcome), context.deadline())
    yield from release_on_error_flow(context, once, iter(call))
    keeper.note_delivery()
    if context.observer is not None:
        context.notify(CallbackDelivered(outcome.token.fingerprint, status, outcome.error_name))
    lifetime = settings.remembered(delivery.callback.lifetime)
    recording = once.record(status.value.encode(), lifetime, context.deadline())
    try:
        yield from recording
    except StoreError:
        yield from keeper.remove_unrecorded_flow(context)
        raise
    with suppress(StoreError):  # a replay finds the record, and removes the post
        yield from keeper.remove_flow(context)
    # Watchers are notified after the application. If publishing fails, they still find the result
    # by polling.
    if context.status_backend is not None:
        token, end = delivery.result.token, PublishedEnd(status, delivery.jwt)
        yield from publish_end(context.status_backend, token, end, context.deadline())
    return status


def _kept_outcome_flow(
    context: RequestorContext, delivery: _Delivery, deadline: float
) -> Flow[SessionOutcome]:
    """Keep the post with the outcome, and return the outcome."""
    if not (yield from delivery.keeper.keep_flow(context)):
        raise PostRefusedError(
            "gone", "the post is no longer kept: the store lost it, or another process removed it"
        )
    return (yield from delivery.outcome_flow(context, deadline))


def _delivered_status(record: bytes) -> SessionStatus:
    for status in SessionStatus:
        if status.value.encode() == record:
            return status
    raise ConfigurationError(
        "store: holds something else under the key of this session; use a separate store for the "
        "receivers"
    )
