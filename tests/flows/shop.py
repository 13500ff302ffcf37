"""A shop of one mode with a page for the server's posts, at a server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from irma_core import (
    AsyncCallbackReceiver,
    AsyncNextSessionReceiver,
    AsyncRequestor,
    AttributeRequest,
    CallbackReceiver,
    ChainStep,
    DisclosureRequest,
    ExtendedRequest,
    NextSessionReceiver,
    Requestor,
    Risk,
    Sealer,
    SessionOutcome,
    StartedSession,
    new_sealing_key,
)
from irma_core.callbacks.kept_posts import KeptInStore
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ServerSettings, SimulatedApp
from tests.memory_stores import async_memory_store, memory_store

PAGE = "https://shop.example/irma/callback"
NEXT_PAGE = "https://shop.example/irma/next"
OVER18 = "example.town.age.over18"
AGE = DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")})
UNSIGNED = ServerSettings(has_jwt_key=False, allow_unsigned_callbacks=True)


def choose_nothing(_step: ChainStep) -> None:
    """Return None, so that no session follows."""


def ignore_outcome(_end: SessionOutcome) -> None:
    """Do nothing with the outcome."""


class Shop:
    """An application with a page for the server's posts, and the outcomes delivered to it.

    Args:
        mode: `sync` or `async`.
        deliver: The application's function. The shop also records each outcome.
        choose: Returns the request of the next session. The shop also records each step.
        unsigned: Whether the server has no key and unsigned posts are accepted.
        keeps: Whether posts are kept in the store until they are delivered.
    """

    def __init__(
        self,
        mode: str,
        *,
        deliver: Callable[[SessionOutcome], Any] = ignore_outcome,
        choose: Callable[[ChainStep], Any] = choose_nothing,
        unsigned: bool = False,
        keeps: bool = False,
        status_backend: Any = None,
        store: Any = None,
        clock: Any = None,
        server_key: Any = None,
        observer: Any = None,
        signature_verifier: Any = None,
        schemes: Any = None,
    ) -> None:
        self.mode = mode
        settings = UNSIGNED if unsigned else ServerSettings()
        self.server = InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=clock)
        self.server.deliver = self.post
        self.app = SimulatedApp(self.server)
        self.app.add("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})
        self.sealer = Sealer([new_sealing_key()])
        self.delivered: list[SessionOutcome] = []
        self.replies: list[HttpResponse] = []
        self.failures: list[Exception] = []
        self.asked: list[ChainStep] = []
        self.nexts: NextSessionReceiver | AsyncNextSessionReceiver | None = None
        self.later: list[Callable[[], Any]] = []
        self.store: Any
        key = None if unsigned else server_key or self.server.public_key_pem
        common: Any = {"server_key": key, "allow": {Risk.SIMULATED_PROOFS}}
        common |= {"status_backend": status_backend, "observer": observer}
        common |= {"signature_verifier": signature_verifier, "schemes": schemes}
        later: Any = self.later.append if unsigned else None
        others: Any = {"sealer": self.sealer, "accept_unsigned": unsigned, "run_later": later}
        self.receiver: CallbackReceiver | AsyncCallbackReceiver
        self.requestor: Requestor | AsyncRequestor
        if mode == "sync":

            def deliver_sync(end: SessionOutcome) -> None:
                self.delivered.append(end)
                deliver(end)

            def chosen(step: ChainStep) -> Any:
                self.asked.append(step)
                return choose(step)

            self.store = store or memory_store(self.server.clock)
            requestor = Requestor(self.server.url, self.server.transport(), **common)
            self.requestor = requestor
            self.receiver = CallbackReceiver(
                requestor,
                PAGE,
                store=self.store,
                deliver=deliver_sync,
                kept=KeptInStore(self.store) if keeps else None,
                **others,
            )
            if not unsigned:
                self.nexts = self.next_receiver(choose=chosen)
        else:

            async def deliver_async(end: SessionOutcome) -> None:
                self.delivered.append(end)
                made = deliver(end)
                if isinstance(made, Awaitable):
                    await made

            async def chosen_async(step: ChainStep) -> Any:
                self.asked.append(step)
                return choose(step)

            self.store = store or async_memory_store(self.server.clock)
            other = AsyncRequestor(self.server.url, self.server.async_transport(), **common)
            self.requestor = other
            self.receiver = AsyncCallbackReceiver(
                other,
                PAGE,
                store=self.store,
                deliver=deliver_async,
                kept=KeptInStore(self.store) if keeps else None,
                **others,
            )
            if not unsigned:
                self.nexts = self.next_receiver(choose=chosen_async)

    def next_receiver(self, **settings: Any) -> NextSessionReceiver | AsyncNextSessionReceiver:
        """Return a receiver with the shop's sealer and store, unless the test passes others."""
        kind: Any = NextSessionReceiver if self.mode == "sync" else AsyncNextSessionReceiver
        others: Any = {"sealer": self.sealer, "store": self.store, "choose": choose_nothing}
        made: NextSessionReceiver | AsyncNextSessionReceiver = kind(
            self.requestor, NEXT_PAGE, **{**others, **settings}
        )
        return made

    def done(self, made: Any) -> Any:
        """Return the result of a call of either mode."""
        if self.mode == "sync":
            return made

        async def main() -> Any:
            return await made

        with ThreadPoolExecutor(1) as other:  # the server may post while a loop runs in this one
            return other.submit(asyncio.run, main()).result()

    def start(self, request: Any = AGE, reference: str = "") -> StartedSession:
        """Start a session whose outcome is posted to the shop."""
        asked: ExtendedRequest = self.receiver.with_callback(request, reference=reference)
        session: StartedSession = self.done(self.requestor.start_session(asked))
        return session

    def start_chain(self, request: Any = AGE, reference: str = "") -> StartedSession:
        """Start a session after which the application chooses the next one."""
        assert self.nexts is not None
        asked = self.nexts.with_next_session(request, reference=reference)
        session: StartedSession = self.done(self.requestor.start_session(asked))
        return session

    def post(self, request: HttpRequest) -> HttpResponse:
        """Handle a post of the server as a web framework does."""
        page: Any = self.nexts if request.url.startswith(NEXT_PAGE) else self.receiver
        try:
            reply: HttpResponse = self.done(
                page.receive(request.method, request.url, request.headers, request.body or b"")
            )
        except Exception as error:  # noqa: BLE001 - as a framework does
            self.failures.append(error)
            reply = HttpResponse(500)
        self.replies.append(reply)
        return reply

    def replay(self) -> list[str]:
        """Replay the kept posts, and return the problem of each, empty if it was delivered."""
        return [each.problem for each in self.done(self.receiver.replay())]

    def do_later(self) -> None:
        """Run the jobs that were postponed until after the reply."""
        while self.later:
            self.done(self.later.pop(0)())

    @property
    def statuses(self) -> list[int]:
        """The statuses of the shop's replies."""
        return [reply.status for reply in self.replies]
