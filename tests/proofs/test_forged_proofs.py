"""Dishonest proofs, each refused by one named check.

Most of them satisfy all equations and would be accepted without that check.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from attrs import evolve

from irma_testing.proofs import (
    Chance,
    Credential,
    MadeAttribute,
    MadeIssuerKey,
    MadeScheme,
    MadeType,
    OpenProofs,
    Shown,
    encode,
    issue,
    sign_index,
)
from irma_testing.proofs.encoding import cbor, json_number
from irma_testing.proofs.proving import challenge
from tests.proofs.forging import NAME, as_disclosure, closed, number_at, shift
from tests.proofs.honest import NONCE, Proof, later
from tests.proofs.made import (
    ISSUED,
    NOW,
    accumulator,
    credential,
    made_scheme,
    other_witness,
    scheme_files,
    shared_scheme,
    witness,
)
from tests.proofs.verifying import refusal, schemes_of, verified

SEAT = "made.small.pass.seat"


def key() -> MadeIssuerKey:
    return made_scheme().key_of(NAME)


def name() -> Shown:
    return Shown(credential("small.person"), ("name",))


def a_pass() -> Shown:
    return Shown(credential("small.pass"), ("seat",), witness())


def check_that_refuses(proof: Proof, schemes: Any = None) -> str | None:
    """Return the name of the check that refuses a proof."""
    error = refusal(proof, schemes)
    return error.check if error else None


class Fixed(Chance):
    """Random numbers, except that each number of one length is the same fixed number."""

    def __init__(self, count: int, number: int) -> None:
        super().__init__("fixed")
        self._fixed = count, number

    def bits(self, count: int) -> int:
        return self._fixed[1] if count == self._fixed[0] else super().bits(count)


def test_unchanged_proofs_are_accepted() -> None:
    """Without a change, the proofs that the other tests change are accepted."""
    assert verified(as_disclosure(closed(name()))).slots == [[(NAME, "Ada Lovelace")]]
    assert verified(as_disclosure(closed(a_pass()), SEAT)).not_revoked == {SEAT}


@pytest.mark.parametrize("multiple", [0, 1])
def test_an_a_of_zero_is_refused(multiple: int) -> None:
    """An A of zero makes the commitment zero for any claim, so A must be a unit."""
    a = multiple * key().n
    numbers = credential("small.person").numbers
    proof = {
        "c": json_number(challenge([a, 0], NONCE)),
        "A": json_number(a),
        "e_response": "AQ==",
        "v_response": "",
        "a_responses": {"0": "", "3": "", "4": ""},
        "a_disclosed": {"1": json_number(numbers[1]), "2": json_number(encode("Mallory"))},
    }
    assert check_that_refuses(as_disclosure([proof])) == "group_element"


def test_an_a_above_the_modulus_is_refused() -> None:
    """A + n is refused, although it equals A modulo n."""
    proofs = OpenProofs([name()], Chance("forged"))
    proofs.proofs[0].a += key().n
    proofs.proofs[0].contributions[0] += key().n
    assert check_that_refuses(as_disclosure(proofs.close(NONCE))) == "group_element"


def test_an_attribute_cannot_be_both_shown_and_hidden() -> None:
    """An attribute may not be both shown and hidden, because it could then show any value."""
    proof, lie = closed(Shown(credential("small.person")))[0], encode("Bob")
    proof["a_disclosed"]["2"] = json_number(lie)
    shift(proof["a_responses"], "2", -number_at(proof, "c") * lie)
    assert check_that_refuses(as_disclosure([proof])) == "no_index_twice"


def test_the_secret_key_must_be_hidden() -> None:
    """A proof without a response for the secret key is refused.

    It would not tie the credential to a person.
    """
    proof = closed(name(), chance=Fixed(592, 0))[0]
    del proof["a_responses"]["0"]
    proof["a_disclosed"]["0"] = json_number(credential("small.person").numbers[0])
    assert check_that_refuses(as_disclosure([proof])) == "secret_key_hidden"


def test_the_metadata_must_be_shown() -> None:
    """A proof that hides the metadata is refused, because its credential type is then unknown."""
    proof = closed(name())[0]
    proof["a_responses"]["1"] = proof["a_disclosed"].pop("1")
    assert check_that_refuses(as_disclosure([proof])) == "metadata_disclosed"


@pytest.mark.parametrize("where", ["a_responses", "a_disclosed"])
def test_an_attribute_beyond_the_type_is_refused(where: str) -> None:
    """An attribute that the type lacks is refused, although it changes no equation."""
    proof = closed(name())[0]
    proof[where]["5"] = ""
    assert check_that_refuses(as_disclosure([proof])) == "indices_of_type"


def test_an_attribute_without_a_base_is_refused() -> None:
    """A credential is refused if it has more attributes than its issuer's key has bases."""
    short = evolve(key(), bases=key().bases[:4])
    scheme = evolve(made_scheme(), keys={**made_scheme().keys, "small": (short,)})
    proof = as_disclosure(closed(name()))
    files = scheme.files() | shared_scheme().files()
    assert check_that_refuses(proof, schemes_of(files)) == "indices_of_key"


