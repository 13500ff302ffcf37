"""Chained sessions: the application's choice, and the reply to the server."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core import (
    AttributeRequest,
    ChainStep,
    CredentialRequest,
    DisclosureRequest,
    Evidence,
    IssuanceRequest,
    NextSessionReceiver,
    Requestor,
    Sealer,
    SessionCancelledError,
    new_sealing_key,
)
from irma_core.errors import ConfigurationError, RequestError, WrongSessionError
from irma_core.models.session_requests import as_extended
from irma_core.models.sessions import SessionReference
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.wire.read_results import read_session_result
from irma_testing import ManualClock, ScriptedTransport
from tests.flows.changed_posts import changed
from tests.flows.shop import AGE, NEXT_PAGE, OVER18, Shop, choose_nothing
from tests.memory_stores import memory_store
from tests.modes import MODES

RECORDED = Path(__file__).parent.parent / "vectors" / "recorded"
CARD_TYPE = "example.town.resident"
NAMES = {"firstname": "Ada", "familyname": "Lovelace", "email": "ada@example.com"}


def card_for(step: ChainStep) -> IssuanceRequest:
    """Return an issuance request that depends on the disclosed attributes."""
    grown = "grown-up" if step.answer["age"].value == "yes" else "child"
    card = CredentialRequest(CARD_TYPE, {**NAMES, "phone": grown}, validity=timedelta(days=30))
    return IssuanceRequest([card])


def code_of(reply: HttpResponse) -> str:
    return reply.body.decode().partition("(")[2].partition(")")[0]


def last_post(shop: Shop) -> HttpRequest:
    return shop.server.posted[-1]


@MODES
def test_the_issued_card_depends_on_the_disclosure(mode: str) -> None:
    """The application receives the first answer, and chooses the credentials to issue."""
    shop = Shop(mode, choose=card_for)
    session = shop.start_chain()
    at_the_app = shop.app.scan(session.pointer)
    at_the_app.accept()
    (answer,) = [step.answer for step in shop.asked]
    assert (answer.token, answer.evidence) == (session.token, Evidence.SIGNED)
    assert answer.next_session is None
    (held,) = [each for each in shop.app.credentials if each.credential_type == CARD_TYPE]
    assert held.attributes["phone"] == "grown-up"
    assert [(reply.status, reply.header("content-type")) for reply in shop.replies] == [
        (200, "application/json")
    ]


@MODES
def test_a_repeated_post_gets_the_same_reply(mode: str) -> None:
    """A repeated post gets the same reply, and the application chooses only once."""
    for choose, status in ((card_for, 200), (choose_nothing, 204)):
        shop = Shop(mode, choose=choose)
        shop.app.accept(shop.start_chain().pointer)
        for _ in range(3):
            shop.post(last_post(shop))
        assert len(shop.asked) == 1
        assert [reply.status for reply in shop.replies] == [status] * 4
        assert len({reply.body for reply in shop.replies}) == 1


@MODES
def test_a_chain_ends_without_a_next_session(mode: str) -> None:
    """A session is an ordinary one if the application chooses no next session."""
    shop = Shop(mode)
    session = shop.start_chain()
    shop.app.accept(session.pointer)
    answer = shop.done(shop.requestor.get_answer(session))
    assert answer.next_session is None


@MODES
def test_an_applications_error_fails_the_chain(mode: str) -> None:
    """An error of the application is raised, and a repeated post asks the application again."""

    def fail(_step: ChainStep) -> None:
        raise ZeroDivisionError

    shop = Shop(mode, choose=fail)
    session = shop.start_chain()
    at_the_app = shop.app.scan(session.pointer)
    at_the_app.accept()
    assert at_the_app.outcome is not None
    assert at_the_app.outcome.error == "NEXT_SESSION"
    shop.post(last_post(shop))
    assert [type(error) for error in shop.failures] == [ZeroDivisionError] * 2
    with pytest.raises(SessionCancelledError):
        shop.done(shop.requestor.get_answer(session))


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (DisclosureRequest(["irma-demo.MijnOverheid.root.BSN"]), ConfigurationError),
        ("a request", RequestError),
        (
            IssuanceRequest([CredentialRequest(CARD_TYPE, NAMES, validity=timedelta(seconds=1))]),
            RequestError,
        ),
    ],
)
@MODES
def test_an_impossible_next_request_is_not_sent(
    mode: str, request_: Any, error: type[Exception]
) -> None:
    """A next request that could not be started is refused and not sent."""
    shop = Shop(mode, choose=lambda _step: request_)
    shop.app.accept(shop.start_chain().pointer)
    assert [type(each) for each in shop.failures] == [error]


def test_a_request_too_large_for_a_record_is_refused() -> None:
    """A request that is too large to be stored is refused with the reason."""
    noise = "".join(chr(0x4E00 + number * 40503 % 20000) for number in range(600_000))
    card = CredentialRequest(CARD_TYPE, {**NAMES, "phone": noise})
    shop = Shop("sync", choose=lambda _step: IssuanceRequest([card]))
    shop.app.accept(shop.start_chain().pointer)
    with pytest.raises(RequestError, match="too large"):
        raise shop.failures[0]


@MODES
def test_a_late_reply_is_an_error_but_the_record_stays(mode: str) -> None:
    """A reply that is too late is an error for the app, but its record stays."""
    clock = ManualClock()

    def slowly(step: ChainStep) -> IssuanceRequest:
        clock.advance(timedelta(seconds=3))
        return card_for(step)

    shop = Shop(mode, choose=slowly, clock=clock)
    shop.app.scan(shop.start_chain().pointer).accept()
    assert (code_of(shop.replies[0]), shop.replies[0].status) == ("late", 503)
    assert shop.post(last_post(shop)).status == 200
    assert len(shop.asked) == 1


def test_an_unrequested_value_reaches_no_application() -> None:
    """The application is not asked for a next session if a proved value was not requested."""
    shop = Shop("sync")
    session = shop.start_chain(DisclosureRequest({"age": OVER18}))
    assert shop.nexts is not None
    url = shop.nexts.with_next_session(
        DisclosureRequest({"age": AttributeRequest(OVER18, value="no")})
    )
    shop.app.accept(session.pointer)
    assert url.next_session is not None
    reply = shop.post(changed(last_post(shop), url=url.next_session.url))
    assert (code_of(reply), reply.status) == ("answer", 403)
    assert b"slot 'age'" in reply.body
    assert len(shop.asked) == 1


def test_callback_and_next_session_urls_are_distinct() -> None:
    """Callback and next-session URLs refuse each other's posts; the latter expect `CONNECTED`."""
    shop = Shop("sync")
    assert shop.nexts is not None
    session = shop.done(
        shop.requestor.start_session(shop.receiver.with_callback(shop.nexts.with_next_session(AGE)))
    )
    shop.app.accept(session.pointer)
    asked, ended = shop.server.posted
    for post, url, code in (
        (ended, asked.url, "status"),
        (asked, ended.url, "status"),
        (asked, ended.url.replace("callback", "next"), "url"),
    ):
        assert code_of(shop.post(changed(post, url=url))) == code
    assert len(shop.asked) == len(shop.delivered) == 1


