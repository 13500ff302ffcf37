"""The events of whole sessions that observers receive, in both modes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core import (
    AsyncHandles,
    AsyncRequestor,
    AttributeRequest,
    ChainStep,
    DisclosureRequest,
    ExtendedRequest,
    Handles,
    HandleUsedError,
    IrmaError,
    NobodyAnsweredError,
    ProofStatus,
    Requestor,
    RequestorToken,
    ServerRefusedError,
    SessionCancelledError,
    SessionStatus,
    SessionType,
    TokenAuthentication,
    new_sealing_key,
)
from irma_core.errors import (
    ConfigurationError,
    ConnectionBrokenError,
    ConnectionFailedError,
    HandleInvalidError,
    ProofNotValidError,
    SessionGoneError,
    SessionNotFinishedError,
    TransportTimeoutError,
    WrongBindingError,
    WrongValueError,
)
from irma_core.flows.observing import observed_answer, observed_start
from irma_core.flows.session_answers import unobserved_answer_flow
from irma_core.flows.start import start_session_flow
from irma_core.interfaces import (
    CallbackDelivered,
    CallRetried,
    Event,
    HandleRefused,
    HttpResponse,
    NextSessionChosen,
    PostRefused,
    ReadOutcome,
    RefusedBy,
    SessionAnswered,
    SessionFailed,
    SessionRefused,
    SessionStarted,
    WatchFellBack,
    WatchSource,
    WebRefused,
)
from irma_core.models.sessions import SessionReference
from irma_testing import AsyncScriptedTransport, ScriptedStream, ScriptedTransport
from tests.flows.changed_posts import changed
from tests.flows.shop import AGE, OVER18, Shop
from tests.flows.watched import OPEN, Watched, event, status
from tests.modes import MODES

A_WHILE = timedelta(minutes=5)
JSON = (("content-type", "application/json"),)


class Recorder:
    """An observer that records the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def of(self, *kinds: type) -> list[Event]:
        """Return the events of some kinds, in order."""
        return [event for event in self.events if isinstance(event, kinds)]


class Observed:
    """A shop whose events are recorded."""

    def __init__(self, mode: str, **settings: Any) -> None:
        self.recorder = Recorder()
        self.shop = Shop(mode, observer=self.recorder, **settings)

    def start(self, request: Any = AGE) -> Any:
        return self.shop.done(self.shop.requestor.start_session(request))

    def answer(self, session: Any) -> Any:
        return self.shop.done(self.shop.requestor.get_answer(session))

    def wait(self, session: Any, timeout: timedelta = A_WHILE, **others: Any) -> Any:
        waiting = self.shop.requestor.wait_for_answer(session, timeout=timeout, **others)
        return self.shop.done(waiting)


@MODES
def test_answered_session(mode: str) -> None:
    """A session with an answer causes an event when it starts, and one with its duration later."""
    observed = Observed(mode)
    session = observed.start()
    observed.shop.server.after(
        timedelta(seconds=30), lambda: observed.shop.app.accept(session.pointer)
    )
    observed.wait(session)
    started, fell_back, answered = observed.recorder.events
    fingerprint = session.token.fingerprint
    assert started == SessionStarted(fingerprint, SessionType.DISCLOSING)
    assert fell_back == WatchFellBack(fingerprint, WatchSource.EVENTS, "unsupported")
    assert isinstance(answered, SessionAnswered)
    assert answered.session == fingerprint
    assert answered.duration is not None
    assert answered.duration >= timedelta(seconds=30)


@MODES
def test_answer_whose_start_time_is_unknown(mode: str) -> None:
    """The event of an answer has no duration if the time of the session's start is unknown."""
    observed = Observed(mode)
    session = observed.start()
    observed.shop.app.accept(session.pointer)
    reference = SessionReference(session.request, session.token, started_after=session.started_at)
    observed.answer(reference)
    answered = observed.recorder.events[-1]
    assert answered == SessionAnswered(session.token.fingerprint, None)


@MODES
def test_each_returned_answer_is_an_event(mode: str) -> None:
    """Reading a result too early causes no event, and reading an answer twice causes two."""
    observed = Observed(mode)
    session = observed.start()
    with pytest.raises(SessionNotFinishedError):
        observed.answer(session)
    observed.shop.app.accept(session.pointer)
    observed.answer(session)
    observed.answer(session)
    kinds = [type(event) for event in observed.recorder.events]
    assert kinds == [SessionStarted, SessionAnswered, SessionAnswered]


