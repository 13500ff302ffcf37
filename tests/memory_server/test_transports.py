"""A requestor, the server in memory and an app together, without a socket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from irma_core import (
    AsyncRequestor,
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    Evidence,
    ExtendedRequest,
    FetchedServerKey,
    IssuanceRequest,
    PairingMethod,
    ProofStatus,
    Requestor,
    ResultJwtError,
    Risk,
    SessionPointer,
    SessionStatus,
    SignatureRequest,
    any_of,
    optional,
)
from irma_core.errors import (
    NobodyAnsweredError,
    ProofNotValidError,
    SessionCancelledError,
    SessionGoneError,
    SessionTimedOutError,
    TransportTimeoutError,
)
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.transport import AsyncTransport, Transport
from irma_testing import EXAMPLE_SCHEME, AppError, InMemoryServer, ManualClock, SimulatedApp
from irma_transport import SystemClock
from tests.memory_server.calling import EMAIL, OVER18, OVER65, request_to
from tests.memory_server.conftest import fill
from tests.memory_server.recordings import recording

A_MINUTE = timedelta(minutes=1)
ADULT = DisclosureRequest({"age": any_of(AttributeRequest(OVER18, value="yes"), OVER65)})


@pytest.fixture
def requestor(server: InMemoryServer) -> Requestor:
    return Requestor(server.url, server.transport())


def test_a_planned_app_answers_the_session(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp
) -> None:
    """If the test plans that the app accepts, the requestor only has to wait."""
    server.when_started(app.accept)
    request = DisclosureRequest({"age": OVER18, "email": optional(EMAIL)})
    session = requestor.start_session(request)
    answer = requestor.wait_for_answer(session, timeout=A_MINUTE)
    assert answer["age"].value == "yes"
    assert answer["email"].value == "ada@example.com"


def test_every_kind_of_session_can_be_played(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp
) -> None:
    """Signature and issuance sessions can be played, and the requestor's other calls work."""
    server.when_started(app.accept)
    signed = requestor.start_session(SignatureRequest("één ✓", {"age": OVER18}))
    answer = requestor.wait_for_answer(signed, timeout=A_MINUTE)
    assert answer.signature is not None
    assert answer.signature.message == "één ✓"
    credential = CredentialRequest(
        "example.town.resident", {"firstname": "Ada", "familyname": "L", "email": "a@b.c"}
    )
    issued = requestor.start_session(IssuanceRequest([credential]))
    assert list(requestor.wait_for_answer(issued, timeout=A_MINUTE)) == []
    assert app.credentials[0].attributes["familyname"] == "L"
    requestor.check_health()
    assert requestor.get_public_key() == server.public_key_pem
    assert requestor.get_result_jwt(signed).count(".") == 2


def test_planned_actions_run_at_their_moments(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp, clock: ManualClock
) -> None:
    """Planned actions run at their moments while a watch sleeps on the simulated clock."""
    server.when_started(
        lambda pointer: server.after(timedelta(seconds=2.5), app.scan(pointer).accept),
        after=timedelta(seconds=1.5),
    )
    began = clock.now()
    session = requestor.start_session(ADULT)
    with requestor.watch_status(session, timeout=A_MINUTE) as statuses:
        seen = list(statuses)
    assert seen == [SessionStatus.INITIALIZED, SessionStatus.CONNECTED, SessionStatus.DONE]
    assert clock.now() - began == timedelta(seconds=4)


def refuse(app: SimulatedApp, pointer: SessionPointer) -> None:
    app.refuse(pointer)


def send_a_bad_proof(app: SimulatedApp, pointer: SessionPointer) -> None:
    app.scan(pointer).cheat(ProofStatus.INVALID)


def send_another_attribute(app: SimulatedApp, pointer: SessionPointer) -> None:
    app.scan(pointer).cheat(send=[[EMAIL]])


def disappear(app: SimulatedApp, pointer: SessionPointer) -> None:
    app.scan(pointer).lose_connection()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (refuse, SessionCancelledError),
        (send_a_bad_proof, ProofNotValidError),
        (send_another_attribute, ProofNotValidError),
        (disappear, NobodyAnsweredError),
    ],
)
def test_each_missing_answer_raises_its_own_error(
    requestor: Requestor,
    server: InMemoryServer,
    app: SimulatedApp,
    act: Callable[[SimulatedApp, SessionPointer], None],
    error: type[Exception],
) -> None:
    """A refusal, a bad proof, a wrong attribute and a lost app each raise a specific error."""
    server.when_started(partial(act, app))
    with pytest.raises(error):
        requestor.wait_for_answer(requestor.start_session(ADULT), timeout=A_MINUTE)


def test_waiting_for_a_time_out_takes_no_real_time(
    requestor: Requestor, server: InMemoryServer
) -> None:
    """A wait for a time-out takes no real time, because the clock is simulated."""
    began = time.perf_counter()
    request = ExtendedRequest(ADULT, timeout=timedelta(minutes=10))
    with pytest.raises(SessionTimedOutError):
        requestor.wait_for_answer(requestor.start_session(request), timeout=timedelta(hours=1))
    session = requestor.start_session(ADULT)
    server.restart()
    with pytest.raises(SessionGoneError):
        requestor.get_status(session)
    assert time.perf_counter() - began < 60