@MODES
def test_a_url_refuses_the_post_of_another_session(mode: str) -> None:
    """A URL refuses another session's signed post and stays usable."""
    shop = Shop(mode, choose=card_for)
    shop.app.accept(shop.start_chain().pointer)
    url = last_post(shop).url
    shop.app.accept(shop.start_chain().pointer)
    foreign = changed(last_post(shop), url=url)
    own = next(post for post in shop.server.posted if post.url == url)
    assert len(shop.asked) == 2
    for _ in range(2):
        reply = shop.post(foreign)
        assert (reply.status, code_of(reply)) == (403, "session")
    assert shop.post(own).status == 200
    assert len(shop.asked) == 2


def test_changed_keys_are_named() -> None:
    """The error names the keys if another process sealed the record with other keys."""
    shop = Shop("sync")
    shop.app.accept(shop.start_chain().pointer)
    requestor, store = shop.requestor, shop.store
    assert isinstance(requestor, Requestor)
    other = NextSessionReceiver(
        requestor, NEXT_PAGE, sealer=Sealer([new_sealing_key()]), store=store, choose=card_for
    )
    url = other.with_next_session(AGE).next_session
    assert url is not None
    post = last_post(shop)
    with pytest.raises(ConfigurationError, match="other keys"):
        other.receive("POST", url.url, post.headers, post.body or b"")


