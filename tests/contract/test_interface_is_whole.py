"""Each call, status and error name of the interface is tested with both servers, or listed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract.differences import NEVER_SENT, NOT_TESTED_WITH_BOTH, OTHER_WORDING
from tests.contract.test_starting import REFUSED

HERE = Path(__file__).parent
SUITE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted(HERE.glob("test_*.py"))
    if path.name != Path(__file__).name
)
INTERFACE: dict[str, Any] = json.loads(
    (HERE.parent / "vectors" / "server_interface.json").read_text(encoding="utf-8")
)
CALLS = {
    "POST /session": "test_a_malformed_request_is_refused",
    "GET /session/{token}/status": "test_an_unknown_session",
    "GET /session/{token}/statusevents": "test_a_server_without_events_or_key_says_so",
    "GET /session/{token}/result": "test_an_unknown_session",
    "GET /session/{token}/result-jwt": "test_a_disclosure_from_start_to_end",
    "GET /session/{token}/getproof": "test_a_disclosure_from_start_to_end",
    "DELETE /session/{token}": "test_a_refused_session_is_cancelled",
    "GET /publickey": "test_a_disclosure_from_start_to_end",
    "POST /revocation": "test_a_requestor_needs_permission_for_each_call",
    "GET /health": "test_a_disclosure_from_start_to_end",
    "GET {u}": "test_an_app_must_speak_the_protocol",
    "DELETE {u}": "test_frontend_calls_need_their_authorization",
    "GET {u}/status": "test_frontend_calls_need_their_authorization",
    "GET {u}/statusevents": "test_each_path_and_method_gets_the_official_response",
    "GET {u}/request": "test_the_app_gets_the_request_after_pairing",
    "POST {u}/proofs": "test_the_apps_answer_must_fit_the_session",
    "POST {u}/commitments": "test_the_apps_answer_must_fit_the_session",
    "GET {u}/frontend/status": "test_a_lost_app_leaves_the_session_connected",
    "GET {u}/frontend/statusevents": "test_frontend_calls_need_their_authorization",
    "POST {u}/frontend/options": "test_malformed_options_are_refused",
    "POST {u}/frontend/pairingcompleted": "test_a_lost_app_leaves_the_session_connected",
    "POST /irma/session/{name}": "test_an_unknown_session",
}
"""For each call of the interface, a test that makes it."""


@pytest.mark.parametrize("kind", ["statuses", "proof_statuses", "attribute_statuses", "errors"])
def test_every_error_and_status_is_tested_or_listed(kind: str) -> None:
    """Every error name and status of the server is either tested or listed, but not both."""
    for word in INTERFACE[kind]:
        is_tried = re.search(rf'["_]{word}\b|\b{word}\b', SUITE) is not None
        is_listed = word in NOT_TESTED_WITH_BOTH or word in NEVER_SENT
        assert is_tried != is_listed, word


def test_each_listed_test_makes_its_call() -> None:
    """The test that is listed for a call contains the end of its path, so it makes the call."""
    assert list(CALLS) == INTERFACE["endpoints"]
    for call, name in CALLS.items():
        end = r"(?=^(?:def|@pytest|[A-Z_]+ =)|\Z)"
        body = re.search(rf"^def {name}\(.*?{end}", SUITE, re.MULTILINE | re.DOTALL)
        assert body, name
        last = call.split("/")[-1]
        decorators = SUITE[: body.start()].rpartition("\n\n\n")[2]
        is_a_place = last.endswith("{u}") or last in ("{token}", "{name}", "session")
        assert is_a_place or last in decorators + body[0], call


def test_each_other_wording_is_of_a_tested_refusal() -> None:
    """The list of refusals with other wording names only refusals that are tested."""
    assert set(OTHER_WORDING) <= set(REFUSED)
