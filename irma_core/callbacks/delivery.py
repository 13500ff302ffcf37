"""Callbacks: the server tells how a session ended, and the application is told once.

How the server really posts: before it stores the end and before the app gets its answer; both wait
for the reply, and after 4.2 s the app gives up. The reply is ignored, and nothing is repeated but a
time-out, again and again. Where the app gave up, `DONE` is told first and `CANCELLED` then, and the
server stores the first of them. So:

* a signed post is dealt with while the server waits: checked (`posts`), claimed by the session's
  token, delivered to the application, recorded, published. Equal posts, at once or later, wait for
  the record and deliver nothing;
* a post that contradicts what was delivered is settled by the server's own word, which is delivered
  too if it is another;
* where the application's function fails, the claim is released and its error passes through: the
  next post delivers. Until one comes the result is at the server, as for any session;
* an unsigned post is believed in nothing but that there may be news of its token. The server cannot
  be asked while it waits, so the reply goes out first, and the rest happens later. A stranger who
  knows the URL may post made-up tokens: one job at a time asks about a few of them for each URL
  (`named_sessions`), and none once the end of its session was told.

Source: irmago `doResultCallback` and `setStatus`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias, final

import attrs

from irma_core.callbacks.inbound import (
    JSON,
    JWT,
    CallbackContext,
    InboundRequest,
    SealedUrl,
    opened,
    parse_posted_result,
    refusal,
    verify_posted_result_flow,
)
from irma_core.callbacks.named_sessions import NamedSessions
from irma_core.errors import (
    AnswerError,
    ConfigurationError,
    IrmaError,
    PostRefusedError,
    SessionGoneError,
    WrongSessionError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import Flow, Sleep, call_application, publish_end
from irma_core.flows.once import OnceKey, claim_or_wait_flow, release_flow, release_on_error_flow
from irma_core.flows.session_answers import get_result_flow
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance
from irma_core.models.results import SessionResult
from irma_core.models.sessions import SessionReference
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.tracebacks import boundary

__all__ = [
    "CallbackSettings",
    "Deliver",
    "Delivery",
    "PendingCallback",
    "SessionOutcome",
    "deliver_once_flow",
    "receive_callback_flow",
    "receive_unsigned_callback_flow",
    "resolve_unsigned_callback_flow",
]


_REPLY_WITHIN: Final = timedelta(seconds=3)
"""The app waits for the reply, and is lost at 4.2 s."""
_STORED_WITHIN: Final = timedelta(seconds=20)
_ASK_AGAIN: Final = timedelta(milliseconds=200)
_DONE: Final = HttpResponse(204)


@final
@attrs.frozen
class PendingCallback:
    """That there may be news of a session, by a post that nobody signed.

    Args:
        token: Whose session.
        unsealed: What the URL of the post held.
        at_url: The claim to report the end of the URL's session, once.
        named: The sessions that posts to the URL have named.
    """

    token: RequestorToken
    unsealed: CallbackContext
    at_url: OnceKey
    named: NamedSessions

    @property
    def asking(self) -> OnceKey:
        """The claim to ask the server."""
        return self.at_url.child("asking")


def receive_callback_flow(
    context: RequestorContext, settings: CallbackSettings, post: InboundRequest
) -> Flow[HttpResponse]:
    """Deal with a signed post.

    Returns:
        The reply: 204, or a refusal; see `posts` for its codes.

    Raises:
        StoreError: The store failed; whether the application was told is not known.
        StatusBackendError: The status backend failed; the application was told.
        DeadlineError: The application's function took longer than the requestor's `timeout`.
        Exception: Whatever the application's function raises.
        IrmaError: The server had to be asked, and could not be.
    """
    deadline = context.deadline(_REPLY_WITHIN)
    try:
        unsealed = opened(context, settings.address, post, JWT)
        result = yield from verify_posted_result_flow(context, post, unsealed, deadline)
        once = _once(settings, result)
        telling = Delivery(once, unsealed, result, post.body.decode("ascii"))
        told = yield from deliver_once_flow(context, settings, telling, deadline)
        if told is not result.status:
            yield from _settled_flow(context, settings, telling, deadline)
    except PostRefusedError as refused:
        return refusal(refused)
    return _DONE


def _settled_flow(
    context: RequestorContext, settings: CallbackSettings, telling: Delivery, deadline: float
) -> Flow[None]:
    """Let one of those posts ask the server that contradict what was told."""
    asking = telling.once.child(f"asking-{telling.result.status.value}")
    if not (yield from asking.claim(context.deadline())):
        return
    token, unsealed = telling.result.token, telling.unsealed
    flow = _ask_and_tell_flow(context, settings, token, unsealed, deadline)
    yield from release_on_error_flow(context, asking, flow)


def receive_unsigned_callback_flow(
    context: RequestorContext, settings: CallbackSettings, post: InboundRequest
) -> Flow[tuple[HttpResponse, PendingCallback | None]]:
    """Reply to a post that nobody signed.

    Returns:
        The reply, and what `resolve_unsigned_callback_flow` has to do once it has gone out.

    Raises:
        StoreError: The store failed.
    """
    try:
        unsealed = opened(context, settings.address, post, JSON)
        result = parse_posted_result(post, unsealed)
        _once(settings, result)
    except PostRefusedError as refused:
        return refusal(refused), None
    key = f"irma-callback-url:{unsealed.name}"
    named = NamedSessions(settings.store, settings.address.sealer, key)
    news = PendingCallback(result.token, unsealed, OnceKey(settings.store, key), named)
    deadline = context.deadline()
    if (yield from news.at_url.read_record(deadline)) is not None:
        return _DONE, None
    # The post leaves its token first: if it finds the claim taken, the job that has it will look.
    if not (yield from named.note_flow(context, result.token)):
        return _DONE, None
    return _DONE, news if (yield from news.asking.claim(deadline)) else None


def resolve_unsigned_callback_flow(
    context: RequestorContext, settings: CallbackSettings, news: PendingCallback
) -> Flow[None]:
    """Ask the server how the session ended, and tell the application, once the reply is out.

    Raises:
        PostRefusedError: `undecided`: the server does not say that it has ended.
        SessionGoneError: The server does not know the session.
        WrongSessionError: It gives the result of another.
        IrmaError: The server could not be asked; or as `receive_callback_flow`.
    """
    asked: list[RequestorToken] = []
    waiting = [news.token]
    failures: list[IrmaError] = []
    while waiting:
        claimed_at = context.clock.monotonic()
        try:
            for token in waiting:
                asked.append(token)
                failure = yield from _news_of_one_flow(context, settings, news, token)
                if failure is None:
                    return
                failures.append(failure)
        except Exception:
            yield from release_flow(context, news.asking, claimed_at)
            raise
        yield from release_flow(context, news.asking, claimed_at)
        kept = yield from news.named.list_flow(context)
        waiting = [token for token in kept if token not in asked]
        if waiting and not (yield from news.asking.claim(context.deadline())):
            break
    raise failures[-1]


def _news_of_one_flow(
    context: RequestorContext,
    settings: CallbackSettings,
    news: PendingCallback,
    token: RequestorToken,
) -> Flow[IrmaError | None]:
    """Ask about one token and report its end, or return why there was nothing to report."""
    deadline = context.deadline(_STORED_WITHIN)
    try:
        yield from _ask_and_tell_flow(context, settings, token, news.unsealed, deadline)
    except SessionGoneError as error:
        yield from news.named.forget_flow(context, token)
        return error
    except PostRefusedError as error:
        return error
    yield from news.at_url.record(b"told", news.unsealed.lifetime, context.deadline())
    return None


def _once(settings: CallbackSettings, result: SessionResult) -> OnceKey:
    if not result.status.is_final:
        raise PostRefusedError("status", "the session has not ended")
    return OnceKey.of_session(settings.store, "callback", result.token)


def _ask_and_tell_flow(
    context: RequestorContext,
    settings: CallbackSettings,
    token: RequestorToken,
    unsealed: CallbackContext,
    deadline: float,
) -> Flow[None]:
    """Take the server's own word for how a session ended, and tell the application if it is new."""
    result, jwt = yield from _stored_end_flow(context, token, deadline)
    telling = Delivery(_once(settings, result), unsealed, result, jwt)
    told = yield from deliver_once_flow(context, settings, telling, deadline)
    if told is not result.status:
        again = attrs.evolve(telling, once=telling.once.child(result.status.value))
        yield from deliver_once_flow(context, settings, again, deadline)


