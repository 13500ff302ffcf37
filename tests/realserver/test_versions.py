"""The library works with each version of the official server and a real wallet, in both modes.

`make old-servers` tries every version; each run tries the versions in `versions.EACH_RUN`.
`old_servers.toml` lists the features that a version lacks; their tests must fail at that version.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from irma_core import (
    Answer,
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
    FetchedServerKey,
    HmacAuthentication,
    HmacSigner,
    IssuanceRequest,
    NextSessionReceiver,
    PairingMethod,
    PublicKeyAuthentication,
    Requestor,
    RsaSigner,
    Sealer,
    SessionCancelledError,
    SessionOutcome,
    SessionStatus,
    SessionTimedOutError,
    SignatureRequest,
    StartedSession,
    TokenAuthentication,
    new_sealing_key,
    optional,
)
from irma_core.trust.result_jwt import verify_getproof_jwt
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_stores import async_memory_store, memory_store
from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.old_servers import expect_gap
from tests.realserver.plain_http import call, start_session
from tests.realserver.receiving import running_async_site, running_site
from tests.realserver.session_requests import AGE, issuance
from tests.realserver.versions import versions_to_try
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Accept, Hold, PairingRequired, Succeeded
from tests.rsa_keys import RSA_KEY

OVER18 = "example.town.age.over18"
PHONE = "example.town.resident.phone"
ADULT = DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")})
A_WHILE = timedelta(minutes=2)
SEALER = Sealer([new_sealing_key()])
HMAC_KEY = secrets.token_bytes(32)
TOKEN = secrets.token_urlsafe()
PRIVATE_PEM = RSA_KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
STRICT = ServerOptions(
    requestors={
        "token": {"auth_method": "token", "key": TOKEN},
        "hmac": {"auth_method": "hmac", "key": base64.b64encode(HMAC_KEY).decode()},
        "publickey": {"auth_method": "publickey", "key": PUBLIC_PEM.decode()},
    }
)
AUTHENTICATION = {
    "token": TokenAuthentication(TOKEN),
    "hmac": HmacAuthentication("hmac", HmacSigner(HMAC_KEY)),
    "publickey": PublicKeyAuthentication("publickey", RsaSigner(PRIVATE_PEM)),
}
CARD = {"firstname": "Ada", "familyname": "Lovelace", "email": "ada@example.com"}


class Caller:
    """A sync requestor; `call` runs a method by its name."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.transport = Urllib3Transport()
        self._requestor = Requestor(url, self.transport, **settings)

    def call(self, method: str, *arguments: Any, **settings: Any) -> Any:
        return getattr(self._requestor, method)(*arguments, **settings)

    def watch(self, session: StartedSession) -> list[SessionStatus]:
        with self._requestor.watch_status(session, timeout=A_WHILE) as statuses:
            return list(statuses)

    def close(self) -> None:
        self.transport.close()


class AsyncCaller:
    """An asyncio requestor whose event loop runs during each call."""

    def __init__(self, url: str, **settings: Any) -> None:
        self._runner = asyncio.Runner()
        self.transport = AiohttpTransport()
        self._requestor = AsyncRequestor(url, self.transport, **settings)

    def call(self, method: str, *arguments: Any, **settings: Any) -> Any:
        async def run() -> Any:
            return await getattr(self._requestor, method)(*arguments, **settings)

        return self._runner.run(run())

    def watch(self, session: StartedSession) -> list[SessionStatus]:
        async def run() -> list[SessionStatus]:
            async with self._requestor.watch_status(session, timeout=A_WHILE) as statuses:
                return [status async for status in statuses]

        return self._runner.run(run())

    def close(self) -> None:
        self._runner.run(self.transport.aclose())
        self._runner.close()


AnyCaller = Caller | AsyncCaller


@pytest.fixture(params=versions_to_try())
def servers(
    request: pytest.FixtureRequest, pool_of_version: Callable[[str], ServerPool]
) -> ServerPool:
    expect_gap(request, request.param)
    return pool_of_version(request.param)


@pytest.fixture
def server(servers: ServerPool) -> OfficialServer:
    return servers()


