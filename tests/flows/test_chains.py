"""Following a chain: the answers of its sessions, in order, in both modes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core import (
    ChainStep,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    RequestorToken,
    Sealer,
    SessionCancelledError,
    SessionType,
    StartedSession,
    new_sealing_key,
)
from irma_core.callbacks.callback_urls import NEXT_SESSION, SealedUrl
from irma_core.callbacks.chains import (
    NextSessionRecord,
    NextSessionSettings,
    begin_chain,
    next_answer_flow,
)
from irma_core.errors import ConfigurationError, HandleError, NobodyAnsweredError
from irma_core.flows.effects import Call
from irma_core.protocol.server_url import ServerUrl
from tests.core.proving import SECRET_TOKEN
from tests.flows.shop import AGE, NEXT_PAGE, OVER18, Shop, choose_nothing
from tests.memory_stores import async_memory_store, memory_store
from tests.modes import MODES

A_WHILE = timedelta(minutes=5)
CARD = CredentialRequest("example.town.age", {"over12": "yes", "over18": "yes", "over65": "no"})


class Scenario:
    """A chain of two disclosures with different slot names and an issuance."""

    def __init__(self, mode: str) -> None:
        self.shop = Shop(mode, choose=self.choose)

    def choose(self, step: ChainStep) -> Any:
        nexts = self.shop.nexts
        assert nexts is not None
        if "age" in step.answer:
            return nexts.with_next_session(
                DisclosureRequest({"again": OVER18, "young": "example.town.age.over12"})
            )
        return IssuanceRequest([CARD])


def followed(
    shop: Shop, session: StartedSession, timeout: timedelta = A_WHILE, **other: Any
) -> Any:
    """Return the answers of a chain, followed by the error that ended it."""
    answers: list[Any] = []
    nexts: Any = shop.next_receiver(**other) if other else shop.nexts
    made = nexts.follow(session, timeout=timeout)

    async def collect() -> None:
        async for answer in made:
            answers.append(answer)  # noqa: PERF401 - what came before an error counts too

    try:
        if shop.mode == "sync":
            answers.extend(made)
        else:
            shop.done(collect())
    except Exception as error:  # noqa: BLE001 - it is looked at
        answers.append(error)
    return answers


@MODES
def test_the_answers_come_in_order(mode: str) -> None:
    """The answers come in order, each with the slots of its own request."""
    shop = Scenario(mode).shop
    session = shop.start_chain()
    shop.server.when_started(lambda _pointer: None)
    shop.app.accept(session.pointer)
    first, second, third = followed(shop, session)
    assert (first["age"].value, list(second), list(third)) == ("yes", ["again", "young"], [])
    assert third.type is SessionType.ISSUING
    assert [first.next_session, second.next_session, third.next_session] == [
        second.token,
        third.token,
        None,
    ]


@MODES
def test_following_waits_for_each_session(mode: str) -> None:
    """Following waits for an app that pauses before and between sessions."""
    shop = Scenario(mode).shop
    session = shop.start_chain()
    shop.server.after(timedelta(seconds=30), lambda: shop.app.accept(session.pointer))
    assert len(followed(shop, session)) == 3


@MODES
def test_a_single_session_is_a_chain_of_one(mode: str) -> None:
    """A session without a next session is a chain of one."""
    shop = Shop(mode)
    for session in (shop.start_chain(), shop.start()):
        shop.app.accept(session.pointer)
        (answer,) = followed(shop, session)
        assert answer["age"].value == "yes"


@MODES
def test_refusal_ends_the_chain(mode: str) -> None:
    """A refusal ends the chain after the earlier answers."""
    shop = Scenario(mode).shop
    session = shop.start_chain()
    first = shop.app.scan(session.pointer)
    first.accept(follow=False)
    assert first.next is not None
    first.next.refuse()
    answer, error = followed(shop, session)
    assert answer["age"].value == "yes"
    assert isinstance(error, SessionCancelledError)


@MODES
def test_the_timeout_is_for_the_whole_chain(mode: str) -> None:
    """The timeout is for the whole chain, and runs from the call."""
    shop = Scenario(mode).shop
    session = shop.start_chain()
    first = shop.app.scan(session.pointer)
    first.accept(follow=False)
    answer, error = followed(shop, session, timedelta(seconds=20))
    assert answer["age"].value == "yes"
    assert isinstance(error, NobodyAnsweredError)


@MODES
def test_a_store_without_the_record_is_named(mode: str) -> None:
    """The error names a store without the record, or a sealer with other keys."""
    shop = Scenario(mode).shop
    session = shop.start_chain()
    shop.app.accept(session.pointer)
    clock = shop.server.clock
    empty: Any = memory_store(clock) if mode == "sync" else async_memory_store(clock)
    others: Any = {"store": empty, "keys": Sealer([new_sealing_key()])}
    for why, other in others.items():
        setting: Any = {"store" if why == "store" else "sealer": other}
        answer, error = followed(shop, session, **setting)
        assert answer["age"].value == "yes"
        assert isinstance(error, ConfigurationError)
        assert why in str(error)


def test_a_record_of_another_format_is_refused() -> None:
    """A record in another version's format is refused."""
    shop = Shop("sync")
    now, token = shop.server.clock.now(), RequestorToken(SECRET_TOKEN)
    sealed = NextSessionRecord.of(ExtendedRequest(AGE)).seal(shop.sealer, token, now, A_WHILE)
    assert NextSessionRecord.unseal(
        sealed, shop.sealer, token, now
    ).next_request == ExtendedRequest(AGE)
    later = now + A_WHILE  # read with a clock ahead of the one at sealing
    assert NextSessionRecord.unseal(
        sealed, shop.sealer, token, later
    ).next_request == ExtendedRequest(AGE)
    odd = shop.sealer.seal(
        "odd",
        purpose="what follows a session",
        now=now,
        lifetime=A_WHILE,
        binding=token.reveal(),
    )
    with pytest.raises(ConfigurationError, match="format that this version") as caught:
        NextSessionRecord.unseal(odd.encode(), shop.sealer, token, now)
    assert not isinstance(caught.value, HandleError)
    with pytest.raises(ConfigurationError, match="other keys"):
        NextSessionRecord.unseal(b"\xff", shop.sealer, token, now)


def test_a_record_of_another_session_is_refused() -> None:
    """A record that was copied to another session is refused."""
    shop = Shop("sync")
    now, token = shop.server.clock.now(), RequestorToken(SECRET_TOKEN)
    sealed = NextSessionRecord.of(ExtendedRequest(AGE)).seal(shop.sealer, token, now, A_WHILE)
    with pytest.raises(ConfigurationError, match="for another"):
        NextSessionRecord.unseal(sealed, shop.sealer, RequestorToken("z" * 20), now)


def test_a_destroyed_chain_sends_nothing() -> None:
    """A chain that is destroyed while it reads the store sends nothing."""
    shop = Scenario("async").shop
    session = shop.start_chain()
    shop.app.accept(session.pointer)
    first = followed(shop, session)[0]
    address = SealedUrl(ServerUrl.parse(NEXT_PAGE), shop.sealer, purpose=NEXT_SESSION)
    settings = NextSessionSettings(address, store=shop.store, choose=choose_nothing)
    state = begin_chain(shop.requestor.context, settings, session, timeout=A_WHILE)
    flow = next_answer_flow(shop.requestor.context, attrs.evolve(state, last=first))
    assert isinstance(next(flow), Call)
    flow.close()  # an effect here would be a RuntimeError
