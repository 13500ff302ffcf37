"""Callbacks deliver each outcome to the application once, in both modes."""

from __future__ import annotations

import asyncio
import threading
import traceback
from datetime import timedelta
from typing import Any

import pytest

from irma_backend.memory_store import MemoryStore
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
    UsageError,
)
from irma_core.flows.once import OnceKey
from irma_core.models.credentials import CredentialRequest
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import ManualClock
from irma_transport import SystemClock
from tests.flows.changed_posts import changed, forged, to_callback
from tests.flows.shop import AGE, OVER18, PAGE, Shop
from tests.memory_stores import memory_store
from tests.modes import MODES

SOON = timedelta(seconds=60)


def last_post(shop: Shop) -> HttpRequest:
    return shop.server.posted[-1]


@MODES
def test_answer_is_delivered(mode: str) -> None:
    """The signed answer is delivered before the server has stored the end."""
    shop = Shop(mode)
    session = shop.start()
    shop.app.accept(session.pointer)
    (end,) = shop.delivered
    assert (end.token, end.status) == (session.token, SessionStatus.DONE)
    answer = end.get_answer()
    assert (answer["age"].value, answer.token) == ("yes", session.token)
    assert answer.evidence is Evidence.SIGNED
    assert [(reply.status, reply.body) for reply in shop.replies] == [(204, b"")]


@MODES
def test_every_type_of_session_is_delivered(mode: str) -> None:
    """Signatures and issued credentials are delivered as well."""
    shop = Shop(mode)
    card = CredentialRequest("example.town.age", {"over12": "yes", "over18": "no", "over65": "no"})
    for request in (SignatureRequest("I agree", {"age": OVER18}), IssuanceRequest([card])):
        shop.app.accept(shop.start(request).pointer)
    signed, issued = (end.get_answer() for end in shop.delivered)
    assert signed.signature is not None
    assert signed.signature.message == "I agree"
    assert list(issued) == []


@MODES
def test_end_without_an_answer(mode: str) -> None:
    """A refusal, a time-out and a mismatch are delivered with their errors."""
    shop = Shop(mode)
    shop.app.refuse(shop.start().pointer)
    shop.start(ExtendedRequest(AGE, timeout=SOON))
    shop.server.pass_time(SOON + timedelta(seconds=11))
    shop.app.scan(shop.start().pointer).cheat(values={OVER18: "no"})
    refused, late, cheat = shop.delivered
    assert refused.status is SessionStatus.CANCELLED
    with pytest.raises(SessionCancelledError):
        refused.get_answer()
    assert late.status is SessionStatus.TIMEOUT
    with pytest.raises(SessionTimedOutError):
        late.get_answer()
    with pytest.raises(AnswerError):
        cheat.get_answer()


def test_each_get_answer_raises_its_own_error() -> None:
    """Each `get_answer` raises its own error, so that tracebacks do not grow."""
    shop = Shop("sync")
    shop.app.refuse(shop.start().pointer)
    (end,) = shop.delivered
    raised: list[Exception] = []
    for _ in range(2):
        with pytest.raises(SessionCancelledError) as caught:
            end.get_answer()
        raised.append(caught.value)
    one, two = ("".join(traceback.format_exception(each)).count("\n") for each in raised)
    assert raised[0] is not raised[1]
    assert one == two


def test_only_the_secret_url_fetches_the_key() -> None:
    """Only a post with the URL's secret makes the requestor fetch the key, once."""
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
    assert shop.delivered[0].get_answer().evidence is Evidence.SIGNED


@MODES
def test_a_hundred_equal_posts_cause_one_delivery(mode: str) -> None:
    """A hundred equal posts all get 204 and cause one delivery."""
    shop = Shop(mode)
    shop.app.accept(shop.start().pointer)
    for _ in range(99):
        shop.post(last_post(shop))
    shop.server.pass_time(timedelta(seconds=90))
    shop.post(last_post(shop))
    assert shop.statuses == [204] * 101
    assert len(shop.delivered) == 1


