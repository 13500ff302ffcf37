"""The front door, awaited: what each method is for, `requestor` says.

It may be shared by tasks and does not own its transport.
"""

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
    asynccontextmanager,
)
from datetime import timedelta
from typing import TypeVar, final

from irma_core.flows.context import (
    DEFAULT_JWT_ISSUER,
    DEFAULT_TIMEOUT,
    RequestorContext,
    make_context,
)
from irma_core.flows.driver import run_async
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
    """`Requestor`, awaited: the same arguments, methods and errors.

    Its authentication, and that at a gateway, take an `AsyncSigner` too; its status backend is an
    `AsyncStatusBackend`. It runs on asyncio, also by way of anyio, and not on trio or curio.
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
        )
        self._gateway = None if gateway is None else Gateway(gateway, self._context)

    def __repr__(self) -> str:
        return f"<AsyncRequestor at {self._context.server.text}>"

    @property
    def context(self) -> RequestorContext:
        """See `Requestor.wiring`."""
        return self._context

    async def run_flow(self, flow: Flow[ReturnT]) -> ReturnT:
        """See `Requestor.run_flow`."""
        return await self._run(flow)

    async def _run(self, flow: Flow[ReturnT], streams: AsyncExitStack | None = None) -> ReturnT:
        flow = with_own_headers(self._context, flow)
        flow = self._gateway.through(flow) if self._gateway else flow
        return await run_async(flow, self._transport, streams)

    async def start_session(
        self, request: SessionRequest | ExtendedRequest | str
    ) -> StartedSession:
        """See `Requestor.start_session`."""
        return await self._run(start_session_flow(self._context, request))

    async def get_status(self, session: StartedSession | RequestorToken) -> SessionStatus:
        """See `Requestor.get_status`."""
        return await self._run(get_status_flow(self._context, session))

    @asynccontextmanager
    @boundary
    async def watch_status(
        self, session: StartedSession, *, timeout: timedelta | None = None
    ) -> AsyncGenerator[AsyncIterator[SessionStatus]]:
        """See `Requestor.watch_status`: `async with … as statuses: async for …`."""
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
        """See `Requestor.wait_for_answer`."""
        flow = wait_for_answer_flow(self._context, session, timeout, keep_session=keep_session)
        return await self._run(flow)

    async def get_answer(self, session: StartedSession) -> Answer:
        """See `Requestor.get_answer`."""
        return await self._run(get_answer_flow(self._context, session))

    async def get_unchecked_result(self, session: StartedSession | RequestorToken) -> SessionResult:
        """See `Requestor.get_unchecked_result`."""
        return await self._run(get_unchecked_result_flow(self._context, session))

    async def get_result_jwt(self, session: StartedSession | RequestorToken) -> str:
        """See `Requestor.get_result_jwt`."""
        return await self._run(get_result_jwt_flow(self._context, session))

    async def cancel_session(self, session: StartedSession | RequestorToken) -> None:
        """See `Requestor.cancel_session`."""
        await self._run(cancel_session_flow(self._context, session))

    async def get_public_key(self) -> str:
        """See `Requestor.get_public_key`."""
        return await self._run(get_public_key_flow(self._context))

    async def revoke(self, request: RevocationRequest) -> None:
        """See `Requestor.revoke`."""
        await self._run(revoke_flow(self._context, request))

    async def check_health(self) -> None:
        """See `Requestor.check_health`."""
        await self._run(check_health_flow(self._context))

    async def set_pairing(self, session: StartedSession, method: PairingMethod) -> FrontendOptions:
        """See `Requestor.set_pairing`."""
        return await self._run(set_pairing_flow(self._context, session, method))

    async def complete_pairing(self, session: StartedSession) -> None:
        """See `Requestor.complete_pairing`."""
        await self._run(complete_pairing_flow(self._context, session))