def test_pairing_is_done_by_the_requestor(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The app shows the requestor's pairing code, and continues after pairing."""
    session = requestor.start_session(ADULT)
    options = requestor.set_pairing(session, PairingMethod.PIN)
    scanned = app.scan(session.pointer)
    assert scanned.pairing_code == options.pairing_code
    scanned.accept()
    requestor.complete_pairing(session)
    assert "age" in requestor.wait_for_answer(session, timeout=A_MINUTE)


def test_error_of_a_planned_action_is_raised_once(
    requestor: Requestor, server: InMemoryServer
) -> None:
    """The error of a planned action names the missing attribute, and is raised once."""
    server.when_started(SimulatedApp(server).accept)
    session = requestor.start_session(ADULT)
    with pytest.raises(AppError, match=r"slot 0: .*example\.town\.age\.over18"):
        requestor.get_status(session)
    assert requestor.get_status(session) is SessionStatus.CONNECTED


async def test_other_tasks_run_while_the_transport_sleeps(
    server: InMemoryServer, app: SimulatedApp
) -> None:
    """The async transport lets other tasks run while it sleeps."""
    server.when_started(app.accept, after=timedelta(seconds=3))
    requestor = AsyncRequestor(server.url, server.async_transport())
    ran = asyncio.create_task(asyncio.sleep(0, "ran"))
    session = await requestor.start_session(ADULT)
    answer = await requestor.wait_for_answer(session, timeout=A_MINUTE)
    assert answer["age"].value == "yes"
    assert await ran == "ran"


async def test_answer_signed_with_the_servers_key(
    server: InMemoryServer, app: SimulatedApp
) -> None:
    """In both modes, a signed answer needs `Risk.SIMULATED_PROOFS`, the right key and issuer."""
    server.when_started(app.accept)
    key, allow = server.public_key_pem, [Risk.SIMULATED_PROOFS]
    requestor = Requestor(server.url, server.transport(), server_key=key, allow=allow)
    session = requestor.start_session(ADULT)
    answer = requestor.wait_for_answer(session, timeout=A_MINUTE)
    assert (answer.evidence, answer["age"].value) == (Evidence.SIGNED, "yes")
    awaited = AsyncRequestor(
        server.url, server.async_transport(), server_key=[key], allow=allow, jwt_issuer="irmaserver"
    )
    assert (await awaited.get_answer(session)).evidence is Evidence.SIGNED
    fetching = AsyncRequestor(
        server.url, server.async_transport(), server_key=FetchedServerKey(), allow=allow
    )
    assert (await fetching.get_answer(session)).evidence is Evidence.SIGNED
    other = recording("publickey")["response"]["body"]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"server_key": key}, "simulated"),
        ({"server_key": other, "allow": allow}, "signature"),
        ({"server_key": key, "allow": allow, "jwt_issuer": "other"}, "issuer"),
    ]
    for settings, code in cases:
        wary = Requestor(server.url, server.transport(), **settings)
        with pytest.raises(ResultJwtError) as caught:
            wary.get_answer(session)
        assert caught.value.code == code


async def test_sleeping_takes_time_with_a_real_clock() -> None:
    """With a real clock, sleeping takes time, and due actions run at the next call."""
    server = InMemoryServer(clock=SystemClock())
    app = SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    server.when_started(app.accept, after=timedelta(seconds=0.05))
    began = time.perf_counter()
    requestor = Requestor(server.url, server.transport())
    session = requestor.start_session(ADULT)
    await server.async_transport().sleep(timedelta(seconds=0.03))
    server.transport().sleep(timedelta(seconds=0.03))
    assert requestor.get_status(session) is SessionStatus.DONE
    assert time.perf_counter() - began >= 0.06


def test_the_transports_fulfil_the_protocols(server: InMemoryServer) -> None:
    """The transports of both modes fit the protocols, and have the server's clock."""
    sync: Transport = server.transport()
    awaited: AsyncTransport = server.async_transport()
    assert sync.clock is awaited.clock is server.clock
    assert 0 <= sync.jitter() < 1
    assert server.settings.enable_sse


def test_a_call_without_time_left_times_out(clock: ManualClock) -> None:
    """A call without time left sends nothing, and a slow receiver of posts can use up the time."""

    def receive(_request: HttpRequest) -> HttpResponse:
        clock.advance(timedelta(seconds=3))
        return HttpResponse(200)

    server = InMemoryServer(clock=clock, deliver=receive)
    transport = server.transport()
    health = request_to(server.url, "GET", "/health")
    with pytest.raises(TransportTimeoutError) as caught:
        transport.send(health, clock.monotonic())
    assert not caught.value.request_sent
    requestor = Requestor(server.url, transport, timeout=timedelta(seconds=2))
    request = ExtendedRequest(ADULT, callback_url="https://a.example/")
    session = requestor.start_session(request)
    delete = request_to(server.url, "DELETE", f"/session/{session.token.reveal()}")
    with pytest.raises(TransportTimeoutError) as caught:
        transport.send(delete, clock.monotonic() + 2)
    assert caught.value.request_sent


def test_many_threads_share_a_server() -> None:
    """Threads that share a server with a real clock each get their own answers."""
    server = InMemoryServer(scheme=EXAMPLE_SCHEME, clock=SystemClock())
    app = SimulatedApp(server)
    fill(app)
    server.when_started(app.accept)
    failures: list[BaseException] = []

    def work() -> None:
        requestor = Requestor(server.url, server.transport())
        try:
            for _ in range(30):
                session = requestor.start_session(ADULT)
                requestor.wait_for_answer(session, timeout=A_MINUTE)
        except BaseException as error:  # noqa: BLE001  # the test asserts it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
