"""The verifier accepts any input or refuses it with a `ProofError`."""
# pyright: reportUnknownLambdaType=false
# These tests need JSON of any shape.

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irma_core.errors import ProofError
from irma_core.models.verified_signatures import VerifiedSignature
from irma_proofs import SignatureVerifier
from tests.proofs.attempts import PASS, SIGNED, UNSTAMPED, encoded, refused
from tests.proofs.cases import CASES, schemes

AT = datetime(2026, 11, 28, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=40).map(lambda data: encoded(int.from_bytes(data, "big"))),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
VERIFIERS = {
    name: SignatureVerifier(schemes("bits", "shared"), time_stamps=CASES[name]["trusted"])
    for name in (SIGNED, UNSTAMPED, PASS)
}


def outcome(name: str, data: str | bytes) -> VerifiedSignature | ProofError:
    """Return the result or the `ProofError`; any other error fails the test."""
    try:
        return VERIFIERS[name].verify(data, at=AT)
    except ProofError as error:
        return error


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every member and item in JSON."""
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


def exchanged(name: str, path: tuple[Any, ...], value: Any) -> str:
    """Return the JSON of a vector with another value at a path."""
    proof = deepcopy(CASES[name]["proof"])
    if not path:
        return json.dumps(value)
    target = proof
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(proof)


PLACES = {name: list(places(CASES[name]["proof"])) for name in VERIFIERS}


@given(st.binary(max_size=200) | st.text(max_size=200))
@example(b"")
@example(b"\xff")
@example(b"[" * 100_000)
@example('{"signature":' * 100_000)
@example("9" * 100_000)
@example("1e400")
@example('"\\ud800"')
def test_any_string_is_refused(data: str | bytes) -> None:
    """Bytes that are not the JSON of a signature are refused."""
    assert isinstance(outcome(SIGNED, data), ProofError)


@given(JSON)
def test_any_json_is_refused(value: Any) -> None:
    """JSON of another shape is refused."""
    assert isinstance(outcome(SIGNED, json.dumps(value)), ProofError)


@given(st.data())
def test_any_replaced_value_is_refused_or_discloses_nothing(data: st.DataObject) -> None:
    """A signature with another value anywhere is refused, or discloses nothing else."""
    name = data.draw(st.sampled_from(sorted(VERIFIERS)))
    path = data.draw(st.sampled_from(PLACES[name]))
    found = outcome(name, exchanged(name, path, data.draw(JSON)))
    if isinstance(found, VerifiedSignature):
        assert found.message == CASES[name]["proof"]["message"]
        known = {"Ada Lovelace", "ada@example.com", "3", "12a", "present"}
        values = {each.value for slot in found.values() for each in slot}
        assert values | {each.value for each in found.extra} <= known


def value_at(name: str, path: tuple[Any, ...]) -> Any:
    value = CASES[name]["proof"]
    for key in path:
        value = value[key]
    return value


NUMBERS = [
    (name, path)
    for name, found in PLACES.items()
    for path in found
    if path and path[0] in ("signature", "nonce", "context") and "sacc" not in path
    if isinstance(value_at(name, path), str)
]


@pytest.mark.parametrize(
    ("name", "path"),
    NUMBERS,
    ids=lambda each: each if isinstance(each, str) else ".".join(map(str, each)),
)
def test_any_other_number_is_refused(name: str, path: tuple[Any, ...]) -> None:
    """A number is refused if it is increased, has another bit, or is zero, huge or negative."""
    number = int.from_bytes(b64decode(value_at(name, path)), "big")
    others: list[Any] = [encoded(each) for each in (number + 1, number ^ 8, 0, number << 64)]
    others += [-number, -1, None, [], {}, True, 1.5, "?", f"{value_at(name, path)}="]
    for other in others:
        assert isinstance(outcome(name, exchanged(name, path, other)), ProofError)
    missing = deepcopy(CASES[name]["proof"])
    target = missing
    for key in path[:-1]:
        target = target[key]
    del target[path[-1]]
    assert isinstance(outcome(name, json.dumps(missing)), ProofError)


def test_members_are_exact() -> None:
    """Unknown, missing and malformed members are refused, and the error names their place."""
    for change, path in (
        (lambda proof: proof.update(Nonce="AQ=="), ""),
        (lambda proof: proof.pop("nonce"), "nonce"),
        (lambda proof: proof["signature"][1].update(more=1), "signature[1]"),
        (lambda proof: proof["signature"][1].pop("A"), "signature[1].A"),
        (lambda proof: proof["timestamp"].update(more=1), "timestamp"),
        (lambda proof: proof.update(timestamp=[]), "timestamp"),
        (lambda proof: proof.update(signature={}), "signature"),
        (lambda proof: proof.update(message=None), "message"),
        (lambda proof: proof["timestamp"].update(Time=2**63), "timestamp.Time"),
        (lambda proof: proof["timestamp"].update(Time="1"), "timestamp.Time"),
    ):
        error = refused(SIGNED, change)
        assert (error.check, error.path, error.status) == ("form", path, "INVALID")


def test_a_repeated_member_is_refused() -> None:
    """A repeated name in an object is refused, because readers treat it differently."""
    text = json.dumps(CASES[SIGNED]["proof"])
    twice = text.replace('"a_disclosed": {"1":', '"a_disclosed": {"2": "AQ==", "1":', 1)
    assert twice != text
    found = outcome(SIGNED, twice)
    assert isinstance(found, ProofError)
    assert "twice" in found.reason


def test_an_optional_null_member_counts_as_missing() -> None:
    """An optional member that is null counts as missing."""
    for member, value in (("rangeproofs", None), ("nonrev_proof", None)):
        proof = deepcopy(CASES[SIGNED]["proof"])
        proof["signature"][0][member] = value
        assert isinstance(outcome(SIGNED, json.dumps(proof)), VerifiedSignature)
    proof = deepcopy(CASES[UNSTAMPED]["proof"]) | {"timestamp": None}
    assert isinstance(outcome(UNSTAMPED, json.dumps(proof)), VerifiedSignature)


def test_plain_integers_are_numbers() -> None:
    """Numbers may be plain integers, as irmago accepts them."""
    proof = deepcopy(CASES[UNSTAMPED]["proof"])
    proof["context"] = 1
    first = proof["signature"][0]
    first["c"] = int.from_bytes(b64decode(first["c"]), "big")
    assert isinstance(outcome(UNSTAMPED, json.dumps(proof)), VerifiedSignature)


def test_a_huge_signature_is_refused() -> None:
    """A signature over 20 MiB is refused before it is read."""
    found = outcome(SIGNED, b" " * (20 * 2**20 + 1))
    assert isinstance(found, ProofError)
    assert "longer" in found.reason


@pytest.mark.parametrize("data", ["[[]" + ",[]" * 10**6 + "]", b"[" + b"0," * 10**6 + b"0]"])
def test_very_many_values_are_refused(data: str | bytes) -> None:
    """Millions of values are refused unread, because they would take too much memory."""
    found = outcome(SIGNED, data)
    assert isinstance(found, ProofError)
    assert "brackets" in found.reason


def test_an_error_shows_no_value() -> None:
    """No error of a changed signature quotes what was disclosed or signed."""
    for name, found in PLACES.items():
        for path in found:
            error = outcome(name, exchanged(name, path, "Zoo value"))
            if isinstance(error, ProofError):
                assert "Zoo" not in f"{error}{error!r}{vars(error)}"
                assert "Ada" not in f"{error}{error!r}{vars(error)}"
                assert error.__cause__ is None
                assert error.__context__ is None


def test_indices_may_be_missing() -> None:
    """Signatures of the first form have no indices, so all their attributes are extras."""
    proof = deepcopy(CASES["made-v1"]["proof"])
    del proof["indices"]
    verifier = SignatureVerifier(
        schemes("bits", "shared"), time_stamps=CASES["made-v1"]["trusted"], min_key_bits=1024
    )
    found = verifier.verify(json.dumps(proof))
    assert (list(found), len(found.extra)) == ([], len(proof["signature"][0]["a_disclosed"]) - 1)
