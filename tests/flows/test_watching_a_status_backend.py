"""Watching with a status backend: what it saves, and that it may fail, lie or be late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_core import (
    AsyncRequestor,
    Requestor,
    SessionStatus,
)
from irma_core.errors import (
    ConfigurationError,
    ConnectionBrokenError,
    NobodyAnsweredError,
    SessionGoneError,
    StatusBackendError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import delete_stored, get_stored, put_if_absent
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.transport import ReadOutcome
from irma_testing import AsyncScriptedTransport, ManualClock, ScriptedStream, ScriptedTransport
from tests.flows.scripted_backend import AsyncScriptedBackend, Play, ScriptedBackend
from tests.flows.watched import MODES, OPEN, UNKNOWN, C, D, I, Watched, event, status

CONNECTED, DONE = SessionStatus.CONNECTED, SessionStatus.DONE
A_SECOND, TEN_SECONDS = timedelta(seconds=1), timedelta(seconds=10)
FAILING = StatusBackendError("away")
LOST = ConnectionBrokenError("GET session/{token}/status", "reset", request_sent=True)
IDLE = ReadOutcome.IDLE


@MODES
def test_statuses_come_from_the_backend_after_one_question(mode: str) -> None:
    """The server is asked once and has no subscription."""
    watched = Watched(mode, [], [status(I)], backend=[A_SECOND, CONNECTED, A_SECOND, DONE])
    assert watched.told == [(I, 0), (C, 1), (D, 2)]
    assert watched.asked == [0]
    assert not watched.subscriptions


@MODES
def test_an_end_that_is_kept_needs_no_question(mode: str) -> None:
    """The server may have forgotten the session since."""
    watched = Watched(mode, [], [UNKNOWN], backend=[DONE])
    assert watched.told == [(D, 0)]
    assert watched.asked == []


@MODES
def test_a_quiet_backend_is_mistrusted_each_half_minute(mode: str) -> None:
    """What was never published is found there."""
    watched = Watched(mode, [], [status(I), status(C), status(D)], backend=[])
    assert watched.told == [(I, 0), (C, 30), (D, 60)]


@MODES
def test_a_status_is_told_once_whoever_tells_it(mode: str) -> None:
    """The server and then the backend, or the other way round."""
    backend: list[Play] = [CONNECTED, timedelta(seconds=40), DONE]
    watched = Watched(mode, [], [status(I), status(C)], backend=backend)
    assert watched.told == [(C, 0), (D, 40)]


@MODES
@pytest.mark.parametrize("failure", [FAILING, RuntimeError("of its own"), "DONE", None])
def test_a_backend_that_fails_leaves_the_servers_own_ways(mode: str, failure: Play) -> None:
    """Whatever it raises, or tells that is no status: events, where the server has them."""
    stream = ScriptedStream([OPEN, A_SECOND, event(C), A_SECOND, event(D)])
    watched = Watched(mode, [stream], [status(I)], backend=[failure])
    assert watched.told == [(I, 0), (C, 1), (D, 2)]
    assert watched.asked == [0]
    assert stream.is_closed


@MODES
def test_a_status_that_cannot_follow_is_a_failure(mode: str) -> None:
    """Told again without end it would keep the watch busy."""
    backend = [CONNECTED, SessionStatus.INITIALIZED]
    watched = Watched(mode, [], [status(C), status(C), status(D)], backend=backend)
    assert watched.told == [(C, 0), (D, 1)]


@MODES
def test_a_backend_that_fails_beside_a_server_without_events_leaves_polling(mode: str) -> None:
    """Each second; the backend is looked at each ten."""
    backend = [IDLE, FAILING, FAILING, IDLE, FAILING, IDLE, timedelta(seconds=3.5), DONE]
    watched = Watched(mode, [], [status(I)] * 50, backend=backend)
    assert watched.asked == [0, *range(21), *range(20, 31)]
    assert watched.told == [(I, 0), (D, 33.5)]
    assert len(watched.subscriptions) == 1


@MODES
def test_a_backend_that_is_back_is_waited_on_again(mode: str) -> None:
    """The stream is let go of, and the server asked: not all may have been published."""
    stream = ScriptedStream([OPEN])
    watched = Watched(
        mode,
        [stream],
        [status(I), status(C), status(C)],
        backend=[FAILING, IDLE, A_SECOND, DONE],
    )
    assert watched.asked == [0, 10]
    assert watched.told == [(I, 0), (C, 10), (D, 11)]
    assert stream.is_closed


@MODES
def test_a_backend_that_comes_and_goes_has_a_new_subscription_each_time(mode: str) -> None:
    """Its failures do not count as the stream's."""
    streams = [ScriptedStream([OPEN]) for _ in range(4)]
    last = ScriptedStream([OPEN, A_SECOND, event(D)])
    watched = Watched(
        mode, [*streams, last], [status(I)] * 9, backend=[*[FAILING, IDLE] * 4, FAILING]
    )
    assert watched.told == [(I, 0), (D, 41)]
    assert all(stream.is_closed for stream in [*streams, last])


