"""Callbacks: what the application is told, and how often, in both modes."""

from __future__ import annotations

import asyncio
import threading
import traceback
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core import (
    AnswerError,
    CallbackReceiver,
    Evidence,
    ExtendedRequest,
    FetchedServerKey,
    IssuanceRequest,
    RequestorToken,
    SessionCancelledError,
    SessionOutcome,
    SessionStatus,
    SessionTimedOutError,
    SignatureRequest,
    StartedSession,
)
from irma_core.errors import (
    ConfigurationError,
    PostRefusedError,
    SessionGoneError,
    StatusBackendError,
    StoreError,
)
from irma_core.flows.once import OnceKey
from irma_core.models.credentials import CredentialRequest
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing.memory.jwt import JwtSigner
from irma_transport import SystemClock
from tests.flows.shop import AGE, OVER18, PAGE, Shop
from tests.modes import MODES

SOON = timedelta(seconds=60)


def last_post(shop: Shop) -> HttpRequest:
    return shop.server.posted[-1]


@MODES
def test_the_application_is_told_of_the_answer(mode: str) -> None:
    """Signed, after every check, before the server has stored the end; by the URL alone."""
    shop = Shop(mode)
    session = shop.start()
    shop.app.accept(session.pointer)
    (end,) = shop.told
    assert (end.token, end.status) == (session.token, SessionStatus.DONE)
    answer = end.get_answer()
    assert (answer["age"].value, answer.token) == ("yes", session.token)
    assert answer.evidence is Evidence.SIGNED
    assert [(reply.status, reply.body) for reply in shop.replies] == [(204, b"")]


@MODES
def test_every_kind_of_session_is_told_of(mode: str) -> None:
    """Also a signature over the message that was sent, and what was issued."""
    shop = Shop(mode)
    card = CredentialRequest("example.town.age", {"over12": "yes", "over18": "no", "over65": "no"})
    for request in (SignatureRequest("I agree", {"age": OVER18}), IssuanceRequest([card])):
        shop.app.accept(shop.start(request).pointer)
    signed, issued = (end.get_answer() for end in shop.told)
    assert signed.signature is not None
    assert signed.signature.message == "I agree"
    assert list(issued) == []


@MODES
def test_an_end_without_an_answer_is_told_as_what_it_is(mode: str) -> None:
    """Refused, timed out, or not what was asked."""
    shop = Shop(mode)
    shop.app.refuse(shop.start().pointer)
    shop.start(ExtendedRequest(AGE, timeout=SOON))
    shop.server.pass_time(SOON + timedelta(seconds=11))
    shop.app.scan(shop.start().pointer).cheat(values={OVER18: "no"})
    refused, late, cheat = shop.told
    assert refused.status is SessionStatus.CANCELLED
    with pytest.raises(SessionCancelledError):
        refused.get_answer()
    assert late.status is SessionStatus.TIMEOUT
    with pytest.raises(SessionTimedOutError):
        late.get_answer()
    with pytest.raises(AnswerError):
        cheat.get_answer()


def test_an_end_that_is_asked_twice_raises_two_errors() -> None:
    """One error would gather the frames of each function that asked."""
    shop = Shop("sync")
    shop.app.refuse(shop.start().pointer)
    (end,) = shop.told
    raised: list[Exception] = []
    for _ in range(2):
        with pytest.raises(SessionCancelledError) as caught:
            end.get_answer()
        raised.append(caught.value)
    one, two = ("".join(traceback.format_exception(each)).count("\n") for each in raised)
    assert raised[0] is not raised[1]
    assert one == two


def test_a_key_that_is_to_be_fetched_is_fetched_for_who_knows_the_secret() -> None:
    """Once; and for nobody else."""
    shop = Shop("sync", server_key=FetchedServerKey())
    session = shop.start()
    keys: list[str] = []
    requestor: Any = shop.requestor
    send = requestor._transport.send

    def counted(request: HttpRequest, deadline: float) -> HttpResponse:
        keys.append(request.label)
        response: HttpResponse = send(request, deadline)
        return response

    requestor._transport.send = counted
    shop.post(HttpRequest("POST", PAGE, label="POST callback", body=b"x"))
    assert keys == []
    shop.app.accept(session.pointer)
    shop.post(last_post(shop))
    assert keys == ["GET publickey"]
    assert shop.told[0].get_answer().evidence is Evidence.SIGNED