@pytest.fixture(params=[Caller, AsyncCaller], ids=["threads", "asyncio"])
def mode(request: pytest.FixtureRequest) -> type[AnyCaller]:
    kind: type[AnyCaller] = request.param
    return kind


@contextmanager
def opened(mode: type[AnyCaller], server: OfficialServer, **settings: Any) -> Generator[AnyCaller]:
    caller = mode(server.url, **settings)
    try:
        yield caller
    finally:
        caller.close()


@pytest.fixture
def caller(mode: type[AnyCaller], server: OfficialServer) -> Iterator[AnyCaller]:
    with opened(mode, server) as caller:
        yield caller


def play(caller: AnyCaller, wallet: Wallet, request: Any, *answers: Any) -> Answer:
    """Start a session, let the wallet answer, and wait for the answer."""
    session = caller.call("start_session", request)
    wallet.start(session.pointer.json_text(), *answers)
    answer: Answer = caller.call("wait_for_answer", session, timeout=A_WHILE)
    assert answer.token == session.token
    return answer


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until another thread makes a condition true."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("the condition did not become true")


def test_disclosing(caller: AnyCaller, wallet: Wallet) -> None:
    """A disclosed attribute is in the answer with the demanded value."""
    answer = play(caller, wallet, ADULT)
    assert (answer["age"].value, answer.evidence) == ("yes", Evidence.TRANSPORT)


def test_optional_and_null(caller: AnyCaller, wallet: Wallet) -> None:
    """The app may leave out an optional slot, and an attribute may be null."""
    request = DisclosureRequest({"age": optional(OVER18), "phone": PHONE})
    for option, is_there in ((0, True), (1, False)):
        answer = play(caller, wallet, request, Accept(options={0: option}))
        assert ("age" in answer, answer["phone"].is_null) == (is_there, True)


def test_signing(caller: AnyCaller, wallet: Wallet) -> None:
    """The answer to a signature request has a signature and the disclosed attribute."""
    answer = play(caller, wallet, SignatureRequest("I agree", {"age": OVER18}))
    assert answer.signature is not None
    assert answer["age"].value == "yes"


@pytest.fixture(scope="module")
def card_wallet(start_wallet: StartWallet, official_server: OfficialServer) -> Wallet:
    """Return a separate wallet, for tests that issue credentials."""
    wallet = start_wallet()
    package = start_session(official_server.url, issuance(AGE))
    assert isinstance(wallet.accept(package["sessionPtr"]), Succeeded)
    return wallet


def card_of(phone: str) -> CredentialRequest:
    return CredentialRequest("example.town.resident", {**CARD, "phone": phone})


def phones_in(wallet: Wallet) -> list[str | None]:
    return [held.attributes.get("phone") for held in wallet.credentials()]


def test_issuing(caller: AnyCaller, card_wallet: Wallet) -> None:
    """An issued credential reaches the wallet, and the requested attributes are in the answer."""
    phone = secrets.token_hex(4)
    answer = play(caller, card_wallet, IssuanceRequest([card_of(phone)], ADULT.disclose))
    assert (answer["age"].value, phones_in(card_wallet).count(phone)) == ("yes", 1)


def test_refusing(caller: AnyCaller, wallet: Wallet) -> None:
    """A wait for a session that the app refuses raises `SessionCancelledError`."""
    session = caller.call("start_session", ADULT)
    wallet.refuse(session.pointer.json_text())
    with pytest.raises(SessionCancelledError):
        caller.call("wait_for_answer", session, timeout=A_WHILE)


def test_cancelling(caller: AnyCaller) -> None:
    """The requestor can cancel a session that no app has scanned."""
    session = caller.call("start_session", ADULT)
    assert caller.call("get_status", session) is SessionStatus.INITIALIZED
    caller.call("cancel_session", session)
    assert caller.call("get_status", session) is SessionStatus.CANCELLED