@pytest.mark.parametrize("index", ["0", "3"])
def test_a_too_long_response_for_an_attribute_is_refused(index: str) -> None:
    """A response for an attribute is refused if it is too long, although it solves the equation."""
    proof = closed(name())[0]
    shift(proof["a_responses"], index, key().order)
    assert check_that_refuses(as_disclosure([proof])) == "attribute_responses"


def test_a_too_long_response_for_e_is_refused() -> None:
    """A response for e outside of its interval is refused, because it could be a forgery."""
    proof = closed(name())[0]
    shift(proof, "e_response", key().order)
    assert check_that_refuses(as_disclosure([proof])) == "e_response"


def test_a_too_long_response_for_v_is_refused() -> None:
    """A response for v is refused if it is too long, because verifying it takes more time."""
    proof = closed(name())[0]
    shift(proof, "v_response", key().order << 1100)
    assert check_that_refuses(as_disclosure([proof])) == "v_response"


def test_a_too_long_challenge_is_refused() -> None:
    """A challenge of more than 256 bits is refused before anything is computed with it."""
    proof = closed(name())[0]
    shift(proof, "c", 1 << 256)
    assert check_that_refuses(as_disclosure([proof])) == "challenge_length"


def test_a_too_long_random_number_is_refused() -> None:
    """A random number that is too long is refused, because no issuer would sign its hash."""
    made = issue(
        made_scheme(),
        "made.small.lot",
        {"label": "x", "number": 1 << 300},
        Chance("lot"),
        signed_at=ISSUED,
    )
    proof = as_disclosure(closed(Shown(made, ("label", "number"))), "made.small.lot.label")
    assert check_that_refuses(proof) == "random_blind_length"


def test_range_proofs_are_refused() -> None:
    """A range proof is refused explicitly, because it would otherwise be ignored."""
    proof = closed(name())[0] | {"rangeproofs": {"3": []}}
    assert check_that_refuses(as_disclosure([proof])) == "no_range_proofs"


def test_more_than_twenty_proofs_are_refused() -> None:
    """More than twenty proofs are refused before anything is computed."""
    assert check_that_refuses(as_disclosure(closed(name()) * 21)) == "number_of_proofs"


@pytest.mark.parametrize("scheme", ["made", "shared"])
def test_credentials_of_two_people_are_refused(scheme: str) -> None:
    """Credentials of two people are refused, because their secret keys differ."""
    of = "small.person" if scheme == "made" else "town.person"
    both = [Shown(credential(of, holder=holder), ("name",)) for holder in ("Ada", "Mallory")]
    attribute = f"{scheme}.{of}.name"
    proof = as_disclosure(closed(*both), attribute, attribute)
    assert check_that_refuses(proof) == "one_secret_key"


def test_a_singleton_occurs_once() -> None:
    """Two credentials of a type that a person can have only once are refused."""
    two = closed(Shown(credential("small.badge")), Shown(credential("small.badge", weeks=20)))
    proof = as_disclosure(two, "made.small.badge", "made.small.badge", attribute=1)
    assert check_that_refuses(proof) == "singletons"


@pytest.mark.parametrize("version", [1, 4])
def test_metadata_of_an_unknown_version_is_refused(version: int) -> None:
    """Metadata of an unknown version is refused, because it may mean anything."""
    made = Shown(credential("small.person", version=version), ("name",))
    assert check_that_refuses(as_disclosure(closed(made))) == "metadata_version"


