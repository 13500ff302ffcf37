"""Sessions from start to answer, with the official server and a real wallet."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from irma_core import (
    AsyncRequestor,
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    FetchedServerKey,
    IssuanceRequest,
    PairingMethod,
    Requestor,
    SessionStatus,
    SignatureRequest,
    StartedSession,
    all_of,
    any_of,
    optional,
)
from irma_core.errors import (
    AttributeMissingError,
    AttributeNullError,
    NobodyAnsweredError,
    NotWhatWasAskedError,
    ProofNotValidError,
    RequestError,
    SessionCancelledError,
    SessionGoneError,
    SessionTimedOutError,
    SlotNotAnsweredError,
    WrongSessionError,
    WrongValueError,
)
from irma_core.models.answers import Evidence
from irma_core.protocol.endpoints import build_getproof_request, parse_getproof_response
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.server_url import ServerUrl
from irma_transport_aiohttp import AiohttpTransport
from irma_transport_urllib3 import Urllib3Transport
from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.plain_http import start_session
from tests.realserver.session_requests import AGE, issuance
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import (
    Accept,
    Disappear,
    Hold,
    PairingRequired,
    Refuse,
    Succeeded,
)

OVER18 = "example.town.age.over18"
OVER65 = "example.town.age.over65"
EMAIL = "example.town.resident.email"
PHONE = "example.town.resident.phone"
A_WHILE = timedelta(minutes=2)
STATUS = "GET session/{token}/status"


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


@pytest.fixture
def requestor(official_server: OfficialServer, transport: Urllib3Transport) -> Requestor:
    return Requestor(official_server.url, transport)


def test_a_disclosure_gives_an_answer(requestor: Requestor, wallet: Wallet) -> None:
    """The answer to a disclosure request has the disclosed attributes by slot."""
    session = requestor.start_session(
        DisclosureRequest(
            {
                "age": any_of(AttributeRequest(OVER18, value="yes"), AttributeRequest(OVER65)),
                "name": all_of(
                    "example.town.resident.firstname", "example.town.resident.familyname"
                ),
            }
        )
    )
    wallet.start(session.pointer.json_text(), Accept())

    answer = requestor.wait_for_answer(session, timeout=A_WHILE)

    assert answer["age"].attribute == OVER18
    assert answer["age"].value == "yes"
    assert answer["age"].option == 0
    assert answer["name"]["example.town.resident.familyname"].value == "Lovelace"
    assert answer.schemes == {"example"}
    assert answer.evidence is Evidence.TRANSPORT


def test_statuses_come_in_order_and_end(requestor: Requestor, wallet: Wallet) -> None:
    """A watch returns each status once, from the first to the final one."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    at_the_app = wallet.start(session.pointer.json_text(), Hold())

    with requestor.watch_status(session, timeout=A_WHILE) as statuses:
        first = next(statuses)
        at_the_app.answer(Accept())
        rest = list(statuses)

    assert first in (SessionStatus.INITIALIZED, SessionStatus.CONNECTED)
    assert rest[-1] is SessionStatus.DONE
    assert len({first, *rest}) == 1 + len(rest)


@pytest.mark.parametrize("sse", [True, False], ids=["events", "polling"])
def test_a_watch_polls_once_if_there_are_events(
    start_official_server: ServerPool, wallet: Wallet, sse: bool
) -> None:
    """A watch polls only once if the server sends events, and otherwise every second."""
    server = start_official_server(ServerOptions(sse=sse))
    with CountingTransport() as transport:
        requestor = Requestor(server.url, transport)
        session = requestor.start_session(DisclosureRequest({"age": OVER18}))
        with requestor.watch_status(session, timeout=A_WHILE) as statuses:
            seen = [next(statuses)]
            at_the_app = wallet.start(session.pointer.json_text(), Hold())
            seen.append(next(statuses))

            def answer_later() -> None:
                time.sleep(2.5)
                while not sse and transport.sent.count(STATUS) < 3:
                    time.sleep(0.05)
                at_the_app.answer(Accept())

            threading.Thread(target=answer_later).start()
            seen += statuses
    assert [status.value for status in seen] == ["INITIALIZED", "CONNECTED", "DONE"]
    questions = transport.sent.count(STATUS)
    assert questions == 1 if sse else questions >= 4


