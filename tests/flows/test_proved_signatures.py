"""Signatures that the requestor's own verifier verifies before there is an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irma_core import (
    AsyncHandles,
    AsyncRequestor,
    Binding,
    Evidence,
    Handles,
    Requestor,
    SignatureRequest,
    new_sealing_key,
)
from irma_core.errors import (
    ConfigurationError,
    ProofError,
    ProofNotValidError,
    VerifierError,
)
from irma_core.models.answers import AnsweredSlot
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.statuses import AttributeProofStatus
from irma_core.models.verified_signatures import VerifiedSignature
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.signature_verifiers import SignatureVerifier
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, SimulatedApp
from tests.flows.shop import AGE, OVER18, Shop
from tests.flows.test_chains import followed
from tests.flows.test_static_sessions import Door
from tests.modes import MODES

MESSAGE = "I agree."
SIGNING = SignatureRequest(MESSAGE, {"age": OVER18})
PROVED = AnsweredSlot(
    (
        DisclosedAttribute(
            OVER18,
            "proved",
            status=AttributeProofStatus.PRESENT,
            issued_at=datetime(2026, 11, 19, tzinfo=UTC),
        ),
    ),
    0,
)
BROKEN = ProofError("timestamp", "is missing", status="INVALID_TIMESTAMP")


class Verifying:
    """A verifier that returns a chosen result, and records its arguments."""

    def __init__(self, find: Callable[[], Any] = lambda: None) -> None:
        self.find = find
        self.given: list[tuple[Any, Any, datetime]] = []

    def verify(self, signature: Any, request: Any, *, not_before: datetime) -> VerifiedSignature:
        self.given.append((signature, request, not_before))
        found: VerifiedSignature = self.find() or VerifiedSignature(
            {"age": PROVED}, message=MESSAGE, signed_at=not_before, is_time_stamped=True
        )
        return found


def failing(error: BaseException) -> Verifying:
    def fail() -> None:
        raise error

    return Verifying(fail)


def signed(shop: Shop, request: Any = SIGNING) -> Any:
    """Start a session, let the app sign, and return the answer."""
    session = shop.done(shop.requestor.start_session(request))
    shop.app.accept(session.pointer)
    return shop.done(shop.requestor.get_answer(session))


@MODES
def test_the_answer_has_what_the_signature_proves(mode: str) -> None:
    """The answer has the verifier's slots, and evidence that does not depend on the server."""
    verifier = Verifying()
    shop = Shop(mode, signature_verifier=verifier)
    session = shop.done(shop.requestor.start_session(SIGNING))
    shop.app.accept(session.pointer)
    answer = shop.done(shop.requestor.get_answer(session))
    assert answer.evidence is Evidence.PROOF
    assert answer["age"].value == "proved"
    assert (answer.token, answer.type) == (session.token, SIGNING.session_type)
    assert verifier.given == [(answer.signature, SIGNING, session.started_at)]


@MODES
def test_other_sessions_need_no_verifier(mode: str) -> None:
    """A disclosure has no signature to verify, so the server's signed result is its evidence."""
    verifier = Verifying()
    assert signed(Shop(mode, signature_verifier=verifier), AGE).evidence is Evidence.SIGNED
    assert not verifier.given


@MODES
def test_an_invalid_signature_makes_no_answer(mode: str) -> None:
    """The error for an invalid signature has the verifier's status, and its error as the cause."""
    shop = Shop(mode, signature_verifier=failing(BROKEN))
    with pytest.raises(ProofNotValidError) as caught:
        signed(shop)
    assert caught.value.proof_status == "INVALID_TIMESTAMP"
    assert caught.value.__cause__ is BROKEN


@MODES
def test_a_broken_verifier_raises_a_verifier_error(mode: str) -> None:
    """A verifier that has a bug, or returns a wrong result, causes a `VerifierError`."""
    for verifier in (failing(ZeroDivisionError()), Verifying(lambda: True)):
        with pytest.raises(VerifierError):
            signed(Shop(mode, signature_verifier=verifier))


@MODES
def test_incomplete_schemes_raise_a_configuration_error(mode: str) -> None:
    """A verifier's ConfigurationError, as for incomplete schemes, reaches the caller unchanged."""
    lost = ConfigurationError("schemes: pbdf/index is missing")
    with pytest.raises(ConfigurationError) as caught:
        signed(Shop(mode, signature_verifier=failing(lost)))
    assert caught.value is lost


def test_the_event_loop_runs_while_a_signature_is_verified() -> None:
    """Verification runs on a thread, so that the event loop continues."""
    loop_went_on = threading.Event()

    def wait() -> None:
        assert loop_went_on.wait(60)

    shop = Shop("async", signature_verifier=Verifying(wait))
    requestor = shop.requestor
    assert isinstance(requestor, AsyncRequestor)

    async def main() -> Any:
        session = await requestor.start_session(SIGNING)
        await asyncio.to_thread(shop.app.accept, session.pointer)
        verifying = asyncio.create_task(requestor.get_answer(session))
        for _ in range(100):
            await asyncio.sleep(0)
        loop_went_on.set()
        return await verifying

    assert asyncio.run(main()).evidence is Evidence.PROOF