def test_timing_out(caller: AnyCaller) -> None:
    """A wait for a session that no app scans raises `SessionTimedOutError`."""
    asked = ExtendedRequest(ADULT, timeout=timedelta(seconds=1))
    session = caller.call("start_session", asked)
    with pytest.raises(SessionTimedOutError):
        caller.call("wait_for_answer", session, timeout=A_WHILE)


@pytest.mark.parametrize("sse", [True, False], ids=["events", "polling"])
def test_watching(mode: type[AnyCaller], servers: ServerPool, wallet: Wallet, sse: bool) -> None:
    """A watch yields each status once and in order, by events or by polling."""
    with opened(mode, servers(ServerOptions(sse=sse))) as caller:
        session = caller.call("start_session", ADULT)
        at_the_app = wallet.start(session.pointer.json_text(), Hold())
        timer = threading.Timer(1.5, at_the_app.answer, [Accept()])
        timer.start()
        seen = caller.watch(session)
        timer.join()
    assert [status.value for status in seen][-2:] == ["CONNECTED", "DONE"]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("fetched", [False, True], ids=["given key", "fetched key"])
def test_signed_results(
    mode: type[AnyCaller], server: OfficialServer, wallet: Wallet, fetched: bool
) -> None:
    """A requestor verifies signed results with a given key and with a fetched key."""
    key = FetchedServerKey() if fetched else server.jwt_public_key_pem
    with opened(mode, server, server_key=key) as caller:
        answer = play(caller, wallet, ADULT)
    assert (answer["age"].value, answer.evidence) == ("yes", Evidence.SIGNED)


@pytest.mark.parametrize("validity", [None, timedelta(minutes=1)], ids=["plain", "with validity"])
def test_older_results(
    caller: AnyCaller, server: OfficialServer, wallet: Wallet, validity: timedelta | None
) -> None:
    """We verify the older result JWT, which `getproof` returns."""
    asked = (
        ExtendedRequest(ADULT) if validity is None else ExtendedRequest(ADULT, validity=validity)
    )
    session = caller.call("start_session", asked)
    wallet.accept(session.pointer.json_text())
    status, jwt = call("GET", f"{server.url}/session/{session.token.reveal()}/getproof")
    assert status == 200
    result = verify_getproof_jwt(
        jwt, keys=[server.jwt_public_key_pem], issuer="irmaserver", now=datetime.now(UTC)
    )
    assert result.unchecked_attributes == {OVER18: "yes"}


def test_health(caller: AnyCaller) -> None:
    """The health endpoint reports that the server is up."""
    caller.call("check_health")


def test_pairing(caller: AnyCaller, wallet: Wallet) -> None:
    """With pairing, the app shows the requestor's code and goes on after the requestor confirms."""
    session = caller.call("start_session", ADULT)
    options = caller.call("set_pairing", session, PairingMethod.PIN)
    at_the_app = wallet.start(session.pointer.json_text(), Accept())
    assert at_the_app.wait_for(PairingRequired).code == options.pairing_code
    caller.call("complete_pairing", session)
    assert "age" in caller.call("wait_for_answer", session, timeout=A_WHILE)


@pytest.mark.parametrize("kind", ["token", "hmac", "publickey"])
def test_authenticating(
    mode: type[AnyCaller], servers: ServerPool, wallet: Wallet, kind: str
) -> None:
    """A requestor starts a session with each of the three ways to authenticate."""
    with opened(mode, servers(STRICT), authentication=AUTHENTICATION[kind]) as caller:
        assert play(caller, wallet, ADULT)["age"].value == "yes"


def test_callbacks(server: OfficialServer, wallet: Wallet) -> None:
    """The receiver delivers the signed results that the server posts."""
    delivered: list[SessionOutcome] = []
    with running_site() as site, Urllib3Transport() as transport:
        requestor = Requestor(server.url, transport, server_key=server.jwt_public_key_pem)
        site.pages["callback"] = receiver = CallbackReceiver(
            requestor,
            f"{site.url}/callback",
            sealer=SEALER,
            store=memory_store(transport.clock),
            deliver=delivered.append,
        )
        session = requestor.start_session(receiver.with_callback(ADULT))
        assert isinstance(wallet.accept(session.pointer.json_text()), Succeeded)
        wait_until(lambda: len(delivered) == 1)  # servers before 0.9 post in parallel
        wallet.refuse(requestor.start_session(receiver.with_callback(ADULT)).pointer.json_text())
        wait_until(lambda: len(delivered) == 2)
    assert [end.status for end in delivered] == [SessionStatus.DONE, SessionStatus.CANCELLED]
    assert delivered[0].get_answer().evidence is Evidence.SIGNED