def test_too_long_metadata_is_refused() -> None:
    """Metadata of more than 24 bytes is refused, even if the last 24 bytes are valid."""
    proof = closed(name())[0]
    shift(proof["a_disclosed"], "1", 1 << 192)
    assert check_that_refuses(as_disclosure([proof])) == "metadata_length"


def test_an_unknown_credential_type_is_refused() -> None:
    """A credential of a scheme that the caller did not pass is refused."""
    only = schemes_of(shared_scheme().files(), {"shared": shared_scheme().public_pem})
    assert check_that_refuses(as_disclosure(closed(name())), only) == "known_credential_type"


def test_an_unknown_key_is_refused() -> None:
    """A credential is refused if its issuer's key is not in the scheme."""
    files = dict(scheme_files())
    del files["made/small/PublicKeys/2.xml"]
    signed = sign_index("made", _of("made", files), made_scheme().signing_key)
    schemes = schemes_of(signed | _of("shared", files))
    assert check_that_refuses(as_disclosure(closed(name())), schemes) == "known_key"


def _of(scheme: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path.startswith(f"{scheme}/")}


def test_a_proof_with_another_nonce_is_refused() -> None:
    """A proof is refused if the session has another nonce or context."""
    proof = as_disclosure(closed(name()))
    for member, other in (("nonce", "CA=="), ("context", "Ag==")):
        assert proof.request is not None
        changed = evolve(proof, request={**proof.request, member: other})
        assert check_that_refuses(changed) == "challenges"


def test_proofs_are_bound_to_each_other() -> None:
    """Proofs that were made together cannot be shown apart, or in another order."""
    two = closed(name(), Shown(credential("small.badge")))
    assert check_that_refuses(as_disclosure(two)) is None
    assert check_that_refuses(as_disclosure(two[:1])) == "challenges"
    turned = as_disclosure(two[::-1], "made.small.badge", attribute=1)
    assert check_that_refuses(turned) == "challenges"


# Non-revocation.


def revoked_pass(values: dict[str, str | int]) -> Credential:
    """Return the other holder's pass, which is revoked and therefore not in later accumulators."""
    chance, other = Chance("revoked"), other_witness()
    scheme = made_scheme()
    return issue(scheme, "made.small.pass", values, chance, signed_at=ISSUED, witness=other)


def test_a_revoked_credential_is_refused() -> None:
    """A revoked credential is refused, because its witness does not fit the later accumulator."""
    revoked = revoked_pass({"seat": "12a"})
    now = Shown(revoked, ("seat",), other_witness().show_with(later()))
    assert check_that_refuses(as_disclosure(closed(now), SEAT)) == "challenges"
    before = Shown(revoked, ("seat",), other_witness())
    assert verified(as_disclosure(closed(before), SEAT)).not_revoked == {SEAT}


def test_the_prime_cannot_be_in_another_attribute() -> None:
    """A revoked person cannot use another person's prime in another hidden attribute."""
    revoked = revoked_pass({"seat": "12a", "note": witness().prime})
    note = MadeAttribute("note", revocation=True)
    pretended = evolve(revoked, type=MadeType("made.small.pass", ("seat", note, "revoked")))
    shown = Shown(pretended, ("seat",), witness())
    short = Fixed(592, 1 << 578)  # so that no response is too long for a prime
    proof = as_disclosure(closed(shown, chance=short), SEAT)
    assert check_that_refuses(proof) == "challenges"


@pytest.mark.parametrize("kind", ["shown", "missing"])
def test_the_revocation_attribute_must_be_hidden(kind: str) -> None:
    """A proof of non-revocation is refused if the type's revocation attribute has no response."""
    made = closed(a_pass())[0]
    if kind == "shown":
        del made["a_responses"]["4"]
        made["a_disclosed"]["4"] = json_number(witness().prime)
        proof = as_disclosure([made], SEAT)
    else:
        other = closed(name())[0] | {"nonrev_proof": made["nonrev_proof"]}
        proof = as_disclosure([other])
    assert check_that_refuses(proof) == "revocation_response"


def test_a_too_long_response_for_the_prime_is_refused() -> None:
    """A response for the prime that is longer than an honest one is refused."""
    proof = as_disclosure(closed(a_pass(), chance=Fixed(579, (1 << 591) + 1)), SEAT)
    assert check_that_refuses(proof) == "alpha_length"