def forged(shop: Shop, session: StartedSession, status: str) -> HttpRequest:
    """Return a post that the server might send: signed, and perhaps not true any more."""
    now = int(shop.server.clock.now().timestamp())
    claims = {"iat": now, "exp": now + 120, "iss": "irmaserver", "sub": "disclosing_result"}
    said = {"token": session.token.reveal(), "status": status, "type": "disclosing"}
    # Without a key of its own, a server in memory has the one of this process.
    body = JwtSigner(None).sign({**claims, **said, "simulated": True})
    return to_callback(session, "text/plain; charset=UTF-8", body)


def to_callback(session: StartedSession, media_type: str, body: str) -> HttpRequest:
    url, headers = session.request.callback_url or "", (("Content-Type", media_type),)
    return HttpRequest("POST", url, label="POST callback", headers=headers, body=body.encode())


@MODES
def test_a_hundred_equal_posts_are_one_delivery(mode: str) -> None:
    """And a hundred times 204; also when the claim of the first has expired."""
    shop = Shop(mode)
    shop.app.accept(shop.start().pointer)
    for _ in range(99):
        shop.post(last_post(shop))
    shop.server.pass_time(timedelta(seconds=90))
    shop.post(last_post(shop))
    assert shop.statuses == [204] * 101
    assert len(shop.told) == 1


