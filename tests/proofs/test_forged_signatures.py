"""Dishonest signatures, with another message, time stamp, form or session than the original.

Each is refused by the check that the test names.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from attrs import evolve

from irma_core.errors import ProofError
from irma_testing.proofs import Chance, OpenProofs, Shown, TimeStamper, sign_message
from irma_testing.proofs.signatures import signature_nonce
from tests.proofs.honest import MESSAGE, NONCE, Proof, honest, request_for
from tests.proofs.made import ISSUED, NOW, STAMPS, credential, made_scheme, shared_scheme
from tests.proofs.verifying import moment, refusal, schemes_of, verified, verifier

WEEK = 604_800
NAME = "made.small.person.name"
OTHER = TimeStamper(seed="another server")


def name(**kind: Any) -> Shown:
    return Shown(credential("small.person", **kind), ("name",))


def signature(*shown: Shown, **how: Any) -> Proof:
    """Return a signature, by default of a name, with a time stamp of `NOW`."""
    how = {"stamper": STAMPS, "at": NOW, "nonce": NONCE, **how}
    made = sign_message(MESSAGE, shown or (name(),), Chance("signature"), **how)
    return Proof("signature", made, at=how["at"])


def altered(proof: Proof, path: str, value: object) -> Proof:
    """Return a proof with another value at a path of names in its JSON."""
    *names, last = path.split(".")
    changed = deepcopy(proof.json)
    target = changed
    for each in names:
        target = target[each]
    target[last] = value
    return evolve(proof, json=changed)


def fault(proof: Proof, schemes: Any = None, **options: Any) -> tuple[str, str]:
    """Return the check that refuses a signature, and the status."""
    error = refusal(proof, schemes, **options)
    assert error is not None
    return error.check, error.status


def test_a_disclosure_is_not_a_signature() -> None:
    """Proofs of a disclosure are refused as a signature, even if the nonce is that of a message."""
    shown = [name()]
    disclosed = OpenProofs(shown, Chance("")).close(signature_nonce(MESSAGE, NONCE))
    proof = altered(signature(stamper=None), "signature", disclosed)
    assert fault(proof) == ("challenges", "INVALID")


def test_a_signature_is_not_a_disclosure() -> None:
    """Proofs of a signature are refused as a disclosure with the same nonce."""
    signed = OpenProofs([name()], Chance("")).close(NONCE, is_signature=True)
    given = {"proofs": signed, "indices": [[{"cred": 0, "attr": 2}]]}
    proof = Proof("disclosure", given, request_for("disclosure", [[[NAME]]]))
    assert fault(proof) == ("challenges", "INVALID")


def test_another_message_is_refused() -> None:
    """Another message is refused, because the nonce and the time stamp depend on the message."""
    assert fault(altered(signature(), "message", "I refuse.")) == (
        "stamp_signature",
        "INVALID_TIMESTAMP",
    )
    unstamped = altered(signature(stamper=None), "message", "I refuse.")
    assert fault(unstamped) == ("challenges", "INVALID")


def test_a_time_stamp_cannot_be_removed() -> None:
    """A signature is refused if its time stamp is removed, because that changes the nonce."""
    assert fault(altered(signature(), "timestamp", None)) == ("challenges", "INVALID")


def test_a_time_stamp_cannot_be_replaced() -> None:
    """A later time stamp of the right server is refused, because it changes the nonce too."""
    earlier, later = signature(), signature(at=NOW + 60)
    assert earlier.json["signature"][0]["A"] == later.json["signature"][0]["A"]
    exchanged = altered(earlier, "timestamp", later.json["timestamp"])
    assert fault(exchanged) == ("challenges", "INVALID")


def test_a_time_stamp_of_other_proofs_is_refused() -> None:
    """A time stamp is refused if it was made for other proofs, or if its time was changed."""
    stamped = signature(Shown(credential("small.badge")))
    other = altered(signature(), "timestamp", stamped.json["timestamp"])
    assert fault(other) == ("stamp_signature", "INVALID_TIMESTAMP")
    earlier = altered(signature(), "timestamp.Time", NOW - 1)
    assert fault(earlier) == ("stamp_signature", "INVALID_TIMESTAMP")


def test_a_time_stamp_of_an_unpinned_key_is_refused() -> None:
    """Anyone can run a time-stamping server, so only the pinned keys count."""
    assert fault(signature(stamper=OTHER)) == ("pinned_key", "INVALID_TIMESTAMP")
    claimed = altered(signature(stamper=OTHER), "timestamp.Sig.PublicKey", STAMPS.public_key)
    assert fault(claimed) == ("stamp_signature", "INVALID_TIMESTAMP")


def test_the_scheme_names_the_time_stamping_server() -> None:
    """A key that is pinned for another server than the scheme's does not count."""
    keys = {"https://elsewhere.example": [STAMPS.public_key]}
    proof = signature(stamper=evolve(STAMPS, url="https://elsewhere.example"))
    assert fault(proof, time_stamps=keys) == ("pinned_key", "INVALID_TIMESTAMP")


