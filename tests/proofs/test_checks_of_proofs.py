"""Each check of disclosure proofs finds one kind of fault, which no other check finds."""
# pyright: reportUnknownLambdaType=false
# These tests need JSON of any shape.

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from irma_core.errors import ProofError
from irma_proofs import disclosure_proof
from irma_proofs.challenge import check_challenges
from irma_proofs.disclosure_proof import read_proofs
from tests.proofs.attempts import (
    LOT,
    SIGNED,
    TWO,
    UNSTAMPED,
    altered,
    attempt,
    encoded,
    refused,
    refused_disclosure,
    scheme_file,
)
from tests.proofs.cases import CASES, schemes

KEY = "bits/mid/PublicKeys/0.xml"
AT = datetime(2026, 11, 28, tzinfo=UTC)


def modulus() -> int:
    key = schemes("bits", "shared").issuer_key("bits.mid", 0)
    assert key is not None
    return key.n


def prime() -> int:
    """Return a prime factor of the modulus."""
    found = re.search("<p>([0-9]+)</p>", scheme_file("bits/mid/PrivateKeys/0.xml"))
    assert found is not None
    return int(found[1])


def metadata(proof: Any) -> bytearray:
    return bytearray(b64decode(proof["signature"][0]["a_disclosed"]["1"]))


def with_metadata(change: Any) -> Any:
    """Return a change of the bytes of the first proof's metadata."""

    def spoil(proof: Any) -> None:
        data = metadata(proof)
        change(data)
        number = int.from_bytes(data, "big")
        proof["signature"][0]["a_disclosed"]["1"] = encoded(number)

    return spoil


def setting(*path: Any, to: Any) -> Any:
    """Return a change that sets one member of the first proof."""

    def spoil(proof: Any) -> None:
        target = proof["signature"][0]
        for each in path[:-1]:
            target = target[each]
        target[path[-1]] = to

    return spoil


def test_the_vector_is_valid() -> None:
    """Without a change, the signature of these tests is accepted."""
    assert attempt(SIGNED).message == CASES[SIGNED]["proof"]["message"]


def test_number_of_proofs() -> None:
    """More than 20 proofs are refused before any is read."""
    error = refused(SIGNED, lambda proof: proof.update(signature=[None] * 21))
    assert (error.check, error.path) == ("number_of_proofs", "signature")


def test_no_range_proofs() -> None:
    """Range proofs are refused explicitly."""
    error = refused(SIGNED, setting("rangeproofs", to={}))
    assert (error.check, error.path) == ("no_range_proofs", "signature[0].rangeproofs")


def test_metadata_disclosed() -> None:
    """A proof without its metadata is refused."""
    error = refused(SIGNED, lambda proof: proof["signature"][0]["a_disclosed"].pop("1"))
    assert error.check == "metadata_disclosed"


def test_metadata_length() -> None:
    """Metadata of 25 bytes is refused."""
    error = refused(SIGNED, with_metadata(lambda data: data.insert(0, 3)))
    assert error.check == "metadata_length"


@pytest.mark.parametrize("version", [0, 1, 4, 255])
def test_metadata_version(version: int) -> None:
    """Metadata of an unknown version is refused."""
    error = refused(SIGNED, with_metadata(lambda data: data.__setitem__(0, version)))
    assert error.check == "metadata_version"


def test_known_credential_type() -> None:
    """A credential of a type that is in no scheme is refused."""
    error = refused(SIGNED, with_metadata(lambda data: data.__setitem__(23, data[23] ^ 1)))
    assert error.check == "known_credential_type"


def test_known_key() -> None:
    """A credential is refused if its scheme lacks the issuer's key."""
    error = refused(SIGNED, with_metadata(lambda data: data.__setitem__(7, 9)))
    assert error.check == "known_key"


def test_key_length() -> None:
    """A key of 1024 bits is accepted only if the caller lowers the minimum length."""
    name = "real-sign-small"
    assert attempt(name).is_time_stamped
    error = refused(name, min_key_bits=2048)
    assert (error.check, error.status) == ("key_length", "INVALID")
    assert refused(SIGNED, min_key_bits=4096).check == "key_length"


def test_no_index_twice() -> None:
    """An attribute that is both disclosed and hidden is refused."""
    error = refused(SIGNED, setting("a_responses", "2", to="AQ=="))
    assert error.check == "no_index_twice"


def test_secret_key_hidden() -> None:
    """A proof without a response for the secret key is refused."""
    error = refused(SIGNED, lambda proof: proof["signature"][0]["a_responses"].pop("0"))
    assert error.check == "secret_key_hidden"


def test_the_secret_key_is_not_disclosed() -> None:
    """A proof that discloses the secret key, as if it were an attribute, is refused."""

    def spoil(proof: Any) -> None:
        first = proof["signature"][0]
        first["a_disclosed"]["0"] = first["a_responses"].pop("0")

    assert refused(SIGNED, spoil).check == "secret_key_hidden"


@pytest.mark.parametrize("member", ["a_responses", "a_disclosed"])
def test_indices_of_type(member: str) -> None:
    """An index beyond the attributes of the credential type is refused, hidden or disclosed."""
    error = refused(SIGNED, setting(member, "5", to="AQ=="))
    assert error.check == "indices_of_type"


