"""Watches with a status backend: the requests that it saves, and its failures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irma_core import AsyncRequestor, Requestor, SessionStatus
from irma_core.errors import (
    ConfigurationError,
    ConnectionBrokenError,
    NobodyAnsweredError,
    SessionGoneError,
    StatusBackendError,
)
from irma_core.flows.context import RequestorContext
from irma_core.flows.effects import delete_stored, get_stored, put_if_absent, wait_for_end
from irma_core.models.tokens import RequestorToken
from irma_core.protocol.server_url import ServerUrl
from irma_core.protocol.status_backends import PublishedEnd
from irma_testing import AsyncScriptedTransport, ManualClock, ScriptedStream, ScriptedTransport
from tests.flows.scripted_backend import AsyncScriptedBackend, ScriptedBackend, ScriptedEnd
from tests.flows.watched import MODES, OPEN, UNKNOWN, C, D, I, Watched, event, status

DONE = PublishedEnd(SessionStatus.DONE)
A_SECOND, TEN_SECONDS = timedelta(seconds=1), timedelta(seconds=10)
FAILING = StatusBackendError("away")
LOST = ConnectionBrokenError("GET session/{token}/status", "reset", request_sent=True)
NOT_YET = None


@MODES
def test_backend_reports_the_end_after_one_poll(mode: str) -> None:
    """A watch with a backend polls the server once and does not subscribe to events."""
    watched = Watched(mode, [], [status(I)], backend=[NOT_YET, A_SECOND, DONE])
    assert watched.seen == [(I, 0), (D, 1)]
    assert watched.asked == [0]
    assert not watched.subscriptions


@MODES
def test_published_end_needs_no_poll(mode: str) -> None:
    """If the end is already published, the watch does not poll the server, which may forget it."""
    watched = Watched(mode, [], [UNKNOWN], backend=[DONE])
    assert watched.seen == [(D, 0)]
    assert watched.asked == []


@MODES
def test_server_is_polled_every_half_minute_beside_the_backend(mode: str) -> None:
    """An end that was never published is found by a poll every 30 s."""
    watched = Watched(mode, [], [status(I), status(C), status(D)], backend=[])
    assert watched.seen == [(I, 0), (C, 30), (D, 60)]


@MODES
def test_end_is_returned_once(mode: str) -> None:
    """An end that both the server and the backend report is returned once."""
    backend: list[ScriptedEnd] = [NOT_YET, timedelta(seconds=30), DONE]
    watched = Watched(mode, [], [status(C), status(D)], backend=backend)
    assert watched.seen == [(C, 0), (D, 30)]


@MODES
@pytest.mark.parametrize("failure", [FAILING, RuntimeError("own"), "DONE", SessionStatus.DONE, 0])
def test_events_are_used_when_the_backend_fails(mode: str, failure: ScriptedEnd) -> None:
    """After any exception or wrong result of the backend, the watch uses the server's events."""
    stream = ScriptedStream([OPEN, A_SECOND, event(C), A_SECOND, event(D)])
    watched = Watched(mode, [stream], [status(I)], backend=[failure])
    assert watched.seen == [(I, 0), (C, 1), (D, 2)]
    assert watched.asked == [0]
    assert stream.is_closed


@MODES
def test_polls_every_second_without_backend_and_events(mode: str) -> None:
    """Without backend and events the watch polls every second, and tries the backend every 10 s."""
    backend = [NOT_YET, FAILING, FAILING, NOT_YET, FAILING, NOT_YET, timedelta(seconds=3.5), DONE]
    watched = Watched(mode, [], [status(I)] * 50, backend=backend)
    assert watched.asked == [0, *range(21), *range(20, 31)]
    assert watched.seen == [(I, 0), (D, 33.5)]
    assert len(watched.subscriptions) == 1


@MODES
def test_watch_returns_to_a_backend_that_works_again(mode: str) -> None:
    """Once its backend works again, a watch closes the stream and polls the server once."""
    stream = ScriptedStream([OPEN])
    watched = Watched(
        mode,
        [stream],
        [status(I), status(C), status(C)],
        backend=[FAILING, NOT_YET, A_SECOND, DONE],
    )
    assert watched.asked == [0, 10]
    assert watched.seen == [(I, 0), (C, 10), (D, 11)]
    assert stream.is_closed


