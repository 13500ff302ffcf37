"""Callbacks and chained sessions, with the official server, a real wallet and real HTTP."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest

from irma_core import (
    AsyncCallbackReceiver,
    AsyncNextSessionReceiver,
    AsyncRequestor,
    AttributeRequest,
    CallbackReceiver,
    ChainStep,
    CredentialRequest,
    DisclosureRequest,
    Evidence,
    ExtendedRequest,
    IssuanceRequest,
    NextSessionReceiver,
    Requestor,
    Sealer,
    SessionCancelledError,
    SessionOutcome,
    SessionPointer,
    SessionStatus,
    SessionTimedOutError,
    SignatureRequest,
    StaticSessionReceiver,
    new_sealing_key,
)
from irma_core.wire.write_requests import request_value
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_stores import async_memory_store, memory_store
from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.plain_http import start_session
from tests.realserver.receiving import Site, running_async_site, running_site
from tests.realserver.session_requests import AGE, issuance
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Failed, Succeeded

OVER18 = "example.town.age.over18"
ADULT = DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")})
A_WHILE = timedelta(minutes=2)
SEALER = Sealer([new_sealing_key()])
UNSIGNED = ServerOptions(jwt_key=False, allow_unsigned_callbacks=True)


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def requestor(official_server: OfficialServer, transport: Urllib3Transport) -> Requestor:
    key = official_server.jwt_public_key_pem
    return Requestor(official_server.url, transport, server_key=key)


@pytest.fixture
def delivered() -> list[SessionOutcome]:
    return []


@pytest.fixture
def callbacks(
    requestor: Requestor, transport: Urllib3Transport, site: Site, delivered: list[SessionOutcome]
) -> CallbackReceiver:
    store = memory_store(transport.clock)
    receiver = CallbackReceiver(
        requestor, f"{site.url}/callback", sealer=SEALER, store=store, deliver=delivered.append
    )
    site.pages["callback"] = receiver
    return receiver


def test_a_signed_callback_delivers_the_answer(
    requestor: Requestor,
    callbacks: CallbackReceiver,
    site: Site,
    delivered: list[SessionOutcome],
    wallet: Wallet,
) -> None:
    """The signed callbacks of a disclosure and of a signature deliver their answers."""
    for request in (ADULT, SignatureRequest("I agree", {"age": OVER18})):
        session = requestor.start_session(callbacks.with_callback(request))
        assert isinstance(wallet.accept(session.pointer.json_text()), Succeeded)
        answer = delivered[-1].get_answer()
        assert (answer.token, answer.evidence) == (session.token, Evidence.SIGNED)
        assert answer["age"].value == "yes"
    assert delivered[-1].get_answer().signature is not None
    assert site.statuses == [204, 204]


def test_cancelled_sessions_are_delivered(
    requestor: Requestor,
    callbacks: CallbackReceiver,
    delivered: list[SessionOutcome],
    wallet: Wallet,
) -> None:
    """The receiver delivers a session that the app refused, or that the requestor cancelled."""
    wallet.refuse(requestor.start_session(callbacks.with_callback(ADULT)).pointer.json_text())
    requestor.cancel_session(requestor.start_session(callbacks.with_callback(ADULT)))
    assert [end.status for end in delivered] == [SessionStatus.CANCELLED] * 2
    with pytest.raises(SessionCancelledError):
        delivered[0].get_answer()


def test_time_out_is_delivered_once(
    requestor: Requestor, callbacks: CallbackReceiver, site: Site, delivered: list[SessionOutcome]
) -> None:
    """The receiver delivers a time-out once, although the server posts it repeatedly."""
    asked = callbacks.with_callback(ExtendedRequest(ADULT, timeout=timedelta(seconds=1)))
    session = requestor.start_session(asked)
    with pytest.raises(SessionTimedOutError):
        requestor.wait_for_answer(session, timeout=A_WHILE)
    for _ in range(3):
        assert requestor.get_status(session) is SessionStatus.TIMEOUT
    assert len(site.statuses) > 1
    assert set(site.statuses) == {204}
    assert [end.status for end in delivered] == [SessionStatus.TIMEOUT]


def test_the_first_of_two_contradicting_callbacks_counts(
    requestor: Requestor, transport: Urllib3Transport, site: Site, wallet: Wallet
) -> None:
    """If a slow delivery makes the app fail and the server post twice, the first outcome counts."""
    delivered: list[SessionOutcome] = []

    def slowly(end: SessionOutcome) -> None:
        time.sleep(5)
        delivered.append(end)

    site.pages["callback"] = receiver = CallbackReceiver(
        requestor,
        f"{site.url}/callback",
        sealer=SEALER,
        store=memory_store(transport.clock),
        deliver=slowly,
    )
    session = requestor.start_session(receiver.with_callback(ADULT))
    outcome = wallet.accept(session.pointer.json_text())
    assert isinstance(outcome, Failed)
    deadline = time.monotonic() + 60
    while len(site.statuses) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert site.statuses == [204, 204]
    assert [end.status for end in delivered] == [SessionStatus.DONE]
    assert requestor.get_answer(session)["age"].value == "yes"


def test_the_server_is_asked_after_an_unsigned_callback(
    start_official_server: ServerPool,
    transport: Urllib3Transport,
    site: Site,
    delivered: list[SessionOutcome],
    wallet: Wallet,
) -> None:
    """After each unsigned callback, the receiver asks the server for the outcome."""
    works: list[Future[None]] = []
    with ThreadPoolExecutor(4) as executor:
        requestor = Requestor(start_official_server(UNSIGNED).url, transport)
        site.pages["callback"] = callbacks = CallbackReceiver(
            requestor,
            f"{site.url}/callback",
            sealer=SEALER,
            store=memory_store(transport.clock),
            deliver=delivered.append,
            accept_unsigned=True,
            run_later=lambda work: works.append(executor.submit(work)),
        )
        session = requestor.start_session(callbacks.with_callback(ADULT))
        assert isinstance(wallet.accept(session.pointer.json_text()), Succeeded)
        wallet.refuse(requestor.start_session(callbacks.with_callback(ADULT)).pointer.json_text())
        asked = callbacks.with_callback(ExtendedRequest(ADULT, timeout=timedelta(seconds=1)))
        late = requestor.start_session(asked)
        with pytest.raises(SessionTimedOutError):
            requestor.wait_for_answer(late, timeout=A_WHILE)
        # An event reports the time-out to watchers; the server posts it at the next request.
        assert requestor.get_status(late) is SessionStatus.TIMEOUT
    for work in works:
        work.result()
    assert set(site.statuses) == {204}
    ends = {end.status: end for end in delivered}
    assert len(delivered) == len(ends) == 3
    answer = ends[SessionStatus.DONE].get_answer()
    assert (answer.token, answer.evidence) == (session.token, Evidence.TRANSPORT)
    assert {*ends} == {SessionStatus.DONE, SessionStatus.CANCELLED, SessionStatus.TIMEOUT}


def test_static_session_is_delivered_for_each_scan(
    start_official_server: ServerPool,
    transport: Urllib3Transport,
    site: Site,
    delivered: list[SessionOutcome],
    wallet: Wallet,
) -> None:
    """Each scan of a printed QR code starts a session, whose signed callback has the outcome."""
    url = f"{site.url}/callback/{'s' * 43}"
    static = {"visit": {"callbackUrl": url, "request": dict(request_value(ADULT))}}
    server = start_official_server(ServerOptions(static_sessions=static))
    requestor = Requestor(server.url, transport, server_key=server.jwt_public_key_pem)
    site.pages["callback"] = StaticSessionReceiver(
        requestor, url, request=ADULT, store=memory_store(transport.clock), deliver=delivered.append
    )
    pointer = SessionPointer.of_static_session(server.url, "visit").json_text()
    assert isinstance(wallet.accept(pointer), Succeeded)
    assert isinstance(wallet.accept(pointer), Succeeded)
    wallet.refuse(pointer)
    assert site.statuses == [204, 204, 204]
    accepted, again, refused = delivered
    assert accepted.get_answer()["age"].value == again.get_answer()["age"].value == "yes"
    assert accepted.get_answer().evidence is Evidence.SIGNED
    assert refused.status is SessionStatus.CANCELLED
    assert len({outcome.token for outcome in delivered}) == 3


def card_for(step: ChainStep) -> IssuanceRequest:
    """Return an issuance request that depends on the disclosed attributes."""
    phone = "for adults" if step.answer["age"].value == "yes" else "for children"
    names = {"firstname": "Ada", "familyname": "Lovelace", "email": "ada@example.com"}
    card = CredentialRequest("example.town.resident", {**names, "phone": phone})
    return IssuanceRequest([card])


@pytest.fixture
def new_wallet(start_wallet: StartWallet, official_server: OfficialServer) -> Iterator[Wallet]:
    """Return a wallet that holds only the age credential."""
    with start_wallet() as wallet:
        package = start_session(official_server.url, issuance(AGE))
        assert isinstance(wallet.accept(package["sessionPtr"]), Succeeded)
        yield wallet


def card_in(wallet: Wallet) -> dict[str, str]:
    (card,) = [held for held in wallet.credentials() if held.credential == "example.town.resident"]
    return card.attributes


def test_what_is_issued_depends_on_what_was_disclosed(
    requestor: Requestor,
    callbacks: CallbackReceiver,
    transport: Urllib3Transport,
    site: Site,
    delivered: list[SessionOutcome],
    new_wallet: Wallet,
) -> None:
    """A chain issues a card that depends on the first answer, and the callback has this answer."""
    store = memory_store(transport.clock)
    site.pages["next"] = nexts = NextSessionReceiver(
        requestor, f"{site.url}/next", sealer=SEALER, store=store, choose=card_for
    )
    session = requestor.start_session(callbacks.with_callback(nexts.with_next_session(ADULT)))
    at_the_app = new_wallet.start(session.pointer.json_text())

    first, second = nexts.follow(session, timeout=A_WHILE)

    assert isinstance(at_the_app.wait(), Succeeded)
    assert (first["age"].value, list(second)) == ("yes", [])
    assert (first.next_session, second.next_session) == (second.token, None)
    assert card_in(new_wallet)["phone"] == "for adults"
    assert site.statuses == [200, 204]
    assert delivered[0].get_answer().next_session == second.token


def test_late_choice_fails_the_chain(
    requestor: Requestor, transport: Urllib3Transport, site: Site, new_wallet: Wallet
) -> None:
    """If the application chooses the next session too late, nothing is issued."""

    def slowly(step: ChainStep) -> IssuanceRequest:
        time.sleep(3.1)
        return card_for(step)

    site.pages["next"] = nexts = NextSessionReceiver(
        requestor,
        f"{site.url}/next",
        sealer=SEALER,
        store=memory_store(transport.clock),
        choose=slowly,
    )
    session = requestor.start_session(nexts.with_next_session(ADULT))
    assert isinstance(new_wallet.accept(session.pointer.json_text()), Failed)
    assert site.statuses == [503]
    with pytest.raises(SessionCancelledError):
        requestor.wait_for_answer(session, timeout=A_WHILE)
    assert [held.credential for held in new_wallet.credentials()] == ["example.town.age"]


async def test_callbacks_and_chains_work_on_an_event_loop(
    official_server: OfficialServer, new_wallet: Wallet
) -> None:
    """Callbacks and chains work with aiohttp and asyncio functions."""
    delivered: list[SessionOutcome] = []

    async def deliver(end: SessionOutcome) -> None:
        await asyncio.sleep(0)
        delivered.append(end)

    async def choose(step: ChainStep) -> IssuanceRequest:
        await asyncio.sleep(0)
        return card_for(step)

    pages: dict[str, AsyncCallbackReceiver | AsyncNextSessionReceiver] = {}
    async with AiohttpTransport() as transport, running_async_site(pages) as url:
        requestor = AsyncRequestor(
            official_server.url, transport, server_key=official_server.jwt_public_key_pem
        )
        store = async_memory_store(transport.clock)
        pages["callback"] = callbacks = AsyncCallbackReceiver(
            requestor, f"{url}/callback", sealer=SEALER, store=store, deliver=deliver
        )
        pages["next"] = nexts = AsyncNextSessionReceiver(
            requestor, f"{url}/next", sealer=SEALER, store=store, choose=choose
        )
        session = await requestor.start_session(
            callbacks.with_callback(nexts.with_next_session(ADULT))
        )
        at_the_app = new_wallet.start(session.pointer.json_text())
        chain = nexts.follow(session, timeout=A_WHILE)
        answers = [answer async for answer in chain]
        assert isinstance(await asyncio.to_thread(at_the_app.wait), Succeeded)
    assert [answer.evidence for answer in answers] == [Evidence.SIGNED] * 2
    assert card_in(new_wallet)["phone"] == "for adults"
    assert [end.get_answer().token for end in delivered] == [session.token]