def test_unsigned_callbacks(servers: ServerPool, wallet: Wallet) -> None:
    """After an unsigned post of a server without a key, the receiver asks for the outcome."""
    delivered: list[SessionOutcome] = []
    works: list[Future[None]] = []
    server = servers(ServerOptions(jwt_key=False, allow_unsigned_callbacks=True))
    with (
        ThreadPoolExecutor(2) as executor,
        running_site() as site,
        Urllib3Transport() as transport,
    ):
        requestor = Requestor(server.url, transport)
        site.pages["callback"] = receiver = CallbackReceiver(
            requestor,
            f"{site.url}/callback",
            sealer=SEALER,
            store=memory_store(transport.clock),
            deliver=delivered.append,
            accept_unsigned=True,
            run_later=lambda work: works.append(executor.submit(work)),
        )
        session = requestor.start_session(receiver.with_callback(ADULT))
        assert isinstance(wallet.accept(session.pointer.json_text()), Succeeded)
        wait_until(lambda: len(works) == 1)
        works[0].result()
    assert [end.get_answer().token for end in delivered] == [session.token]


def issue_next(step: ChainStep) -> IssuanceRequest:
    return IssuanceRequest([card_of(str(step.answer.token)[-12:])])


def test_chaining(servers: ServerPool, card_wallet: Wallet) -> None:
    """A chain issues a credential that depends on the answer of the first session."""
    server = servers(shared=False)  # some older servers hang if they are watched meanwhile
    with running_site() as site, Urllib3Transport() as transport:
        requestor = Requestor(server.url, transport, server_key=server.jwt_public_key_pem)
        store = memory_store(transport.clock)
        site.pages["next"] = receiver = NextSessionReceiver(
            requestor, f"{site.url}/next", sealer=SEALER, store=store, choose=issue_next
        )
        session = requestor.start_session(receiver.with_next_session(ADULT))
        at_the_app = card_wallet.start(session.pointer.json_text())
        chain = receiver.follow(session, timeout=A_WHILE)
        first, second = chain
        assert isinstance(at_the_app.wait(), Succeeded)
    assert first.next_session == second.token
    assert phones_in(card_wallet).count(str(first.token)[-12:]) == 1


async def test_callbacks_and_chaining_with_asyncio(
    servers: ServerPool, card_wallet: Wallet
) -> None:
    """Callbacks and chains work with asyncio functions."""
    server = servers(shared=False)
    delivered: list[SessionOutcome] = []
    pages: dict[str, AsyncCallbackReceiver | AsyncNextSessionReceiver] = {}
    async with AiohttpTransport() as transport, running_async_site(pages) as url:
        requestor = AsyncRequestor(server.url, transport, server_key=server.jwt_public_key_pem)
        store = async_memory_store(transport.clock)
        pages["callback"] = callbacks = AsyncCallbackReceiver(
            requestor, f"{url}/callback", sealer=SEALER, store=store, deliver=delivered.append
        )
        pages["next"] = nexts = AsyncNextSessionReceiver(
            requestor, f"{url}/next", sealer=SEALER, store=store, choose=issue_next
        )
        session = await requestor.start_session(
            callbacks.with_callback(nexts.with_next_session(ADULT))
        )
        at_the_app = card_wallet.start(session.pointer.json_text())
        chain = nexts.follow(session, timeout=A_WHILE)
        answers = [answer async for answer in chain]
        assert isinstance(await asyncio.to_thread(at_the_app.wait), Succeeded)
    assert [answer.evidence for answer in answers] == [Evidence.SIGNED] * 2
    assert [end.get_answer().token for end in delivered] == [session.token]
