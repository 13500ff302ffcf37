"""Watching by events: what is asked when, and what a stream that fails does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from irma_core import AsyncRequestor, DisclosureRequest, Requestor, SessionStatus, StartedSession
from irma_core.errors import (
    ConnectionBrokenError,
    ConnectionFailedError,
    NobodyAnsweredError,
    SessionGoneError,
    TransportTimeoutError,
)
from irma_core.protocol.transport import ReadOutcome
from irma_testing import AsyncScriptedTransport, ScriptedStream, ScriptedTransport
from tests.flows.watched import (
    MODES,
    OPEN,
    PACKAGE,
    UNKNOWN,
    C,
    D,
    I,
    Watched,
    event,
    status,
)

Stream = Callable[[], ScriptedStream | Exception]
ASKED = "GET session/{token}/statusevents"
BROKEN = ConnectionBrokenError(ASKED, "cut", request_sent=True)
REFUSED = ConnectionFailedError(ASKED, "refused", request_sent=False)
NO_HEAD = TransportTimeoutError(ASKED, "no head", request_sent=True)
LOST = ConnectionBrokenError("GET session/{token}/status", "reset", request_sent=True)
HALF_A_SECOND, AN_HOUR = timedelta(seconds=0.5), timedelta(hours=1)


@MODES
def test_statuses_come_as_events_after_one_question(mode: str) -> None:
    """The question comes after the subscription; then nothing is asked while events come."""
    stream = ScriptedStream(
        [HALF_A_SECOND / 2, OPEN, HALF_A_SECOND, event(C), HALF_A_SECOND, event(D)]
    )
    watched = Watched(mode, [stream], [status(I)])
    assert watched.told == [(I, 0), (C, 0.75), (D, 1.25)]
    assert watched.asked == [0]
    assert stream.is_closed


@MODES
def test_what_was_missed_before_the_subscription_is_asked_for(mode: str) -> None:
    """The stream tells changes only, and may stay silent for good."""
    stream = ScriptedStream([OPEN])
    watched = Watched(mode, [stream], [status(D)])
    assert watched.told == [(D, 0)]
    assert stream.is_closed


@MODES
def test_a_status_is_told_once_however_often_it_is_learnt(mode: str) -> None:
    """Repeated, running back, in one piece or split over two."""
    pieces = [OPEN, event(C), event(C) + event(I), event(C)[:7], event(C)[7:], event(D)]
    watched = Watched(mode, [ScriptedStream(pieces)], [status(C)])
    assert watched.words == [C, D]


@MODES
def test_events_of_other_kinds_are_no_statuses(mode: str) -> None:
    """A later server may send more."""
    pieces = [OPEN, b"event: news\ndata: hello\n\n", event(D)]
    assert Watched(mode, [ScriptedStream(pieces)], [status(I)]).words == [I, D]


@MODES
@pytest.mark.parametrize(
    "stream",
    [
        lambda: ScriptedStream(status=500),
        lambda: ScriptedStream(status=501),
        lambda: ScriptedStream(status=403),
        lambda: ScriptedStream(headers=(("content-type", "text/html"),)),
        lambda: ScriptedStream(headers=()),
        lambda: NO_HEAD,
    ],
)
def test_a_server_without_events_is_asked_each_second(mode: str, stream: Stream) -> None:
    """Events switched off, a finished session, HTML, or a proxy that holds the head back."""
    watched = Watched(mode, [stream()], [status(I), status(I), status(C), status(D)])
    assert watched.told == [(I, 0), (C, 2), (D, 3)]
    assert watched.asked == [0, 1, 2, 3]
    assert all(isinstance(one, Exception) or one.is_closed for one in watched.streams)


@MODES
@pytest.mark.parametrize(
    "end", [BROKEN, ReadOutcome.END, b"data: nonsense\n\n", b"data: " + bytes(2**17)]
)
def test_a_stream_that_breaks_is_opened_once_more(mode: str, end: bytes | Exception) -> None:
    """The status is asked at once, and again after the new subscription."""
    first = ScriptedStream([OPEN, event(C), HALF_A_SECOND, end])
    second = ScriptedStream([OPEN, HALF_A_SECOND, event(D)])
    watched = Watched(mode, [first, second], [status(I), status(C), status(C)])
    assert watched.told == [(I, 0), (C, 0), (D, 1)]
    assert watched.asked == [0, 0.5, 0.5]
    assert first.is_closed
    assert second.is_closed


@MODES
@pytest.mark.parametrize(
    "second",
    [lambda: ScriptedStream([BROKEN]), lambda: REFUSED, lambda: ScriptedStream(status=503)],
)
def test_a_stream_that_broke_twice_is_given_up(mode: str, second: Stream) -> None:
    """Then asking each second is as good."""
    answers = [status(I), status(I), status(C), status(C), status(D)]
    watched = Watched(mode, [ScriptedStream([ReadOutcome.END]), second()], answers)
    assert watched.words == [I, C, D]
    assert watched.asked[-1] - watched.asked[-2] == 1


@MODES
def test_a_clean_end_without_a_final_status_asks_for_it(mode: str) -> None:
    """The final status may have come in the moment of subscribing."""
    watched = Watched(mode, [ScriptedStream([OPEN, ReadOutcome.END])], [status(C), status(D)])
    assert watched.told == [(C, 0), (D, 0)]


@MODES
def test_a_stream_without_a_byte_is_held_back_by_a_proxy(mode: str) -> None:
    """After 2 s the status is asked for each second, while the stream may come to life."""
    stream = ScriptedStream([timedelta(seconds=4.5), OPEN, timedelta(seconds=20), event(D)])
    watched = Watched(mode, [stream], [status(I), status(I), status(C), status(C)])
    assert watched.asked == [0, 2, 3, 4]
    assert watched.told == [(I, 0), (C, 3), (D, 24.5)]


@MODES
def test_a_stream_that_spoke_and_fell_silent_is_mistrusted_each_half_minute(mode: str) -> None:
    """It may have died without a sign."""
    watched = Watched(
        mode,
        [ScriptedStream([HALF_A_SECOND, OPEN])],
        [status(I), status(C), status(D)],
    )
    assert watched.told == [(I, 0), (C, 30.5), (D, 60.5)]


@MODES
def test_a_question_that_fails_beside_a_stream_is_asked_again(mode: str) -> None:
    """Else a change before the subscription could be missed; what the stream tells counts."""
    stream = ScriptedStream([OPEN, event(C), timedelta(seconds=5), event(D)])
    watched = Watched(mode, [stream], [LOST, LOST, status(C)])
    assert watched.asked == [0, 1, 2]
    assert watched.told == [(C, 0), (D, 5)]


@MODES
def test_a_session_that_is_forgotten_is_gone(mode: str) -> None:
    """A restart ends the stream and loses the session."""
    stream = ScriptedStream([OPEN, ReadOutcome.END])
    watched = Watched(mode, [stream], [status(C), UNKNOWN])
    assert isinstance(watched.error, SessionGoneError)
    assert stream.is_closed


@MODES
@pytest.mark.parametrize(
    "steps",
    [
        [OPEN],
        [b":\n"] * 50,
        [HALF_A_SECOND, b":\n"] * 100,
    ],
)
def test_a_watch_ends_by_its_deadline(mode: str, steps: list[bytes | timedelta]) -> None:
    """Silent or chatty, no stream makes it longer."""
    stream = ScriptedStream(steps)
    watched = Watched(mode, [stream], [status(I)], timeout=timedelta(seconds=10))
    assert isinstance(watched.error, NobodyAnsweredError)
    assert watched.now() == 10
    assert stream.is_closed


@MODES
def test_without_a_deadline_a_watch_lasts(mode: str) -> None:
    """As long as the session."""
    chatter: list[bytes | timedelta] = [timedelta(seconds=20), b":\n"]
    stream = ScriptedStream([OPEN, *chatter * 200, event(D)])
    watched = Watched(mode, [stream], [status(I)], timeout=None)
    assert watched.told[-1] == (D, 4000)


def test_leaving_a_watch_closes_its_stream() -> None:
    """At once, and not when the garbage is collected."""
    stream = ScriptedStream([OPEN])
    transport = ScriptedTransport([PACKAGE, status(I)], streams=[stream])
    requestor = Requestor("https://irma.example", transport)
    session = requestor.start_session(DisclosureRequest({"age": "a.b.c.d"}))
    with requestor.watch_status(session) as statuses:
        assert next(statuses) is SessionStatus.INITIALIZED
        open_within = not stream.is_closed
    assert open_within
    assert stream.is_closed


async def test_cancelling_a_watch_closes_its_stream() -> None:
    """Wherever it waits."""
    stream = ScriptedStream([OPEN, asyncio.CancelledError()])
    transport = AsyncScriptedTransport([PACKAGE, status(I)], streams=[stream])
    requestor = AsyncRequestor("https://irma.example", transport)
    session: StartedSession = await requestor.start_session(DisclosureRequest({"age": "a.b.c.d"}))
    with pytest.raises(asyncio.CancelledError):
        await requestor.wait_for_answer(session, timeout=AN_HOUR)
    assert stream.is_closed
