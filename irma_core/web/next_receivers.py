"""The endpoint from which the IRMA server gets a chain's next session, in sync and async versions.

Each method only runs a flow. The steps and their order are in `callbacks.chains`; the checks of a
post and the codes of refusals are in `callbacks.inbound`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from datetime import timedelta
from typing import final

import attrs

from irma_core.async_requestor import AsyncRequestor
from irma_core.callbacks.callback_urls import NEXT_SESSION, SealedUrl
from irma_core.callbacks.chains import (
    ChainState,
    ChooseNext,
    NextSessionSettings,
    answer_next_session_flow,
    begin_chain,
    leave_chain_flow,
    next_answer_flow,
)
from irma_core.callbacks.inbound import Body, Headers, InboundRequest
from irma_core.errors import ConfigurationError
from irma_core.flows.context import RequestorContext
from irma_core.models.answers import Answer
from irma_core.models.arguments import check_instance, check_reference
from irma_core.models.session_requests import (
    ExtendedRequest,
    NextSession,
    SessionRequest,
    as_extended,
)
from irma_core.models.sessions import StartedSession
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.part_checks import check_function, check_store
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer, check_sealer

__all__ = ["AsyncNextSessionReceiver", "NextSessionReceiver"]


@final
@boundary
class NextSessionReceiver:
    """Replies to the IRMA server with the next session of a chain, which the application chooses.

    Threads may share a receiver. Any process with the same keys and store can receive any post.

    Args:
        requestor: The requestor that starts the sessions. Its `server_key` verifies the posts.
        url: The base URL, such as `https://shop.example/irma/next`. The server posts to URLs that
            begin with it, and your web framework passes each of these requests to `receive`.
        sealer: Seals each session's request into its URL, and each next request before it is
            stored.
        store: Stores the next request of each session, so that the application chooses it only
            once.
        choose: A function that takes a `ChainStep`, which has the answer from a session, and
            returns the next request, or None to end the chain. The person's app waits for the
            function. If it takes longer than 3 s, the reply is an error and the chain fails.
            Nothing interrupts the function, so it must limit its own waiting. If it raises, the
            chain fails too, and `receive` raises the error. If a further session may follow the
            next one, return `with_next_session(request)`. If another requestor on the same server
            learns one of these URLs, the server may post the result of that requestor's session
            there before it posts yours. To detect that, store the tokens of the sessions that you
            start, and compare them with `step.answer.token`.

    Raises:
        ConfigurationError: The URL is invalid or plain HTTP; the store or `choose` is async; or the
            requestor has no `server_key`. Unsigned posts cannot be accepted here: the server
            reports nothing about proofs until a session ends, so asking the server would not help.
        UsageError: Another argument has the wrong type.
    """

    def __init__(
        self, requestor: Requestor, url: str, *, sealer: Sealer, store: Store, choose: ChooseNext
    ) -> None:
        self._requestor = check_instance(requestor, Requestor, "requestor", "a Requestor")
        self._settings = _next_session_settings(
            requestor.context, url, sealer=sealer, store=store, choose=choose
        )

    def __repr__(self) -> str:
        return f"<NextSessionReceiver at {self._settings.address.page.text}>"

    def with_next_session(
        self, request: SessionRequest | ExtendedRequest, *, reference: str = ""
    ) -> ExtendedRequest:
        """Return the request with a new `nextSession` URL.

        Start only one session with the returned request.

        Args:
            request: The session's request.
            reference: A reference of the application's own, such as an order number. It is sealed
                in the URL, and `ChainStep.reference` returns it. At most 200 characters. If
                `choose` returns a request without a reference, the chain keeps its earlier
                reference.

        Raises:
            RequestError: The request and its reference are too large for a URL. Ask for fewer
                attributes, or for shorter values.
            UsageError: The reference is too long, or has an unprintable character.
        """
        return _with_next_session(self._requestor.context, self._settings, request, reference)

    def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """Handle a request to the endpoint; the arguments are those of `CallbackReceiver.receive`.

        Returns:
            The response, to be sent unchanged: 200 with the next request, 204 if no session
            follows, or a refusal. The body of a refusal gives the reason, which you can log; the
            app then reports that the session failed.

        Raises:
            StoreError: The store failed. `choose` may already have been called.
            RequestError: The request from `choose` is invalid, or too large to be stored.
            ConfigurationError: That request involves a risk that the requestor does not allow.
            Exception: `choose` raised it.
        """
        post = InboundRequest.of(method, url, headers, body)
        flow = answer_next_session_flow(self._requestor.context, self._settings, post)
        return self._requestor.run_flow(flow)

    def follow(
        self, session: StartedSession, *, timeout: timedelta, keep_session: bool = False
    ) -> Iterator[Answer]:
        """Return an iterator that yields each answer of a chain when its session has ended.

        Any process with the same keys and store can follow a chain. If the caller stops early, for
        example with `break`, the running session is cancelled, as with `wait_for_answer`. A loop
        does not close an async iterator, so use `contextlib.aclosing`. If you keep a sync iterator
        after the loop, call its `close`.

        Args:
            session: The first session, as `start_session` returned it.
            timeout: The time limit for the whole chain, counted from this call.
            keep_session: Whether the running session continues when the caller stops early. By
                default, it is cancelled.

        Raises, while iterating:
            NobodyAnsweredError: The timeout expired. This is a subclass of `AnswerError`.
            ResultJwtError: The signed result was refused.
            AnswerError: A session has no answer, so the chain ends.
            ConfigurationError: The store does not have the next request, or the request was sealed
                with other keys.
            StoreError: The store failed.
        """
        state = begin_chain(
            self._requestor.context,
            self._settings,
            session,
            timeout=timeout,
            keep_session=keep_session,
        )
        return self._answers(state)

    @boundary
    def _answers(self, state: ChainState) -> Generator[Answer]:
        requestor = self._requestor
        while not state.is_over:
            answer, state = requestor.run_flow(next_answer_flow(requestor.context, state))
            try:
                yield answer
            except BaseException:
                requestor.run_flow(leave_chain_flow(requestor.context, state))
                raise


@final
@boundary
class AsyncNextSessionReceiver:
    """`NextSessionReceiver` for an `AsyncRequestor`: the same arguments, methods and errors.

    `receive` is awaited, and `follow` returns an async iterator. `choose` may be async or not.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        url: str,
        *,
        sealer: Sealer,
        store: AsyncStore,
        choose: ChooseNext,
    ) -> None:
        self._requestor = check_instance(
            requestor, AsyncRequestor, "requestor", "an AsyncRequestor"
        )
        self._settings = _next_session_settings(
            requestor.context, url, sealer=sealer, store=store, choose=choose
        )

    def __repr__(self) -> str:
        return f"<AsyncNextSessionReceiver at {self._settings.address.page.text}>"

    def with_next_session(
        self, request: SessionRequest | ExtendedRequest, *, reference: str = ""
    ) -> ExtendedRequest:
        """Return the request with a new URL; see `NextSessionReceiver.with_next_session`."""
        return _with_next_session(self._requestor.context, self._settings, request, reference)

    async def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """Handle a request to the endpoint; see `NextSessionReceiver.receive`."""
        post = InboundRequest.of(method, url, headers, body)
        flow = answer_next_session_flow(self._requestor.context, self._settings, post)
        return await self._requestor.run_flow(flow)

    def follow(
        self, session: StartedSession, *, timeout: timedelta, keep_session: bool = False
    ) -> AsyncIterator[Answer]:
        """Return an iterator over the answers of a chain; see `NextSessionReceiver.follow`."""
        state = begin_chain(
            self._requestor.context,
            self._settings,
            session,
            timeout=timeout,
            keep_session=keep_session,
        )
        return self._answers(state)

    @boundary
    async def _answers(self, state: ChainState) -> AsyncGenerator[Answer]:
        requestor = self._requestor
        while not state.is_over:
            answer, state = await requestor.run_flow(next_answer_flow(requestor.context, state))
            try:
                yield answer
            except BaseException:
                await requestor.run_flow(leave_chain_flow(requestor.context, state))
                raise


def _next_session_settings(
    context: RequestorContext,
    url: str,
    *,
    sealer: Sealer,
    store: Store | AsyncStore,
    choose: ChooseNext,
) -> NextSessionSettings:
    check_sealer(sealer)
    check_store(store, is_async=context.is_async)
    check_function(choose, "choose", may_be_async=context.is_async)
    if not context.takes_signed_results:
        raise ConfigurationError(
            "requestor: must have a server_key, which verifies chained sessions"
        )
    page = ServerUrl.parse(url, allow=context.allow, what="url")
    return NextSessionSettings(
        SealedUrl(page, sealer, purpose=NEXT_SESSION), store=store, choose=choose
    )


def _with_next_session(
    context: RequestorContext,
    settings: NextSessionSettings,
    request: SessionRequest | ExtendedRequest,
    reference: str,
) -> ExtendedRequest:
    extended = as_extended(request)
    url = settings.address.url_for(extended, utc_now(context.clock), check_reference(reference))
    return attrs.evolve(extended, next_session=NextSession(url))
