"""The requestor for asyncio. Its methods are those of `requestor`, as coroutines."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Mapping,
)
from contextlib import (
    AsyncExitStack,
    aclosing,
)
from datetime import timedelta
from typing import TypeVar, final

from irma_core.blocks import async_with_block
from irma_core.flows.context import (
    DEFAULT_JWT_ISSUER,
    DEFAULT_TIMEOUT,
    RequestorContext,
    make_context,
)
from irma_core.flows.driver import run_async
from irma_core.flows.effects import Flow
from irma_core.flows.own_calls import with_own_headers
from irma_core.flows.request_names import check_names_flow
from irma_core.flows.session_answers import get_answer_flow
from irma_core.flows.session_calls import (
    cancel_session_flow,
    check_health_flow,
    complete_pairing_flow,
    get_public_key_flow,
    get_result_jwt_flow,
    get_status_flow,
    get_unchecked_result_flow,
    set_pairing_flow,
)
from irma_core.flows.start import revoke_flow, start_session_flow
from irma_core.flows.watch import begin_watch, next_status_flow, wait_for_answer_flow
from irma_core.flows.watch_state import WatchState
from irma_core.gateway.gateway_settings import GatewayAuthentication
from irma_core.gateway.token_flow import Gateway
from irma_core.models.answers import Answer
from irma_core.models.results import SessionResult
from irma_core.models.risks import Risk
from irma_core.models.session_requests import (
    ExtendedRequest,
    RevocationRequest,
    SessionRequest,
)
from irma_core.models.sessions import FrontendOptions, PairingMethod, StartedSession
from irma_core.models.statuses import SessionStatus
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.known_schemes import KnownSchemes
from irma_core.protocol.observers import Observer
from irma_core.protocol.signature_verifiers import SignatureVerifier
from irma_core.protocol.status_backends import AsyncStatusBackend
from irma_core.protocol.transport import AsyncTransport
from irma_core.tracebacks import boundary
from irma_core.trust.authentication import Authentication, NoAuthentication
from irma_core.trust.server_keys import ServerKey
from irma_core.trust.signing import AsyncSigner, Signer

__all__ = ["AsyncRequestor"]

ReturnT = TypeVar("ReturnT")


@final
@boundary
class AsyncRequestor:
    """A requestor for one IRMA server, on asyncio: starts sessions and returns answers.

    It has the methods of `Requestor`, as coroutines. It runs on asyncio, including anyio's asyncio
    backend, but not on trio or curio. Signers and the status backend may be asynchronous.

    Args:
        url: The server's base URL, with its `api_prefix` if it has one.
        transport: Makes the HTTP calls. The caller closes it.
        authentication: Proves the requestor's identity; see the server's setting `requestors`.
        gateway: The settings for an API gateway that requires an OAuth 2.0 token.
        allow: The risks that the application accepts; see `Risk`.
        server_key: The server's public key in PEM, or several while a key is being replaced. If a
            key is given, answers come only from *signed* results, as `Answer.evidence` shows. Copy
            the key from the server's configuration. `FetchedServerKey()` fetches the key from the
            server, so it is only as trustworthy as TLS.
        jwt_issuer: The server's setting `jwt_issuer`, which names the signer of results; None if
            that setting is empty.
        status_backend: The channel through which the processes that receive the server's callbacks
            report that a session has ended. A watch that uses this channel seldom has to poll the
            server. The caller closes it.
        timeout: The time limit for each call, including its retries. A watch has its own `timeout`
            instead. The limit also applies to signers, stores and the application's functions.
        headers: Headers for each call to the base URL, for example an API key for a gateway. They
            go neither to the gateway's authorization server nor to the session pointer's URL.
        frontend_url: The server's URL for browsers and apps: its setting `url` without `/irma`. It
            is needed only if the backend controls pairing and this URL's host differs from the base
            URL's.
        observer: Receives a notification when a session starts or ends, and when a call is retried.
            It is called in the thread or task in which the event happens, and is never awaited.
        signature_verifier: Verifies the signature of each signature session before the answer is
            returned, so that the answer does not depend on trust in the server (`Evidence.PROOF`).
            See `irma_proofs.SignatureVerifier`. It runs in a worker thread.
        schemes: The schemes in which `check` looks up attributes. See `irma_proofs.Schemes`. They
            are read in a worker thread.

    A method that accepts either a `StartedSession` or a `RequestorToken` does not compare the
    result with the request. Besides the errors that it lists, each method may raise five others.
    `ServerRefusedError`, `RedirectError` and `UnexpectedResponseError` concern the response.
    `TransportError` means that the network failed three times; its subclass `GatewayError` means
    that there was no valid token for the gateway. `DeadlineError` means that the timeout expired.
    `start_session` and `watch_status` list all their errors.

    Raises:
        ConfigurationError: A URL is invalid, or is plain HTTP to another machine without
            `Risk.PLAIN_HTTP`; or another argument is invalid.
    """

    def __init__(
        self,
        url: str,
        transport: AsyncTransport,
        *,
        authentication: Authentication[Signer | AsyncSigner] = NoAuthentication(),  # noqa: B008
        gateway: GatewayAuthentication[Signer | AsyncSigner] | None = None,
        allow: Collection[Risk] = (),
        server_key: ServerKey | None = None,
        jwt_issuer: str | None = DEFAULT_JWT_ISSUER,
        status_backend: AsyncStatusBackend | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        headers: Mapping[str, str] | None = None,
        frontend_url: str | None = None,
        observer: Observer | None = None,
        signature_verifier: SignatureVerifier | None = None,
        schemes: KnownSchemes | None = None,
    ) -> None:
        self._transport = transport
        self._context = make_context(
            url,
            transport,
            authentication=authentication,
            allow=allow,
            timeout=timeout,
            server_key=server_key,
            jwt_issuer=jwt_issuer,
            status_backend=status_backend,
            is_async=True,
            headers=headers,
            frontend_url=frontend_url,
            observer=observer,
            signature_verifier=signature_verifier,
            schemes=schemes,
        )
        self._has_headers = bool(self._context.headers)
        self._gateway = None if gateway is None else Gateway(gateway, self._context)

    def __repr__(self) -> str:
        return f"<AsyncRequestor at {self._context.server.text}>"

    @property
    def context(self) -> RequestorContext:
        """The settings of this requestor, to pass to the functions in `irma_core.flows`."""
        return self._context

    async def run_flow(self, flow: Flow[ReturnT]) -> ReturnT:
        """Run a flow (see `irma_core.flows`), and return its result.

        The flow must have been created with this requestor's `context`.

        Parts of the library that build on the requestor use this method, and a framework may do so
        too.

        Raises:
            IrmaError: The flow raised it.
        """
        return await self._run(flow)

    async def _run(self, flow: Flow[ReturnT], streams: AsyncExitStack | None = None) -> ReturnT:
        if self._has_headers:
            flow = with_own_headers(self._context, flow)
        if self._gateway is not None:
            flow = self._gateway.through(flow)
        return await run_async(flow, self._transport, streams)

    async def check(self, request: SessionRequest | ExtendedRequest) -> None:
        """Check that all attributes and credential types in a request exist. Nothing is sent.

        Args:
            request: The request. Check it in a test, or when the program starts.

        Raises:
            RequestError: A name is not in the schemes. The error shows where the name is in the
                request, and suggests a similar one.
            ConfigurationError: The requestor has no `schemes`, or one of their files has been
                changed.
        """
        await self._run(check_names_flow(self._context, request))

    async def start_session(
        self, request: SessionRequest | ExtendedRequest | str
    ) -> StartedSession:
        """Start a session.

        Args:
            request: The session request. A string must be a session request JWT, which is sent
                unchanged and without an `Authorization` header.

        Returns:
            The session. Show its `pointer` to the person, and keep its `token` in the backend.

        Raises:
            RequestError: The request is invalid, or a credential would already have expired when it
                was issued.
            ConfigurationError: The request needs a risk that `allow` does not include.
            ServerRefusedError: The server refused to start a session.
            RedirectError: The base URL redirects, so no session was started.
            SessionMayExistError: The connection failed, and the server may or may not have started
                a session.
            TransportError: The network failed three times before anything was sent.
            DeadlineError: The timeout expired before anything was sent.
            SigningError: The signer failed.
        """
        return await self._run(start_session_flow(self._context, request))

    async def get_status(self, session: StartedSession | RequestorToken) -> SessionStatus:
        """Return the status of a session. `DONE` does not mean that there is an answer.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return await self._run(get_status_flow(self._context, session))

    @async_with_block
    @boundary
    async def watch_status(
        self, session: StartedSession, *, timeout: timedelta | None = None
    ) -> AsyncGenerator[AsyncIterator[SessionStatus]]:
        """Follow a session: `async with requestor.watch_status(session) as statuses: async for …`.

        Each status is yielded once, in order, and the last one is final. Statuses come from the
        server's events, if the server sends them (with its option `--sse`), or from the status
        backend. Without either, the server is polled every second. A poll that fails is repeated.
        Watching never ends a session: the session continues until `cancel_session` or the server's
        timeout. Leaving the `async with` block closes the watch's connections.

        Args:
            session: The session from `start_session`.
            timeout: How long to watch, from the moment the block is entered. None means until the
                session ends.

        Raises:
            NobodyAnsweredError: The timeout expired. Like the other errors here, this one is raised
                during the iteration.
            SessionGoneError: The server no longer knows the session.
            ServerRefusedError: The server refused to report the status.
            TransportError: The server was still unreachable when the timeout expired.
        """
        state = begin_watch(self._context, session, timeout)
        async with (
            AsyncExitStack() as streams,
            aclosing(self._statuses(state, streams)) as statuses,
        ):
            yield statuses

    @boundary
    async def _statuses(
        self, state: WatchState, streams: AsyncExitStack
    ) -> AsyncGenerator[SessionStatus]:
        while not state.is_over:
            flow = next_status_flow(self._context, state)
            status, state = await self._run(flow, streams)
            yield status

    async def wait_for_answer(
        self, session: StartedSession, *, timeout: timedelta, keep_session: bool = False
    ) -> Answer:
        """Follow a session to its end, and return the answer.

        If the wait ends before the session does, the session is cancelled at the server. A wait
        ends early when the timeout expires, after an error, or when the program is interrupted
        (Ctrl-C, a cancelled task). Cancelling takes a few more seconds at most. An answer that
        arrives in that time is returned.

        Args:
            session: The session from `start_session`.
            timeout: How long to wait in all.
            keep_session: Do not cancel the session if the wait ends early, so that the caller can
                wait for it again.

        Raises:
            NobodyAnsweredError: The timeout expired. This is a subclass of `AnswerError`.
            ResultJwtError: The signed result was refused. Raised only if `server_key` is set.
            AnswerError: There is no answer; each reason has a subclass.
        """
        flow = wait_for_answer_flow(self._context, session, timeout, keep_session=keep_session)
        return await self._run(flow)

    async def get_answer(self, session: StartedSession) -> Answer:
        """Check the result of a finished session against its request, and return the answer.

        Only an answer gives access to the attributes.

        Raises:
            ResultJwtError: The signed result was refused. Raised only if `server_key` is set.
            AnswerError: There is no answer; each reason has a subclass.
        """
        return await self._run(get_answer_flow(self._context, session))

    async def get_unchecked_result(self, session: StartedSession | RequestorToken) -> SessionResult:
        """Return the server's unchecked result, whatever the session's status.

        Use it in logs, never for a login.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return await self._run(get_unchecked_result_flow(self._context, session))

    async def get_result_jwt(self, session: StartedSession | RequestorToken) -> str:
        """Return the result as a JWT signed by the server, without verifying it.

        The session may have any status.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return await self._run(get_result_jwt_flow(self._context, session))

    async def cancel_session(self, session: StartedSession | RequestorToken) -> None:
        """Cancel a session. This does nothing if the session has ended.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        await self._run(cancel_session_flow(self._context, session))

    async def get_public_key(self) -> str:
        """Return the public key that verifies the server's signed results, as PEM.

        The key is only as trustworthy as the TLS connection that it came over.
        """
        return await self._run(get_public_key_flow(self._context))

    async def revoke(self, request: RevocationRequest) -> None:
        """Revoke a credential that was issued with a revocation key.

        Raises:
            SigningError: The signer failed.
        """
        await self._run(revoke_flow(self._context, request))

    async def check_health(self) -> None:
        """Check that the server is up, and raise an error if it is not."""
        await self._run(check_health_flow(self._context))

    async def set_pairing(self, session: StartedSession, method: PairingMethod) -> FrontendOptions:
        """Switch pairing on or off before an app connects, for a session without a browser.

        Args:
            session: The session from `start_session`.
            method: `PairingMethod.PIN` or `PairingMethod.NONE`.

        Returns:
            The options, with the pairing code that the app will show.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return await self._run(set_pairing_flow(self._context, session, method))

    async def complete_pairing(self, session: StartedSession) -> None:
        """Confirm that the person typed the code that the app shows. The status must be `PAIRING`.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        await self._run(complete_pairing_flow(self._context, session))