async def test_an_async_wait_gets_the_answer_by_events(
    official_server: OfficialServer, wallet: Wallet
) -> None:
    """If the server sends events, an asyncio requestor that waits gets the answer."""
    async with AiohttpTransport() as transport:
        requestor = AsyncRequestor(official_server.url, transport)
        session = await requestor.start_session(DisclosureRequest({"age": OVER18}))
        waiting = asyncio.create_task(requestor.wait_for_answer(session, timeout=A_WHILE))
        await asyncio.sleep(0.5)
        wallet.start(session.pointer.json_text())
        answer = await waiting
        assert answer["age"].value == "yes"
        assert await requestor.get_status(session.token) is SessionStatus.DONE


def test_answer_signed_with_the_servers_key(
    official_server: OfficialServer, transport: Urllib3Transport, wallet: Wallet
) -> None:
    """With a server key, the requestor makes the answer from the verified signed result."""
    key = official_server.jwt_public_key_pem
    requestor = Requestor(official_server.url, transport, server_key=key)
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text())
    answer = requestor.wait_for_answer(session, timeout=A_WHILE)
    assert (answer.evidence, answer["age"].value) == (Evidence.SIGNED, "yes")
    assert requestor.get_public_key().strip() == key.strip()
    fetching = Requestor(official_server.url, transport, server_key=FetchedServerKey())
    assert fetching.get_answer(session).evidence is Evidence.SIGNED


class CountingTransport(Urllib3Transport):
    """A transport that records its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def send(self, request: HttpRequest, deadline: float) -> HttpResponse:
        self.sent.append(request.label)
        return super().send(request, deadline)


def test_a_signature_gives_an_answer_with_the_signature(
    requestor: Requestor, wallet: Wallet
) -> None:
    """The answer to a signature request has the signature over the requested message."""
    request = SignatureRequest("Ik ga akkoord: één ✓", {"age": OVER18})
    session = requestor.start_session(request)
    wallet.start(session.pointer.json_text(), Accept())

    answer = requestor.wait_for_answer(session, timeout=A_WHILE)

    assert answer.signature is not None
    assert answer.signature.message == request.message
    assert '"@context":"https://irma.app/ld/signature/v2"' in answer.signature.json_text


def test_an_issuance_gives_an_answer_and_a_credential(
    requestor: Requestor, start_wallet: StartWallet
) -> None:
    """A credential for five weeks reaches the wallet, and the answer has no slots."""
    attributes = {"over12": "yes", "over18": "yes", "over65": ""}
    session = requestor.start_session(
        IssuanceRequest(
            [CredentialRequest("example.town.age", attributes, validity=timedelta(weeks=5))]
        )
    )
    empty = start_wallet()
    empty.start(session.pointer.json_text(), Accept())

    answer = requestor.wait_for_answer(session, timeout=A_WHILE)

    assert list(answer) == []
    assert [held.credential for held in empty.credentials()] == ["example.town.age"]


def test_a_combined_issuance_discloses_first(requestor: Requestor, wallet: Wallet) -> None:
    """The answer to an issuance that also requests attributes has these attributes by slot."""
    session = requestor.start_session(
        IssuanceRequest(
            [
                CredentialRequest(
                    "example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"}
                )
            ],
            {"email": EMAIL},
        )
    )
    wallet.start(session.pointer.json_text(), Accept())

    answer = requestor.wait_for_answer(session, timeout=A_WHILE)

    assert answer["email"].value == "ada@example.com"


def test_validity_rounded_into_the_past_is_not_sent(requestor: Requestor) -> None:
    """The requestor refuses a validity that the server would round down into the past."""
    request = IssuanceRequest(
        [CredentialRequest("example.town.age", {}, validity=timedelta(hours=1))]
    )
    with pytest.raises(RequestError, match=r"credentials\[0\]\.validity") as caught:
        requestor.start_session(request)
    assert caught.value.path == "credentials[0].validity"


def test_an_expired_credential_gives_no_answer(
    requestor: Requestor, official_server: OfficialServer, start_wallet: StartWallet
) -> None:
    """A session with an expired credential is `DONE` and `EXPIRED`, and has no answer."""
    wallet = start_wallet()
    issued = start_session(
        official_server.url, issuance({**AGE, "validity": int(time.time()) + 3600})
    )
    assert isinstance(wallet.accept(issued["sessionPtr"]), Succeeded)
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text()).wait()
    assert requestor.get_status(session) is SessionStatus.DONE
    with pytest.raises(ProofNotValidError, match="EXPIRED") as caught:
        requestor.get_answer(session)
    assert caught.value.proof_status == "EXPIRED"


def test_the_older_jwt_can_be_requested(
    requestor: Requestor,
    wallet: Wallet,
    transport: Urllib3Transport,
    official_server: OfficialServer,
) -> None:
    """The functions that build and parse a `getproof` call work with the caller's own transport."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.accept(session.pointer.json_text())
    request = build_getproof_request(ServerUrl.parse(official_server.url), session.token)
    response = transport.send(request, transport.clock.monotonic() + 60)
    payload = parse_getproof_response(response).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["attributes"] == {OVER18: "yes"}
    assert claims["status"] == "VALID"