def test_posts_on_threads_cause_one_delivery() -> None:
    """A post on another thread waits for the end of a running delivery."""
    many = threading.Barrier(25)
    shop = Shop("sync", clock=SystemClock())
    session = shop.start()
    shop.server.deliver = None
    shop.app.accept(session.pointer)
    posted = last_post(shop)

    def post_again() -> None:
        many.wait(60)
        for _ in range(4):
            shop.post(posted)

    threads = [threading.Thread(target=post_again) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.statuses == [204] * 100
    assert len(shop.delivered) == 1


def test_posts_in_tasks_cause_one_delivery() -> None:
    """A hundred tasks with equal posts on one event loop cause one delivery."""

    async def slowly(_end: SessionOutcome) -> None:
        await asyncio.sleep(0.01)

    shop = Shop("async", deliver=slowly, clock=SystemClock())
    session = shop.start()
    shop.server.deliver = None
    shop.app.accept(session.pointer)
    post = last_post(shop)

    async def post_again() -> int:
        call: Any = shop.receiver.receive(post.method, post.url, post.headers, post.body or b"")
        reply = await call
        return int(reply.status)

    async def main() -> list[int]:
        return await asyncio.gather(*[post_again() for _ in range(100)])

    assert asyncio.run(main()) == [204] * 100
    assert len(shop.delivered) == 1


class Flaky:
    """A function that fails a number of times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def __call__(self, _end: SessionOutcome) -> None:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError


@MODES
def test_failed_delivery_is_repeated(mode: str) -> None:
    """An error of the application's function is raised, and the next post calls it again."""
    shop = Shop(mode, deliver=Flaky(1))
    shop.app.accept(shop.start().pointer)
    assert [type(error) for error in shop.failures] == [ZeroDivisionError]
    for _ in range(2):
        shop.post(last_post(shop))
    assert shop.statuses == [500, 204, 204]
    assert [end.status for end in shop.delivered] == [SessionStatus.DONE] * 2


@MODES
def test_a_kept_post_is_handled_later(mode: str) -> None:
    """A post whose delivery failed can be handled days later, with its time of arrival."""
    shop = Shop(mode, deliver=Flaky(1))
    shop.app.accept(shop.start().pointer)
    assert isinstance(shop.server.clock, ManualClock)
    came = shop.server.clock.now()
    shop.server.clock.advance(timedelta(days=3))
    shop.post(last_post(shop))
    post = last_post(shop)
    arguments: Any = ("POST", post.url, post.headers, post.body)
    for _ in range(2):
        reply = shop.done(shop.receiver.receive(*arguments, received_at=came))
        assert reply.status == 204
    assert shop.statuses == [500, 404]  # without `received_at`, the URL has expired
    assert len(shop.delivered) == 2
    with pytest.raises(UsageError):
        shop.done(shop.receiver.receive(*arguments, received_at=came.replace(tzinfo=None)))


def test_claim_of_a_dead_process_expires() -> None:
    """A dead process's claim expires; until then other processes reply that they are busy."""

    def die(_end: SessionOutcome) -> None:
        raise KeyboardInterrupt

    class LastCallLost:
        """A store without deletion, as if the process died before it could release its claim."""

        def __init__(self, store: MemoryStore) -> None:
            self.put_if_absent, self.get, self.close = store.put_if_absent, store.get, store.close

        def delete(self, key: str) -> None: ...

    clock = ManualClock()
    shop = Shop("sync", deliver=die, store=LastCallLost(memory_store(clock)), clock=clock)
    with pytest.raises(KeyboardInterrupt):
        shop.app.accept(shop.start().pointer)
    assert shop.post(last_post(shop)).status == 503
    assert shop.replies[-1].body.startswith(b"the POST is refused (busy)")
    shop.server.pass_time(timedelta(minutes=1))
    with pytest.raises(KeyboardInterrupt):
        shop.post(last_post(shop))


def test_claim_of_a_cancelled_task_is_released() -> None:
    """When a web framework cancels a handler, the server's next post is delivered at once."""
    begun = asyncio.Event()

    async def never_ends() -> None:
        begun.set()
        await asyncio.Event().wait()

    shop = Shop("async", deliver=lambda _end: never_ends() if len(shop.delivered) == 1 else None)
    session = shop.start()
    post = forged(shop, session, "CANCELLED")

    def received() -> Any:
        return shop.receiver.receive("POST", post.url, post.headers, post.body or b"")

    async def scenario() -> None:
        first = asyncio.create_task(received())
        await begun.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await received()).status == 204

    asyncio.run(scenario())
    assert [end.status for end in shop.delivered] == [SessionStatus.CANCELLED] * 2


