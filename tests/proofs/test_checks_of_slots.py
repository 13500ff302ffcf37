"""The checks that compare the disclosed attributes with the request."""
# pyright: reportUnknownLambdaType=false
# These tests need JSON of any shape.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from irma_core.models.condiscon import AttributeRequest, all_of, any_of, optional
from irma_core.models.session_requests import SignatureRequest
from irma_core.models.statuses import AttributeProofStatus
from irma_proofs.disclosure_proof import read_proofs
from irma_proofs.metadata import attribute_value, signed_value
from irma_proofs.numbers import hash_number
from irma_proofs.proved_slots import VerifiedProof, prove_slots
from tests.proofs.attempts import PASS, SIGNED, UNSTAMPED, attempt, refused
from tests.proofs.cases import CASES, schemes

MESSAGE = CASES[SIGNED]["proof"]["message"]
NAME, EMAIL, LEVEL = "bits.mid.person.name", "bits.mid.person.email", "bits.mid.badge.level"
FIRST, SECOND = all_of(NAME, EMAIL), LEVEL


def request(*disclose: Any, **options: Any) -> SignatureRequest:
    return SignatureRequest(MESSAGE, list(disclose), **options)


def listing(*indices: Any) -> Any:
    """Return a change of the indices, which are not signed."""
    lists = [[{"cred": cred, "attr": attr} for cred, attr in places] for places in indices]
    return lambda proof: proof.update(indices=lists)


@pytest.mark.parametrize("place", [(0, 0), (0, 4), (0, 9), (2, 2), (9, 9)])
def test_indices_disclosed(place: tuple[int, int]) -> None:
    """Indices must point to disclosed attributes, and not to hidden or missing ones."""
    error = refused(SIGNED, listing([(0, 2)], [(1, 1), place]))
    assert (error.check, error.path) == ("indices_disclosed", "indices[1][1]")
    assert error.status == "INVALID"


@pytest.mark.parametrize(
    "indices",
    [
        1,
        [1],
        [[1]],
        [[{}]],
        [[{"cred": 0}]],
        [[{"cred": -1, "attr": 2}]],
        [[{"cred": True, "attr": 2}]],
        [[{"cred": 0, "attr": 2, "more": 1}]],
        [[{"cred": 10**4, "attr": 2}]],
        [[{"cred": 0.0, "attr": 2}]],
        {},
        "x",
    ],
)
def test_malformed_indices_are_refused(indices: Any) -> None:
    """Indices that are not lists of lists of places are refused."""
    error = refused(SIGNED, lambda proof: proof.update(indices=indices))
    assert error.check == "form"
    assert error.path.startswith("indices")


def test_number_of_indices() -> None:
    """Too many indices are refused: they are not signed, and could make an answer huge."""
    assert len(attempt(SIGNED, listing([(0, 2)] * 999), request=None)[0].attributes) == 999
    too_many: list[list[list[tuple[int, int]]]] = [[[(0, 2)] * 1000], [[]] * 1001]
    for lists in too_many:
        error = refused(SIGNED, listing(*lists))
        assert (error.check, error.path) == ("number_of_indices", "indices")


def test_enough_indices() -> None:
    """The indices must have a list for each slot of the request."""
    assert set(attempt(SIGNED, request=request(FIRST, SECOND))) == {0, 1}
    error = refused(SIGNED, request=request(FIRST, SECOND, optional(NAME)))
    assert (error.check, error.status) == ("enough_indices", "MISSING_ATTRIBUTES")


@pytest.mark.parametrize(
    "disjunction",
    [
        EMAIL,
        all_of(EMAIL, NAME),
        all_of(NAME, EMAIL, "bits.mid.person.phone"),
        AttributeRequest(NAME, value="Charles"),
        any_of(EMAIL, "bits.mid.badge"),
        optional(EMAIL),
    ],
)
def test_answered_slot(disjunction: Any) -> None:
    """A slot must have an option's attributes in the option's order, with the demanded values."""
    error = refused(SIGNED, request=request(disjunction))
    assert (error.check, error.status) == ("answered_slot", "MISSING_ATTRIBUTES")


def test_the_answer_names_the_first_fitting_option() -> None:
    """The answer names the first fitting option, and has only its attributes."""
    disjunction = any_of(EMAIL, AttributeRequest(NAME, value="Ada Lovelace"), FIRST)
    signature = attempt(SIGNED, request=request(disjunction))
    assert (signature[0].option, [each.attribute for each in signature[0]]) == (1, [NAME])
    # The later attributes in the list are not reported, and the badge was not requested.
    assert [(each.attribute, each.status) for each in signature.extra] == [
        (LEVEL, AttributeProofStatus.EXTRA)
    ]