def test_an_optional_slot_may_be_left_out_or_taken(requestor: Requestor, wallet: Wallet) -> None:
    """An optional slot is in the answer only if the app answered it."""
    request = DisclosureRequest({"age": OVER18, "email": optional(EMAIL)})
    for option, expected in ((0, True), (1, False)):
        session = requestor.start_session(request)
        wallet.start(session.pointer.json_text(), Accept(options={1: option}))
        answer = requestor.wait_for_answer(session, timeout=A_WHILE)
        assert ("email" in answer) is expected


def test_possession_of_a_credential_can_be_requested(requestor: Requestor, wallet: Wallet) -> None:
    """An identifier of three parts requests only the possession of a credential."""
    session = requestor.start_session(DisclosureRequest({"card": "example.town.age"}))
    wallet.start(session.pointer.json_text(), Accept())
    assert "card" in requestor.wait_for_answer(session, timeout=A_WHILE)


def test_a_null_attribute_is_accepted_unless_forbidden(
    requestor: Requestor, wallet: Wallet
) -> None:
    """An attribute without a value answers a slot, unless the request demands a value."""
    session = requestor.start_session(DisclosureRequest({"phone": PHONE}))
    wallet.start(session.pointer.json_text(), Accept())
    assert requestor.wait_for_answer(session, timeout=A_WHILE)["phone"].is_null

    strict = DisclosureRequest({"phone": AttributeRequest(PHONE, not_null=True)})
    forged = StartedSession(ExtendedRequest(strict), session.package, started_at=session.started_at)
    with pytest.raises(AttributeNullError):
        requestor.get_answer(forged)


def test_a_refusal_has_its_own_error(requestor: Requestor, wallet: Wallet) -> None:
    """A refusal and a lack of attributes raise `SessionCancelledError`."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text(), Refuse())
    with pytest.raises(SessionCancelledError) as caught:
        requestor.wait_for_answer(session, timeout=A_WHILE)
    assert caught.value.session == session.token.fingerprint


def test_a_session_that_nobody_scans_times_out(requestor: Requestor) -> None:
    """A wait for a session that no app scans raises `SessionTimedOutError`."""
    request = ExtendedRequest(DisclosureRequest({"age": OVER18}), timeout=timedelta(seconds=1))
    session = requestor.start_session(request)
    with pytest.raises(SessionTimedOutError):
        requestor.wait_for_answer(session, timeout=A_WHILE)


def test_an_app_that_disappears_meets_the_deadline(requestor: Requestor, wallet: Wallet) -> None:
    """An app cannot make the caller wait past the deadline."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text(), Disappear())
    with pytest.raises(NobodyAnsweredError):
        requestor.wait_for_answer(session, timeout=timedelta(seconds=1.5))
    with pytest.raises(SessionCancelledError):
        requestor.get_answer(session)


def test_a_cancelled_session_has_no_answer(requestor: Requestor) -> None:
    """A session that the requestor cancels twice is cancelled, and has no answer."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    requestor.cancel_session(session)
    requestor.cancel_session(session)
    assert requestor.get_status(session) is SessionStatus.CANCELLED
    with pytest.raises(SessionCancelledError):
        requestor.get_answer(session)


def test_the_server_refuses_wrong_attributes(requestor: Requestor, wallet: Wallet) -> None:
    """If an app sends attributes other than the requested ones, the proof is not valid."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text(), Accept(send=[[EMAIL]]))
    with pytest.raises(ProofNotValidError) as caught:
        requestor.wait_for_answer(session, timeout=A_WHILE)
    assert caught.value.proof_status == "MISSING_ATTRIBUTES"


