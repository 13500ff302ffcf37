"""The life cycle of a session: its statuses, its calls and its end."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from irma_core import SessionPointer, SessionType
from irma_testing import EventStream, InMemoryServer, ManualClock, ServerSettings, SimulatedApp
from irma_testing.memory.sessions import Session, SessionStore
from tests.memory_server.calling import (
    OVER18,
    Http,
    disclosure,
    error_in,
    request_to,
)

AGE18 = disclosure([[OVER18]])
UNKNOWN = "AAAAAAAAAAAAAAAAAAAA"
APP = {"x_irma_minprotocolversion": '"2.8"', "x_irma_maxprotocolversion": "2.8"}
UNAUTHORIZED = (403, "UNAUTHORIZED", "")
GONE = (400, "SESSION_UNKNOWN", "")


def test_statuses_follow_each_other(http: Http, app: SimulatedApp) -> None:
    """A session is INITIALIZED, then CONNECTED, then DONE, and stays DONE."""
    package = http.start(AGE18)
    token = package["token"]
    assert http.status(token) == "INITIALIZED"
    session = app.scan(package["sessionPtr"])
    assert http.status(token) == "CONNECTED"
    session.accept()
    assert http.status(token) == "DONE"
    http.call("DELETE", f"/session/{token}")
    http.call("DELETE", package["sessionPtr"]["u"])
    assert http.status(token) == "DONE"


@pytest.mark.parametrize(("timeout", "forgotten"), [(None, timedelta(minutes=15)), (60, None)])
def test_unscanned_session_times_out(
    http: Http, server: InMemoryServer, timeout: int | None, forgotten: timedelta | None
) -> None:
    """The server forgets an unscanned session at its time-out, but not within five minutes."""
    token = http.start({"request": AGE18, "timeout": timeout or 0})["token"]
    until = timedelta(seconds=timeout or 15 * 60)
    server.pass_time(until - timedelta(seconds=1))
    assert http.status(token) == "INITIALIZED"
    if forgotten is None:
        server.pass_time(timedelta(seconds=1))
        assert http.status(token) == "TIMEOUT"
        server.pass_time(timedelta(minutes=4) - timedelta(seconds=1))
        assert http.status(token) == "TIMEOUT"
    server.pass_time(timedelta(seconds=10))
    assert error_in(http.call("GET", f"/session/{token}/status")) == GONE
    assert error_in(http.call("GET", f"/session/{token}/result-jwt")) == GONE


def test_two_threads_forget_a_session_together(
    http: Http, server: InMemoryServer, app: SimulatedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads may sweep the same session at the same moment."""
    package = http.start(AGE18)
    app.scan(package["sessionPtr"])
    look, looking = SessionStore.look, threading.Lock()

    def look_while_another_thread_sweeps(store: SessionStore, stored: Session) -> Session:
        if looking.acquire(blocking=False):
            another = threading.Thread(target=server.catch_up)
            another.start()
            another.join()
            looking.release()
        return look(store, stored)

    monkeypatch.setattr(SessionStore, "look", look_while_another_thread_sweeps)
    server.pass_time(timedelta(minutes=30))
    assert error_in(http.call("GET", f"/session/{package['token']}/status")) == GONE