def test_indices_of_key() -> None:
    """An index for which the issuer's key has no base is refused."""
    key = re.sub("<Base_4>.*</Base_7>", "", scheme_file(KEY), flags=re.DOTALL)
    known = altered("bits", {KEY: key.replace('num="8"', 'num="4"')})
    assert refused(SIGNED, known=known).check == "indices_of_key"


def test_group_element() -> None:
    """A must be between 1 and n-1, and coprime to n."""
    for number in (0, modulus(), modulus() + 1, prime()):
        error = refused(SIGNED, setting("A", to=encoded(number)))
        assert (error.check, error.path) == ("group_element", "signature[0].A")


def test_challenge_length() -> None:
    """A challenge of 257 bits is refused."""
    assert refused(SIGNED, setting("c", to=encoded(2**256))).check == "challenge_length"


@pytest.mark.parametrize("index", ["0", "4"])
def test_attribute_responses(index: str) -> None:
    """A response for an attribute may have as many bits as an honest one, and no more."""
    change = setting("a_responses", index, to=encoded(2 ** (256 + 128 + 256 + 1)))
    assert refused(SIGNED, change).check == "attribute_responses"
    change = setting("a_responses", index, to=encoded(2 ** (256 + 128 + 256 + 1) - 1))
    assert refused(SIGNED, change).check != "attribute_responses"


def test_e_response() -> None:
    """The response for e may have as many bits as an honest one, and no more."""
    change = setting("e_response", to=encoded(2 ** (120 + 128 + 256 + 1)))
    assert refused(SIGNED, change).check == "e_response"
    change = setting("e_response", to=encoded(2 ** (120 + 128 + 256 + 1) - 1))
    assert refused(SIGNED, change).check == "challenges"


def test_v_response() -> None:
    """The response for v may have as many bits as an honest one, and no more."""
    bits = 2048 + 2 * 128 + 256 + 256 + 4 + 128 + 256 + 1
    assert refused(SIGNED, setting("v_response", to=encoded(2**bits))).check == "v_response"
    change = setting("v_response", to=encoded(2**bits - 1))
    assert refused(SIGNED, change).check == "challenges"


def test_random_blind_length() -> None:
    """A disclosed random number is refused if it is too long to be signed without hashing."""

    def spoil(proof: Any) -> None:
        proof["proofs"][0]["a_disclosed"]["3"] = encoded(2**256)

    assert refused_disclosure(LOT, spoil).check == "random_blind_length"
    assert refused_disclosure(LOT).check == "challenges"


def test_one_secret_key() -> None:
    """Credentials of different people cannot be combined."""

    def spoil(proof: Any) -> None:
        proof["signature"][1]["a_responses"]["0"] = "AQ=="

    error = refused(SIGNED, spoil)
    assert (error.check, error.path) == ("one_secret_key", 'signature[1].a_responses["0"]')


def test_a_scheme_with_a_keyshare_server_has_its_own_secret_key() -> None:
    """Credentials of a scheme with a keyshare server share a secret key within that scheme only."""
    responses = [each["a_responses"]["0"] for each in CASES[TWO]["proof"]["signature"]]
    assert len(set(responses)) == 2
    assert attempt(TWO).schemes == {"bits", "shared"}
    path = "shared/description.xml"
    without = re.sub("<KeyshareServer>.*</KeyshareServer>", "", scheme_file(path))
    known = altered("shared", {path: without})
    assert refused(TWO, known=known).check == "one_secret_key"


def test_singletons() -> None:
    """Two credentials of a type that a person can have only once are refused."""
    assert refused("made-singleton-twice").check == "singletons"


@pytest.mark.parametrize(
    "change",
    [
        setting("c", to="AQ=="),
        setting("A", to="AQ=="),
        setting("e_response", to="AQ=="),
        setting("v_response", to="AQ=="),
        setting("a_responses", "3", to="AQ=="),
        setting("a_disclosed", "2", to="AQ=="),
        lambda proof: proof.update(message="I do not agree."),
        lambda proof: proof.update(nonce="AQ=="),
        lambda proof: proof.update(context="Ag=="),
    ],
)
def test_challenges(change: Any) -> None:
    """A change of any number, the message, the nonce or the context is found."""
    assert attempt(UNSTAMPED, at=AT).message == "I agree."
    error = refused(UNSTAMPED, change, at=AT)
    assert (error.check, error.status) == ("challenges", "INVALID")


def test_each_proof_has_the_challenge() -> None:
    """The last proof of a list must have the common challenge, too."""
    value = CASES[SIGNED]["proof"]["signature"]
    known = schemes("bits", "shared")
    first, last = read_proofs(value, "signature", schemes=known, min_key_bits=2048)
    check_challenges((first, last), first.challenge)
    with pytest.raises(ProofError) as caught:
        check_challenges((first, attrs.evolve(last, challenge=1)), first.challenge)
    assert (caught.value.check, caught.value.path) == ("challenges", "signature[1].c")


def test_form_is_checked_before_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the last proof of a list has a wrong form, nothing is computed for any of them."""

    def spoil(proof: Any) -> None:
        proof["signature"][1]["A"] = "AA=="

    def fail(*_: object) -> int:
        raise AssertionError

    monkeypatch.setattr(disclosure_proof, "product_of_powers", fail)
    assert refused(SIGNED, spoil).check == "group_element"