def _refuse(observed: Observed, session: Any) -> None:
    observed.shop.app.refuse(session.pointer)


def _accept(observed: Observed, session: Any) -> None:
    observed.shop.app.accept(session.pointer)


def _cheat(observed: Observed, session: Any) -> None:
    observed.shop.app.scan(session.pointer).cheat(ProofStatus.EXPIRED)


MINOR = ExtendedRequest(DisclosureRequest({"age": AttributeRequest(OVER18, value="no")}))
REFUSALS: dict[str, tuple[Callable[[Observed, Any], None], RefusedBy, type[IrmaError], str]] = {
    "the person refuses": (_refuse, RefusedBy.PERSON, SessionCancelledError, ""),
    "the proof is old": (_cheat, RefusedBy.PROOF, ProofNotValidError, "EXPIRED"),
    "the value is another": (_accept, RefusedBy.PROOF, WrongValueError, ""),
}


@pytest.mark.parametrize("why", REFUSALS)
@MODES
def test_refused_session(mode: str, why: str) -> None:
    """The event of a session without an answer says who or what refused it."""
    act, by, error, code = REFUSALS[why]
    observed = Observed(mode)
    session = observed.start()
    act(observed, session)
    asked = MINOR if error is WrongValueError else session.request
    with pytest.raises(error):
        observed.answer(attrs.evolve(session, request=asked))
    (refused,) = observed.recorder.of(SessionRefused)
    assert isinstance(refused, SessionRefused)
    assert refused.duration is not None
    assert attrs.evolve(refused, duration=None) == SessionRefused(
        session.token.fingerprint, by, error.__name__, code, None
    )


@MODES
def test_session_that_times_out(mode: str) -> None:
    """A wait for a session that no app finishes causes one event, a refusal by time-out."""
    observed = Observed(mode)
    session = observed.start()
    with pytest.raises(NobodyAnsweredError):
        observed.wait(session, timedelta(seconds=5))
    (refused,) = observed.recorder.of(SessionRefused, SessionFailed)
    assert isinstance(refused, SessionRefused)
    assert (refused.by, refused.error) == (RefusedBy.TIMEOUT, "NobodyAnsweredError")


@MODES
def test_session_that_the_server_lost(mode: str) -> None:
    """A session that the server no longer knows causes the event of a failure."""
    observed = Observed(mode)
    session = observed.start()
    lost = Observed(mode)
    lost.shop.server.deliver = None
    with pytest.raises(SessionGoneError):
        lost.answer(session)
    assert lost.recorder.events == [
        SessionFailed(session.token.fingerprint, "SessionGoneError", "")
    ]


@MODES
def test_start_that_the_server_refuses(mode: str) -> None:
    """A start that the server refuses causes the event of a failure with the server's code."""
    recorder = Recorder()
    body = b'{"status":403,"error":"UNAUTHORIZED","description":"x","message":""}'
    with pytest.raises(ServerRefusedError):
        _started(mode, [HttpResponse(403, JSON, body=body)], recorder)
    assert recorder.events == [SessionFailed("", "ServerRefusedError", "UNAUTHORIZED")]


@MODES
def test_unknown_error_code_is_left_out(mode: str) -> None:
    """No event contains an unknown error code, because the code may quote the request."""
    recorder = Recorder()
    body = b'{"status":403,"error":"NO_SUCH_TOKEN_SECRET","description":"x","message":""}'
    with pytest.raises(ServerRefusedError):
        _started(mode, [HttpResponse(403, JSON, body=body)], recorder)
    assert recorder.events == [SessionFailed("", "ServerRefusedError", "HTTP 403")]


@MODES
def test_repeated_call(mode: str) -> None:
    """Each further try of a call is an event, and so is the final error."""
    recorder = Recorder()
    failure = ConnectionFailedError("POST session", "no connection", request_sent=False)
    with pytest.raises(ConnectionFailedError):
        _started(mode, [failure, failure, failure], recorder)
    retried = CallRetried("POST session", "ConnectionFailedError", "", timedelta(seconds=0.1))
    again = attrs.evolve(retried, wait=timedelta(seconds=0.2))
    failed = SessionFailed("", "ConnectionFailedError", "")
    assert recorder.events == [retried, again, failed]


