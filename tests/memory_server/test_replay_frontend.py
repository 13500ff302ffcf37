"""The server reproduces the recorded calls of browsers, and the recorded event streams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from irma_core.protocol.messages import HttpResponse
from irma_testing import (
    EXAMPLE_SCHEME,
    EventStream,
    InMemoryServer,
    ManualClock,
    ScannedSession,
    ServerSettings,
    SimulatedApp,
)
from tests.memory_server.calling import CONTEXT, OVER18, Http, disclosure, request_to, signature
from tests.memory_server.conftest import fill
from tests.memory_server.recordings import all_names, recording
from tests.memory_server.stage import assert_alike
from tests.memory_server.test_replay_starts import NAMES as STARTS

AGE18 = disclosure([[OVER18]])
OPTIONS = f"{CONTEXT}frontendoptions/v1"
NEAR = 0.12
"""The tolerated difference from a recorded time in seconds, because recordings have delays."""


def test_pairing_matches_the_recording(http: Http, app: SimulatedApp) -> None:
    """Each call of a browser that pairs gets the recorded response, also if it comes too late."""
    package = http.start(signature("x", [[OVER18]]))
    url, token = package["sessionPtr"]["u"], package["token"]
    known = {"authorization": package["frontendRequest"]["authorization"]}
    pin = {"@context": OPTIONS, "pairingMethod": "pin"}
    none = {"@context": OPTIONS, "pairingMethod": "none"}

    def check(method: str, path: str, body: object, name: str, **headers: str) -> None:
        assert_alike(http.call(method, f"{url}/frontend/{path}", body, **headers), name)

    check("GET", "status", None, "frontend-status-initialized", **known)
    check("POST", "options", pin, "error-frontend-no-authorization")
    check("POST", "options", none, "frontend-options-none", **known)
    check("POST", "pairingcompleted", None, "error-pairing-completed-early", **known)
    check("POST", "options", pin, "frontend-options-pin", **known)
    app.scan(package["sessionPtr"])
    check("GET", "status", None, "frontend-status-pairing", **known)
    assert_alike(http.call("GET", f"/session/{token}/result"), "result-pairing")
    check("POST", "options", none, "error-options-too-late", **known)
    check("POST", "pairingcompleted", None, "frontend-pairing-completed", **known)
    assert_alike(http.call("DELETE", url), "client-delete")


def test_next_session_in_the_status(http: Http, app: SimulatedApp, server: InMemoryServer) -> None:
    """The status of the first session contains the next session's pointer, as recorded."""
    body = recording("next-session-post")["response"]["body"].encode()
    server.deliver = lambda _request: HttpResponse(200, body=body)
    package = http.start({"request": AGE18, "nextSession": {"url": "https://a.example/next"}})
    app.accept(package["sessionPtr"])
    path = f"{package['sessionPtr']['u']}/frontend/status"
    authorization = package["frontendRequest"]["authorization"]
    response = http.call("GET", path, authorization=authorization)
    assert_alike(response, "frontend-status-next-session")


@pytest.mark.parametrize("call", ["publickey", "result-jwt", "getproof"])
def test_refusals_without_a_key(call: str) -> None:
    """A server without a JWT key sends the recorded refusals."""
    server = InMemoryServer(ServerSettings(has_jwt_key=False))
    path = call if call == "publickey" else f"session/AAAAAAAAAAAAAAAAAAAA/{call}"
    response = Http(server.url, server.handle).call("GET", f"/{path}")
    assert_alike(response, f"error-no-jwt-key-{call}")


def test_refusals_without_events() -> None:
    """A server without `enable_sse` refuses a subscription as recorded."""
    server = InMemoryServer(ServerSettings(), scheme=EXAMPLE_SCHEME)
    http = Http(server.url, server.handle)
    token = http.start(AGE18)["token"]
    assert_alike(http.call("GET", f"/session/{token}/statusevents"), "error-sse-disabled")


@attrs.define
class Play:
    """A session whose events are collected, on a clock that a script moves."""

    server: InMemoryServer
    clock: ManualClock
    app: SimulatedApp
    package: dict[str, Any]
    scanned: ScannedSession | None = None

    def listen(self, kind: str) -> EventStream:
        """Subscribe as the requestor, the client or the frontend."""
        url = self.package["sessionPtr"]["u"]
        headers = {"authorization": self.package["frontendRequest"]["authorization"]}
        path = {
            "requestor": f"/session/{self.package['token']}/statusevents",
            "client": f"{url}/statusevents",
            "frontend": f"{url}/frontend/statusevents",
        }[kind]
        stream = self.server.subscribe(request_to(self.server.url, "GET", path, **headers))
        assert isinstance(stream, EventStream)
        return stream

    def scan(self) -> None:
        self.scanned = self.app.scan(self.package["sessionPtr"])

    def answer(self, how: str = "accept") -> None:
        assert self.scanned is not None
        getattr(self.scanned, how)()

    def delete(self) -> None:
        path = f"/session/{self.package['token']}"
        self.server.handle(request_to(self.server.url, "DELETE", path))

    def pair(self) -> None:
        self.frontend("options", {"@context": OPTIONS, "pairingMethod": "pin"})

    def frontend(self, call: str, body: object = None) -> None:
        url = f"{self.package['sessionPtr']['u']}/frontend/{call}"
        known = self.package["frontendRequest"]["authorization"]
        response = self.server.handle(
            request_to(self.server.url, "POST", url, body, authorization=known)
        )
        assert response.status in (200, 204)


