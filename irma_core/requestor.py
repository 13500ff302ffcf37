"""The front door: a requestor at one IRMA server, one line a method.

Everything that happens, and in which order, is in `flows`; what each method is for is said here for
both modes (`async_requestor` has the other). It may be shared by threads and does not own its
transport.
"""

from __future__ import annotations

from collections.abc import (
    Collection,
    Generator,
    Iterator,
    Mapping,
)
from contextlib import (
    ExitStack,
    closing,
    contextmanager,
)
from datetime import timedelta
from typing import TypeVar, final

from irma_core.flows.context import (
    DEFAULT_JWT_ISSUER,
    DEFAULT_TIMEOUT,
    RequestorContext,
    make_context,
)
from irma_core.flows.driver import run
from irma_core.flows.effects import Flow
from irma_core.flows.own_calls import with_own_headers
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
from irma_core.protocol.status_backends import StatusBackend
from irma_core.protocol.transport import Transport
from irma_core.tracebacks import boundary
from irma_core.trust.authentication import Authentication, NoAuthentication
from irma_core.trust.server_keys import ServerKey
from irma_core.trust.signing import Signer

__all__ = ["Requestor"]

ReturnT = TypeVar("ReturnT")


@final
@boundary
class Requestor:
    """Starts sessions at an IRMA server, follows them, and turns their results into answers.

    Args:
        url: The server's base URL, with its `api_prefix` if any.
        transport: What runs the HTTP calls; the caller closes it.
        authentication: How the server knows this requestor: see its setting `requestors`.
        gateway: How to pass a gateway in front of the server that wants an OAuth 2.0 token.
        allow: The risks that are taken, each by name; see `Risk`.
        server_key: The server's public key in PEM, or several during a change of keys. With it the
            answer is made of the *signed* result, and says so (`Answer.evidence`). Get it with the
            server's configuration; or let it be fetched by `FetchedServerKey()`, which from the
            same address proves no more than TLS does.
        jwt_issuer: Who signs: the server's setting of that name; None where that is empty.
        status_backend: Where the processes that receive the server's callbacks publish statuses
            and signed results: watches wait on it instead of the server. The caller closes it.
        timeout: For each call as a whole, all tries included; watching has its own. A signer, a
            store or a function of the application that blocks its thread cannot be ended: give
            each of them a time-out of its own.
        headers: Headers for every call to the base URL, such as the API key that a gateway wants.
            They go neither to the gateway's authorization server nor to the session pointer's URL.
        frontend_url: Where browsers and apps reach the server: its setting `url`, without `/irma`.
            Needed for pairing by the backend where that is another host than the base URL's.

    Every method but `start_session`, `watch_status` and those that say so raises, beside what it
    names: `ServerRefusedError`, `RedirectError` and `UnexpectedResponseError` (what came back),
    `TransportError` (the wire, after three tries; with a gateway
    `GatewayError`, which is one) and `DeadlineError` (the timeout). Those that
    compare nothing with what was asked take a session's `RequestorToken` as well; what is no
    session at all is a `UsageError`.

    Raises:
        ConfigurationError: A URL is wrong, or is plain HTTP and not loopback; or another
            argument is not what it should be.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        authentication: Authentication[Signer] = NoAuthentication(),  # noqa: B008  # frozen
        gateway: GatewayAuthentication[Signer] | None = None,
        allow: Collection[Risk] = (),
        server_key: ServerKey | None = None,
        jwt_issuer: str | None = DEFAULT_JWT_ISSUER,
        status_backend: StatusBackend | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        headers: Mapping[str, str] | None = None,
        frontend_url: str | None = None,
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
            is_async=False,
            headers=headers,
            frontend_url=frontend_url,
        )
        self._gateway = None if gateway is None else Gateway(gateway, self._context)

    def __repr__(self) -> str:
        return f"<Requestor at {self._context.server.text}>"

    @property
    def context(self) -> RequestorContext:
        """Its settings, as flows take them."""
        return self._context

    def run_flow(self, flow: Flow[ReturnT]) -> ReturnT:
        """Run a flow that was made with its `wiring`: what is built on top does so.

        Raises:
            IrmaError: Whatever the flow raises.
        """
        return self._run(flow)

    def _run(self, flow: Flow[ReturnT], streams: ExitStack | None = None) -> ReturnT:
        flow = with_own_headers(self._context, flow)
        flow = self._gateway.through(flow) if self._gateway else flow
        return run(flow, self._transport, streams)

    def start_session(self, request: SessionRequest | ExtendedRequest | str) -> StartedSession:
        """Start a session.

        Args:
            request: What to ask. A text is a session request JWT: it is sent as it is, without
                `Authorization`.

        Returns:
            The session: show its `pointer` to the person, keep its `token` in the backend.

        Raises:
            RequestError: The request is wrong; or now, since a credential would be expired.
            ConfigurationError: It takes a risk that is not allowed.
            ServerRefusedError: The server refused, and no session was made.
            RedirectError: The base URL redirects, and no session was made.
            SessionMayExistError: Nobody here can know whether a session was made.
            TransportError: The wire failed before a byte was sent, three times.
            DeadlineError: The time was up before a byte was sent.
            SigningError: The signer failed.
        """
        return self._run(start_session_flow(self._context, request))

    def get_status(self, session: StartedSession | RequestorToken) -> SessionStatus:
        """Ask how far the session is; `DONE` does not say that there is an answer.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return self._run(get_status_flow(self._context, session))

    @contextmanager
    @boundary
    def watch_status(
        self, session: StartedSession, *, timeout: timedelta | None = None
    ) -> Generator[Iterator[SessionStatus]]:
        """Follow the session: `with requestor.watch_status(session) as statuses: for …`.

        Each status comes once and in order; the final one is the last item. They come as the
        server's events where it has them (its option `--sse`), or by the status backend; else the
        status is asked for each second. A failing question is no end: it is asked again. Leaving
        the `with` closes all. It only watches: the session goes on when the watch ends, until
        `cancel_session` or the server's time-out.

        Args:
            session: What `start_session` gave.
            timeout: How long to watch, from the `with` on; None for as long as the session lives.

        Raises, while iterating:
            NobodyAnsweredError: The time was up.
            SessionGoneError: The server no longer knows the session.
            ServerRefusedError: The server refuses.
            TransportError: The server could not be reached up to the end.
        """
        state = begin_watch(self._context, session, timeout)
        with ExitStack() as streams, closing(self._statuses(state, streams)) as statuses:
            yield statuses

    @boundary
    def _statuses(self, state: WatchState, streams: ExitStack) -> Generator[SessionStatus]:
        while not state.is_over:
            status, state = self._run(next_status_flow(self._context, state), streams)
            yield status

    def wait_for_answer(
        self, session: StartedSession, *, timeout: timedelta, keep_session: bool = False
    ) -> Answer:
        """Follow the session to its end, and return the answer.

        A wait that ends before the session does cancels it at the server: when the timeout is up,
        after an error, and when the program is interrupted (Ctrl-C, a cancelled task). Cancelling
        adds a few seconds at most. An answer that comes just then is returned.

        Args:
            session: What `start_session` gave.
            timeout: For all of it.
            keep_session: Leave the session as it is when the wait ends early, to wait for it again.

        Raises:
            NobodyAnsweredError: The timeout was up. It is an `AnswerError` too.
            ResultJwtError: With `server_key`: the signed result is refused.
            AnswerError: One of its subclasses for each reason why there is no answer.
        """
        return self._run(
            wait_for_answer_flow(self._context, session, timeout, keep_session=keep_session)
        )

    def get_answer(self, session: StartedSession) -> Answer:
        """Return what was proved, after every check; there is no other way to the attributes.

        Raises:
            ResultJwtError: With `server_key`: the signed result is refused.
            AnswerError: One of its subclasses for each reason why there is no answer.
        """
        return self._run(get_answer_flow(self._context, session))

    def get_unchecked_result(self, session: StartedSession | RequestorToken) -> SessionResult:
        """Return what the server says, at any status: for logs and curiosity, not for logging in.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return self._run(get_unchecked_result_flow(self._context, session))

    def get_result_jwt(self, session: StartedSession | RequestorToken) -> str:
        """Return the result as a JWT signed by the server, at any status; it is not verified.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return self._run(get_result_jwt_flow(self._context, session))

    def cancel_session(self, session: StartedSession | RequestorToken) -> None:
        """Cancel the session; one that has ended stays as it is.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        self._run(cancel_session_flow(self._context, session))

    def get_public_key(self) -> str:
        """Return the key that the server signs results with: PEM.

        Fetched from the same server it proves no more than TLS does.
        """
        return self._run(get_public_key_flow(self._context))

    def revoke(self, request: RevocationRequest) -> None:
        """Revoke a credential that was issued with a revocation key.

        Raises:
            SigningError: The signer failed.
        """
        self._run(revoke_flow(self._context, request))

    def check_health(self) -> None:
        """Ask whether the server is up: it returns, or raises."""
        self._run(check_health_flow(self._context))

    def set_pairing(self, session: StartedSession, method: PairingMethod) -> FrontendOptions:
        """Switch pairing on or off before an app connects, where no browser does it.

        Args:
            session: What `start_session` gave.
            method: `PairingMethod.PIN`, or `NONE`.

        Returns:
            The options, with the code that the app will show.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        return self._run(set_pairing_flow(self._context, session, method))

    def complete_pairing(self, session: StartedSession) -> None:
        """Say that the person typed the code the app shows; while the status is `PAIRING`.

        Raises:
            SessionGoneError: The server no longer knows the session.
        """
        self._run(complete_pairing_flow(self._context, session))
