"""The front door for chained sessions, in two colours, one line a method: a page of one's own.

What happens, and in which order, is in `flows.next_sessions`; which posts are refused, and by which
code, in `flows.posts`.
"""

from __future__ import annotations

from typing import final

import attrs

from irma_core.async_requestor import AsyncRequestor
from irma_core.errors import ConfigurationError
from irma_core.flows.next_sessions import (
    ChooseNext,
    NextSessionSettings,
    answer_next_session_flow,
)
from irma_core.flows.posts import Body, Headers, Post
from irma_core.flows.sealed_urls import NEXT_SESSION, SealedAddress
from irma_core.flows.wiring import Wiring
from irma_core.models.arguments import check_instance
from irma_core.models.session_requests import (
    ExtendedRequest,
    NextSession,
    SessionRequest,
    as_extended,
)
from irma_core.protocol.addresses import ServerUrl
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.part_checks import check_function, check_store
from irma_core.protocol.stores import AsyncStore, Store
from irma_core.protocol.transport import utc_now
from irma_core.requestor import Requestor
from irma_core.tracebacks import boundary
from irma_core.trust.sealing import Sealer, check_sealer

__all__ = ["AsyncNextSessionReceiver", "NextSessionReceiver"]


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
        address = _address(requestor.wiring, page, sealer)
        self._settings = NextSessionSettings(address, store=store, choose=choose)

    def __repr__(self) -> str:
        return f"<NextSessionReceiver at {self._settings.address.page.text}>"

    def add_to(self, request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
        """Give the request with a `nextSession` URL of its own, to be started at once, and once.

        Raises:
            RequestError: The request is too large to be kept in a URL.
        """
        return _with_next_session(self._requestor.wiring, self._settings, request)

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
        post = Post.of(method, url, headers, body)
        flow = answer_next_session_flow(self._requestor.wiring, self._settings, post)
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
        address = _address(requestor.wiring, page, sealer)
        self._settings = NextSessionSettings(address, store=store, choose=choose)

    def __repr__(self) -> str:
        return f"<AsyncNextSessionReceiver at {self._settings.address.page.text}>"

    def add_to(self, request: SessionRequest | ExtendedRequest) -> ExtendedRequest:
        """See `NextSessionReceiver.add_to`; nothing is awaited."""
        return _with_next_session(self._requestor.wiring, self._settings, request)

    async def receive(self, method: str, url: str, headers: Headers, body: Body) -> HttpResponse:
        """See `NextSessionReceiver.receive`."""
        post = Post.of(method, url, headers, body)
        flow = answer_next_session_flow(self._requestor.wiring, self._settings, post)
        return await self._requestor.run_flow(flow)


def _address(wiring: Wiring, page: str, sealer: Sealer) -> SealedAddress:
    if not wiring.takes_signed_results:
        raise ConfigurationError(
            "chained sessions are verified by the requestor's server_key: give it one"
        )
    return SealedAddress(
        ServerUrl.parse(page, allow=wiring.allow, what="page"), sealer, purpose=NEXT_SESSION
    )


def _with_next_session(
    wiring: Wiring, settings: NextSessionSettings, request: SessionRequest | ExtendedRequest
) -> ExtendedRequest:
    asked = as_extended(request)
    url = settings.address.url_for(asked, utc_now(wiring.clock))
    return attrs.evolve(asked, next_session=NextSession(url))
