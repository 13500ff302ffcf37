"""The first example runs, and prints what it should; README's code is run by `test_tutorial`."""

import json
import os
import runpy
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

import irma_transport_urllib3
from irma_core.protocol.messages import HttpResponse
from irma_testing import ScriptedTransport

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "first_disclosure.py"
JSON = (("content-type", "application/json; charset=UTF-8"),)
TOKEN = "0123456789abcdefghij"


def reply(value: object) -> HttpResponse:
    return HttpResponse(200, JSON, body=json.dumps(value).encode())


class PlayedTransport(ScriptedTransport):
    """A whole session: started, connected, done, with an answer."""

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
        assert self.is_played


def test_the_example_ends_with_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another transport, and nothing else changed, it prints who says so."""
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
