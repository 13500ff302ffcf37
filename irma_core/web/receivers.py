"""The endpoints to which the IRMA server posts how sessions ended, in sync and async versions.

Each method only runs a flow. The steps and their order are in `callbacks.delivery`; the checks of a
post and the codes of refusals are in `callbacks.inbound`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypeVar, final

import attrs

from irma_core.async_requestor import AsyncRequestor
from irma_core.callbacks.callback_urls import CALLBACK, SealedUrl, StaticUrl
from irma_core.callbacks.delivery import (
    CallbackSettings,
    Deliver,
    PendingCallback,
    receive_callback_flow,
    receive_unsigned_callback_flow,
    resolve_unsigned_callback_flow,
)
from irma_core.callbacks.inbound import Body, Headers, InboundRequest, context_at
from irma_core.callbacks.kept_posts import KeptInStore, KeptPosts
from irma_core.callbacks.replays import ReplayedCallback, replay_callbacks_flow
from irma_core.errors import ConfigurationError
from irma_core.flows.context import RequestorContext
from irma_core.models.arguments import check_flag, check_instance, check_reference
from irma_core.models.session_requests import (
    ExtendedRequest,
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
    "AsyncStaticSessionReceiver",
    "CallbackReceiver",
    "StaticSessionReceiver",
]


RunLater: TypeAlias = Callable[[Callable[[], None]], object]
RunLaterAsync: TypeAlias = Callable[[Callable[[], Coroutine[object, object, None]]], object]
RunLaterT = TypeVar("RunLaterT", RunLater, RunLaterAsync)


@final
@boundary
class CallbackReceiver:
    """Receives the server's callbacks, and delivers the outcome of each session once.

    Threads may share a receiver. Any process with the same keys and store can receive any post.

    Args:
        requestor: The requestor that starts the sessions. Its `server_key` verifies the posts. If
            it has a `status_backend`, each outcome is published there after `deliver` returns.
        url: The base URL, such as `https://shop.example/irma/callback`. The server posts to URLs
            that begin with it, and your web framework passes each of these requests to `receive`.
        sealer: Seals the request and the reference of each session into the session's callback URL.
        store: Records which outcomes have been delivered. It keeps a record for as long as posts
            about the session may arrive; with `kept`, for at least a week.
        deliver: A function that takes a `SessionOutcome`. The person's app waits for the function,
            and gives up after four seconds, so put heavy work into a queue. If it raises, `receive`
            raises the error, and the next post for the session calls the function again; see also
            `kept`. If the process dies while the function runs, the outcome may be delivered twice,
            so a second delivery must do no harm.
        accept_unsigned: Whether to accept unsigned posts, and no signed ones, from a server without
            a JWT key. An unsigned post proves nothing, so the receiver then asks the server for the
            outcome. The server stores the outcome only after your reply to the post, so the
            receiver asks later, in a job for `run_later`.
        run_later: A function such as `executor.submit`, needed for unsigned posts. It receives a
            job, which is a function without arguments, and must run the job after the reply has
            been sent. For each callback URL, only one job runs at a time, and it asks the server
            about at most four tokens a minute, because anyone who learns the URL can post made-up
            tokens. The job raises the errors that occur in it.
        kept: The storage for sealed posts, such as `KeptInStore(store)`. A post stays there until
            `deliver` has returned, so that `replay` can deliver it later. Only signed posts are
            kept. With None, no post is kept.

    Raises:
        ConfigurationError: The URL is invalid or plain HTTP; the store or a function is async; the
            requestor has no `server_key` for signed posts, or has one with `accept_unsigned`; one
            of `accept_unsigned` and `run_later` is passed without the other; or `kept` is passed
            with `accept_unsigned`, has the wrong type, or has an async store.
        UsageError: Another argument has the wrong type.
    """

    def __init__(
        self,
        requestor: Requestor,
        url: str,
        *,
        sealer: Sealer,
        store: Store,
        deliver: Deliver,
        accept_unsigned: bool = False,
        run_later: RunLater | None = None,
        kept: KeptPosts | None = None,
    ) -> None:
        self._requestor = check_instance(requestor, Requestor, "requestor", "a Requestor")
        self._settings = _callback_settings(
            requestor.context, url, sealer=sealer, store=store, deliver=deliver, kept=kept
        )
        self._run_later = _checked_run_later(
            requestor.context, run_later, accept_unsigned=accept_unsigned, kept=kept
        )

    def __repr__(self) -> str:
        return f"<CallbackReceiver at {self._settings.address.page.text}>"

    def with_callback(
        self, request: SessionRequest | ExtendedRequest, *, reference: str = ""
    ) -> ExtendedRequest:
        """Return the request with a new callback URL.

        Start only one session with the returned request, and start it without delay.

        Args:
            request: The session's request.
            reference: A reference of the application's own, such as an order number. It is sealed
                in the URL, and `SessionOutcome.reference` returns it. At most 200 characters.

        Raises:
            RequestError: The request and its reference are too large for a URL. Ask for fewer
                attributes or shorter values, or get the answer without a callback.
            UsageError: The reference is too long, or has an unprintable character.
        """
        return _with_callback(self._requestor.context, self._settings, request, reference)

    def receive(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: Body,
        *,
        received_at: datetime | None = None,
    ) -> HttpResponse:
        """Handle a request to the endpoint.

        Args:
            method: The HTTP method.
            url: The URL or its path, as received.
            headers: A mapping or pairs, such as a WSGI environ or the headers of an ASGI scope.
            body: The whole body, as received.
            received_at: The aware time when the request was received. Pass it if the application
                kept the request to handle it later. The URL and the signature must have been valid
                at that time.

        Returns:
            The response, to be sent unchanged: 204, or a refusal. The body of a refusal gives the
            reason, which you can log.

        Raises:
            StoreError: The store failed. The outcome may have been delivered.
            StatusBackendError: The status backend failed. The outcome was delivered.
            Exception: `deliver` raised it.
            UsageError: An argument has the wrong type.
            IrmaError: Two posts contradict each other, and the request that asks the server about
                them failed.
        """
        post = InboundRequest.of(method, url, headers, body)
        context = context_at(self._requestor.context, received_at)
        if self._run_later is None:
            return self._requestor.run_flow(receive_callback_flow(context, self._settings, post))
        flow = receive_unsigned_callback_flow(context, self._settings, post)
        reply, pending = self._requestor.run_flow(flow)
        if pending is not None:
            self._run_later(partial(self._resolve, pending))
        return reply

    def replay(self) -> tuple[ReplayedCallback, ...]:
        """Pass the outcomes of kept posts to `deliver` again, the oldest first.

        Each post is checked as if it had just been received, and removed once it is delivered. A
        post that is a week old is no longer delivered, but the results report it for one more day.
        Several processes may replay at the same time; each outcome is delivered by one of them.

        Returns:
            The result for each post that was kept. A post that could not be verified when it was
            received may turn out not to be a JWT. It is then deleted, without a result.

        Raises:
            ConfigurationError: The receiver was created without `kept`, so it keeps no posts.
            StoreError: The storage for posts failed. The posts that could be read were delivered;
                the error's `__notes__` name those that could not be read.
        """
        kept = _checked_to_replay(self._settings.kept)
        flow = replay_callbacks_flow(self._requestor.context, kept, self._settings)
        return self._requestor.run_flow(flow)

    def _resolve(self, pending: PendingCallback) -> None:
        flow = resolve_unsigned_callback_flow(self._requestor.context, self._settings, pending)
        self._requestor.run_flow(flow)


@final
@boundary
class AsyncCallbackReceiver:
    """`CallbackReceiver` for an `AsyncRequestor`: the same arguments, methods and errors.

    `receive` and `replay` are awaited. `deliver` may be async or not. The job for `run_later` is a
    function that returns a coroutine, which a web framework can run as a background task.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        url: str,
        *,
        sealer: Sealer,
        store: AsyncStore,
        deliver: Deliver,
        accept_unsigned: bool = False,
        run_later: RunLaterAsync | None = None,
        kept: KeptPosts | None = None,
    ) -> None:
        self._requestor = check_instance(
            requestor, AsyncRequestor, "requestor", "an AsyncRequestor"
        )
        self._settings = _callback_settings(
            requestor.context, url, sealer=sealer, store=store, deliver=deliver, kept=kept
        )
        self._run_later = _checked_run_later(
            requestor.context, run_later, accept_unsigned=accept_unsigned, kept=kept
        )

    def __repr__(self) -> str:
        return f"<AsyncCallbackReceiver at {self._settings.address.page.text}>"

    def with_callback(
        self, request: SessionRequest | ExtendedRequest, *, reference: str = ""
    ) -> ExtendedRequest:
        """Return the request with a callback URL; see `CallbackReceiver.with_callback`."""
        return _with_callback(self._requestor.context, self._settings, request, reference)

    async def receive(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: Body,
        *,
        received_at: datetime | None = None,
    ) -> HttpResponse:
        """Handle a request to the endpoint; see `CallbackReceiver.receive`."""
        post = InboundRequest.of(method, url, headers, body)
        context = context_at(self._requestor.context, received_at)
        if self._run_later is None:
            flow = receive_callback_flow(context, self._settings, post)
            return await self._requestor.run_flow(flow)
        hinted = receive_unsigned_callback_flow(context, self._settings, post)
        reply, pending = await self._requestor.run_flow(hinted)
        if pending is not None:
            self._run_later(partial(self._resolve, pending))
        return reply

    async def replay(self) -> tuple[ReplayedCallback, ...]:
        """Pass the outcomes of kept posts to `deliver` again; see `CallbackReceiver.replay`."""
        kept = _checked_to_replay(self._settings.kept)
        flow = replay_callbacks_flow(self._requestor.context, kept, self._settings)
        return await self._requestor.run_flow(flow)

    async def _resolve(self, pending: PendingCallback) -> None:
        flow = resolve_unsigned_callback_flow(self._requestor.context, self._settings, pending)
        await self._requestor.run_flow(flow)