def _stored_end_flow(
    context: RequestorContext, token: RequestorToken, deadline: float
) -> Flow[tuple[SessionResult, str | None]]:
    """Ask until the server has stored the end, which it has not while it posts."""
    while True:
        result, jwt = yield from get_result_flow(context, token, deadline)
        if result.token != token:
            raise WrongSessionError(
                token.fingerprint, f"the result is of {result.token.fingerprint}"
            )
        if result.status.is_final:
            return result, jwt
        if context.seconds_left(deadline) <= _ASK_AGAIN.total_seconds():
            raise PostRefusedError("undecided", "the server has stored no end of the session")
        yield from Sleep(_ASK_AGAIN)


@final
@boundary
@attrs.frozen
class SessionOutcome:
    """How a session ended, as the application is told.

    Args:
        token: The session's requestor token, which the application got when it started it.
        status: The final status; `DONE` does not say that there is an answer.
        outcome: The answer, or why there is none.
    """

    token: RequestorToken
    status: SessionStatus
    _outcome: Answer | AnswerError = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        check_instance(self.token, RequestorToken, "token", "a RequestorToken")
        check_instance(self.status, SessionStatus, "status", "a SessionStatus")
        expected = "an Answer or an AnswerError"
        check_instance(self._outcome, (Answer, AnswerError), "outcome", expected)

    def get_answer(self) -> Answer:
        """Give what was proved, after every check; there is no other way to the attributes.

        Raises:
            AnswerError: One of its subclasses for each reason why there is no answer.
        """
        if isinstance(self._outcome, AnswerError):
            raise copy(self._outcome)  # each who raises one adds a traceback to it
        return self._outcome