def _started(mode: str, steps: list[Any], recorder: Recorder) -> None:
    shop = Shop(mode)
    transport: Any
    if mode == "sync":
        transport = ScriptedTransport(steps, jitter=0.5)
        Requestor("https://irma.example", transport, observer=recorder).start_session(AGE)
    else:
        transport = AsyncScriptedTransport(steps, jitter=0.5)
        other = AsyncRequestor("https://irma.example", transport, observer=recorder)
        shop.done(other.start_session(AGE))


@MODES
def test_delivered_callback(mode: str) -> None:
    """Each delivered callback is an event, and a repeated post is not."""
    observed = Observed(mode)
    shop = observed.shop
    accepted, refused = shop.start(), shop.start()
    shop.app.accept(accepted.pointer)
    shop.app.refuse(refused.pointer)
    shop.post(shop.server.posted[-1])
    assert observed.recorder.of(CallbackDelivered, PostRefused) == [
        CallbackDelivered(accepted.token.fingerprint, SessionStatus.DONE, ""),
        CallbackDelivered(
            refused.token.fingerprint, SessionStatus.CANCELLED, "SessionCancelledError"
        ),
    ]


@MODES
def test_unsigned_callback(mode: str) -> None:
    """An unsigned callback causes the same events as a signed one, once the server was asked."""
    observed = Observed(mode, unsigned=True)
    shop = observed.shop
    session = shop.start()
    shop.app.accept(session.pointer)
    shop.do_later()
    shop.post(changed(shop.server.posted[-1], body=b"{"))
    assert observed.recorder.of(CallbackDelivered, PostRefused) == [
        CallbackDelivered(session.token.fingerprint, SessionStatus.DONE, ""),
        PostRefused("callback", "json"),
    ]


@MODES
def test_refused_posts(mode: str) -> None:
    """A refused post is an event with the page and the code of the reply."""
    observed = Observed(mode)
    shop = observed.shop
    shop.app.accept(shop.start().pointer)
    shop.app.accept(shop.start_chain().pointer)
    callback, following = shop.server.posted[0], shop.server.posted[-1]
    shop.post(changed(callback, url=callback.url[:-9]))
    shop.post(changed(callback, body=b"eyJ"))
    shop.post(changed(following, body=b"x" * 1024 * 1024 + b"x"))
    assert observed.recorder.of(PostRefused) == [
        PostRefused("callback", "url"),
        PostRefused("callback", "form"),
        PostRefused("next session", "too_large"),
    ]


@MODES
def test_chosen_next_sessions(mode: str) -> None:
    """Each choice of a next session is one event, even if the post is repeated."""
    choices: list[Any] = [DisclosureRequest({"again": OVER18}), None]

    def choose(_step: ChainStep) -> Any:
        return choices.pop(0)

    observed = Observed(mode, choose=choose)
    shop = observed.shop
    for _ in range(2):
        shop.app.accept(shop.start_chain().pointer)
        shop.post(shop.server.posted[-1])
    first, second = (step.answer.token.fingerprint for step in shop.asked)
    assert observed.recorder.of(NextSessionChosen) == [
        NextSessionChosen(first, SessionType.DISCLOSING),
        NextSessionChosen(second, None),
    ]


@MODES
def test_refused_handles(mode: str) -> None:
    """A refused handle is an event with its purpose, whether it was unsealed or redeemed."""
    observed = Observed(mode)
    shop = observed.shop
    kind: Any = Handles if mode == "sync" else AsyncHandles
    handles = kind(shop.requestor, [new_sealing_key()], store=shop.store, purpose="login")
    session = observed.start()
    shop.app.accept(session.pointer)
    handle = handles.seal(session, binding="cookie of a visitor")
    with pytest.raises(WrongBindingError):
        handles.unseal(handle, binding="cookie of another")
    with pytest.raises(HandleInvalidError):
        shop.done(handles.redeem(handle[:-1], binding="cookie of a visitor"))
    shop.done(handles.redeem(handle, binding="cookie of a visitor"))
    with pytest.raises(HandleUsedError):
        shop.done(handles.redeem(handle, binding="cookie of a visitor"))
    assert observed.recorder.of(HandleRefused) == [
        HandleRefused("login", "WrongBindingError"),
        HandleRefused("login", "HandleInvalidError"),
        HandleRefused("login", "HandleUsedError"),
    ]