INTERRUPTIONS = [
    KeyboardInterrupt(),
    SystemExit(1),
    BaseExceptionGroup("several", [KeyboardInterrupt()]),
    StopIteration("an iterator of the application"),
    StopAsyncIteration(),
    ExceptionGroup("several", [ZeroDivisionError()]),
]


@MODES
@pytest.mark.parametrize("error", INTERRUPTIONS, ids=lambda error: type(error).__name__)
def test_claim_of_an_interrupted_delivery_is_released(mode: str, error: BaseException) -> None:
    """After an interruption or a stray exception, the server's next post is delivered at once."""
    failures = iter([error])

    def deliver(_end: SessionOutcome) -> None:
        for each in failures:
            raise each

    shop = Shop(mode, deliver=deliver)
    session = shop.start()
    post = forged(shop, session, "CANCELLED")
    if isinstance(error, Exception):
        shop.post(post)
        assert len(shop.failures) == 1
    else:
        with pytest.raises(type(error)):
            shop.post(post)
    assert shop.post(post).status == 204
    assert [end.status for end in shop.delivered] == [SessionStatus.CANCELLED] * 2


@MODES
def test_server_decides_between_contradicting_posts(mode: str) -> None:
    """`CANCELLED` after `DONE` delivers nothing, because the server stored `DONE`."""
    shop = Shop(mode)
    session = shop.start()
    shop.app.accept(session.pointer)
    for _ in range(2):
        assert shop.post(forged(shop, session, "CANCELLED")).status == 204
    assert [end.status for end in shop.delivered] == [SessionStatus.DONE]


@MODES
def test_stored_outcome_is_delivered_after_a_wrong_one(mode: str) -> None:
    """After contradicting posts, the outcome that the server stored is delivered."""
    shop = Shop(mode)
    session = shop.start()
    at_the_app = shop.app.scan(session.pointer)
    assert shop.post(forged(shop, session, "CANCELLED")).status == 204
    at_the_app.accept()
    assert b"(undecided)" in shop.replies[-1].body
    for _ in range(3):
        shop.post(last_post(shop))
    assert shop.statuses == [204, 503, 204, 204, 204]
    assert [end.status for end in shop.delivered] == [SessionStatus.CANCELLED, SessionStatus.DONE]
    assert shop.delivered[-1].get_answer()["age"].value == "yes"


def test_repeated_time_out_is_delivered_once() -> None:
    """A time-out that the server posts repeatedly is delivered once."""
    shop = Shop("sync")
    session = shop.start(ExtendedRequest(AGE, timeout=SOON))
    shop.server.pass_time(timedelta(minutes=2))
    shop.done(shop.requestor.get_status(session))
    assert len(shop.replies) > 2
    assert set(shop.statuses) == {204}
    assert len(shop.delivered) == 1


def test_sync_receiver_refuses_an_async_function() -> None:
    """A sync receiver refuses an async function, which would never run."""

    async def deliver_async(_end: SessionOutcome) -> None: ...

    shop = Shop("sync")
    requestor: Any = shop.requestor
    settings: Any = {"sealer": shop.sealer, "store": shop.store}
    with pytest.raises(ConfigurationError, match=r"^deliver: nothing awaits this function"):
        CallbackReceiver(requestor, PAGE, deliver=deliver_async, **settings)

    def return_awaitable(end: SessionOutcome) -> Any:
        return deliver_async(end)

    # A plain function that returns an awaitable is found only when it is called.
    receiver = CallbackReceiver(requestor, PAGE, deliver=return_awaitable, **settings)
    session = requestor.start_session(receiver.with_callback(AGE))
    shop.server.deliver = None
    shop.app.accept(session.pointer)
    post = last_post(shop)
    with pytest.raises(ConfigurationError, match="is async"):
        receiver.receive("POST", post.url, post.headers, post.body or b"")


@MODES
def test_the_repr_of_a_receiver_shows_no_secret(mode: str) -> None:
    """The `repr` of a receiver contains its page and no secret."""
    receiver = Shop(mode).receiver
    assert repr(receiver) == f"<{type(receiver).__name__} at {PAGE}>"


class Published:
    """A status backend that records what is published, or fails."""

    def __init__(self, *, failing: bool = False) -> None:
        self.failing = failing
        self.published: list[tuple[RequestorToken, PublishedEnd]] = []

    def publish(self, token: RequestorToken, end: PublishedEnd) -> Any:
        if self.failing:
            raise OSError("no route")
        self.published.append((token, end))

    def wait(self, *_: object) -> Any:
        raise AssertionError("nobody watches")