def test_a_c_u_of_zero_is_refused() -> None:
    """A C_u of zero is refused: one equation would then hold for a revoked credential too."""
    revoked = revoked_pass({"seat": "12a"})
    shown = Shown(revoked, ("seat",), evolve(other_witness().show_with(later()), u=0))
    assert check_that_refuses(as_disclosure(closed(shown), SEAT)) == "c_u"


def test_a_c_r_above_the_modulus_is_refused() -> None:
    """C_r + n is refused, although it equals C_r modulo n."""
    proofs = OpenProofs([a_pass()], Chance("forged"))
    inner = proofs.proofs[0].non_revocation
    assert inner is not None
    inner.c_r += key().n
    proofs.proofs[0].contributions[2] += key().n
    assert check_that_refuses(as_disclosure(proofs.close(NONCE), SEAT)) == "c_r"


def test_an_accumulator_that_is_not_a_unit_is_refused() -> None:
    """An accumulator that is not a unit is refused, even if the issuer signed it."""
    longer = evolve(accumulator(), nu=accumulator().nu + key().n)
    shown = Shown(credential("small.pass"), ("seat",), evolve(witness(), accumulator=longer))
    assert check_that_refuses(as_disclosure(closed(shown), SEAT)) == "nu"


def test_an_accumulator_of_another_key_is_refused() -> None:
    """The accumulator must name the key that signed the credential."""
    proof = closed(a_pass())[0]
    proof["nonrev_proof"]["sacc"]["pk"] = 0
    assert check_that_refuses(as_disclosure([proof], SEAT)) == "accumulator_counter"


def test_an_unsigned_accumulator_is_refused() -> None:
    """An unsigned accumulator is refused, because a holder could make one for any prime."""
    own = evolve(key(), accumulator_key=MadeIssuerKey.make(pair=1).accumulator_key)
    made_up = evolve(witness(), accumulator=evolve(accumulator(), key=own))
    shown = Shown(credential("small.pass"), ("seat",), made_up)
    assert check_that_refuses(as_disclosure(closed(shown), SEAT)) == "accumulator_signature"


def test_a_second_signature_in_an_accumulator_is_refused() -> None:
    """A second signature in an accumulator's data is refused, even if the first one is valid."""
    proof = closed(a_pass())[0]
    accumulator = proof["nonrev_proof"]["sacc"]
    data = base64.b64decode(accumulator["data"])
    second = cbor({"Sig": b"other"})[1:]
    twice = cbor({"Msg": 0, "Sig": 0, "": 0})[:1] + second + data[1:]
    accumulator["data"] = base64.b64encode(twice).decode()
    error = refusal(as_disclosure([proof], SEAT))
    assert error is not None
    assert (error.check, error.path) == ("form", "proofs[0].nonrev_proof.sacc.data")


def test_non_revocation_needs_a_key_that_can_revoke() -> None:
    """A proof of non-revocation is refused if the issuer's key has no members for revocation."""
    keys = {**made_scheme().keys, "small": (key().without_revocation(),)}
    files = evolve(made_scheme(), keys=keys).files() | shared_scheme().files()
    proof = as_disclosure(closed(a_pass()), SEAT)
    assert check_that_refuses(proof, schemes_of(files)) == "revocation_key"


def test_a_missing_proof_of_non_revocation_is_refused() -> None:
    """A credential without the proof of non-revocation that the request demands is refused."""
    proof = closed(Shown(credential("small.pass"), ("seat",)))
    demanded = as_disclosure(proof, SEAT, revocation=["made.small.pass"])
    assert check_that_refuses(demanded) == "non_revocation_proved"
    assert check_that_refuses(as_disclosure(proof, SEAT)) is None


def test_an_old_proof_of_non_revocation_is_refused() -> None:
    """If the request demands non-revocation, an accumulator over ten minutes old is refused."""
    proof = as_disclosure(closed(a_pass()), SEAT, revocation=["made.small.pass"])
    assert check_that_refuses(evolve(proof, at=NOW - 100 + 600)) is None
    assert check_that_refuses(evolve(proof, at=NOW - 100 + 601)) == "accumulator_age"


def test_a_type_that_its_scheme_lacks_is_refused() -> None:
    """A credential is refused if a scheme of the right name lacks its type."""
    other = MadeScheme("made", (), {}).files() | shared_scheme().files()
    proof = as_disclosure(closed(name()))
    assert check_that_refuses(proof, schemes_of(other)) == "known_credential_type"