@MODES
def test_the_repr_of_a_receiver_shows_no_secret(mode: str) -> None:
    """The `repr` of a receiver contains its page and no secret."""
    receiver = Shop(mode).nexts
    assert repr(receiver) == f"<{type(receiver).__name__} at {NEXT_PAGE}>"


def test_a_requestor_without_a_server_key_cannot_have_chains() -> None:
    """Chains need a server key, because an unsigned post cannot be checked."""
    transport = ScriptedTransport()
    requestor = Requestor("https://irma.example", transport)
    with pytest.raises(ConfigurationError, match="server_key"):
        NextSessionReceiver(
            requestor,
            NEXT_PAGE,
            sealer=Sealer([new_sealing_key()]),
            store=memory_store(transport.clock),
            choose=card_for,
        )


def recorded(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return value


POST = recorded("next-session-post")


def recorded_receiver(choose: Callable[[ChainStep], Any]) -> NextSessionReceiver:
    transport = ScriptedTransport()
    transport.clock = ManualClock(datetime.fromtimestamp(POST["recorded"], UTC))
    return NextSessionReceiver(
        Requestor("https://irma.example", transport, server_key=POST["public_key"]),
        NEXT_PAGE,
        sealer=Sealer([new_sealing_key()]),
        store=memory_store(transport.clock),
        choose=choose,
    )


def received(receiver: NextSessionReceiver, name: str, body: bytes | None = None) -> HttpResponse:
    url = receiver.with_next_session(DisclosureRequest({"age": OVER18})).next_session
    assert url is not None
    request = recorded(name)["request"]
    said = request["body"].encode() if body is None else body
    return receiver.receive("POST", url.url, request["headers"].items(), said)


def test_recorded_posts_get_the_recorded_replies() -> None:
    """Recorded posts get the recorded replies."""
    names = ["firstname", "familyname"]
    following = DisclosureRequest([[[f"{CARD_TYPE}.{name}" for name in names]]])
    reply = received(recorded_receiver(lambda _step: following), "next-session-post")
    assert json.loads(reply.body) == {"request": json.loads(POST["response"]["body"])}
    assert received(recorded_receiver(lambda _step: None), "next-session-none").status == 204


def test_an_unsigned_post_is_refused() -> None:
    """An unsigned post for a next session is refused."""
    reply = received(recorded_receiver(card_for), "next-session-post-unsigned")
    assert (code_of(reply), reply.status) == ("media_type", 415)


@given(body=st.binary(max_size=80) | st.sampled_from([POST["request"]["body"].encode()[:-1]]))
def test_garbage_is_refused(body: bytes) -> None:
    """Any invalid body is refused, and the application is not asked."""

    def never(_step: ChainStep) -> None:
        raise AssertionError

    reply = received(recorded_receiver(never), "next-session-post", body)
    assert 400 <= reply.status < 500
    assert code_of(reply)


def test_only_a_connected_session_can_have_a_next_one() -> None:
    """Only a connected session can have a next session."""
    said = json.loads(recorded("next-session-result-first")["response"]["body"])
    result = read_session_result(said)
    asked = as_extended(DisclosureRequest({"age": OVER18}))
    session = SessionReference(asked, result.token, started_after=datetime.now(UTC))
    with pytest.raises(WrongSessionError):
        result.answer_before_next_session(session)
    assert result.answer_to(session)["age"].value == "yes"


def test_changed_post_never_reaches_the_application() -> None:
    """A post whose signature does not verify gets 403, and the application is not asked."""
    asked: list[ChainStep] = []
    body = POST["request"]["body"].encode()
    reply = received(recorded_receiver(asked.append), "next-session-post", body[:-4] + b"AAAA")
    assert reply.status == 403
    assert asked == []
