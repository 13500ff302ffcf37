"""The front door for callbacks, in two modes, one line a method: a page of the application's.

What happens, and in which order, is in `flows.callbacks`; which posts are refused, and by which
code, in `flows.posts`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeAlias, final

import attrs

from irma_core.async_requestor import AsyncRequestor
from irma_core.callbacks.chains import (
    ChooseNext,
    NextSessionSettings,
    answer_next_session_flow,
)
from irma_core.callbacks.delivery import (
    CallbackSettings,
    Deliver,
    PendingCallback,
    receive_callback_flow,
    receive_unsigned_callback_flow,
    resolve_unsigned_callback_flow,
)
from irma_core.callbacks.inbound import (
    CALLBACK,
    NEXT_SESSION,
    Body,
    Headers,
    InboundRequest,
    SealedUrl,
)
from irma_core.errors import ConfigurationError
from irma_core.flows.context import RequestorContext
from irma_core.models.arguments import check_instance
from irma_core.models.session_requests import (
    ExtendedRequest,
    NextSession,
    SessionRequest,
    as_extended,
)
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.part_checks import check_function, check_store
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer, check_sealer

__all__ = [
    "AsyncCallbackReceiver",
    "AsyncNextSessionReceiver",
    "CallbackReceiver",
    "NextSessionReceiver",
]


RunLater: TypeAlias = Callable[[Callable[[], None]], object]
RunLaterAsync: TypeAlias = Callable[[Callable[[], Coroutine[object, object, None]]], object]


@final
@boundary
class CallbackReceiver:
    """Tells the application once how each session ended, by what the server posts.

    May be shared by threads; any process with the same keys and store takes any post.

    Args:
        requestor: Whose sessions. Its `server_key` verifies the posts; its `status_backend`, if it
            has one, is told of each end when the application knows it.
        page: The URL that the server posts below: `https://shop.example/irma/callback`. The web
            framework calls `receive` for all that comes below it.
        sealer: Seals what was asked into the URL of each session.
        store: Knows what was told, for as long as posts may come.
        deliver: Takes how a session ended, a `SessionOutcome`. The person's app waits for it: a
            second is much, and after 4 the session is lost to the app. Heavy work goes to a queue.
            What it raises comes out of `receive`, and the next post tells it again. Should the
            process die while it runs it may be told twice, so let it do no harm.
        unsigned: For a server without a JWT key, and then for unsigned posts only: runs a function
            once the reply has gone out, `executor.submit` for instance. Of such a post nothing is
            believed: the server is asked, which has stored the end only when it has its reply. For
            each URL one such function runs at a time, and asks about four tokens a minute at most:
            whoever learns a URL can post any number of made-up ones. It raises what went wrong.

    Raises:
        ConfigurationError: The page is no URL, or on plain HTTP; the requestor has no `server_key`
            for signed posts, or has one although they are to be unsigned; or the store or a
            function is awaited.
        UsageError: Another argument is not what it should be.
    """

    def __init__(
        self,
        requestor: Requestor,
        page: str,
        *,
        sealer: Sealer,
        store: Store,
        deliver: Deliver,
        unsigned: RunLater | None = None,
    ) -> None:
        check_instance(requestor, Requestor, "requestor", "a Requestor")
        check_sealer(sealer)
        check_store(store, is_async=False)
        check_function(deliver, "deliver", may_be_async=False)
        if unsigned is not None:
            check_function(unsigned, "unsigned", may_be_async=False)
        self._requestor = requestor
        self._later = unsigned
        address = _address(requestor.context, page, sealer, is_signed=unsigned is None)
        self._settings = CallbackSettings(address, store=store, deliver=deliver)

    def __repr__(self) -> str:
        return f"<CallbackReceiver at {self._settings.address.page.text}>"

    def add_to(self, request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
        """Give the request with a callback URL of its own, to be started at once, and once.

        Raises:
            RequestError: The request is too large to be kept in a URL.
        """
        return _with_callback(self._requestor.context, self._settings, request)

    def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """Deal with a request to the page.

        Args:
            method: Its HTTP method.
            url: Its URL or path, as it came.
            headers: Its headers: a mapping, or pairs. A WSGI environ and the headers of an ASGI
                scope will do.
            body: Its body, whole and as it came.

        Returns:
            What to send, as it is: 204; or a refusal, whose body says why, for the log.

        Raises:
            StoreError: The store failed; whether the application was told is not known.
            StatusBackendError: The status backend failed; the application was told.
            Exception: Whatever `deliver` raises.
            UsageError: An argument is not what it should be.
            IrmaError: Two posts contradict each other, and the server could not be asked.
        """
        post, context = InboundRequest.of(method, url, headers, body), self._requestor.context
        if self._later is None:
            return self._requestor.run_flow(receive_callback_flow(context, self._settings, post))
        flow = receive_unsigned_callback_flow(context, self._settings, post)
        reply, news = self._requestor.run_flow(flow)
        if news is not None:
            self._later(partial(self._deliver, news))
        return reply

    def _deliver(self, news: PendingCallback) -> None:
        context = self._requestor.context
        self._requestor.run_flow(resolve_unsigned_callback_flow(context, self._settings, news))


@final
@boundary
class AsyncCallbackReceiver:
    """`CallbackReceiver`, awaited: the same arguments, methods and errors.

    `deliver` may be awaited or not; `unsigned` is given a function to call and to await, as a
    framework's background tasks are.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        page: str,
        *,
        sealer: Sealer,
        store: AsyncStore,
        deliver: Deliver,
        unsigned: RunLaterAsync | None = None,
    ) -> None:
        check_instance(requestor, AsyncRequestor, "requestor", "an AsyncRequestor")
        check_sealer(sealer)
        check_store(store, is_async=True)
        check_function(deliver, "deliver", may_be_async=True)
        if unsigned is not None:
            check_function(unsigned, "unsigned", may_be_async=False)
        self._requestor = requestor
        self._later = unsigned
        address = _address(requestor.context, page, sealer, is_signed=unsigned is None)
        self._settings = CallbackSettings(address, store=store, deliver=deliver)

    def __repr__(self) -> str:
        return f"<AsyncCallbackReceiver at {self._settings.address.page.text}>"

    def add_to(self, request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
        """See `CallbackReceiver.add_to`; nothing is awaited."""
        return _with_callback(self._requestor.context, self._settings, request)

    async def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """See `CallbackReceiver.receive`."""
        post, context = InboundRequest.of(method, url, headers, body), self._requestor.context
        if self._later is None:
            flow = receive_callback_flow(context, self._settings, post)
            return await self._requestor.run_flow(flow)
        hinted = receive_unsigned_callback_flow(context, self._settings, post)
        reply, news = await self._requestor.run_flow(hinted)
        if news is not None:
            self._later(partial(self._deliver, news))
        return reply

    async def _deliver(self, news: PendingCallback) -> None:
        context = self._requestor.context
        await self._requestor.run_flow(
            resolve_unsigned_callback_flow(context, self._settings, news)
        )


def _address(context: RequestorContext, page: str, sealer: Sealer, *, is_signed: bool) -> SealedUrl:
    if is_signed and not context.takes_signed_results:
        raise ConfigurationError(
            "callbacks are verified by the requestor's server_key: give it one; for a server "
            "without a JWT key, take unsigned posts by name: unsigned=…"
        )
    if context.takes_signed_results and not is_signed:
        raise ConfigurationError("unsigned: the requestor has a server_key, so the server signs")
    return SealedUrl(
        ServerUrl.parse(page, allow=context.allow, what="page"), sealer, purpose=CALLBACK
    )


def _with_callback(
    context: RequestorContext, settings: CallbackSettings, request: SessionRequest | ExtendedRequest
) -> ExtendedRequest:
    asked = as_extended(request)
    return attrs.evolve(asked, callback_url=settings.address.url_for(asked, utc_now(context.clock)))


@final
@boundary
class NextSessionReceiver:
    """Asks the application what is to follow a session, when the server wants to know.

    May be shared by threads; any process with the same keys and store takes any post.

    Args:
        requestor: Whose sessions. Its `server_key` verifies the posts.
        page: The URL that the server posts below: `https://shop.example/irma/next`. The web
            framework calls `receive` for all that comes below it.
        sealer: Seals what was asked into the URL of each session, and into the store.
        store: Knows what the application said, so that it is asked once a session.
        choose: Is given the `Answer` and says what to ask next: a request, or None for nothing.
            The person's app waits for it: after 3 s the reply is an error, and the chain fails;
            nothing interrupts it, so let it bound its own waits. The chain fails too if `choose`
            raises, which comes out of `receive`. For a session that may itself be followed, it
            gives `add_to(request)`. Another requestor of the server who learns a URL can post a
            session of their own to it before yours: where your application keeps the tokens of the
            sessions that it started, compare `answer.token`.

    Raises:
        ConfigurationError: The page is no URL, or on plain HTTP; or the requestor has no
            `server_key`: before the end of a session nobody could be asked about unsigned posts; or
            the store or `choose` is awaited.
        UsageError: Another argument is not what it should be.
    """

    def __init__(
        self, requestor: Requestor, page: str, *, sealer: Sealer, store: Store, choose: ChooseNext
    ) -> None:
        check_instance(requestor, Requestor, "requestor", "a Requestor")
        check_sealer(sealer)
        check_store(store, is_async=False)
        check_function(choose, "choose", may_be_async=False)
        self._requestor = requestor
        address = _next_session_url(requestor.context, page, sealer)
        self._settings = NextSessionSettings(address, store=store, choose=choose)

    def __repr__(self) -> str:
        return f"<NextSessionReceiver at {self._settings.address.page.text}>"

    def add_to(self, request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
        """Give the request with a `nextSession` URL of its own, to be started at once, and once.

        Raises:
            RequestError: The request is too large to be kept in a URL.
        """
        return _with_next_session(self._requestor.context, self._settings, request)

    def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """Deal with a request to the page; the arguments are those of `CallbackReceiver.receive`.

        Returns:
            What to send, as it is: 200 with the next request, 204 for none; or a refusal, whose
            body says why, for the log. The app then learns that its session failed.

        Raises:
            StoreError: The store failed; whether the application was asked is not known.
            RequestError: What `choose` gave is wrong, or too large to be kept.
            ConfigurationError: It takes a risk that the requestor does not allow.
            Exception: Whatever `choose` raises.
        """
        post = InboundRequest.of(method, url, headers, body)
        flow = answer_next_session_flow(self._requestor.context, self._settings, post)
        return self._requestor.run_flow(flow)


@final
@boundary
class AsyncNextSessionReceiver:
    """`NextSessionReceiver`, awaited: the same arguments, methods and errors.

    `choose` may be awaited or not.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        page: str,
        *,
        sealer: Sealer,
        store: AsyncStore,
        choose: ChooseNext,
    ) -> None:
        check_instance(requestor, AsyncRequestor, "requestor", "an AsyncRequestor")
        check_sealer(sealer)
        check_store(store, is_async=True)
        check_function(choose, "choose", may_be_async=True)
        self._requestor = requestor
        address = _next_session_url(requestor.context, page, sealer)
        self._settings = NextSessionSettings(address, store=store, choose=choose)

    def __repr__(self) -> str:
        return f"<AsyncNextSessionReceiver at {self._settings.address.page.text}>"

    def add_to(self, request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
        """See `NextSessionReceiver.add_to`; nothing is awaited."""
        return _with_next_session(self._requestor.context, self._settings, request)

    async def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """See `NextSessionReceiver.receive`."""
        post = InboundRequest.of(method, url, headers, body)
        flow = answer_next_session_flow(self._requestor.context, self._settings, post)
        return await self._requestor.run_flow(flow)


def _next_session_url(context: RequestorContext, page: str, sealer: Sealer) -> SealedUrl:
    if not context.takes_signed_results:
        raise ConfigurationError(
            "chained sessions are verified by the requestor's server_key: give it one"
        )
    return SealedUrl(
        ServerUrl.parse(page, allow=context.allow, what="page"), sealer, purpose=NEXT_SESSION
    )


def _with_next_session(
    context: RequestorContext,
    settings: NextSessionSettings,
    request: SessionRequest | ExtendedRequest,
) -> ExtendedRequest:
    asked = as_extended(request)
    url = settings.address.url_for(asked, utc_now(context.clock))
    return attrs.evolve(asked, next_session=NextSession(url))
