"""Watching by events: the requests of a watch, and its reaction to failing streams."""

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
def test_events_follow_one_poll(mode: str) -> None:
    """A watch subscribes, polls once, and does not poll while events arrive."""
    stream = ScriptedStream(
        [HALF_A_SECOND / 2, OPEN, HALF_A_SECOND, event(C), HALF_A_SECOND, event(D)]
    )
    watched = Watched(mode, [stream], [status(I)])
    assert watched.seen == [(I, 0), (C, 0.75), (D, 1.25)]
    assert watched.asked == [0]
    assert stream.is_closed


@MODES
def test_change_before_the_subscription_is_found(mode: str) -> None:
    """The poll after the subscription finds an end that the stream does not report."""
    stream = ScriptedStream([OPEN])
    watched = Watched(mode, [stream], [status(D)])
    assert watched.seen == [(D, 0)]
    assert stream.is_closed


@MODES
def test_status_is_returned_once(mode: str) -> None:
    """Repeated and older statuses are dropped, however the stream is cut."""
    pieces = [OPEN, event(C), event(C) + event(I), event(C)[:7], event(C)[7:], event(D)]
    watched = Watched(mode, [ScriptedStream(pieces)], [status(C)])
    assert watched.words == [C, D]


@MODES
def test_other_event_types_are_ignored(mode: str) -> None:
    """An event of a type that a later server may send is ignored."""
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
def test_server_without_events_is_polled_every_second(mode: str, stream: Stream) -> None:
    """Without a usable stream the watch polls every second."""
    watched = Watched(mode, [stream()], [status(I), status(I), status(C), status(D)])
    assert watched.seen == [(I, 0), (C, 2), (D, 3)]
    assert watched.asked == [0, 1, 2, 3]
    assert all(isinstance(one, Exception) or one.is_closed for one in watched.streams)


@MODES
@pytest.mark.parametrize(
    "end", [BROKEN, ReadOutcome.END, b"data: nonsense\n\n", b"data: " + bytes(2**17)]
)
def test_broken_stream_is_opened_again(mode: str, end: bytes | Exception) -> None:
    """After a broken stream the watch polls, subscribes again, and polls once more."""
    first = ScriptedStream([OPEN, event(C), HALF_A_SECOND, end])
    second = ScriptedStream([OPEN, HALF_A_SECOND, event(D)])
    watched = Watched(mode, [first, second], [status(I), status(C), status(C)])
    assert watched.seen == [(I, 0), (C, 0), (D, 1)]
    assert watched.asked == [0, 0.5, 0.5]
    assert first.is_closed
    assert second.is_closed


@MODES
@pytest.mark.parametrize(
    "second",
    [lambda: ScriptedStream([BROKEN]), lambda: REFUSED, lambda: ScriptedStream(status=503)],
)
def test_two_broken_streams_lead_to_polling(mode: str, second: Stream) -> None:
    """After the second broken stream the watch polls every second."""
    answers = [status(I), status(I), status(C), status(C), status(D)]
    watched = Watched(mode, [ScriptedStream([ReadOutcome.END]), second()], answers)
    assert watched.words == [I, C, D]
    assert watched.asked[-1] - watched.asked[-2] == 1


@MODES
def test_a_bug_in_a_subscription_ends_the_watch(mode: str) -> None:
    """If a transport has a bug, the watch raises the exception instead of falling back to polls."""
    with pytest.raises(RuntimeError, match="a bug of the transport"):
        Watched(mode, [RuntimeError("a bug of the transport")], [status(I)])


@MODES
def test_regular_end_of_a_stream_is_followed_by_a_poll(mode: str) -> None:
    """A stream that ends without a final status is followed by a poll for it."""
    watched = Watched(mode, [ScriptedStream([OPEN, ReadOutcome.END])], [status(C), status(D)])
    assert watched.seen == [(C, 0), (D, 0)]


@MODES
def test_silent_stream_is_supplemented_by_polls(mode: str) -> None:
    """After 2 s without a byte the watch polls every second, and the stream may still start."""
    stream = ScriptedStream([timedelta(seconds=4.5), OPEN, timedelta(seconds=20), event(D)])
    watched = Watched(mode, [stream], [status(I), status(I), status(C), status(C)])
    assert watched.asked == [0, 2, 3, 4]
    assert watched.seen == [(I, 0), (C, 3), (D, 24.5)]


@MODES
def test_idle_stream_is_checked_every_half_minute(mode: str) -> None:
    """A stream that sent bytes and became idle may be dead, so the watch polls every 30 s."""
    watched = Watched(
        mode,
        [ScriptedStream([HALF_A_SECOND, OPEN])],
        [status(I), status(C), status(D)],
    )
    assert watched.seen == [(I, 0), (C, 30.5), (D, 60.5)]


@MODES
def test_failed_poll_beside_a_stream_is_repeated(mode: str) -> None:
    """The first poll after a subscription is repeated until it succeeds."""
    stream = ScriptedStream([OPEN, event(C), timedelta(seconds=5), event(D)])
    watched = Watched(mode, [stream], [LOST, LOST, status(C)])
    assert watched.asked == [0, 1, 2]
    assert watched.seen == [(C, 0), (D, 5)]


@MODES
def test_forgotten_session_raises(mode: str) -> None:
    """A session that the server lost in a restart raises SessionGoneError."""
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
def test_watch_ends_at_its_deadline(mode: str, steps: list[bytes | timedelta]) -> None:
    """A watch ends at its deadline, whether its stream is silent or chatty."""
    stream = ScriptedStream(steps)
    watched = Watched(mode, [stream], [status(I)], timeout=timedelta(seconds=10))
    assert isinstance(watched.error, NobodyAnsweredError)
    assert watched.now() == 10
    assert stream.is_closed


@MODES
def test_watch_without_a_deadline(mode: str) -> None:
    """A watch without a timeout lasts as long as the session."""
    chatter: list[bytes | timedelta] = [timedelta(seconds=20), b":\n"]
    stream = ScriptedStream([OPEN, *chatter * 200, event(D)])
    watched = Watched(mode, [stream], [status(I)], timeout=None)
    assert watched.seen[-1] == (D, 4000)


def test_leaving_a_watch_closes_its_stream() -> None:
    """Leaving the block of a watch closes its stream at once."""
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
    """Cancelling the task of a watch closes its stream."""
    stream = ScriptedStream([OPEN, asyncio.CancelledError()])
    transport = AsyncScriptedTransport([PACKAGE, status(I)], streams=[stream])
    requestor = AsyncRequestor("https://irma.example", transport)
    session: StartedSession = await requestor.start_session(DisclosureRequest({"age": "a.b.c.d"}))
    with pytest.raises(asyncio.CancelledError):
        await requestor.wait_for_answer(session, timeout=AN_HOUR)
    assert stream.is_closed