Deliver: TypeAlias = Callable[[SessionOutcome], Awaitable[None] | None]
"""The application's function. It is quick: the person's app waits for it."""


@final
@attrs.frozen
class CallbackSettings:
    """What receiving needs beside the requestor's context.

    Args:
        address: Where the server posts to.
        store: Knows what was delivered.
        deliver: The application's function.
    """

    address: SealedUrl
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    deliver: Deliver = attrs.field(kw_only=True, repr=False)


@final
@attrs.frozen
class Delivery:
    """What is told, and what for.

    Args:
        once: So that it is told once.
        unsealed: What was asked.
        result: A result that is believed.
        jwt: Its JWT, if it is signed.
    """

    once: OnceKey
    unsealed: CallbackContext
    result: SessionResult
    jwt: str | None = attrs.field(repr=False)

    def session_end(self) -> SessionOutcome:
        """Give what the application is told."""
        result = self.result
        outcome: Answer | AnswerError
        try:
            outcome = result.answer_to(SessionReference(self.unsealed.request, result.token))
        except AnswerError as error:
            outcome = error
        return SessionOutcome(result.token, result.status, outcome)


def deliver_once_flow(
    context: RequestorContext, settings: CallbackSettings, telling: Delivery, deadline: float
) -> Flow[SessionStatus]:
    """Tell the application unless it was told; give the status that it was told then or now."""
    once, status = telling.once, telling.result.status
    record = yield from claim_or_wait_flow(context, once, deadline)
    if record is not None:
        return _told(record)
    yield from release_on_error_flow(context, once, _deliver_flow(context, settings, telling))
    lifetime = telling.unsealed.lifetime
    yield from once.record(status.value.encode(), lifetime, context.deadline())
    if context.status_backend is not None:
        end = PublishedEnd(status, telling.jwt)
        deadline = context.deadline()
        yield from publish_end(context.status_backend, telling.result.token, end, deadline)
    return status


def _deliver_flow(
    context: RequestorContext, settings: CallbackSettings, telling: Delivery
) -> Flow[None]:
    function = partial(settings.deliver, telling.session_end())
    yield from call_application(function, context.deadline())


def _told(record: bytes) -> SessionStatus:
    for status in SessionStatus:
        if status.value.encode() == record:
            return status
    raise ConfigurationError("what the store has of this session was put there by another program")
