"""Each check of non-revocation finds one kind of fault, which no other check finds."""
# pyright: reportUnknownLambdaType=false
# These tests need JSON of any shape.

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from irma_core.models.session_requests import SignatureRequest
from irma_proofs.cbor import read_cbor_map
from irma_proofs.disclosure_proof import read_proofs
from irma_proofs.non_revocation import read_non_revocation
from irma_proofs.numbers import as_bytes
from irma_proofs.proved_slots import Place, VerifiedProof, prove_slots
from tests.proofs.attempts import PASS, SIGNED, altered, attempt, encoded, refused, scheme_file
from tests.proofs.cases import CASES, schemes

KEY = "bits/mid/PublicKeys/0.xml"
TYPE = "bits/mid/Issues/pass/description.xml"
SEAT = "bits.mid.pass.seat"
ALPHA = "4"


def nonrev(change: Any) -> Any:
    """Return a change of the proof of non-revocation."""
    return lambda proof: change(proof["signature"][0]["nonrev_proof"])


def head(major: int, number: int) -> bytes:
    """Return the head of an item of CBOR."""
    if number < 24:
        return bytes([major << 5 | number])
    return bytes([major << 5 | 27]) + number.to_bytes(8, "big")


def cbor(value: Any) -> bytes:
    """Return the CBOR of a map, a string, bytes or a number."""
    if isinstance(value, dict):
        items = (cbor(key) + cbor(item) for key, item in value.items())
        return head(5, len(value)) + b"".join(items)
    if isinstance(value, int):
        return head(0, value)
    data = value.encode() if isinstance(value, str) else value
    return head(3 if isinstance(value, str) else 2, len(data)) + data


def signed_accumulator(message: bytes) -> str:
    """Return an accumulator's CBOR, signed by the issuer."""
    found = re.search("<ECDSA>(.*)</ECDSA>", scheme_file("bits/mid/PrivateKeys/0.xml"))
    assert found is not None
    key = load_der_private_key(b64decode(found[1]), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    signature = key.sign(message, ECDSA(SHA256()))
    return b64encode(cbor({"Msg": message, "Sig": signature})).decode()


def with_accumulator(**changed: Any) -> Any:
    """Return a change of the accumulator, which the issuer signs again."""
    accumulator = {"Nu": b"\1", "Index": 1, "Time": 1795924700, "EventHash": b""} | changed
    return nonrev(lambda each: each["sacc"].update(data=signed_accumulator(cbor(accumulator))))


def modulus() -> int:
    key = schemes("bits", "shared").issuer_key("bits.mid", 0)
    assert key is not None
    return key.n


def prime() -> int:
    """Return a prime factor of the modulus."""
    found = re.search("<p>([0-9]+)</p>", scheme_file("bits/mid/PrivateKeys/0.xml"))
    assert found is not None
    return int(found[1])


def test_the_vector_is_valid() -> None:
    """Without a change, the proof of these tests shows that the pass is not revoked."""
    seat = attempt(PASS)[0][SEAT]
    assert seat.not_revoked
    assert seat.not_revoked_before is None


@pytest.mark.parametrize("member", ["G", "H", "ECDSA"])
def test_revocation_key(member: str) -> None:
    """Non-revocation is refused if the issuer's key lacks one of the three members for it."""
    key = re.sub(f"<{member}>.*</{member}>", "", scheme_file(KEY), flags=re.DOTALL)
    error = refused(PASS, known=altered("bits", {KEY: key}))
    assert (error.check, error.status) == ("revocation_key", "INVALID")


def test_accumulator_counter() -> None:
    """The accumulator must belong to the credential's key."""
    assert refused(PASS, nonrev(lambda each: each["sacc"].update(pk=1))).check == (
        "accumulator_counter"
    )


def test_accumulator_signature() -> None:
    """The issuer must have signed the accumulator."""

    def spoil(each: Any) -> None:
        data = bytearray(b64decode(each["sacc"]["data"]))
        data[-1] ^= 1
        each["sacc"]["data"] = b64encode(data).decode()

    error = refused(PASS, nonrev(spoil))
    assert (error.check, error.path) == (
        "accumulator_signature",
        "signature[0].nonrev_proof.sacc.data",
    )


def test_revocation_response_of_a_type_without_revocation() -> None:
    """A proof of non-revocation for a type that cannot be revoked is refused."""
    other = CASES[PASS]["proof"]["signature"][0]["nonrev_proof"]
    error = refused(SIGNED, lambda proof: proof["signature"][0].update(nonrev_proof=other))
    assert error.check == "revocation_response"


def test_revocation_response() -> None:
    """The revocation attribute must be hidden, so that there is a response for it."""
    error = refused(PASS, lambda proof: proof["signature"][0]["a_responses"].pop(ALPHA))
    # The time stamp covers no response, so it is still valid here.
    assert error.check == "revocation_response"


def test_alpha_in_the_proof_of_non_revocation_is_ignored() -> None:
    """A response `alpha` in the proof of non-revocation is ignored."""
    ignored = nonrev(lambda each: each["responses"].update(alpha="AQ=="))
    assert attempt(PASS, ignored)[0][SEAT].not_revoked


def test_alpha_length() -> None:
    """The response for the revocation attribute may have 580 bits, and no more."""

    def spoil(number: int) -> Any:
        return lambda proof: proof["signature"][0]["a_responses"].update({ALPHA: encoded(number)})

    assert refused(PASS, spoil(2**580)).check == "alpha_length"
    assert refused(PASS, spoil(2**580 - 1)).check == "challenges"


def no_units() -> tuple[int, ...]:
    return (0, modulus(), modulus() + 1, prime())


@pytest.mark.parametrize("number", no_units())
def test_c_r(number: int) -> None:
    """C_r must be between 1 and n-1, and coprime to n."""
    error = refused(PASS, nonrev(lambda each: each.update(C_r=encoded(number))))
    assert (error.check, error.path) == ("c_r", "signature[0].nonrev_proof.C_r")


@pytest.mark.parametrize("number", no_units())
def test_c_u(number: int) -> None:
    """C_u must be between 1 and n-1, and coprime to n."""
    error = refused(PASS, nonrev(lambda each: each.update(C_u=encoded(number))))
    assert (error.check, error.path) == ("c_u", "signature[0].nonrev_proof.C_u")


def test_nu() -> None:
    """The accumulator must be between 1 and n-1, and coprime to n, even if it is signed."""
    for number in no_units():
        assert refused(PASS, with_accumulator(Nu=as_bytes(number))).check == "nu"
    assert refused(PASS, with_accumulator(Nu=b"\1")).check == "challenges"


@pytest.mark.parametrize("member", ["C_r", "C_u"])
def test_a_changed_c_r_or_c_u_is_refused(member: str) -> None:
    """If C_r or C_u is changed, the challenge is another one, and the proof is refused."""
    change = nonrev(lambda each: each.update({member: "AQ=="}))
    assert refused(PASS, change).check == "challenges"


@pytest.mark.parametrize("member", ["beta", "delta", "epsilon", "zeta"])
def test_a_changed_response_is_refused(member: str) -> None:
    """If a response for non-revocation is changed, the challenge is another one."""
    change = nonrev(lambda each: each["responses"].update({member: "AQ=="}))
    assert refused(PASS, change).check == "challenges"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xa0",
        b"\xbf\xff",
        b"\xbb" + b"\xff" * 8,
        b"\x9f",
        cbor({"Nu": b"\1", "Index": 1, "Time": 1}),
        cbor({"Nu": b"\1", "Index": 1, "Time": 1, "Eventhash": b""}),
        cbor({"Nu": b"\1", "Index": 1, "Time": 1, "EventHash": b"", "More": b""}),
        cbor({"Nu": 1, "Index": 1, "Time": 1, "EventHash": b""}),
        cbor({"Nu": b"\1", "Index": b"\1", "Time": 1, "EventHash": b""}),
        cbor({"Nu": b"\1", "Index": 1, "Time": 1, "EventHash": b""}) + b"\0",
        cbor({"Nu": b"\1", "Index": 1, "Time": 2**60, "EventHash": b""}),
        head(5, 2) + 2 * (cbor("Nu") + cbor(b"\1")),
        head(5, 1) + head(3, 2**63) + b"Nu",
    ],
)
def test_a_malformed_accumulator_is_refused(message: bytes) -> None:
    """A signed message must be one map with exactly the members of an accumulator."""
    error = refused(
        PASS, nonrev(lambda each: each["sacc"].update(data=signed_accumulator(message)))
    )
    assert (error.check, error.path) == ("form", "signature[0].nonrev_proof.sacc.data")