@final
@boundary
class StaticSessionReceiver:
    """Receives the callbacks of a static session, and delivers each outcome once.

    A static session is defined in the server's configuration. A person starts it by scanning a
    printed QR code, and the application first learns of the session from the server's post. Threads
    may share the receiver, and any process with the same store can receive any post.

    Args:
        requestor: A requestor of that server. Its `server_key` verifies the posts.
        url: The session's `callbackUrl` in the server's configuration. Its last segment is a
            secret, for example from `secrets.token_urlsafe()`, so that strangers cannot post.
        request: The session's `request` in the same configuration. Each answer is compared with it.
            `read_request` reads a request from JSON.
        store: Records which outcomes have been delivered. All processes share it.
        deliver: A function that takes a `SessionOutcome`, as for a `CallbackReceiver`. The
            application has not seen the outcome's `token` before, and the token differs each time
            the QR code is used.

    Raises:
        ConfigurationError: The URL is invalid, plain HTTP, or without a secret; the store or
            `deliver` is async; or the requestor has no `server_key`. Unsigned posts cannot be
            accepted here, because the application does not know the tokens in advance.
        RequestError: The request is too large to be stored.
        UsageError: Another argument has the wrong type.
    """

    def __init__(
        self,
        requestor: Requestor,
        url: str,
        *,
        request: SessionRequest | ExtendedRequest,
        store: Store,
        deliver: Deliver,
    ) -> None:
        self._requestor = check_instance(requestor, Requestor, "requestor", "a Requestor")
        self._settings = _static_settings(
            requestor.context, url, request=request, store=store, deliver=deliver
        )

    def __repr__(self) -> str:
        return "<StaticSessionReceiver>"

    def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """Handle a request to the endpoint.

        For the arguments and errors, see `CallbackReceiver.receive`.
        """
        post = InboundRequest.of(method, url, headers, body)
        flow = receive_callback_flow(self._requestor.context, self._settings, post)
        return self._requestor.run_flow(flow)


