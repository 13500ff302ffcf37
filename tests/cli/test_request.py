"""`irma-backend request` prints requests that a server accepts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irma_backend.dev_server import running_server
from irma_core import ExtendedRequest, SignatureRequest, verify_session_request_jwt
from irma_core.wire.read_requests import read_request
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.cli.conftest import CARD, OVER18, CommandLine, other_variables
from tests.cli.fork_server import ForkServer

KEY = bytes(range(32))
ASK = ("request", "--disclose", f"age={OVER18}==Yes")


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, ...]:
    """The options for a key that the server knows."""
    path = tmp_path / "key"
    path.write_text(base64.b64encode(KEY).decode())
    return "--key", f"file:{path}", "--requestor", "shop"


@pytest.fixture
def memory() -> InMemoryServer:
    known = {"shop": RequestorSettings("hmac", base64.b64encode(KEY).decode())}
    server = InMemoryServer(ServerSettings(requestors=known), clock=SystemClock())
    app = SimulatedApp(server)
    app.add(CARD, {"over18": "Yes"})
    server.when_started(app.accept)
    return server


@pytest.fixture
def command_line(memory: InMemoryServer, forks: ForkServer) -> Iterator[CommandLine]:
    with running_server(memory) as url:
        yield CommandLine({**other_variables(), "IRMA_SERVER": url}, forks)


def test_request_is_json_without_a_key(command_line: CommandLine) -> None:
    """Without a key, `request` prints the request as one line of JSON."""
    status, out, err = command_line.run(*ASK)
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert isinstance(read_request(out), ExtendedRequest)
    assert json.loads(out)["request"]["disclose"] == [[[{"type": OVER18, "value": "Yes"}]]]


def test_request_is_signed_with_a_key(command_line: CommandLine, key: tuple[str, ...]) -> None:
    """With a key, `request` prints a JWT of each kind of request, issued by the key's name."""
    status, out, err = command_line.run("request", "--sign", "I agree", "--disclose", OVER18, *key)
    assert (status, err) == (0, "")
    verified = verify_session_request_jwt(
        out.strip(), keys={"shop": KEY}, max_age=timedelta(minutes=1), now=datetime.now(UTC)
    )
    assert verified.requestor == "shop"
    assert isinstance(verified.request, ExtendedRequest)
    assert verified.request.request == SignatureRequest("I agree", [OVER18])


def test_printed_jwt_starts_a_session(command_line: CommandLine, key: tuple[str, ...]) -> None:
    """The printed JWT starts a session without the key."""
    _, jwt, _ = command_line.run(*ASK, *key)
    status, out, err = command_line.run("session", "--request", "-", "--json", stdin=jwt)
    assert status == 0, err
    assert "Yes" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("request",), "expected --disclose"),
        (("request", "--request", "-"), "already a JWT"),
        ((*ASK, "--key", "file:nowhere", "--requestor", "shop"), "cannot be read"),
        ((*ASK, "--key", "file:nowhere"), "--requestor"),
        (("request", "--disclose", "irma-demo.a.b.c"), "--allow demo-attributes"),
    ],
)
def test_invalid_requests_are_wrong_usage(
    command_line: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    """For an invalid request, the exit status is 2, and the message says what to do."""
    status, out, err = command_line.run(*arguments, stdin="eyJh.eyJh.c2ln")
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
