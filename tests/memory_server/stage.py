"""The setup of replays: a server at the time of a recording, Ada's app and a receiver of posts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import (
    EXAMPLE_SCHEME,
    InMemoryServer,
    ManualClock,
    ScannedSession,
    ServerSettings,
    SimulatedApp,
)
from tests.memory_server.calling import Http
from tests.memory_server.conftest import fill
from tests.memory_server.recordings import comparable, expected_head, recording

Request = Mapping[str, Any]
Person = Callable[[ScannedSession], object]


@attrs.define
class Stage:
    """A server at the time of a recording, Ada's app, and a receiver of posts."""

    http: Http
    server: InMemoryServer
    app: SimulatedApp
    answers: dict[str, HttpResponse] = attrs.field(factory=dict)

    def play(self, request: Request, person: Person | None = ScannedSession.accept) -> str:
        """Run a session with this person, and return the requestor token."""
        package = self.http.start(request)
        if person is not None:
            person(self.app.scan(package["sessionPtr"]))
        return str(package["token"])

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Reply to a post of the server."""
        return self.answers.get(request.url, HttpResponse(200))


def stage(name: str) -> Stage:
    """Make the setup for a recording."""
    clock = ManualClock(datetime.fromtimestamp(recording(name)["recorded"], UTC))
    unsigned = "unsigned" in name
    settings = ServerSettings(
        enable_sse=True,
        has_jwt_key=not unsigned,
        allow_unsigned_callbacks=unsigned,
        jwt_issuer="" if name == "result-jwt-no-issuer" else "irmaserver",
    )
    server = InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=clock)
    app = SimulatedApp(server)
    fill(app)
    made = Stage(Http(server.url, server.handle), server, app)
    server.deliver = made.receive
    return made


def cheating(**how: Any) -> Person:
    return lambda session: session.cheat(**how)


def assert_alike(response: HttpResponse, name: str) -> None:
    expected = recording(name)["response"]
    assert (response.status, response.header("content-type")) == expected_head(expected)
    assert comparable(response.body) == comparable(expected["body"])
