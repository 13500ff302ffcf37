"""Sessions as in the recordings have the recorded results and JWTs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from irma_core import ProofStatus
from irma_testing import (
    ScannedSession,
)
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    FAMILYNAME,
    FIRSTNAME,
    OVER12,
    OVER18,
    OVER65,
    PHONE,
    disclosure,
    issuance,
    signature,
)
from tests.memory_server.recordings import all_names, recording
from tests.memory_server.stage import Person, Request, Stage, assert_alike, cheating, stage

AGE18 = disclosure([[OVER18]])
NAME = [[FIRSTNAME, FAMILYNAME]]


def _expire_age(on: Stage) -> None:
    on.app.add(
        AGE["credential"],  # type: ignore[arg-type]
        AGE["attributes"],  # type: ignore[arg-type]
        expires_at=on.server.clock.now() - timedelta(weeks=1),
    )


def _rename(on: Stage) -> None:
    on.app.remove_all()
    on.app.add("example.town.resident", {"firstname": "Zoë 🦉", "familyname": ""})


AGE_ISSUANCE = issuance(AGE)
SIGNATURE = signature("I agree.", [[OVER18]])
X_SIGNATURE = signature("x", [[OVER18]])
RESULTS: dict[str, tuple[Request | None, Person | None, Callable[[Stage], None] | None]] = {
    "result-disclosure-done": (disclosure([[OVER18]], NAME), ScannedSession.accept, None),
    "result-initialized": (AGE18, None, None),
    "result-refused": (AGE18, ScannedSession.refuse, None),
    "result-optional-taken": (None, ScannedSession.accept, None),
    "result-optional-skipped": (None, lambda session: session.accept({1: 1}), None),
    "result-all-optional-skipped": (None, lambda session: session.accept({0: 1}), None),
    "result-second-option": (None, lambda session: session.accept({0: 1}), None),
    "result-null-attribute": (None, ScannedSession.accept, None),
    "result-possession": (None, ScannedSession.accept, None),
    "result-legacy": (None, ScannedSession.accept, None),
    "result-value-unicode-disclosed": (None, ScannedSession.accept, _rename),
    "result-extra-attributes": (None, cheating(extra=[EMAIL]), None),
    "result-extra-in-conjunction": (None, cheating(send=[[OVER18, OVER12]]), None),
    "result-missing-attributes": (None, cheating(send=[[OVER12], *NAME]), None),
    "result-missing-wrong-value": (None, cheating(send=[[OVER65]]), None),
    "result-expired": (AGE18, ScannedSession.accept, _expire_age),
    "result-expired-skip-check": (None, ScannedSession.accept, _expire_age),
    "result-issuance-done": (AGE_ISSUANCE, ScannedSession.accept, None),
    "result-issuance-combined": (
        issuance(AGE, disclose=[[[EMAIL]]]),
        ScannedSession.accept,
        None,
    ),
    "result-issuance-expired": (None, ScannedSession.accept, _expire_age),
    "result-issuance-missing-attributes": (
        None,
        cheating(flaw=ProofStatus.MISSING_ATTRIBUTES),
        None,
    ),
    "result-signature-done": (SIGNATURE, ScannedSession.accept, None),
    "result-signature-expired": (None, ScannedSession.accept, _expire_age),
    "result-signature-invalid-timestamp": (
        X_SIGNATURE,
        cheating(flaw=ProofStatus.INVALID_TIMESTAMP),
        None,
    ),
    "result-signature-missing-attributes": (None, cheating(send=[[OVER12]]), None),
    "result-jwt-disclosure": (
        {"request": disclosure([[OVER18]], NAME), "validity": 77},
        ScannedSession.accept,
        None,
    ),
    "result-jwt-initialized": (AGE18, None, None),
    "result-jwt-issuance": (AGE_ISSUANCE, ScannedSession.accept, None),
    "result-jwt-issuance-failed": (AGE_ISSUANCE, cheating(flaw=ProofStatus.INVALID), None),
    "result-jwt-legacy": (
        recording("result-legacy")["session_request"],
        ScannedSession.accept,
        None,
    ),
    "result-jwt-no-issuer": (AGE18, ScannedSession.accept, None),
    "result-jwt-null-attribute": (
        disclosure([[FIRSTNAME, PHONE]]),
        ScannedSession.accept,
        _rename,
    ),
    "result-jwt-signature": (SIGNATURE, ScannedSession.accept, None),
    "getproof-disclosure": (
        {"request": disclosure([[OVER18]], NAME), "validity": 77},
        ScannedSession.accept,
        None,
    ),
    "getproof-issuance": (AGE_ISSUANCE, ScannedSession.accept, None),
    "getproof-signature": (SIGNATURE, ScannedSession.accept, None),
    "status-initialized": (AGE18, None, None),
    "status-connected": (AGE18, lambda _: None, None),
    "status-done": (AGE18, ScannedSession.accept, None),
}
REPLAYED_BELOW = ("result-cancelled", "result-jwt-cancelled", "result-timeout", "result-pairing")


def last_part(name: str) -> str:
    """Return the last part of a recorded path."""
    return str(recording(name)["request"]["path"]).rpartition("/")[2]


@pytest.mark.parametrize("name", RESULTS)
def test_results_match_the_recordings(name: str) -> None:
    """A request that the app answers as in the recording has the recorded result."""
    on = stage(name)
    request, person, before = RESULTS[name]
    if before is not None:
        before(on)
    token = on.play(request or recording(name)["session_request"], person)
    response = on.http.call("GET", f"/session/{token}/{last_part(name)}")
    assert_alike(response, name)


def test_every_recorded_result_is_replayed() -> None:
    """This module replays all recordings of results, statuses and `getproof` JWTs."""
    recorded = [
        name for name in all_names() if name.startswith(("result-", "getproof-", "status-"))
    ]
    assert sorted([*RESULTS, *REPLAYED_BELOW]) == recorded


@pytest.mark.parametrize("name", ["result-cancelled", "result-jwt-cancelled"])
def test_cancelling_matches_the_recording(name: str) -> None:
    """The responses to two cancellations of a session, and its result, are as recorded."""
    on = stage(name)
    token = on.play(AGE18, None)
    for recorded in ("delete", "delete-finished-session"):
        assert_alike(on.http.call("DELETE", f"/session/{token}"), recorded)
    assert_alike(on.http.call("GET", f"/session/{token}/{last_part(name)}"), name)
    assert_alike(on.http.call("GET", f"/session/{token}/statusevents"), "error-sse-finished")


def test_time_out_matches_the_recording() -> None:
    """The result of a session that times out without an app is as recorded."""
    on = stage("result-timeout")
    token = on.play({"request": AGE18, "timeout": 2}, None)
    on.server.pass_time(timedelta(seconds=2))
    assert_alike(on.http.call("GET", f"/session/{token}/result"), "result-timeout")