@pytest.mark.parametrize("url", ["", "https://other.example"])
def test_all_schemes_must_name_one_server(url: str) -> None:
    """A time stamp is refused if a scheme names another time-stamping server, or none."""
    files = made_scheme().files() | evolve(shared_scheme(), time_stamp_server=url).files()
    both = signature(name(), Shown(credential("town.person"), ("name",)))
    found = fault(both, schemes_of(files))
    assert found == ("time_stamp_server", "INVALID_TIMESTAMP")


def test_a_time_stamp_is_required_by_default() -> None:
    """A signature without a time stamp is refused, unless the caller passes the time."""
    proof = signature(stamper=None)
    assert verified(proof).slots
    with pytest.raises(ProofError) as error:
        verifier().verify(json.dumps(proof.json))
    assert (error.value.check, error.value.status) == ("time_without_stamp", "INVALID_TIMESTAMP")


def test_a_signature_from_before_the_session_is_refused() -> None:
    """A time stamp from before the session's start is refused if the caller passes that start."""
    by, proof = verifier(), json.dumps(signature().json)
    assert by.verify(proof, not_before=moment(NOW)).is_time_stamped
    with pytest.raises(ProofError) as error:
        by.verify(proof, not_before=moment(NOW + 1))
    assert error.value.check == "not_before"


@pytest.mark.parametrize(
    ("path", "value", "check"),
    [
        ("timestamp.Hashing", {}, "no_hashing"),
        ("timestamp.Sig.Alg", "xmssmt", "algorithm"),
        ("timestamp.Sig.Data", "AAAA", "lengths"),
        ("timestamp.Sig.PublicKey", "AAAA", "lengths"),
    ],
)
def test_other_kinds_of_time_stamps_are_refused(path: str, value: object, check: str) -> None:
    """Time stamps of a kind that the app never requests are refused explicitly."""
    assert fault(altered(signature(), path, value)) == (check, "INVALID_TIMESTAMP")


def test_one_form_is_not_valid_as_the_other() -> None:
    """A signature of one form is not valid as the other form, and an unknown form is refused."""
    first, second = honest("first form"), honest("one attribute")
    form = second.json["@context"]
    assert fault(altered(first, "@context", form))[0] == "stamp_signature"
    assert fault(altered(second, "@context", ""))[0] == "stamp_signature"
    assert fault(altered(second, "@context", form[:-1] + "3")) == ("form", "INVALID")


def test_a_signature_without_proofs_is_refused() -> None:
    """A signature without proofs is refused."""
    none = sign_message(MESSAGE, (), Chance(""), nonce=NONCE)
    assert fault(Proof("signature", none)) == ("some_proof", "INVALID")