@final
@boundary
class AsyncStaticSessionReceiver:
    """`StaticSessionReceiver` for an `AsyncRequestor`: the same arguments, methods and errors.

    `receive` is awaited. `deliver` may be async or not.
    """

    def __init__(
        self,
        requestor: AsyncRequestor,
        url: str,
        *,
        request: SessionRequest | ExtendedRequest,
        store: AsyncStore,
        deliver: Deliver,
    ) -> None:
        self._requestor = check_instance(
            requestor, AsyncRequestor, "requestor", "an AsyncRequestor"
        )
        self._settings = _static_settings(
            requestor.context, url, request=request, store=store, deliver=deliver
        )

    def __repr__(self) -> str:
        return "<AsyncStaticSessionReceiver>"

    async def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """Handle a request to the endpoint; see `StaticSessionReceiver.receive`."""
        post = InboundRequest.of(method, url, headers, body)
        flow = receive_callback_flow(self._requestor.context, self._settings, post)
        return await self._requestor.run_flow(flow)


def _callback_settings(
    context: RequestorContext,
    url: str,
    *,
    sealer: Sealer,
    store: Store | AsyncStore,
    deliver: Deliver,
    kept: KeptPosts | None,
) -> CallbackSettings[SealedUrl]:
    check_sealer(sealer)
    check_store(store, is_async=context.is_async)
    check_function(deliver, "deliver", may_be_async=context.is_async)
    _check_kept(kept, is_async=context.is_async)
    page = ServerUrl.parse(url, allow=context.allow, what="url")
    address = SealedUrl(page, sealer, purpose=CALLBACK)
    return CallbackSettings(address, store=store, deliver=deliver, kept=kept)