def test_finished_session_is_forgotten(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """A sweep, which runs every ten seconds, forgets a session five minutes after its end."""
    package = http.start(AGE18)
    app.accept(package["sessionPtr"])
    server.pass_time(timedelta(minutes=4, seconds=59))
    assert http.status(package["token"]) == "DONE"
    server.pass_time(timedelta(seconds=11))
    assert error_in(http.call("DELETE", f"/session/{package['token']}")) == GONE
    assert error_in(http.call("GET", f"{package['sessionPtr']['u']}/status")) == GONE


def test_time_out_of_a_connected_app(
    http: Http, server: InMemoryServer, app: SimulatedApp, clock: ManualClock
) -> None:
    """The request's time-out counts until an app connects, and then the server's 15 minutes."""
    package = http.start({"request": AGE18, "timeout": 10})
    app.scan(package["sessionPtr"]).lose_connection()
    clock.advance(timedelta(minutes=14, seconds=59))
    assert http.status(package["token"]) == "CONNECTED"
    server.pass_time(timedelta(seconds=1))
    assert http.status(package["token"]) == "TIMEOUT"
    server.pass_time(timedelta(seconds=10))
    assert http.call("GET", f"/session/{package['token']}/status").status == 400


def test_negative_time_out_ends_at_once(http: Http) -> None:
    """A session with a negative time-out times out at once, as at the official server."""
    assert http.status(http.start({"request": AGE18, "timeout": -5})["token"]) == "TIMEOUT"


def test_late_app_is_refused(http: Http, server: InMemoryServer) -> None:
    """An app that is later than the time-out is refused, and the time-out is posted once."""
    package = http.start({"request": AGE18, "timeout": 1, "callbackUrl": "https://a.example"})
    server.pass_time(timedelta(seconds=1))
    late = http.call("GET", package["sessionPtr"]["u"], **APP, authorization="a")
    assert error_in(late) == (403, "UNEXPECTED_REQUEST", "Session already started")
    http.status(package["token"])
    assert len(server.posted) == 1


def test_a_restart_loses_every_session(http: Http, server: InMemoryServer) -> None:
    """A server that restarts loses every session."""
    token = http.start(AGE18)["token"]
    server.restart()
    assert error_in(http.call("GET", f"/session/{token}/result")) == GONE
    server.pass_time(timedelta(hours=1))


def test_a_session_belongs_to_one_app(http: Http, clock: ManualClock) -> None:
    """A session belongs to one app, but its first request may be repeated for ten seconds."""
    package = http.start(AGE18)
    url = package["sessionPtr"]["u"]
    first = http.call("GET", url, **APP, authorization="app")
    again = http.call("GET", url, **APP, authorization="other")
    assert (again.status, again.body) == (200, first.body)
    assert again.header("content-type") == "text/plain; charset=utf-8"
    assert error_in(http.call("GET", f"{url}/request", authorization="other")) == UNAUTHORIZED
    clock.advance(timedelta(seconds=11))
    late = http.call("GET", url, **APP, authorization="app")
    assert error_in(late) == (403, "UNEXPECTED_REQUEST", "Session already started")
    early = http.start(AGE18)["sessionPtr"]["u"]
    assert error_in(http.call("POST", f"{early}/proofs", {}, authorization="a"))[:2] == (
        403,
        "UNEXPECTED_REQUEST",
    )


def test_a_static_session_is_started_by_the_app(clock: ManualClock) -> None:
    """An app can start a static session from its pointer, and the server posts the outcome."""
    asked = {"callbackUrl": "https://a.example/cb/", "request": AGE18}
    settings = ServerSettings(
        static_sessions={
            "age": asked,
            "bad": {**asked, "request": {**AGE18, "disclose": [[["example.town.age.over21"]]]}},
        }
    )
    server = InMemoryServer(settings, clock=clock)
    http, app = Http(server.url, server.handle), SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    app.accept({"u": f"{server.url}/irma/session/age", "irmaqr": "redirect"})
    assert [post.url for post in server.posted] == ["https://a.example/cb/"]
    for name, error in (
        ("nothing", (400, "INVALID_REQUEST", "unknown static session")),
        (
            "bad",
            (
                *(400, "MALFORMED_INPUT"),
                "Unknown identifiers: example.town.age.over21; did you mean "
                "example.town.age.over18?",
            ),
        ),
    ):
        assert error_in(http.call("POST", f"/irma/session/{name}", {})) == error


def test_open_sessions_are_listed(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """`open_sessions` lists the open sessions, the oldest first, without their requestor tokens."""
    first, second = http.start(AGE18), http.start(AGE18)
    cancelled, short = http.start(AGE18), http.start({"request": AGE18, "timeout": 5})
    http.call("DELETE", f"/session/{cancelled['token']}")
    app.scan(second["sessionPtr"])
    shown = server.open_sessions()
    assert [(each.pointer.url, each.status.value) for each in shown] == [
        (first["sessionPtr"]["u"], "INITIALIZED"),
        (second["sessionPtr"]["u"], "CONNECTED"),
        (short["sessionPtr"]["u"], "INITIALIZED"),
    ]
    assert [(each.requestor, each.started_at) for each in shown] == [("", server.clock.now())] * 3
    assert shown[0].request["disclose"] == AGE18["disclose"]
    assert first["token"] not in repr(shown)
    assert OVER18 not in repr(shown)
    server.pass_time(timedelta(seconds=5))
    assert len(server.open_sessions()) == 2


def test_a_test_can_cause_a_time_out(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """A test can let a session time out at once, whether or not an app has scanned it."""
    waiting, scanned, over = (http.start(AGE18) for _ in range(3))
    app.scan(scanned["sessionPtr"])
    app.refuse(over["sessionPtr"])
    kept = http.start(AGE18)
    for package in (waiting, scanned, over):
        server.time_out(SessionPointer(package["sessionPtr"]["u"], SessionType.DISCLOSING))
    statuses = [http.status(package["token"]) for package in (waiting, scanned, over, kept)]
    assert statuses == ["TIMEOUT", "TIMEOUT", "CANCELLED", "INITIALIZED"]
    server.pass_time(timedelta(minutes=6))
    assert http.call("GET", f"/session/{waiting['token']}/status").status == 400


def test_time_out_is_an_event(http: Http, server: InMemoryServer) -> None:
    """An event stream gets a time-out that a test causes."""
    package = http.start(AGE18)
    stream = server.subscribe(
        request_to(server.url, "GET", f"/session/{package['token']}/statusevents")
    )
    assert isinstance(stream, EventStream)
    server.time_out(SessionPointer(package["sessionPtr"]["u"], SessionType.DISCLOSING))
    assert stream.read() == b'data: "TIMEOUT"\n\n'
    assert stream.is_over
