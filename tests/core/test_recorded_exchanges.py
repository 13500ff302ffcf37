"""What the official server said is read, and what was said to it is rebuilt."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from irma_core import ExtendedRequest, SessionPackage, SessionPointer, SessionType, StartedSession
from irma_core.errors import (
    AnswerError,
    ProofNotValidError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
)
from irma_core.models.json_text import read_json
from irma_core.models.results import SessionResult
from irma_core.models.session_requests import RevocationRequest, as_extended
from irma_core.models.wire import read_as, read_request, read_request_value, request_value

RECORDED = Path(__file__).parent.parent / "vectors" / "recorded"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def recording(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def names(pattern: str, key: str = "request") -> list[str]:
    found = [path.stem for path in sorted(RECORDED.glob(f"{pattern}.json"))]
    return [name for name in found if key in recording(name)]


@pytest.mark.parametrize("name", names("start-*"))
def test_a_recorded_start_is_rebuilt_and_its_package_read(name: str) -> None:
    """A request in JSON comes out as it went in, and the session package has a token."""
    body = recording(name)["request"]["body"]
    if body.startswith("{"):
        assert request_value(read_request(body)) == json.loads(body)
    package = read_as(read_json(recording(name)["response"]["body"]), SessionPackage)
    assert package.token.reveal() in recording(name)["response"]["body"]
    assert package.token.reveal() not in repr(package)


@pytest.mark.parametrize("name", names("result-*", "session_request"))
def test_a_recorded_result_is_an_answer_only_if_done_and_valid(name: str) -> None:
    """`DONE` and `VALID` make an answer to what was asked; all else one error a reason."""
    case = recording(name)
    text = case["response"]["body"]
    if not text.startswith("{"):
        pytest.skip("a JWT, whose verification is another subject")
    said = json.loads(text)
    result = read_as(read_json(text), SessionResult)
    request = read_request_value(case["session_request"])
    assert not isinstance(request, RevocationRequest)
    extended: ExtendedRequest = as_extended(request)
    pointer = SessionPointer("https://irma.example/irma/session/x", SessionType.DISCLOSING)
    session = StartedSession(extended, SessionPackage(pointer, result.token), started_at=NOW)
    errors: dict[str, type[AnswerError]] = {
        "CANCELLED": SessionCancelledError,
        "TIMEOUT": SessionTimedOutError,
        "DONE": ProofNotValidError,
    }
    if said["status"] == "DONE" and said.get("proofStatus") == "VALID":
        answer = result.answer_to(session)
        assert set(answer) <= set(extended.request.disclose.slots)
    else:
        with pytest.raises(errors.get(said["status"], SessionNotFinishedError)):
            result.answer_to(session)
