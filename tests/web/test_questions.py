"""The questions of a website, and the data that accompanies a session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from irma_core import (
    AttributeRequest,
    ChainStep,
    CredentialRequest,
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    Question,
    SessionOutcome,
    SignatureRequest,
    WebAnswer,
    WebRequest,
    WebSessions,
    new_sealing_key,
)
from irma_core.errors import ConfigurationError, UsageError
from tests.flows.shop import AGE, Shop
from tests.modes import MODES
from tests.web.site import EMAIL, QUESTIONS, Site

LOGIN: Any = QUESTIONS["login"]
CARD = {"over12": "yes", "over18": "yes", "over65": "no"}
NEEDY: list[Question] = [
    Question(LOGIN, has_callback=True),
    Question(LOGIN, has_next_session=True),
]
"""Questions that need a receiver."""


def asking(asked: Any) -> Callable[[WebRequest], Any]:
    """Return a function that returns this question for every request."""
    return lambda _request: asked


@MODES
def test_a_reference_comes_back_with_the_answer(mode: str) -> None:
    """The login receives the application's own reference, which the browser could not read."""
    site = Site(mode, questions={"login": Question(LOGIN, "order-17")})
    browser = site.browser()
    reply = browser.start()
    assert b"order-17" not in reply.response.body
    site.app.accept(reply.pointer)
    assert browser.finish(reply.handle).status == 200
    assert site.logins[0].reference == "order-17"


@MODES
def test_a_function_can_choose_the_question(mode: str) -> None:
    """A function can choose the question by the framework's own request, in each mode."""

    def ask(request: WebRequest) -> Question:
        return Question(LOGIN, f"user-{request.native}")

    async def ask_async(request: WebRequest) -> Question:
        return ask(request)

    site = Site(mode, questions={"login": ask if mode == "sync" else ask_async})
    browser = site.browser()
    reply = browser.send("start", "login", {}, native=7)
    site.app.accept(reply.pointer)
    assert browser.finish(reply.handle).status == 200
    assert site.logins[0].reference == "user-7"


@MODES
@pytest.mark.parametrize("asked", [None, "login", {"disclose": []}, DisclosureRequest])
def test_a_function_that_returns_no_question(mode: str, asked: Any) -> None:
    """A function that returns no question is a misconfiguration, and no session is started."""
    site = Site(mode, questions={"login": asking(asked)})
    reply = site.browser().start()
    assert (reply.status, reply.code) == (500, "misconfigured")
    assert not site.server.open_sessions()


@MODES
@pytest.mark.parametrize(
    ("own", "expected"),
    [(None, 300), (timedelta(0), 300), (timedelta(seconds=40), 40), (timedelta(hours=1), 300)],
)
def test_the_time_limit_is_the_shorter_one(mode: str, own: timedelta | None, expected: int) -> None:
    """The server receives the page's time limit, unless the request has a shorter one."""
    site = Site(mode, questions={"login": ExtendedRequest(LOGIN, timeout=own)})
    browser = site.browser()
    reply = browser.start()
    handle = {"handle": reply.handle}
    assert reply.json["timeout"] == expected
    site.server.pass_time(timedelta(seconds=expected - 1))
    assert browser.send("status", "login", handle).json == {"status": "INITIALIZED"}
    site.server.pass_time(timedelta(seconds=1))
    assert browser.send("status", "login", handle).json == {"status": "TIMEOUT"}


@MODES
def test_a_return_url_in_the_request_is_kept(mode: str) -> None:
    """A return URL in the request is not changed."""
    request = DisclosureRequest({"email": EMAIL}, client_return_url="https://shop.example/done")
    site = Site(mode, questions={"login": request})
    reply = site.browser().start(page="/login/", same_device=True)
    assert site.app.scan(reply.pointer).request["clientReturnUrl"] == "https://shop.example/done"


@MODES
def test_signatures_and_issuance(mode: str) -> None:
    """A page may ask a person to disclose, sign or receive attributes."""
    questions = {
        "sign": SignatureRequest("I agree", {"email": EMAIL}),
        "issue": IssuanceRequest([CredentialRequest("example.town.age", CARD)]),
    }
    site = Site(mode, questions=questions)
    browser = site.browser()
    for name in questions:
        assert browser.finish(browser.started(name), name).status == 200
    signature = site.logins[0].answer.signature
    assert signature is not None
    assert signature.message == "I agree"


@MODES
def test_a_question_that_is_too_large_for_a_handle(mode: str) -> None:
    """A question that is too large is a misconfiguration, and its session is cancelled."""
    import random  # noqa: PLC0415

    chance = random.Random(1)
    value = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=60_000))
    large = DisclosureRequest({"email": AttributeRequest(EMAIL, value)})
    site = Site(mode, questions={"login": large})
    reply = site.browser().start()
    assert (reply.status, reply.code) == (500, "misconfigured")
    assert not site.server.open_sessions()