def test_the_server_refuses_another_value(requestor: Requestor, wallet: Wallet) -> None:
    """If an app sends a value other than the demanded one, there is no answer."""
    session = requestor.start_session(
        DisclosureRequest({"age": AttributeRequest(OVER65, value="yes")})
    )
    wallet.start(session.pointer.json_text(), Accept(send=[[OVER65]]))
    with pytest.raises(ProofNotValidError):
        requestor.wait_for_answer(session, timeout=A_WHILE)


def test_an_empty_disclosure_is_not_an_answer(requestor: Requestor, wallet: Wallet) -> None:
    """If an app sends no attributes, there is no answer."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text(), Accept(send=[[]]))
    with pytest.raises((ProofNotValidError, SessionCancelledError)):
        requestor.wait_for_answer(session, timeout=A_WHILE)


def test_extras_are_in_no_slot(requestor: Requestor, wallet: Wallet) -> None:
    """Attributes that the request does not ask for are in no slot of the answer."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text(), Accept(send=[[OVER18], [EMAIL]]))
    answer = requestor.wait_for_answer(session, timeout=A_WHILE)
    assert list(answer) == ["age"]
    assert len(answer["age"]) == 1


def test_a_valid_result_must_match_the_request(requestor: Requestor, wallet: Wallet) -> None:
    """A valid proof that does not match the request raises the error for the mismatch."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    wallet.start(session.pointer.json_text(), Accept())
    requestor.wait_for_answer(session, timeout=A_WHILE)

    def session_with(disclose: Any) -> StartedSession:
        request = ExtendedRequest(DisclosureRequest(disclose))
        return StartedSession(request, session.package, started_at=session.started_at)

    others: list[tuple[object, type[NotWhatWasAskedError]]] = [
        ({"age": AttributeRequest(OVER18, value="no")}, WrongValueError),
        ({"age": OVER65}, AttributeMissingError),
        ({"age": OVER18, "email": EMAIL}, SlotNotAnsweredError),
    ]
    for disclose, error in others:
        with pytest.raises(error):
            requestor.get_answer(session_with(disclose))
    signature = SignatureRequest("x", {"age": OVER18})
    with pytest.raises(WrongSessionError):
        requestor.get_answer(
            StartedSession(
                ExtendedRequest(signature), session.package, started_at=session.started_at
            )
        )


def test_a_restarted_server_has_lost_the_session(
    start_official_server: ServerPool, transport: Urllib3Transport
) -> None:
    """Every call for a session that the server does not know raises `SessionGoneError`."""
    server = start_official_server(shared=False)
    session = Requestor(server.url, transport).start_session(DisclosureRequest({"age": OVER18}))
    server.close()
    requestor = Requestor(start_official_server().url, transport)
    for call in (requestor.get_status, requestor.get_answer, requestor.cancel_session):
        with pytest.raises(SessionGoneError):
            call(session)
    with pytest.raises(SessionGoneError):
        requestor.wait_for_answer(session, timeout=A_WHILE)


def test_the_requestor_can_complete_the_pairing(requestor: Requestor, wallet: Wallet) -> None:
    """Without a browser, the requestor itself enables pairing and completes it."""
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    options = requestor.set_pairing(session, PairingMethod.PIN)
    at_the_app = wallet.start(session.pointer.json_text(), Accept())
    shown = at_the_app.wait_for(PairingRequired)
    assert shown.code == options.pairing_code
    assert requestor.get_status(session) is SessionStatus.PAIRING
    requestor.complete_pairing(session)
    assert "age" in requestor.wait_for_answer(session, timeout=A_WHILE)


def test_small_endpoints(requestor: Requestor, official_server: OfficialServer) -> None:
    """The endpoints for health, public key, result and result JWT work."""
    requestor.check_health()
    assert requestor.get_public_key() == official_server.jwt_public_key_pem
    session = requestor.start_session(DisclosureRequest({"age": OVER18}))
    assert requestor.get_result_jwt(session).count(".") == 2
    assert requestor.get_unchecked_result(session).status is SessionStatus.INITIALIZED
