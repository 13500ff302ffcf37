"""The first example runs and prints an answer; `test_tutorial` runs the code of README."""

import builtins
import json
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

import irma_transport_urllib3
from irma_backend.dev_server import running_server
from irma_core.protocol.messages import HttpResponse
from irma_testing import InMemoryServer, ScriptedTransport, SimulatedApp
from irma_transport import SystemClock

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "first_disclosure.py"
JSON = (("content-type", "application/json; charset=UTF-8"),)
TOKEN = "0123456789abcdefghij"


def reply(value: object) -> HttpResponse:
    return HttpResponse(200, JSON, body=json.dumps(value).encode())


class PlayedTransport(ScriptedTransport):
    """A transport that plays a whole session: started, connected, done, with an answer."""

    def __init__(self) -> None:
        over18 = {
            "id": "pbdf.gemeente.personalData.over18",
            "rawvalue": "Yes",
            "value": {"": "Yes"},
            "status": "PRESENT",
            "issuancetime": 1795046400,
        }
        pointer = {"u": "https://irma.example.com/irma/session/c", "irmaqr": "disclosing"}
        result = {
            "token": TOKEN,
            "status": "DONE",
            "type": "disclosing",
            "proofStatus": "VALID",
            "disclosed": [[over18], []],
        }
        super().__init__(
            [
                reply({"sessionPtr": pointer, "token": TOKEN}),
                reply("CONNECTED"),
                reply("DONE"),
                reply(result),
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self.is_complete


def test_the_example_ends_with_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a scripted transport, the example prints the link, each status and the answer."""
    monkeypatch.setattr(irma_transport_urllib3, "Urllib3Transport", PlayedTransport)
    monkeypatch.setitem(os.environ, "IRMA_SERVER", "https://irma.example.com")
    monkeypatch.setitem(os.environ, "IRMA_TOKEN", "a-token")
    runpy.run_path(str(EXAMPLE))
    printed = capsys.readouterr().out
    assert "https://open.yivi.app/-/session#" in printed
    assert printed.endswith(
        "CONNECTED\nDONE\nOver 18, by pbdf.gemeente.personalData.over18\nE-mail: not shared\n"
    )
    assert TOKEN not in printed


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryServer]:
    """A development server that the example's environment names; the environment has no token."""
    server = InMemoryServer(clock=SystemClock())
    with running_server(server) as url:
        monkeypatch.setenv("IRMA_SERVER", url)
        monkeypatch.delenv("IRMA_TOKEN", raising=False)
        yield server


def test_the_example_runs_without_a_token(
    server: InMemoryServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example gets an answer at the development server, which refuses tokens."""
    app = SimulatedApp(server)
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    server.when_started(app.accept)
    runpy.run_path(str(EXAMPLE))
    assert "Over 18, by pbdf.gemeente.personalData.over18\n" in capsys.readouterr().out


@pytest.mark.parametrize("interrupted", ["Open this on your phone:", "INITIALIZED"])
def test_an_interrupted_example_cancels_its_session(
    server: InMemoryServer, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    """Ctrl-C leaves no session open in which a person could still disclose something."""

    def interrupt(first: str, *_: object, **__: object) -> None:
        if first == interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "print", interrupt)
    with pytest.raises(KeyboardInterrupt):
        runpy.run_path(str(EXAMPLE))
    assert server.open_sessions() == ()