@MODES
def test_backend_failures_do_not_count_as_broken_streams(mode: str) -> None:
    """Each failure of the backend leads to a new subscription to the server's events."""
    streams = [ScriptedStream([OPEN]) for _ in range(4)]
    last = ScriptedStream([OPEN, A_SECOND, event(D)])
    watched = Watched(
        mode, [*streams, last], [status(I)] * 9, backend=[*[FAILING, NOT_YET] * 4, FAILING]
    )
    assert watched.seen == [(I, 0), (D, 41)]
    assert all(stream.is_closed for stream in [*streams, last])


@MODES
def test_backend_that_does_not_wait_is_called_every_second(mode: str) -> None:
    """A watch calls a backend that returns early once a second, and not in a busy loop."""
    watched = Watched(mode, [], [status(I), status(D)], backend=[], backend_waits=False)
    assert watched.seen == [(I, 0), (D, 30)]
    assert len(watched.backend.timeouts) == 31


@MODES
def test_failed_polls_do_not_end_a_watch_of_a_backend(mode: str) -> None:
    """A failed poll does not end a watch of a backend, but is repeated every second."""
    backend = [NOT_YET, timedelta(seconds=2.5), DONE]
    watched = Watched(mode, [], [LOST] * 3, backend=backend)
    assert watched.asked == [0, 1, 2]
    assert watched.seen == [(D, 2.5)]


@MODES
def test_watch_of_a_backend_ends_at_its_deadline(mode: str) -> None:
    """A watch raises at its deadline, with the error of the last poll if that failed."""
    watched = Watched(mode, [], [status(I)], timeout=TEN_SECONDS, backend=[])
    assert isinstance(watched.error, NobodyAnsweredError)
    assert watched.now() == 10
    lost = Watched(mode, [], [LOST] * 10, timeout=TEN_SECONDS, backend=[])
    assert isinstance(lost.error, ConnectionBrokenError)
    assert lost.now() == 10


@MODES
def test_session_unknown_to_server_and_backend_is_gone(mode: str) -> None:
    """Without a published end, a session that the server does not know is gone."""
    watched = Watched(mode, [], [UNKNOWN], backend=[])
    assert isinstance(watched.error, SessionGoneError)


@pytest.mark.parametrize("backend", [AsyncScriptedBackend(), object(), "redis://127.0.0.1"])
def test_requestor_rejects_what_is_not_a_sync_backend(backend: Any) -> None:
    """Requestor raises ConfigurationError for an async backend and for any other object."""
    with pytest.raises(ConfigurationError, match=r"^status_backend: must be a StatusBackend"):
        Requestor("https://irma.example", ScriptedTransport(), status_backend=backend)


@pytest.mark.parametrize("backend", [ScriptedBackend(), object(), "redis://127.0.0.1"])
def test_async_requestor_rejects_what_is_not_an_async_backend(backend: Any) -> None:
    """AsyncRequestor raises ConfigurationError for a sync backend and for any other object."""
    with pytest.raises(ConfigurationError, match=r"^status_backend: must be an AsyncS"):
        AsyncRequestor("https://irma.example", AsyncScriptedTransport(), status_backend=backend)


def test_effects_and_context_hide_their_parts() -> None:
    """The repr of a call or a context shows no repr of a part, which may contain a password."""

    class Part:
        put_if_absent = get = delete = publish = wait = print

        def __repr__(self) -> str:
            return "redis://:secret@127.0.0.1"

    part: Any = Part()
    effects = [
        put_if_absent(part, "key", b"", A_SECOND, 0.0),
        get_stored(part, "key", 0.0),
        delete_stored(part, "key", 0.0),
        wait_for_end(part, RequestorToken("abcdefghijKLMNOPQRST"), A_SECOND, 0.0),
    ]
    server, clock = ServerUrl.parse("https://irma.example"), ManualClock()
    context = RequestorContext(server, clock, jitter=float, status_backend=part)
    for shown in (*effects, context):
        assert type(shown).__name__ in repr(shown)
        assert "secret" not in repr(shown)