LATE = TransportTimeoutError("GET statusevents", "late", request_sent=True)
CUT = ConnectionBrokenError("GET statusevents", "broken", request_sent=True)
FALL_BACKS: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "a proxy holds the events back": (lambda: [LATE], "late"),
    "the stream ends twice": (
        lambda: [ScriptedStream([ReadOutcome.END]), ScriptedStream([ReadOutcome.END])],
        "broken",
    ),
    "the connection breaks twice": (lambda: [CUT, CUT], "broken"),
    "a proxy is overloaded twice": (
        lambda: [ScriptedStream(status=503), ScriptedStream(status=503)],
        "broken",
    ),
    "a proxy removes the events": (lambda: [ScriptedStream(headers=JSON)], "unsupported"),
}


@pytest.mark.parametrize("why", FALL_BACKS)
@MODES
def test_watch_that_falls_back_to_polling(mode: str, why: str) -> None:
    """A watch that stops using the server's events reports the reason once."""
    streams, reason = FALL_BACKS[why]
    recorder = Recorder()
    polls = [status("INITIALIZED")] * 2 + [status("CONNECTED"), status("DONE")]
    watched = Watched(mode, streams(), polls, observer=recorder)
    assert watched.words[-1] == "DONE"
    fingerprint = RequestorToken("abcdefghijKLMNOPQRST").fingerprint
    assert recorder.of(WatchFellBack) == [WatchFellBack(fingerprint, WatchSource.EVENTS, reason)]


@MODES
def test_stream_that_breaks_once(mode: str) -> None:
    """A watch whose stream breaks once, and is opened again, reports no fallback."""
    recorder = Recorder()
    streams = [
        ScriptedStream([OPEN, ReadOutcome.END]),
        ScriptedStream([OPEN, event("CONNECTED"), event("DONE")]),
    ]
    polls = [status("INITIALIZED")] * 3
    assert Watched(mode, streams, polls, observer=recorder).words[-1] == "DONE"
    assert recorder.of(WatchFellBack) == []


@MODES
def test_series_of_failed_polls(mode: str) -> None:
    """A series of failed polls is one event, and after a success the next series is another."""
    recorder = Recorder()
    failure = ConnectionFailedError("GET session/{token}/status", "no route", request_sent=False)
    good = status("INITIALIZED")
    polls: list[Any] = [good, failure, failure, good, failure, failure, failure, status("DONE")]
    Watched(mode, [ScriptedStream(headers=JSON)], polls, observer=recorder)
    label = "GET session/{token}/status"
    retried = CallRetried(label, "ConnectionFailedError", "", timedelta(seconds=1))
    assert recorder.of(CallRetried) == [retried, retried]


class FailingBackend:
    """A status backend that has lost its connection."""

    def publish(self, *_: object) -> None:
        raise ConnectionError

    def wait(self, *_: object) -> None:
        raise ConnectionError

    def close(self) -> None: ...


class AsyncFailingBackend:
    """An asyncio status backend that has lost its connection."""

    async def publish(self, *_: object) -> None:
        raise ConnectionError

    async def wait(self, *_: object) -> None:
        raise ConnectionError

    async def aclose(self) -> None: ...


@MODES
def test_status_backend_that_fails(mode: str) -> None:
    """A watch whose status backend fails reports one fallback, however often it retries."""
    backend: Any = FailingBackend() if mode == "sync" else AsyncFailingBackend()
    observed = Observed(mode, status_backend=backend)
    session = observed.start()
    observed.shop.server.after(
        timedelta(minutes=2), lambda: observed.shop.app.accept(session.pointer)
    )
    observed.wait(session)
    fell_back = [
        event for event in observed.recorder.of(WatchFellBack) if isinstance(event, WatchFellBack)
    ]
    assert [(event.source, event.reason) for event in fell_back] == [
        (WatchSource.STATUS_BACKEND, "failed"),
        (WatchSource.EVENTS, "unsupported"),
    ]


class Failing:
    """An observer that always fails."""

    def observe(self, event: Event) -> None:
        raise ZeroDivisionError(repr(event))