def test_a_hundred_posts_at_once_are_one_delivery_to_threads() -> None:
    """Who comes while the application is being told waits for the end of that."""
    many = threading.Barrier(25)
    shop = Shop("sync", clock=SystemClock())
    session = shop.start()
    shop.server.deliver = None
    shop.app.accept(session.pointer)
    posted = last_post(shop)

    def come() -> None:
        many.wait(10)
        for _ in range(4):
            shop.post(posted)

    threads = [threading.Thread(target=come) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.statuses == [204] * 100
    assert len(shop.told) == 1


def test_a_hundred_posts_at_once_are_one_delivery_to_tasks() -> None:
    """As above, on one event loop."""

    async def slowly(_end: SessionOutcome) -> None:
        await asyncio.sleep(0.01)

    shop = Shop("async", deliver=slowly, clock=SystemClock())
    session = shop.start()
    shop.server.deliver = None
    shop.app.accept(session.pointer)
    post = last_post(shop)

    async def come() -> int:
        call: Any = shop.receiver.receive(post.method, post.url, post.headers, post.body or b"")
        reply = await call
        return int(reply.status)

    async def main() -> list[int]:
        return await asyncio.gather(*[come() for _ in range(100)])

    assert asyncio.run(main()) == [204] * 100
    assert len(shop.told) == 1


class Flaky:
    """A function that fails as often as it was told to."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __call__(self, _end: SessionOutcome) -> None:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError


@MODES
def test_an_application_that_fails_is_told_again(mode: str) -> None:
    """Its own error comes out, and the next post finds the claim released."""
    shop = Shop(mode, deliver=Flaky(1))
    shop.app.accept(shop.start().pointer)
    assert [type(error) for error in shop.failures] == [ZeroDivisionError]
    for _ in range(2):
        shop.post(last_post(shop))
    assert shop.statuses == [500, 204, 204]
    assert [end.status for end in shop.told] == [SessionStatus.DONE] * 2


def test_a_process_that_died_while_telling_keeps_nobody_from_it() -> None:
    """Its claim expires; until then the others say that they are busy."""

    def die(_end: SessionOutcome) -> None:
        raise KeyboardInterrupt

    shop = Shop("sync", deliver=die)
    with pytest.raises(KeyboardInterrupt):
        shop.app.accept(shop.start().pointer)
    assert shop.post(last_post(shop)).status == 503
    assert shop.replies[-1].body.startswith(b"the POST is refused (busy)")
    shop.server.pass_time(timedelta(minutes=1))
    with pytest.raises(KeyboardInterrupt):
        shop.post(last_post(shop))


def test_a_task_that_was_cancelled_while_telling_keeps_nobody_from_it() -> None:
    """As web frameworks do when the server hangs up: as if the process had died."""
    begun = asyncio.Event()

    async def never_ends() -> None:
        begun.set()
        await asyncio.Event().wait()

    shop = Shop("async", deliver=lambda _end: never_ends() if len(shop.told) == 1 else None)
    session = shop.start()
    post = forged(shop, session, "CANCELLED")

    def received() -> Any:
        return shop.receiver.receive("POST", post.url, post.headers, post.body or b"")

    async def story() -> None:
        first = asyncio.create_task(received())
        await begun.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        shop.server.pass_time(timedelta(minutes=1))
        assert (await received()).status == 204

    asyncio.run(story())
    assert [end.status for end in shop.told] == [SessionStatus.CANCELLED] * 2


@MODES
def test_the_server_decides_between_two_posts_that_contradict_each_other(mode: str) -> None:
    """`CANCELLED` after `DONE`: the server stored the first, and nothing is told again."""
    shop = Shop(mode)
    session = shop.start()
    shop.app.accept(session.pointer)
    for _ in range(2):
        assert shop.post(forged(shop, session, "CANCELLED")).status == 204
    assert [end.status for end in shop.told] == [SessionStatus.DONE]


@MODES
def test_what_was_told_wrongly_is_told_again_as_the_server_stored_it(mode: str) -> None:
    """No order is trusted; while the server cannot tell, nothing is decided."""
    shop = Shop(mode)
    session = shop.start()
    at_the_app = shop.app.scan(session.pointer)
    assert shop.post(forged(shop, session, "CANCELLED")).status == 204
    at_the_app.accept()
    assert b"(undecided)" in shop.replies[-1].body
    for _ in range(3):
        shop.post(last_post(shop))
    assert shop.statuses == [204, 503, 204, 204, 204]
    assert [end.status for end in shop.told] == [SessionStatus.CANCELLED, SessionStatus.DONE]
    assert shop.told[-1].get_answer()["age"].value == "yes"


def test_a_time_out_that_the_server_repeats_is_told_once() -> None:
    """At each question and each sweep it posts again, within the question too."""
    shop = Shop("sync")
    session = shop.start(ExtendedRequest(AGE, timeout=SOON))
    shop.server.pass_time(timedelta(minutes=2))
    shop.done(shop.requestor.get_status(session))
    assert len(shop.replies) > 2
    assert set(shop.statuses) == {204}
    assert len(shop.told) == 1


def test_a_function_that_must_be_awaited_is_refused_where_nothing_is() -> None:
    """Else it would count as having told, and nobody was."""

    async def told(_end: SessionOutcome) -> None: ...

    shop = Shop("sync")
    requestor: Any = shop.requestor
    settings: Any = {"sealer": shop.sealer, "store": shop.store}
    with pytest.raises(ConfigurationError, match=r"^deliver: nothing awaits this function"):
        CallbackReceiver(requestor, PAGE, deliver=told, **settings)

    def told_later(end: SessionOutcome) -> Any:
        return told(end)

    # A plain function that gives an awaitable is found when it is called.
    receiver = CallbackReceiver(requestor, PAGE, deliver=told_later, **settings)
    session = requestor.start_session(receiver.with_callback(AGE))
    shop.server.deliver = None
    shop.app.accept(session.pointer)
    post = last_post(shop)
    with pytest.raises(ConfigurationError, match="must be awaited"):
        receiver.receive("POST", post.url, post.headers, post.body or b"")


@MODES
def test_a_receiver_shows_its_page_and_nothing_secret(mode: str) -> None:
    """In a log, for instance."""
    receiver = Shop(mode).receiver
    assert repr(receiver) == f"<{type(receiver).__name__} at {PAGE}>"


class Published:
    """A status backend that keeps what it is told, or fails."""

    def __init__(self, *, failing: bool = False) -> None:
        self.failing = failing
        self.told: list[tuple[RequestorToken, PublishedEnd]] = []

    def publish(self, token: RequestorToken, end: PublishedEnd) -> Any:
        if self.failing:
            raise OSError("no route")
        self.told.append((token, end))

    def wait(self, *_: object) -> Any:
        raise AssertionError("nobody watches")


class AsyncPublished(Published):
    """The same, awaited; its methods are plain ones, and `aclose` shows what it is."""

    def publish(self, token: RequestorToken, end: PublishedEnd) -> Any:
        super().publish(token, end)
        return asyncio.sleep(0)

    async def aclose(self) -> None: ...


PUBLISHED = {"sync": Published, "async": AsyncPublished}


@MODES
def test_the_end_is_published_once_the_application_knows(mode: str) -> None:
    """With the signed result; once."""
    backend = PUBLISHED[mode]()
    shop = Shop(mode, status_backend=backend)
    session = shop.start()
    shop.app.accept(session.pointer)
    post = last_post(shop)
    shop.post(post)
    published = PublishedEnd(SessionStatus.DONE, (post.body or b"").decode())
    assert backend.told == [(session.token, published)]


@MODES
def test_a_status_backend_that_fails_costs_nobody_the_answer(mode: str) -> None:
    """The application was told before, and is not told again."""
    shop = Shop(mode, status_backend=PUBLISHED[mode](failing=True))
    shop.app.accept(shop.start().pointer)
    shop.post(last_post(shop))
    assert [type(error) for error in shop.failures] == [StatusBackendError]
    assert shop.statuses == [500, 204]
    assert len(shop.told) == 1


@pytest.mark.parametrize("record", [b"TOLD", b"\xff"])
def test_a_record_that_is_none_tells_nobody(record: bytes) -> None:
    """Another program has written it, under names that are the library's."""
    shop = Shop("sync")
    session = shop.start()
    once = OnceKey.of_session(shop.store, "callback", session.token)
    shop.store.put_if_absent(once.key, record, SOON)
    shop.app.accept(session.pointer)
    assert [type(error) for error in shop.failures] == [ConfigurationError]
    assert shop.told == []


class BrokenStore:
    """A store that cannot be reached at chosen calls."""

    def __init__(self, store: Any, *failing: str) -> None:
        self._store, self._failing = store, failing

    def __getattr__(self, name: str) -> Any:
        if name in self._failing:

            def fail(*_: object) -> None:
                raise OSError("no route")

            return fail
        return getattr(self._store, name)


@pytest.mark.parametrize(
    ("failing", "error", "told"),
    [("put_if_absent", StoreError, 0), ("get", StoreError, 0), ("delete", ZeroDivisionError, 1)],
)
@MODES
def test_a_store_that_fails_is_an_error_of_its_own(
    mode: str, failing: str, error: type[Exception], told: int
) -> None:
    """But what the application raised is not hidden by it."""
    working = Shop(mode)
    shop = Shop(mode, deliver=Flaky(1), store=BrokenStore(working.store, failing))
    shop.app.accept(shop.start().pointer)
    assert [type(each) for each in shop.failures] == [error]
    assert len(shop.told) == told


@MODES
def test_an_unsigned_post_is_news_and_the_server_is_asked(mode: str) -> None:
    """Once the reply is out, since it stores the end only then; whatever the post itself says."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    shop.app.accept(session.pointer)
    assert (shop.statuses, shop.told) == ([204], [])
    lie = (last_post(shop).body or b"").replace(b'"yes"', b'"no"')
    shop.post(attrs.evolve(last_post(shop), body=lie))
    assert len(shop.later) == 1
    shop.do_later()
    for _ in range(98):
        shop.post(last_post(shop))
    assert shop.later == []
    assert shop.statuses == [204] * 100
    (end,) = shop.told
    assert end.get_answer().evidence is Evidence.TRANSPORT
    assert end.get_answer()["age"].value == "yes"


@MODES
def test_an_unsigned_post_that_lies_about_the_end_is_no_matter(mode: str) -> None:
    """The server is asked, and its word is told; once it was, nothing makes it be asked again."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    shop.app.refuse(session.pointer)
    shop.do_later()
    lie = (last_post(shop).body or b"").replace(b"CANCELLED", b"DONE")
    shop.post(attrs.evolve(last_post(shop), body=lie))
    assert shop.later == []
    assert [end.status for end in shop.told] == [SessionStatus.CANCELLED]


@MODES
def test_news_of_a_session_that_has_not_ended_tell_nobody(mode: str) -> None:
    """Nor of one that the server does not know; of the other the next post may ask again."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    assert shop.post(unsigned(session, "a" * 20)).status == 204
    with pytest.raises(SessionGoneError):
        shop.do_later()
    assert shop.post(unsigned(session, "a" * 20)).status == 204
    assert shop.later == []
    for _ in range(2):
        assert shop.post(unsigned(session, session.token.reveal())).status == 204
        with pytest.raises(PostRefusedError):
            shop.do_later()
    assert shop.told == []


def unsigned(session: StartedSession, token: str) -> HttpRequest:
    said = f'{{"token":"{token}","status":"DONE","type":"disclosing"}}'
    return to_callback(session, "application/json", said)


def made_up(number: int) -> str:
    return f"{number:020}"


def questions_of(shop: Shop) -> list[str]:
    """Note what the server is asked from now on."""
    asked: list[str] = []
    requestor: Any = shop.requestor
    send = requestor._transport.send

    def noted(request: HttpRequest, deadline: float) -> Any:
        asked.append(request.label)
        return send(request, deadline)

    requestor._transport.send = noted
    return asked


@MODES
def test_made_up_tokens_are_one_job_of_a_few_questions(mode: str) -> None:
    """Whoever learnt the URL can post any number of them; the session's own end is told still."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    for number in range(3):
        assert shop.post(unsigned(session, made_up(number))).status == 204
    shop.app.accept(session.pointer)
    for number in range(3, 100):
        assert shop.post(unsigned(session, made_up(number))).status == 204
    assert len(shop.later) == 1
    asked = questions_of(shop)
    shop.do_later()
    assert [end.token for end in shop.told] == [session.token]
    assert len(asked) <= 4
    for number in range(100):
        shop.post(unsigned(session, made_up(number)))
    assert shop.later == []


@MODES
def test_made_up_tokens_one_by_one_are_few_questions_too(mode: str) -> None:
    """Also if each job ends before the next post; after a minute there may be some again."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    asked = questions_of(shop)
    for number in range(50):
        shop.post(unsigned(session, made_up(number)))
        if shop.later:
            with pytest.raises(SessionGoneError):
                shop.do_later()
    assert 0 < len(asked) <= 4
    shop.server.pass_time(timedelta(seconds=61))
    shop.app.accept(session.pointer)
    shop.do_later()
    assert [end.token for end in shop.told] == [session.token]


@MODES
def test_a_post_that_comes_while_a_job_runs_is_not_lost(mode: str) -> None:
    """The job has looked at its token before; it looks once more as it ends."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    shop.post(unsigned(session, made_up(1)))
    requestor: Any = shop.requestor
    send, is_first = requestor._transport.send, [True]

    def accept_meanwhile(request: HttpRequest, deadline: float) -> Any:
        if is_first and is_first.pop():
            shop.app.accept(session.pointer)
        return send(request, deadline)

    requestor._transport.send = accept_meanwhile
    shop.do_later()
    assert [end.token for end in shop.told] == [session.token]
    assert shop.later == []


def test_what_the_store_has_of_others_names_no_session() -> None:
    """A value that was sealed by another key, or is none, is passed over."""
    shop = Shop("sync", unsigned=True)
    session = shop.start()
    shop.post(unsigned(session, made_up(1)))
    places = [key for key in shop.store._kept if ":named-" in key]
    assert len(places) == 1
    shop.store.delete(places[0])
    assert shop.store.put_if_absent(places[0], b"\xff", SOON)
    with pytest.raises(SessionGoneError):
        shop.do_later()
    shop.app.accept(session.pointer)
    shop.do_later()
    assert len(shop.told) == 1


def test_another_job_may_be_first_to_ask_about_what_was_left() -> None:
    """Who finds the claim taken as it ends leaves the rest to the other."""
    shop = Shop("sync", unsigned=True)
    session = shop.start()
    shop.post(unsigned(session, made_up(1)))
    shop.post(unsigned(session, made_up(2)))
    real = shop.store.put_if_absent

    def put(key: str, value: bytes, lifetime: timedelta) -> bool:
        return not key.endswith(":asking:claim") and real(key, value, lifetime)

    shop.store.put_if_absent = put
    asked = questions_of(shop)
    with pytest.raises(SessionGoneError):
        shop.do_later()
    assert len(asked) == 1


@MODES
def test_an_application_that_fails_later_is_told_again_too(mode: str) -> None:
    """Its error comes out of what was to be done later."""
    shop = Shop(mode, unsigned=True, deliver=Flaky(1))
    shop.app.accept(shop.start().pointer)
    with pytest.raises(ZeroDivisionError):
        shop.do_later()
    shop.post(last_post(shop))
    shop.do_later()
    assert len(shop.told) == 2


def test_asking_for_a_timed_out_session_does_not_go_round_in_circles() -> None:
    """The server posts again while it is asked."""
    shop = Shop("sync", unsigned=True)
    shop.start(ExtendedRequest(AGE, timeout=SOON))
    shop.server.pass_time(SOON + timedelta(seconds=11))
    shop.do_later()
    assert len(shop.replies) > 1
    assert [end.status for end in shop.told] == [SessionStatus.TIMEOUT]
    assert shop.later == []