class AsyncPublished(Published):
    """An asyncio status backend with plain methods, whose `aclose` shows its mode."""

    def publish(self, token: RequestorToken, end: PublishedEnd) -> Any:
        super().publish(token, end)
        return asyncio.sleep(0)

    async def aclose(self) -> None: ...


PUBLISHED = {"sync": Published, "async": AsyncPublished}


@MODES
def test_the_end_is_published_once_after_the_delivery(mode: str) -> None:
    """The receiver publishes the end once, with the signed result, after the delivery."""
    backend = PUBLISHED[mode]()
    shop = Shop(mode, status_backend=backend)
    session = shop.start()
    shop.app.accept(session.pointer)
    post = last_post(shop)
    shop.post(post)
    published = PublishedEnd(SessionStatus.DONE, (post.body or b"").decode())
    assert backend.published == [(session.token, published)]


@MODES
def test_failing_status_backend_keeps_the_delivery(mode: str) -> None:
    """A failing status backend neither prevents a delivery nor repeats it."""
    shop = Shop(mode, status_backend=PUBLISHED[mode](failing=True))
    shop.app.accept(shop.start().pointer)
    shop.post(last_post(shop))
    assert [type(error) for error in shop.failures] == [StatusBackendError]
    assert shop.statuses == [500, 204]
    assert len(shop.delivered) == 1


@pytest.mark.parametrize("record", [b"TOLD", b"\xff"])
def test_foreign_record_delivers_nothing(record: bytes) -> None:
    """Another program's record under the library's key is an error, and nothing is delivered."""
    shop = Shop("sync")
    session = shop.start()
    once = OnceKey.of_session(shop.store, "callback", session.token)
    shop.store.put_if_absent(once.key, record, SOON)
    shop.app.accept(session.pointer)
    assert [type(error) for error in shop.failures] == [ConfigurationError]
    assert shop.delivered == []


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
    ("failing", "error", "delivered"),
    [("put_if_absent", StoreError, 0), ("get", StoreError, 0), ("delete", ZeroDivisionError, 1)],
)
@MODES
def test_a_failing_store_raises_a_store_error(
    mode: str, failing: str, error: type[Exception], delivered: int
) -> None:
    """A failing store is a `StoreError`, which does not hide the application's error."""
    working = Shop(mode)
    shop = Shop(mode, deliver=Flaky(1), store=BrokenStore(working.store, failing))
    shop.app.accept(shop.start().pointer)
    assert [type(each) for each in shop.failures] == [error]
    assert len(shop.delivered) == delivered


@MODES
def test_an_unsigned_post_makes_the_receiver_ask_the_server(mode: str) -> None:
    """After its reply to an unsigned post, the receiver asks the server for the outcome."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    shop.app.accept(session.pointer)
    assert (shop.statuses, shop.delivered) == ([204], [])
    lie = (last_post(shop).body or b"").replace(b'"yes"', b'"no"')
    shop.post(changed(last_post(shop), body=lie))
    assert len(shop.later) == 1
    shop.do_later()
    for _ in range(98):
        shop.post(last_post(shop))
    assert shop.later == []
    assert shop.statuses == [204] * 100
    (end,) = shop.delivered
    assert end.get_answer().evidence is Evidence.TRANSPORT
    assert end.get_answer()["age"].value == "yes"


@MODES
def test_false_unsigned_post(mode: str) -> None:
    """A false unsigned post after the delivery starts no second request."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    shop.app.refuse(session.pointer)
    shop.do_later()
    lie = (last_post(shop).body or b"").replace(b"CANCELLED", b"DONE")
    shop.post(changed(last_post(shop), body=lie))
    assert shop.later == []
    assert [end.status for end in shop.delivered] == [SessionStatus.CANCELLED]


@MODES
def test_unsigned_post_of_a_running_session(mode: str) -> None:
    """Unsigned posts for running and unknown sessions deliver nothing."""
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
    assert shop.delivered == []


def unsigned(session: StartedSession, token: str) -> HttpRequest:
    said = f'{{"token":"{token}","status":"DONE","type":"disclosing"}}'
    return to_callback(session, "application/json", said)


def invented(number: int) -> str:
    return f"{number:020}"


