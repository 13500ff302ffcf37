"""Statuses: how far a session is, in which order, and the words of the protocol."""

from __future__ import annotations

from enum import Enum

import pytest

from irma_core.json_text import JsonValue
from irma_core.models.sessions import PairingMethod
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.wire.read_requests import read_as
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
WORDS: list[tuple[type[Enum], str]] = [
    (SessionStatus, "INITIALIZED PAIRING CONNECTED DONE CANCELLED TIMEOUT"),
    (SessionType, "disclosing signing issuing redirect"),
    (
        ProofStatus,
        "VALID INVALID INVALID_TIMESTAMP UNMATCHED_REQUEST MISSING_ATTRIBUTES EXPIRED",
    ),
    (AttributeProofStatus, "PRESENT EXTRA NULL"),
    (PairingMethod, "none pin"),
]


@pytest.mark.parametrize("earlier", S)
@pytest.mark.parametrize("later", S)
def test_a_status_is_followed_by_later_ones_only(earlier: S, later: S) -> None:
    """`INITIALIZED`, `PAIRING` if at all, `CONNECTED`, one end; some may go unseen, none return."""
    assert earlier.may_become(later) == (later in FOLLOWERS[earlier])


@pytest.mark.parametrize("status", S)
def test_three_statuses_are_final(status: S) -> None:
    """Nothing follows `DONE`, `CANCELLED` and `TIMEOUT`."""
    assert status.is_final == (status in {S.DONE, S.CANCELLED, S.TIMEOUT})
    assert status.is_final == (not FOLLOWERS[status])


@pytest.mark.parametrize(("kind", "words"), WORDS)
def test_the_words_are_the_protocols_and_no_others(kind: type[Enum], words: str) -> None:
    """Every set of words is closed: another, or another case or type, is an error."""
    assert [member.value for member in kind] == words.split()
    known = words.split()
    for word in known:
        assert read_as(word, kind) is kind(word)
    wrong_ones: list[JsonValue] = ["OTHER", known[0].swapcase(), "", None, 0, 1, True, [known[0]]]
    for wrong in wrong_ones:
        with pytest.raises(WireError) as caught:
            read_as(wrong, kind)
        assert "OTHER" not in str(caught.value)
