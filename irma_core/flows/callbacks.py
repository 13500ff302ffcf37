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
  be asked while it waits, so the reply goes out first, and the rest happens later.

Source: irmago `doResultCallback` and `setStatus`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, final

import attrs

from irma_core.errors import PostRefusedError, WrongSessionError
from irma_core.flows.claims import Once, released_flow
from irma_core.flows.effects import Flow, Sleep
from irma_core.flows.posts import (
    JSON,
    JWT,
    Post,
    believed_result_flow,
    claimed_result,
    opened,
    refusal,
)
from irma_core.flows.sealed_urls import Unsealed
from irma_core.flows.server_key import verified_result_flow
from irma_core.flows.sessions import get_result_jwt_flow, get_unchecked_result_flow
from irma_core.flows.telling import CallbackSettings, Telling, tell_once_flow
from irma_core.flows.wiring import Wiring
from irma_core.models.results import SessionResult
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse

__all__ = [
    "News",
    "deliver_news_flow",
    "receive_callback_flow",
    "receive_unsigned_callback_flow",
]

_REPLY_WITHIN: Final = timedelta(seconds=3)
"""The app waits for the reply, and is lost at 4.2 s."""
_STORED_WITHIN: Final = timedelta(seconds=20)
_ASK_AGAIN: Final = timedelta(milliseconds=200)
_DONE: Final = HttpResponse(204)


@final
@attrs.frozen
class News:
    """That there may be news of a session, by a post that nobody signed.

    Args:
        token: Whose session.
        unsealed: What the URL of the post held.
        asking: The claim to ask the server about it.
    """

    token: RequestorToken
    unsealed: Unsealed
    asking: Once


def receive_callback_flow(
    wiring: Wiring, settings: CallbackSettings, post: Post
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
    deadline = wiring.deadline(_REPLY_WITHIN)
    try:
        unsealed = opened(wiring, settings.address, post, JWT)
        result = yield from believed_result_flow(wiring, post, unsealed, deadline)
        once = _once(settings, result)
        telling = Telling(once, unsealed, result, post.body.decode("ascii"))
        told = yield from tell_once_flow(wiring, settings, telling, deadline)
        asking = once.part(f"asking-{result.status.value}")
        if told is not result.status and (yield from asking.claim(wiring.deadline())):
            news = News(result.token, unsealed, asking)
            yield from _ask_and_tell_flow(wiring, settings, news, deadline)
    except PostRefusedError as refused:
        return refusal(refused)
    return _DONE


def receive_unsigned_callback_flow(
    wiring: Wiring, settings: CallbackSettings, post: Post
) -> Flow[tuple[HttpResponse, News | None]]:
    """Reply to a post that nobody signed.

    Returns:
        The reply, and what is to be done by `deliver_news_flow` once it has gone out, if anything.

    Raises:
        StoreError: The store failed.
    """
    try:
        unsealed = opened(wiring, settings.address, post, JSON)
        result = claimed_result(post, unsealed)
        once = _once(settings, result)
    except PostRefusedError as refused:
        return refusal(refused), None
    deadline = wiring.deadline()
    told = yield from once.look_up(deadline)
    asking = once.part(f"asking-{result.status.value}")
    # To ask for a timed-out session makes the server post again: only one may ask.
    if told == result.status.value.encode() or not (yield from asking.claim(deadline)):
        return _DONE, None
    return _DONE, News(result.token, unsealed, asking)


def deliver_news_flow(wiring: Wiring, settings: CallbackSettings, news: News) -> Flow[None]:
    """Ask the server how the session ended, and tell the application, once the reply is out.

    Raises:
        PostRefusedError: `undecided`: the server does not say that it has ended.
        SessionGoneError: The server does not know the session.
        WrongSessionError: It gives the result of another.
        IrmaError: The server could not be asked; or as `receive_callback_flow`.
    """
    return _ask_and_tell_flow(wiring, settings, news, wiring.deadline(_STORED_WITHIN))


def _once(settings: CallbackSettings, result: SessionResult) -> Once:
    if not result.status.is_final:
        raise PostRefusedError("status", "the session has not ended")
    return Once.of_session(settings.store, "callback", result.token)


def _ask_and_tell_flow(
    wiring: Wiring, settings: CallbackSettings, news: News, deadline: float
) -> Flow[None]:
    """Take the server's own word for how a session ended, and tell the application if it is new."""
    began_at = wiring.clock.monotonic()
    try:
        result, jwt = yield from _stored_end_flow(wiring, news.token, deadline)
        telling = Telling(_once(settings, result), news.unsealed, result, jwt)
        told = yield from tell_once_flow(wiring, settings, telling, deadline)
        if told is not result.status:
            again = attrs.evolve(telling, once=telling.once.part(result.status.value))
            yield from tell_once_flow(wiring, settings, again, deadline)
    except Exception:
        yield from released_flow(wiring, news.asking, began_at)
        raise


def _stored_end_flow(
    wiring: Wiring, token: RequestorToken, deadline: float
) -> Flow[tuple[SessionResult, str | None]]:
    """Ask until the server has stored the end, which it has not while it posts."""
    while True:
        jwt = None
        if wiring.takes_signed_results:
            jwt = yield from get_result_jwt_flow(wiring, token, deadline)
            result = yield from verified_result_flow(wiring, jwt, deadline=deadline)
        else:
            result = yield from get_unchecked_result_flow(wiring, token, deadline)
        if result.token != token:
            raise WrongSessionError(
                token.fingerprint, f"the result is of {result.token.fingerprint}"
            )
        if result.status.is_final:
            return result, jwt
        if wiring.seconds_left(deadline) <= _ASK_AGAIN.total_seconds():
            raise PostRefusedError("undecided", "the server has stored no end of the session")
        yield from Sleep(_ASK_AGAIN)