def _check_kept(kept: object, *, is_async: bool) -> None:
    methods = ("put_flow", "list_flow", "holds_flow", "delete_flow")
    if kept is not None and not all(callable(getattr(kept, name, None)) for name in methods):
        raise ConfigurationError("kept: must be KeptInStore(store), or None to keep no posts")
    if isinstance(kept, KeptInStore):
        check_store(kept.store, is_async=is_async)


def _checked_to_replay(kept: KeptPosts | None) -> KeptPosts:
    if kept is None:
        raise ConfigurationError("kept: is missing, so there are no posts to replay")
    return kept


def _checked_run_later(
    context: RequestorContext,
    run_later: RunLaterT | None,
    *,
    accept_unsigned: bool,
    kept: object,
) -> RunLaterT | None:
    """Check that a receiver can verify signed posts, or can handle unsigned posts later."""
    check_flag(accept_unsigned, "accept_unsigned")
    if accept_unsigned and kept is not None:
        raise ConfigurationError("kept: only signed posts can be kept; omit this argument")
    if run_later is not None:
        check_function(run_later, "run_later", may_be_async=False)
    if accept_unsigned and context.takes_signed_results:
        raise ConfigurationError(
            "accept_unsigned: the requestor has a server_key, so its server signs the posts; "
            "leave accept_unsigned out"
        )
    if accept_unsigned and run_later is None:
        raise ConfigurationError(
            "run_later: unsigned posts need a function that runs its argument after the reply, "
            "such as executor.submit"
        )
    if run_later is not None and not accept_unsigned:
        raise ConfigurationError("run_later is for unsigned posts only: add accept_unsigned=True")
    if not accept_unsigned and not context.takes_signed_results:
        raise ConfigurationError(
            "requestor: must have a server_key, which verifies callbacks; for a server "
            "without a JWT key use accept_unsigned=True"
        )
    return run_later


def _static_settings(
    context: RequestorContext,
    url: str,
    *,
    request: SessionRequest | ExtendedRequest,
    store: Store | AsyncStore,
    deliver: Deliver,
) -> CallbackSettings[StaticUrl]:
    check_store(store, is_async=context.is_async)
    check_function(deliver, "deliver", may_be_async=context.is_async)
    if not context.takes_signed_results:
        raise ConfigurationError("requestor: must have a server_key, which verifies callbacks")
    page = ServerUrl.parse(url, allow=context.allow, what="url")
    return CallbackSettings(StaticUrl(page, as_extended(request)), store=store, deliver=deliver)


def _with_callback(
    context: RequestorContext,
    settings: CallbackSettings[SealedUrl],
    request: SessionRequest | ExtendedRequest,
    reference: str,
) -> ExtendedRequest:
    extended = as_extended(request)
    url = settings.address.url_for(extended, utc_now(context.clock), check_reference(reference))
    return attrs.evolve(extended, callback_url=url)