@MODES
@pytest.mark.filterwarnings("ignore:observer")
def test_observer_that_fails_changes_nothing(mode: str) -> None:
    """If an observer fails, the session continues, and a warning names observer and error."""
    shop = Shop(mode, observer=Failing())
    with pytest.warns(RuntimeWarning, match="Failing raised ZeroDivisionError") as warned:
        session = shop.start()
    shop.app.accept(session.pointer)
    assert shop.done(shop.requestor.get_answer(session))["age"].value == "yes"
    assert [end.token for end in shop.delivered] == [session.token]
    assert session.token.fingerprint not in str(warned[0].message)


@MODES
def test_warning_that_is_an_error_changes_nothing(mode: str) -> None:
    """A program that turns warnings into errors also receives its answer."""
    shop = Shop(mode, observer=Failing())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session = shop.start()
        shop.app.accept(session.pointer)
        assert shop.done(shop.requestor.get_answer(session))["age"].value == "yes"


class Waiting:
    """An observer whose `observe` is async."""

    async def observe(self, event: Event) -> None: ...


@MODES
@pytest.mark.parametrize("observer", [Recorder, print, "observer", Waiting()])
def test_invalid_observer_is_refused(mode: str, observer: Any) -> None:
    """A class, a function, a string and an async observer are refused as observers."""
    with pytest.raises(ConfigurationError, match="observer: "):
        Shop(mode, observer=observer)


def test_flow_is_not_wrapped_without_an_observer() -> None:
    """Without an observer, a flow is not wrapped."""
    shop = Shop("sync")
    session = shop.start()
    context = shop.requestor.context
    start = start_session_flow(context, AGE)
    assert observed_start(context, start) is start
    read = unobserved_answer_flow(context, session, math.inf)
    assert observed_answer(context, session, read) is read


@MODES
def test_no_event_contains_a_secret(mode: str) -> None:
    """Events hold no token, value, key, handle, URL or reference of their sessions."""

    def choose(_step: ChainStep) -> DisclosureRequest:
        return DisclosureRequest({"again": OVER18})

    observed = Observed(mode, choose=choose)
    shop = observed.shop
    value = "value-of-an-attribute"
    shop.app.add("example.town.resident", {"firstname": value, "familyname": "x", "email": "y"})
    asked = DisclosureRequest({"name": AttributeRequest("example.town.resident.firstname")})
    secrets = {value, "order-of-somebody", "binding-of-somebody"}
    kind: Any = Handles if mode == "sync" else AsyncHandles
    key = new_sealing_key()
    handles = kind(shop.requestor, [key], store=shop.store, purpose="login")
    for session in (shop.start(asked, "order-of-somebody"), shop.start_chain(asked)):
        shop.app.accept(session.pointer)
        handle = handles.seal(session, binding="binding-of-somebody")
        secrets |= {session.token.reveal(), session.pointer.url, handle, key}
        shop.done(handles.redeem(handle, binding="binding-of-somebody"))
        with pytest.raises(HandleUsedError):
            shop.done(handles.redeem(handle, binding="binding-of-somebody"))
    kind = Requestor if mode == "sync" else AsyncRequestor
    transport = shop.server.transport() if mode == "sync" else shop.server.async_transport()
    secrets.add("the-token-of-nobody")
    stranger = kind(
        f"{shop.server.url}/nothing",
        transport,
        observer=observed.recorder,
        authentication=TokenAuthentication("the-token-of-nobody"),
    )
    with pytest.raises(IrmaError):
        shop.done(stranger.start_session(AGE))
    secrets |= {post.url.rsplit("/", 2)[1] for post in shop.server.posted}
    shown = repr(observed.recorder.events)
    kinds = {type(event) for event in observed.recorder.events}
    assert kinds >= {SessionStarted, SessionAnswered, SessionFailed, CallbackDelivered}
    assert kinds >= {NextSessionChosen, HandleRefused}
    assert [secret for secret in secrets if secret in shown] == []


def test_refused_page_event_has_question_and_code() -> None:
    """The event of a refused web page has the question, the code and the session's fingerprint."""
    event = WebRefused("login", "other_browser", "0123456789ab")
    assert event == WebRefused("login", "other_browser", "0123456789ab")
    assert repr(event).endswith("(name='login', code='other_browser', session='0123456789ab')")