Script = list[tuple[float, Callable[[Play], object]]]
CONNECTS_LATE: Script = [
    (0.6, lambda play: play.listen("requestor")),
    (1.317, Play.scan),
    (1.627, Play.answer),
]
PAIRS: Script = [
    (0.0, Play.pair),
    (0.517, Play.scan),
    (1.008, lambda play: play.frontend("pairingcompleted")),
    (1.022, Play.answer),
]
STREAMS: dict[str, tuple[str, Script]] = {
    # The second subscription started later than recorded, as its `open` event shows.
    "sse-happy": (
        "requestor",
        [(1.007, lambda play: play.listen("requestor")), *CONNECTS_LATE[1:]],
    ),
    "sse-client": (
        "client",
        [(0.203, lambda play: play.listen("frontend")), (1.316, Play.scan), (1.625, Play.answer)],
    ),
    "sse-frontend": ("frontend", [(1.114, Play.scan), (1.423, Play.answer)]),
    "sse-pairing": ("requestor", PAIRS),
    "sse-frontend-pairing": (
        "frontend",
        [*PAIRS[:2], (0.518, lambda play: play.listen("client")), *PAIRS[2:]],
    ),
    "sse-refused": (
        "requestor",
        [(0.409, Play.scan), (0.611, lambda play: play.answer("refuse"))],
    ),
    "sse-deleted": ("requestor", [(0.403, Play.delete)]),
    "sse-timeout": ("requestor", [(2.1, lambda play: None)]),
    "sse-subscribed-late": ("requestor", [(0.622, Play.answer)]),
    "sse-next-session-fails": ("requestor", [(0.012, Play.scan), (0.023, Play.answer)]),
    "sse-server-stopped": ("requestor", [(0.502, lambda play: play.server.restart())]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_match_the_recordings(name: str) -> None:
    """Every chunk arrives at its recorded time, and so does the end of the stream."""
    clock = ManualClock()
    server = InMemoryServer(ServerSettings(enable_sse=True), scheme=EXAMPLE_SCHEME, clock=clock)
    app = SimulatedApp(server)
    fill(app)
    options: dict[str, Any] = {"timeout": 2} if name == "sse-timeout" else {}
    if name == "sse-next-session-fails":
        options["nextSession"] = {"url": "https://a.example/next"}
    http = Http(server.url, server.handle)
    play = Play(server, clock, app, http.start({"request": AGE18, **options}))
    if name == "sse-subscribed-late":
        play.scan()
    listener, script = STREAMS[name]
    chunks, ended = run(play, play.listen(listener), script)

    expected = recording(name)["response"]
    assert [text for _, text in chunks] == [chunk["text"] for chunk in expected["chunks"]]
    for (at, _), chunk in zip(chunks, expected["chunks"], strict=True):
        assert at == pytest.approx(chunk["at_ms"] / 1000, abs=NEAR)
    assert ended == pytest.approx(expected["ended_at_ms"] / 1000, abs=NEAR)


def run(play: Play, stream: EventStream, script: Script) -> tuple[list[tuple[float, str]], float]:
    """Run a script, and return the chunks with their times, and the time of the end."""
    began = play.clock.monotonic()
    chunks: list[tuple[float, str]] = []
    ended = 0.0
    assert dict(stream.headers)["content-type"] == "text/event-stream"
    end: Script = [(3.0, lambda _: None)]
    for at, action in [*script, *end]:
        while play.clock.monotonic() < began + at - 1e-5:
            left = began + at - play.clock.monotonic()
            play.server.pass_time(timedelta(seconds=min(0.01, left)))
            ended = read(stream, play.clock.monotonic() - began, chunks, ended)
        action(play)
        ended = read(stream, play.clock.monotonic() - began, chunks, ended)
    return chunks, ended


def read(stream: EventStream, now: float, chunks: list[tuple[float, str]], ended: float) -> float:
    while chunk := stream.read():
        chunks.append((now, chunk.decode()))
    return now if stream.is_over and not ended else ended


REPLAYED_HERE = {
    "client-delete",
    "error-frontend-no-authorization",
    "error-no-jwt-key-getproof",
    "error-no-jwt-key-publickey",
    "error-no-jwt-key-result-jwt",
    "error-options-too-late",
    "error-pairing-completed-early",
    "error-sse-disabled",
    "frontend-options-none",
    "frontend-options-pin",
    "frontend-pairing-completed",
    "frontend-status-initialized",
    "frontend-status-next-session",
    "frontend-status-pairing",
}
REPLAYED_ELSEWHERE = ("result-", "getproof-", "status-", "callback-", "next-session-", "delete")
NOT_REPLAYED = {"error-body-too-slow"}
"""Recordings that need a socket."""


def test_every_recording_is_replayed() -> None:
    """Each recording is replayed here or in another module, or is listed with a reason."""
    left = {name for name in all_names() if not name.startswith(REPLAYED_ELSEWHERE)} - set(STARTS)
    assert left == {*REPLAYED_HERE, *STREAMS, *NOT_REPLAYED, "error-sse-finished"}
