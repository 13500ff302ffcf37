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
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Final, TypeAlias, final

import attrs

from irma_core.errors import AnswerError, PostRefusedError
from irma_core.flows.chain_records import NextRecord, next_of
from irma_core.flows.claims import Once, claimed_flow, released_flow
from irma_core.flows.effects import Ask, Flow
from irma_core.flows.posts import JWT, Post, believed_result_flow, opened, refusal
from irma_core.flows.sealed_urls import SealedAddress, Unsealed
from irma_core.flows.wiring import Wiring
from irma_core.models.answers import Answer
from irma_core.models.json_text import write_json
from irma_core.models.results import SessionResult
from irma_core.models.risks import ready_to_start
from irma_core.models.session_requests import ExtendedRequest, SessionRequest, as_extended
from irma_core.models.sessions import KeptSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now

__all__ = ["ChooseNext", "NextSessionSettings", "answer_next_session_flow"]

_REPLY_WITHIN: Final = timedelta(seconds=3)

NextRequest: TypeAlias = SessionRequest | ExtendedRequest | None
ChooseNext: TypeAlias = Callable[[Answer], Awaitable[NextRequest] | NextRequest]
"""The application's function: what to ask next, or None. It is quick: the person's app waits."""


@final
@attrs.frozen
class NextSessionSettings:
    """What answering needs beside the requestor's wiring.

    Args:
        address: Where the server posts to.
        store: Knows what the application said.
        choose: The application's function.
    """

    address: SealedAddress
    store: Store | AsyncStore = attrs.field(kw_only=True, repr=False)
    choose: ChooseNext = attrs.field(kw_only=True, repr=False)


def answer_next_session_flow(
    wiring: Wiring, settings: NextSessionSettings, post: Post
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
    deadline = wiring.deadline(_REPLY_WITHIN)
    try:
        unsealed = opened(wiring, settings.address, post, JWT)
        result = yield from believed_result_flow(wiring, post, unsealed, deadline)
        answer = _answer(result, unsealed)
        yield from _check_first_flow(wiring, settings.store, unsealed, result.token)
        once = next_of(settings.store, result.token)
        stored = yield from claimed_flow(wiring, once, deadline)
        if stored is None:
            record = yield from _choose_flow(wiring, settings, answer, once, unsealed.lifetime)
        else:
            record = NextRecord.unseal(
                stored, settings.address.sealer, result.token, utc_now(wiring.clock)
            )
    except PostRefusedError as refused:
        return refusal(refused)
    if wiring.seconds_left(deadline) <= 0:
        late = "the application took too long: the person's app gives up"
        return refusal(PostRefusedError("late", late))
    if record.request is None:
        return HttpResponse(204)
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return HttpResponse(200, headers, body=write_json(record.request).encode())


def _check_first_flow(
    wiring: Wiring, store: Store | AsyncStore, unsealed: Unsealed, token: RequestorToken
) -> Flow[None]:
    """Check that no other session was posted to the URL before."""
    first = Once(store, f"irma-next-url:{unsealed.name}")
    name = sha256(token.reveal().encode()).hexdigest().encode()
    if (yield from first.record(name, unsealed.lifetime, wiring.deadline())):
        return
    if (yield from first.look_up(wiring.deadline())) != name:
        raise PostRefusedError("session", "another session was posted to its URL before")


def _choose_flow(
    wiring: Wiring, settings: NextSessionSettings, answer: Answer, once: Once, lifetime: timedelta
) -> Flow[NextRecord]:
    """Ask the application, and record what it said before anybody acts on it."""
    claimed_at = wiring.clock.monotonic()
    try:
        chosen = yield from Ask(partial(settings.choose, answer), wiring.deadline())
        now = utc_now(wiring.clock)
        ready = None if chosen is None else ready_to_start(as_extended(chosen), now, wiring.allow)
        record = NextRecord.of(ready)
        sealed = record.seal(settings.address.sealer, answer.token, now, lifetime)
    except Exception:
        yield from released_flow(wiring, once, claimed_at)
        raise
    yield from once.record(sealed, lifetime, wiring.deadline())
    return record


def _answer(result: SessionResult, unsealed: Unsealed) -> Answer:
    if result.status is not SessionStatus.CONNECTED:
        raise PostRefusedError("status", "the session is not CONNECTED, so nothing follows it")
    try:
        return result.answer_before_next_session(KeptSession(unsealed.request, result.token))
    except AnswerError as error:
        raise PostRefusedError("answer", error.reason) from None