def test_longer_cbor_lengths_and_numbers_are_read() -> None:
    """A length in one byte and a number in four bytes are read from CBOR."""
    one_byte = b"\xa1" + cbor("x") + b"\x58\x01" + b"y"
    assert read_cbor_map(one_byte, "", {"x": bytes}) == {"x": b"y"}
    number = b"\xa1" + cbor("x") + b"\x1a" + (70_000).to_bytes(4, "big")
    assert read_cbor_map(number, "", {"x": int}) == {"x": 70_000}


def test_non_revocation_proved() -> None:
    """A credential without a proof of non-revocation is refused if the request demands one."""

    def request(**options: Any) -> SignatureRequest:
        name = "bits.mid.person.name"
        message = CASES[SIGNED]["proof"]["message"]
        return SignatureRequest(message, [name, "bits.mid.badge.level"], **options)

    assert not attempt(SIGNED, request=request())[0].attributes[0].not_revoked
    error = refused(SIGNED, request=request(revocation=["bits.mid.person"]))
    assert (error.check, error.status) == ("non_revocation_proved", "INVALID")


def test_accumulator_age() -> None:
    """A demanded proof of non-revocation may be ten minutes old, or as old as the request says."""

    def request(tolerance: timedelta | None) -> SignatureRequest:
        return SignatureRequest("I agree.", [SEAT], revocation={"bits.mid.pass": tolerance})

    for enough in (None, timedelta(seconds=100)):
        assert attempt(PASS, request=request(enough))[0][SEAT].not_revoked_before is None
    error = refused(PASS, request=request(timedelta(seconds=99)))
    assert (error.check, error.status) == ("accumulator_age", "INVALID")


def test_the_age_of_other_proofs_is_reported() -> None:
    """If no request demands non-revocation, an old proof is accepted, and its time is reported."""
    value = CASES[PASS]["proof"]["signature"]
    known = schemes("bits", "shared")
    (proof,) = read_proofs(value, "signature", schemes=known, min_key_bits=2048)
    verified = VerifiedProof(proof, read_non_revocation(proof))
    time = datetime.fromtimestamp(1795924700, UTC)
    for late, before in ((0, None), (1, time)):
        at = time + timedelta(minutes=10, seconds=late)
        seat = prove_slots([verified], [[Place(0, 2)]], asked=None, at=at).slots[0][SEAT]
        assert seat.not_revoked
        assert seat.not_revoked_before == before