def test_an_optional_slot_may_be_left_out() -> None:
    """An optional slot without attributes is not in the answer."""
    change = listing([], [(1, 1)])
    signature = attempt(SIGNED, change, request=request(optional(NAME), "bits.mid.badge"))
    assert list(signature) == [1]
    assert (signature[1].attribute, signature[1].value) == ("bits.mid.badge", "present")
    assert refused(SIGNED, change, request=request(NAME)).check == "answered_slot"


def test_a_request_can_demand_a_value() -> None:
    """An attribute without a value fits a request, unless the request demands a value."""
    name = "real-sign-null"
    phone = "bits.mid.person.phone"
    message = CASES[name]["proof"]["message"]
    signature = attempt(name, request=SignatureRequest(message, [phone]))
    assert signature[0].is_null
    demanding = SignatureRequest(message, [AttributeRequest(phone, not_null=True)])
    assert refused(name, request=demanding).check == "answered_slot"
    demanding = SignatureRequest(message, [AttributeRequest(phone, value="1")])
    assert refused(name, request=demanding).check == "answered_slot"


def test_without_a_request_groups_are_slots() -> None:
    """Without a request, the signature's groups are the slots, and the rest are extras."""
    signature = attempt(SIGNED, listing([], [(1, 2), (0, 1)]))
    assert {slot: [each.attribute for each in signature[slot]] for slot in signature} == {
        1: [LEVEL, "bits.mid.person"]
    }
    assert [each.attribute for each in signature.extra] == [NAME, EMAIL]


def test_not_expired() -> None:
    """A credential is valid in the second of its expiry, but not in the next one."""
    expires = datetime.fromtimestamp(1811376000, UTC)
    assert attempt(UNSTAMPED, at=expires).signed_at == expires
    error = refused(UNSTAMPED, at=expires + timedelta(seconds=1))
    assert (error.check, error.status) == ("not_expired", "EXPIRED")
    skipping = SignatureRequest("I agree.", [NAME], skip_expiry_check=["bits.mid.person"])
    late = expires + timedelta(days=1)
    assert attempt(UNSTAMPED, request=skipping, at=late).signed_at == late


def test_key_not_expired() -> None:
    """A credential that was issued after the key's expiry is refused."""
    error = refused("made-key-expired")
    assert (error.check, error.status) == ("key_not_expired", "EXPIRED")


def test_translations() -> None:
    """A value has the same languages as in the server's results."""
    name = attempt(SIGNED)[0][NAME]
    assert name.translations == dict.fromkeys(("", "en", "nl"), "Ada Lovelace")
    assert attempt("real-sign-null")[0].attributes[0].translations is None


@pytest.mark.parametrize(
    ("number", "version", "is_random_blind", "value"),
    [
        (0, 3, False, None),
        (2, 3, False, None),
        (1, 3, False, ""),
        (ord("a") << 1 | 1, 3, False, "a"),
        (int.from_bytes("é".encode(), "big") << 1 | 1, 3, False, "é"),
        (0xFF << 1 | 1, 3, False, "\ufffd"),
        (0, 2, False, ""),
        (ord("a"), 2, False, "a"),
        (ord("b"), 2, False, "b"),
        (61, 3, True, "Z"),
        (62, 3, True, "10"),
        (62 * 10 + 36, 2, True, "aA"),
        (0, 3, True, ""),
    ],
)
def test_attribute_value(
    number: int, version: int, *, is_random_blind: bool, value: str | None
) -> None:
    """A number encodes a string as the metadata's version says, or represents itself in base 62."""
    assert attribute_value(number, version=version, is_random_blind=is_random_blind) == value


def test_signed_value() -> None:
    """If a number is too long for the exponent, the issuer signs its hash."""
    assert signed_value(2**256 - 1, bits=256) == 2**256 - 1
    assert signed_value(2**256, bits=256) == hash_number(b"\1" + bytes(32))


def test_the_revocation_attribute_has_no_name() -> None:
    """If a revocation attribute is disclosed, its identifier ends in a dot."""
    value = CASES[PASS]["proof"]["signature"]
    known = schemes("bits", "shared")
    (proof,) = read_proofs(value, "signature", schemes=known, min_key_bits=2048)
    shown = attrs.evolve(proof, disclosed=proof.disclosed | {4: 2})
    at = datetime(2026, 11, 28, tzinfo=UTC)
    proved = prove_slots([VerifiedProof(shown, None)], [], asked=None, at=at)
    assert [each.attribute for each in proved.extra] == ["bits.mid.pass.seat", "bits.mid.pass."]