@MODES
def test_callbacks_and_next_sessions_have_the_reference(mode: str) -> None:
    """A question may have a callback, and another session may follow it."""
    outcomes: list[SessionOutcome] = []
    asked: list[str] = []

    def choose(step: Any) -> None:
        asked.append(step.reference)

    shop = Shop(mode, deliver=outcomes.append, choose=choose)
    questions = {
        "adult": Question(AGE, "order-17", has_callback=True),
        "chain": Question(AGE, "order-18", has_next_session=True),
    }
    site = Site(
        mode,
        server=shop.server,
        questions=questions,
        callbacks=shop.receiver,
        next_sessions=shop.nexts,
    )
    browser = site.browser()
    handle = browser.started("adult")
    assert [each.reference for each in outcomes] == ["order-17"]
    assert browser.finish(handle, "adult").status == 200
    assert browser.finish(browser.started("chain"), "chain").status == 200
    assert asked == ["order-18"]


def name_after_age(step: ChainStep) -> DisclosureRequest | None:
    """Return the question for the name, which follows a proof of age."""
    if "age" not in step.answer:
        return None
    return DisclosureRequest({"name": "example.town.resident.firstname"})


@MODES
def test_a_login_follows_the_chain(mode: str) -> None:
    """The login receives the answer of the first session, and can follow the later sessions."""
    shop = Shop(mode, choose=name_after_age)
    questions = {"chain": Question(AGE, has_next_session=True)}
    site = Site(mode, server=shop.server, questions=questions, next_sessions=shop.nexts)
    site.app.add("example.town.resident", {"firstname": "Ada", "familyname": "L", "email": "a@b.c"})
    followed: list[Any] = []
    nexts: Any = shop.nexts

    def follow(web: WebAnswer) -> Any:
        answers: Any = nexts.follow(web.session, timeout=timedelta(minutes=1))
        if mode == "sync":
            followed.extend(name for answer in answers for name in answer)
            return None

        async def collect() -> None:
            followed.extend([name async for answer in answers for name in answer])

        return collect()

    browser = site.browser()
    assert browser.finish(browser.started("chain"), "chain", complete=follow).status == 200
    assert followed == ["age", "name"]


@MODES
def test_a_callback_needs_a_receiver(mode: str) -> None:
    """A function that asks for a callback without a receiver is a misconfiguration."""
    for question in NEEDY:
        site = Site(mode, questions={"login": asking(question)})
        assert site.browser().start().code == "misconfigured"


BAD_QUESTIONS: list[Any] = [{}, [], None, {"Login": LOGIN}, {"": LOGIN}]
WRONG: list[tuple[str, Any]] = [
    *(("questions", value) for value in BAD_QUESTIONS),
    *(("questions", {name: LOGIN}) for name in ("x" * 41, "a b", "a/b", "\u00e9", 1)),
    *(("questions", {"login": value}) for value in (None, "x", 1)),
    *(("questions", {"login": question}) for question in NEEDY),
    *(
        ("lifetime", timedelta(**each))
        for each in ({"seconds": 9}, {"hours": 2}, {"seconds": 10.5})
    ),
    *(("lifetime", value) for value in (300, None)),
    *(("sessions_per_browser", value) for value in (0, -1, 101, True, 1.0, "1")),
    *(
        ("origins", value)
        for value in ("https://app.example", None, [1], ["app.example"], ["null"])
    ),
    *(
        ("origins", [value])
        for value in ("https://app.example/", "https://App.example", "*", "null")
    ),
    *(("origins", [value]) for value in ("https://app.example:443", "https://u@app.example", "")),
    *(("plain_cookie", value) for value in (None, 1, "yes")),
    *(("keys", value) for value in ([], "key", ["short"])),
    *(("callbacks", value) for value in (1, "x")),
    *(("next_sessions", value) for value in (1, "x")),
    *(("store", value) for value in (1, object)),
]


@MODES
@pytest.mark.parametrize(("setting", "value"), WRONG, ids=lambda value: repr(value)[:40])
def test_a_wrong_setting(mode: str, setting: str, value: Any) -> None:
    """A wrong setting is refused when the web sessions are created."""
    with pytest.raises(UsageError):
        Site(mode, **{setting: value})


def test_parts_of_the_other_mode() -> None:
    """Web sessions refuse a store, a receiver or a function of the other mode when created."""
    sync, other = Site("sync"), Site("async")
    shop, async_shop = Shop("sync"), Shop("async")

    async def ask(_request: WebRequest) -> Any: ...

    wrong: list[tuple[str, dict[str, Any]]] = [
        ("sync", {"store": other.store}),
        ("sync", {"callbacks": async_shop.receiver}),
        ("sync", {"next_sessions": async_shop.nexts}),
        ("sync", {"questions": {"login": ask}}),
        ("async", {"store": sync.store}),
        ("async", {"callbacks": shop.receiver}),
        ("async", {"next_sessions": shop.nexts}),
    ]
    for mode, settings in wrong:
        with pytest.raises(ConfigurationError):
            Site(mode, **settings)


def test_the_repr_of_web_sessions_shows_no_key() -> None:
    """The `repr` of web sessions shows the names of the questions, and no key."""
    for mode in ("sync", "async"):
        assert repr(Site(mode).sessions).endswith("WebSessions for login, adult>")


def test_a_requestor_of_the_other_mode() -> None:
    """Each class accepts only the requestor of its mode."""
    store = Site("sync").store
    with pytest.raises(UsageError, match="requestor"):
        WebSessions(None, [new_sealing_key()], store=store, questions=QUESTIONS)  # type: ignore[arg-type]