def test_short_keys_are_refused_by_default() -> None:
    """A key of 1024 bits, as in demo schemes, is refused unless the caller accepts it."""
    assert fault(signature(), min_key_bits=2048) == ("key_length", "INVALID")
    assert refusal(honest("2048 bits"), min_key_bits=2048) is None


def test_an_expired_credential_is_refused() -> None:
    """A credential must be valid at the time of the time stamp, and is valid in its last second."""
    expiry = ISSUED // WEEK * WEEK + 26 * WEEK
    assert refusal(signature(at=expiry)) is None
    assert fault(signature(at=expiry + 1)) == ("not_expired", "EXPIRED")


def test_an_expired_key_signs_nothing() -> None:
    """Credentials signed after the key's expiry are refused, and earlier ones stay valid."""
    expires = ISSUED - 60 * 86_400
    before = name(counter=0, signed_at=expires, weeks=52)
    assert refusal(signature(before)) is None
    after = name(counter=0, signed_at=expires + WEEK, weeks=52)
    assert fault(signature(after)) == ("key_not_expired", "EXPIRED")


@pytest.mark.parametrize(
    ("member", "value", "check"),
    [
        ("message", "Another.", "message"),
        ("nonce", "CA==", "nonce"),
        ("context", "Ag==", "context"),
    ],
)
def test_a_signature_of_another_session_is_refused(member: str, value: str, check: str) -> None:
    """A signature of another session than the caller's is refused."""
    request = {**request_for("signature", [[[NAME]]]), member: value}
    assert fault(evolve(signature(), request=request)) == (check, "UNMATCHED_REQUEST")


MISSING = "MISSING_ATTRIBUTES"


@pytest.mark.parametrize(
    ("disclose", "expected"),
    [
        ([[["made.small.person.email"]]], ("answered_slot", MISSING)),
        ([[["made.small.badge"]]], ("answered_slot", MISSING)),
        ([[[{"type": NAME, "value": "Mallory"}]]], ("answered_slot", MISSING)),
        ([[[NAME, "made.small.person.email"]]], ("answered_slot", MISSING)),
        ([[[], ["made.small.badge"]]], ("answered_slot", MISSING)),
        ([[[NAME]], [["made.small.person"]]], ("enough_indices", MISSING)),
    ],
)
def test_each_slot_needs_the_attributes_of_an_option(
    disclose: list[Any], expected: tuple[str, str]
) -> None:
    """Each slot of the request needs the attributes of one of its options."""
    proof = evolve(signature(), request=request_for("signature", disclose))
    assert fault(proof) == expected


def test_a_request_can_demand_a_value() -> None:
    """A request can demand a value for an attribute."""
    phone = "made.small.person.phone"
    proof = signature(Shown(credential("small.person"), ("phone",)))
    for not_null, expected in ((False, None), (True, "answered_slot")):
        asked = request_for("signature", [[[{"type": phone, "notNull": not_null}]]])
        error = refusal(evolve(proof, request=asked))
        assert (error.check if error else None) == expected


@pytest.mark.parametrize("place", [{"cred": 0, "attr": 3}, {"cred": 1, "attr": 2}])
def test_indices_must_name_disclosed_attributes(place: dict[str, int]) -> None:
    """Indices are in no equation, so the verifier checks that they name disclosed attributes."""
    proof = altered(signature(), "indices", [[place]])
    assert fault(proof) == ("indices_disclosed", "INVALID")


def test_an_unrequested_attribute_is_an_extra() -> None:
    """An attribute that answers no slot of the request is reported as an extra."""
    both = Shown(credential("small.person"), ("email", "name"))
    indices = [[{"cred": 0, "attr": 2}]]
    request = request_for("signature", [[[NAME]]])
    found = verified(evolve(signature(both, indices=indices), request=request))
    assert found.slots == [[(NAME, "Ada Lovelace")]]
    assert found.extra == [("made.small.person.email", "ada@example.com")]