def requests_of(shop: Shop) -> list[str]:
    """Record the requests to the server from now on."""
    asked: list[str] = []
    requestor: Any = shop.requestor
    send = requestor._transport.send

    def noted(request: HttpRequest, deadline: float) -> Any:
        asked.append(request.label)
        return send(request, deadline)

    requestor._transport.send = noted
    return asked


@MODES
def test_invented_tokens_cause_one_job_of_few_requests(mode: str) -> None:
    """Posts with invented tokens cause one job of few requests, and the true end is delivered."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    for number in range(3):
        assert shop.post(unsigned(session, invented(number))).status == 204
    shop.app.accept(session.pointer)
    for number in range(3, 100):
        assert shop.post(unsigned(session, invented(number))).status == 204
    assert len(shop.later) == 1
    asked = requests_of(shop)
    shop.do_later()
    assert [end.token for end in shop.delivered] == [session.token]
    assert len(asked) <= 4
    for number in range(100):
        shop.post(unsigned(session, invented(number)))
    assert shop.later == []


@MODES
def test_invented_tokens_in_separate_jobs_cause_few_requests(mode: str) -> None:
    """Posts with invented tokens, in separate jobs, cause few requests in a minute."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    asked = requests_of(shop)
    for number in range(50):
        shop.post(unsigned(session, invented(number)))
        if shop.later:
            with pytest.raises(SessionGoneError):
                shop.do_later()
    assert 0 < len(asked) <= 4
    shop.server.pass_time(timedelta(seconds=61))
    shop.app.accept(session.pointer)
    shop.do_later()
    assert [end.token for end in shop.delivered] == [session.token]


@MODES
def test_a_post_that_comes_while_a_job_runs_is_not_lost(mode: str) -> None:
    """A job looks for new tokens once more before it ends."""
    shop = Shop(mode, unsigned=True)
    session = shop.start()
    shop.post(unsigned(session, invented(1)))
    requestor: Any = shop.requestor
    send, is_first = requestor._transport.send, [True]

    def accept_meanwhile(request: HttpRequest, deadline: float) -> Any:
        if is_first and is_first.pop():
            shop.app.accept(session.pointer)
        return send(request, deadline)

    requestor._transport.send = accept_meanwhile
    shop.do_later()
    assert [end.token for end in shop.delivered] == [session.token]
    assert shop.later == []


def test_a_stored_value_of_another_sealer_is_ignored() -> None:
    """A stored value that this sealer cannot open is ignored."""
    shop = Shop("sync", unsigned=True)
    session = shop.start()
    shop.post(unsigned(session, invented(1)))
    places = [key for key in shop.store._kept if ":named-" in key]
    assert len(places) == 1
    shop.store.delete(places[0])
    assert shop.store.put_if_absent(places[0], b"\xff", SOON)
    with pytest.raises(SessionGoneError):
        shop.do_later()
    shop.app.accept(session.pointer)
    shop.do_later()
    assert len(shop.delivered) == 1


def test_remaining_tokens_are_left_to_another_job() -> None:
    """A job whose claim was taken leaves the remaining tokens to the other job."""
    shop = Shop("sync", unsigned=True)
    session = shop.start()
    shop.post(unsigned(session, invented(1)))
    shop.post(unsigned(session, invented(2)))
    real = shop.store.put_if_absent

    def put(key: str, value: bytes, lifetime: timedelta) -> bool:
        return not key.endswith(":asking:claim") and real(key, value, lifetime)

    shop.store.put_if_absent = put
    asked = requests_of(shop)
    with pytest.raises(SessionGoneError):
        shop.do_later()
    assert len(asked) == 1


@MODES
def test_failed_postponed_delivery_is_repeated(mode: str) -> None:
    """An error in the postponed delivery is raised, and the next post repeats the delivery."""
    shop = Shop(mode, unsigned=True, deliver=Flaky(1))
    shop.app.accept(shop.start().pointer)
    with pytest.raises(ZeroDivisionError):
        shop.do_later()
    shop.post(last_post(shop))
    shop.do_later()
    assert len(shop.delivered) == 2


def test_a_post_during_a_request_starts_no_second_request() -> None:
    """A post that the server sends while the receiver asks it starts no second request."""
    shop = Shop("sync", unsigned=True)
    shop.start(ExtendedRequest(AGE, timeout=SOON))
    shop.server.pass_time(SOON + timedelta(seconds=11))
    shop.do_later()
    assert len(shop.replies) > 1
    assert [end.status for end in shop.delivered] == [SessionStatus.TIMEOUT]
    assert shop.later == []
