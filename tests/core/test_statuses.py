"""Statuses: the progress of a session, their order, and their names in the protocol."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest

from irma_core.json_text import JsonValue
from irma_core.models.sessions import PairingMethod
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.wire.read_results import (
    read_frontend_options,
    read_session_pointer,
    read_session_result,
    read_status,
)
from irma_core.wire.values import WireError

S = SessionStatus
FOLLOWERS = {
    S.INITIALIZED: {S.PAIRING, S.CONNECTED, S.DONE, S.CANCELLED, S.TIMEOUT},
    S.PAIRING: {S.CONNECTED, S.DONE, S.CANCELLED, S.TIMEOUT},
    S.CONNECTED: {S.DONE, S.CANCELLED, S.TIMEOUT},
    S.DONE: set[SessionStatus](),
    S.CANCELLED: set[SessionStatus](),
    S.TIMEOUT: set[SessionStatus](),
}
POINTED: dict[str, JsonValue] = {"u": "https://irma.example/irma/session/x"}
RESULT: dict[str, JsonValue] = {"token": "a" * 20, "status": "DONE", "type": "disclosing"}
ATTRIBUTE: dict[str, JsonValue] = {"id": "a.b.c.d", "issuancetime": 0}


def read_attribute_status(value: Any) -> AttributeProofStatus:
    """Read a result with an attribute of this status."""
    lists = read_session_result(
        {**RESULT, "disclosed": [[{**ATTRIBUTE, "status": value}]]}
    ).unchecked_disclosed
    assert lists[0]
    return lists[0][0].status


READERS: list[tuple[type[Enum], Callable[[Any], Enum | None], str]] = [
    (SessionStatus, read_status, "INITIALIZED PAIRING CONNECTED DONE CANCELLED TIMEOUT"),
    (
        SessionType,
        lambda value: read_session_pointer({**POINTED, "irmaqr": value}).type,
        "disclosing signing issuing redirect",
    ),
    (
        ProofStatus,
        lambda value: read_session_result({**RESULT, "proofStatus": value}).proof_status,
        "VALID INVALID INVALID_TIMESTAMP UNMATCHED_REQUEST MISSING_ATTRIBUTES EXPIRED",
    ),
    (AttributeProofStatus, read_attribute_status, "PRESENT EXTRA NULL"),
    (
        PairingMethod,
        lambda value: read_frontend_options({"pairingMethod": value}).pairing_method,
        "none pin",
    ),
]


@pytest.mark.parametrize("earlier", S)
@pytest.mark.parametrize("later", S)
def test_only_later_statuses_follow_a_status(earlier: S, later: S) -> None:
    """Statuses follow in the order of the protocol; some may be skipped, and none occurs twice."""
    assert earlier.may_become(later) == (later in FOLLOWERS[earlier])


@pytest.mark.parametrize("status", S)
def test_three_statuses_are_final(status: S) -> None:
    """Nothing follows `DONE`, `CANCELLED` and `TIMEOUT`."""
    assert status.is_final == (status in {S.DONE, S.CANCELLED, S.TIMEOUT})
    assert status.is_final == (not FOLLOWERS[status])


@pytest.mark.parametrize(("kind", "read", "values"), READERS)
def test_unknown_enum_values_are_refused(
    kind: type[Enum], read: Callable[[Any], Enum | None], values: str
) -> None:
    """Only the protocol's values are read; any other value, case or type is a WireError."""
    known = values.split()
    assert [member.value for member in kind] == known
    for value in known:
        assert read(value) is kind(value)
    wrong_ones: list[JsonValue] = ["OTHER", known[0].swapcase(), "", 0, 1, True, [known[0]]]
    if kind is not ProofStatus:  # a proof status is optional
        wrong_ones.append(None)
    for wrong in wrong_ones:
        with pytest.raises(WireError) as caught:
            read(wrong)
        assert "OTHER" not in str(caught.value)