@MODES
def test_a_backend_that_does_not_wait_is_looked_at_each_second(mode: str) -> None:
    """An author may have nothing to wait on."""
    watched = Watched(mode, [], [status(I), status(D)], backend=[], backend_waits=False)
    assert watched.told == [(I, 0), (D, 30)]
    assert len(watched.backend.calls) == 31


@MODES
def test_questions_that_fail_beside_the_backend_are_no_end(mode: str) -> None:
    """The backend goes on; the server is asked again each second."""
    backend = [timedelta(seconds=2.5), DONE]
    watched = Watched(mode, [], [LOST] * 3, backend=backend)
    assert watched.asked == [0, 1, 2]
    assert watched.told == [(D, 2.5)]


@MODES
def test_a_watch_of_a_backend_ends_by_its_deadline(mode: str) -> None:
    """However long it would have waited; a server that was lost to the end is the error."""
    watched = Watched(mode, [], [status(I)], timeout=TEN_SECONDS, backend=[])
    assert isinstance(watched.error, NobodyAnsweredError)
    assert watched.now() == 10
    lost = Watched(mode, [], [LOST] * 10, timeout=TEN_SECONDS, backend=[])
    assert isinstance(lost.error, ConnectionBrokenError)
    assert lost.now() == 10


@MODES
def test_a_session_that_neither_knows_is_gone(mode: str) -> None:
    """The backend is silent, and the server has forgotten it."""
    watched = Watched(mode, [], [UNKNOWN], backend=[])
    assert isinstance(watched.error, SessionGoneError)


@pytest.mark.parametrize("backend", [AsyncScriptedBackend(), object(), "redis://127.0.0.1"])
def test_a_backend_of_the_wrong_mode_is_refused_when_it_is_given(backend: Any) -> None:
    """And what is none."""
    with pytest.raises(ConfigurationError, match=r"^status_backend: must be a StatusBackend"):
        Requestor("https://irma.example", ScriptedTransport(), status_backend=backend)


@pytest.mark.parametrize("backend", [ScriptedBackend(), object(), "redis://127.0.0.1"])
def test_a_backend_that_would_block_the_loop_is_refused(backend: Any) -> None:
    """It would hold up every other task."""
    with pytest.raises(ConfigurationError, match=r"^status_backend: must be an AsyncS"):
        AsyncRequestor("https://irma.example", AsyncScriptedTransport(), status_backend=backend)


def test_effects_and_context_hide_their_parts() -> None:
    """The repr of a call or a context shows no repr of a part, which may hold a password."""

    class Part:
        put_if_absent = get = delete = wait = print

        def __repr__(self) -> str:
            return "redis://:secret@127.0.0.1"

    part: Any = Part()
    effects = [
        put_if_absent(part, "key", b"", A_SECOND, 0.0),
        get_stored(part, "key", 0.0),
        delete_stored(part, "key", 0.0),
    ]
    server, clock = ServerUrl.parse("https://irma.example"), ManualClock()
    context = RequestorContext(server, clock, jitter=float, status_backend=part)
    for shown in (*effects, context):
        assert type(shown).__name__ in repr(shown)
        assert "secret" not in repr(shown)