@MODES
def test_a_handle_is_redeemed_after_the_verification(mode: str) -> None:
    """A handle whose signature fails a check is not used up."""
    verifier = failing(BROKEN)
    shop = Shop(mode, signature_verifier=verifier)
    kind: Any = Handles if mode == "sync" else AsyncHandles
    handles = kind(shop.requestor, [new_sealing_key()], store=shop.store, purpose="sign")
    session = shop.done(shop.requestor.start_session(SIGNING))
    handle = handles.seal(session, binding=Binding.NONE)
    shop.app.accept(session.pointer)
    with pytest.raises(ProofNotValidError):
        shop.done(handles.redeem(handle, binding=Binding.NONE))
    verifier.find = lambda: None
    answer = shop.done(handles.redeem(handle, binding=Binding.NONE))
    assert answer.evidence is Evidence.PROOF
    assert verifier.given[-1][2] == session.started_at


@MODES
def test_a_callback_delivers_a_proved_answer(mode: str) -> None:
    """A callback delivers a proved answer if the signature is no older than the callback URL."""
    verifier = Verifying()
    shop = Shop(mode, signature_verifier=verifier)
    shop.app.accept(shop.start(SIGNING).pointer)
    (end,) = shop.delivered
    assert end.get_answer().evidence is Evidence.PROOF
    now = shop.server.clock.now()
    assert timedelta() <= now - verifier.given[0][2] < timedelta(minutes=1)


@MODES
def test_a_callback_delivers_the_error_of_a_failed_check(mode: str) -> None:
    """A callback delivers the error of a signature that failed a check."""
    shop = Shop(mode, signature_verifier=failing(BROKEN))
    shop.app.accept(shop.start(SIGNING).pointer)
    (end,) = shop.delivered
    with pytest.raises(ProofNotValidError):
        end.get_answer()
    assert shop.statuses == [204]


@MODES
def test_a_broken_verifier_delivers_nothing(mode: str) -> None:
    """If a verifier breaks, the claim is released, so that the next post is delivered."""
    verifier = failing(ZeroDivisionError())
    shop = Shop(mode, signature_verifier=verifier)
    posts: list[HttpRequest] = []

    def keep(post: HttpRequest) -> HttpResponse:
        posts.append(post)
        return shop.post(post)

    shop.server.deliver = keep
    shop.app.accept(shop.start(SIGNING).pointer)
    assert not shop.delivered
    assert {type(error) for error in shop.failures} == {VerifierError}
    verifier.find = lambda: None
    shop.post(posts[0])
    assert [end.get_answer().evidence for end in shop.delivered] == [Evidence.PROOF]


@MODES
def test_each_session_of_a_chain_is_verified(mode: str) -> None:
    """The function that chooses the next session gets an answer that is proved."""
    verifier = Verifying()
    shop = Shop(
        mode,
        signature_verifier=verifier,
        choose=lambda step: None if step.answer.next_session else SIGNING,
    )
    session = shop.start_chain(SIGNING)
    shop.app.accept(session.pointer)
    answers = followed(shop, session)
    assert [answer.evidence for answer in answers] == [Evidence.PROOF, Evidence.PROOF]
    assert [step.answer.evidence for step in shop.asked] == [Evidence.PROOF]
    assert verifier.given[-1][2] == session.started_at


@MODES
def test_a_chain_ends_with_an_invalid_signature(mode: str) -> None:
    """A chain ends with a signature that fails a check, without asking the application."""
    shop = Shop(mode, signature_verifier=failing(BROKEN))
    shop.app.scan(shop.start_chain(SIGNING).pointer).accept()
    assert not shop.asked
    assert 204 not in shop.statuses


@MODES
def test_a_static_session_is_verified(mode: str) -> None:
    """The signature of a static session, which has no start, must be from the last hour."""
    verifier = Verifying()
    door = Door(mode, request=SIGNING, signature_verifier=verifier)
    door.scan()
    (end,) = door.delivered
    assert end.get_answer().evidence is Evidence.PROOF
    assert verifier.given[0][2] == door.clock.now() - timedelta(hours=1)


def test_a_verification_ends_at_the_deadline() -> None:
    """An AsyncRequestor stops waiting for a verifier that takes too long."""
    released = threading.Event()
    server = InMemoryServer(scheme=EXAMPLE_SCHEME)
    app = SimulatedApp(server)
    app.add("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})
    requestor = AsyncRequestor(
        server.url,
        server.async_transport(),
        signature_verifier=Verifying(lambda: released.wait(600) and None),
        timeout=timedelta(milliseconds=300),
    )

    async def main() -> None:
        session = await requestor.start_session(SIGNING)
        app.accept(session.pointer)
        try:
            with pytest.raises(VerifierError, match="in time"):
                await requestor.get_answer(session)
        finally:
            released.set()

    asyncio.run(main())


@pytest.mark.parametrize("kind", [Requestor, AsyncRequestor])
def test_an_invalid_verifier_is_refused(kind: Any) -> None:
    """A class, an object without `verify`, and an async verifier are refused as arguments."""

    class Awaited:
        async def verify(self, *_: object) -> None: ...

    server = InMemoryServer()
    make: Any = kind  # as `Any`, because pyright would report each class
    transport = server.transport() if kind is Requestor else server.async_transport()
    for wrong in (Verifying, object(), Awaited()):
        with pytest.raises(ConfigurationError, match="signature_verifier"):
            make(server.url, transport, signature_verifier=wrong)


def test_the_test_verifier_fulfils_the_protocol() -> None:
    """The verifier of these tests fulfils the protocol."""
    verifier: SignatureVerifier = Verifying()
    assert isinstance(verifier, SignatureVerifier)
