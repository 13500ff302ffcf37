"""Every vector has the expected status, attributes, values and times."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from irma_core.errors import ProofError
from irma_core.models.condiscon import AttributeRequest, ConDisCon, as_condiscon
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.session_requests import SignatureRequest
from irma_proofs import SignatureVerifier, proved_slots
from irma_proofs.numbers import read_number
from irma_proofs.proved_slots import Asked, ProvedSlots
from irma_proofs.verification import verify_disclosure
from tests.proofs.cases import CASES, schemes


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


Found: TypeAlias = tuple[ProvedSlots, int, dict[str, Any]]


def verified(case: dict[str, Any]) -> Found:
    """Return what a vector proves, its number of slots, and other facts."""
    given, request, at = json.dumps(case["proof"]), case["request"], moment(case["at"])
    known = schemes(*case["schemes"])
    if case["kind"] == "disclosure":
        assert at is not None
        asked = Asked(
            condiscon(request["disclose"]),
            dict.fromkeys(request.get("revocation", ())),
            frozenset(request.get("skipExpiryCheck", ())),
        )
        context, nonce = (
            read_number(request[name], name, bits=256) for name in ("context", "nonce")
        )
        proved = verify_disclosure(
            given, asked, known, nonce=nonce, context=context, at=at, min_key_bits=1024
        )
        return proved, len(asked.disclose), {}
    verifier = SignatureVerifier(known, time_stamps=case["trusted"], min_key_bits=1024)
    if request is None:
        signature = verifier.verify(given, at=at)
        slots = len(case["proof"]["indices"])
    else:
        signature = verifier.verify(
            given,
            SignatureRequest(request["message"], condiscon(request["disclose"])),
            nonce=read_number(request["nonce"], "nonce", bits=256),
            context=read_number(request["context"], "context", bits=256),
        )
        slots = len(request["disclose"])
    facts = {"time": int(signature.signed_at.timestamp()), "message": signature.message}
    return ProvedSlots(dict(signature), signature.extra), slots, facts


def attempt(case: dict[str, Any]) -> tuple[Found | None, str]:
    """Return what a vector proves, and the status with which it is accepted or refused."""
    try:
        return verified(case), "VALID"
    except ProofError as error:
        return None, error.status


def nothing(*_: object) -> None:
    """Check nothing."""


def condiscon(disclose: list[Any]) -> ConDisCon:
    """Return the model of a request's JSON."""
    return as_condiscon(
        [[[as_request(each) for each in option] for option in slot] for slot in disclose]
    )


def as_request(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return AttributeRequest(
        value["type"], value=value.get("value"), not_null=value.get("notNull", False)
    )


def described(attributes: Iterable[DisclosedAttribute]) -> list[Any]:
    """Return attributes as the vectors describe them."""
    return [
        {
            "id": each.attribute,
            "value": each.raw_value,
            "status": each.status.value,
            "issued": int(each.issued_at.timestamp()),
            "not_revoked": each.not_revoked,
        }
        for each in attributes
    ]


def expected(case: dict[str, Any]) -> list[Any]:
    return [
        [
            {name: each[name] for name in ("id", "value", "status", "issued")}
            | {"not_revoked": "not_revoked" in each}
            for each in attributes
        ]
        for attributes in case["expect"]["disclosed"]
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_vector_has_its_status_attributes_and_times(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proof is accepted with exactly the expected attributes, or refused with that status."""
    case = CASES[name]
    expect = case["expect"]
    found, status = attempt(case)
    assert status == expect["status"]
    if status == "EXPIRED":  # the proof is otherwise valid, and has the vector's content
        monkeypatch.setattr(proved_slots, "check_not_expired", nothing)
        monkeypatch.setattr(proved_slots, "check_key_not_expired", nothing)
        found, _ = attempt(case)
    if found is None:
        return
    proved, number_of_slots, facts = found
    lists = [described(proved.slots.get(i, ())) for i in range(number_of_slots)]
    if proved.extra:
        lists.append(described(proved.extra))
    assert lists == expected(case)
    assert facts == {key: expect[key] for key in ("time", "message") if key in expect}
