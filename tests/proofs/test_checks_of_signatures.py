"""Each check of signatures and time stamps finds one kind of fault, which no other check finds."""
# pyright: reportUnknownLambdaType=false
# These tests need JSON of any shape.

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from irma_core import interfaces
from irma_core.errors import ConfigurationError, UsageError
from irma_core.models.condiscon import all_of
from irma_core.models.disclosed import AttributeBasedSignature
from irma_core.models.session_requests import SignatureRequest
from irma_proofs import SignatureVerifier
from tests.proofs.attempts import (
    SIGNED,
    TWO,
    UNSTAMPED,
    altered,
    attempt,
    refused,
    scheme_file,
    spoiled,
)
from tests.proofs.cases import CASES, schemes

MESSAGE = CASES[SIGNED]["proof"]["message"]
TIME = datetime.fromtimestamp(CASES[SIGNED]["proof"]["timestamp"]["Time"], UTC)
AT = datetime(2026, 11, 28, tzinfo=UTC)
DISCLOSE: Any = [all_of("bits.mid.person.name", "bits.mid.person.email"), "bits.mid.badge.level"]
(SERVER, (PINNED,)) = next(iter(CASES[SIGNED]["trusted"].items()))


def stamp(**changed: Any) -> Any:
    """Return a change of the time stamp."""
    return lambda proof: proof["timestamp"].update(changed)


def sig(**changed: Any) -> Any:
    """Return a change of the time stamp's signature."""
    return lambda proof: proof["timestamp"]["Sig"].update(changed)


@pytest.mark.parametrize("form", ["https://irma.app/ld/signature/v3", "x", 2, [], {}, True])
def test_form(form: Any) -> None:
    """A signature of an unknown form is refused."""
    error = refused(SIGNED, lambda proof: proof.update({"@context": form}))
    assert (error.check, error.path) == ("form", "@context")


def test_the_time_stamp_covers_the_form() -> None:
    """The time stamp of a signature in one form is not valid for the other form."""
    assert refused(SIGNED, lambda proof: proof.pop("@context")).check == "stamp_signature"


def test_message() -> None:
    """The signed message must be the message of the request."""
    assert attempt(SIGNED, request=SignatureRequest(MESSAGE, DISCLOSE)).message == MESSAGE
    error = refused(SIGNED, request=SignatureRequest(f"{MESSAGE} ", DISCLOSE))
    assert (error.check, error.status) == ("message", "UNMATCHED_REQUEST")


def test_nonce() -> None:
    """The nonce must be the nonce of the session, if the caller knows it."""
    nonce = int.from_bytes(b64decode(CASES[SIGNED]["proof"]["nonce"]), "big")
    assert attempt(SIGNED, nonce=nonce).message == MESSAGE
    error = refused(SIGNED, nonce=nonce + 1)
    assert (error.check, error.status) == ("nonce", "UNMATCHED_REQUEST")


def test_context() -> None:
    """The context must be the context of the session, if the caller knows it."""
    assert attempt(SIGNED, context=1).message == MESSAGE
    error = refused(SIGNED, context=2)
    assert (error.check, error.status) == ("context", "UNMATCHED_REQUEST")


@pytest.mark.parametrize("proofs", [[], None])
def test_some_proof(proofs: Any) -> None:
    """A signature that contains no proof is refused, because it identifies no signer."""
    error = refused(UNSTAMPED, lambda proof: proof.update(signature=proofs), at=AT)
    assert (error.check, error.status) == ("some_proof", "INVALID")


def test_time_without_stamp() -> None:
    """A signature without a time stamp is refused, unless the caller passes a time."""
    signature = attempt(UNSTAMPED, at=AT.astimezone(timezone(timedelta(hours=1))))
    assert (signature.signed_at, signature.is_time_stamped) == (AT, False)
    error = refused(UNSTAMPED)
    assert (error.check, error.status) == ("time_without_stamp", "INVALID_TIMESTAMP")
    assert refused(UNSTAMPED, at=AT, not_before=AT).check == "time_without_stamp"


def test_a_time_stamp_cannot_be_removed() -> None:
    """A signature is refused if its time stamp is removed."""
    error = refused(SIGNED, lambda proof: proof.pop("timestamp"), at=AT)
    assert error.check == "challenges"


def test_a_time_stamp_overrides_the_given_time() -> None:
    """The time of a time stamp overrides the time that the caller passed."""
    signature = attempt(SIGNED, at=datetime(2099, 1, 1, tzinfo=UTC))
    assert (signature.signed_at, signature.is_time_stamped) == (TIME, True)


def test_no_hashing() -> None:
    """A time stamp with a `Hashing` is refused."""
    error = refused(SIGNED, stamp(Hashing="x"))
    assert (error.check, error.status) == ("no_hashing", "INVALID_TIMESTAMP")


@pytest.mark.parametrize("algorithm", ["xmssmt", "Ed25519", "", None, 1, []])
def test_algorithm(algorithm: Any) -> None:
    """Only Ed25519 is supported; XMSS and others are refused explicitly."""
    error = refused(SIGNED, sig(Alg=algorithm))
    assert (error.check, error.status) == ("algorithm", "INVALID_TIMESTAMP")


@pytest.mark.parametrize("changed", [{"Data": "AQ=="}, {"PublicKey": "AQ=="}])
def test_lengths(changed: dict[str, str]) -> None:
    """The signature of a time stamp must have 64 bytes, and the key 32."""
    error = refused(SIGNED, sig(**changed))
    assert (error.check, error.status) == ("lengths", "INVALID_TIMESTAMP")


def test_time_stamp_server() -> None:
    """The schemes of a signature must all name the same time-stamping server."""
    path = "shared/description.xml"
    for url in ("", "http://127.0.0.1:8300/"):
        tag = "<TimestampServer>{}</TimestampServer>"
        text = re.sub(tag.format(".*"), tag.format(url), scheme_file(path))
        error = refused(TWO, known=altered("shared", {path: text}))
        assert (error.check, error.status) == ("time_stamp_server", "INVALID_TIMESTAMP")
    path = "bits/description.xml"
    text = re.sub("<TimestampServer>.*</TimestampServer>", "", scheme_file(path))
    assert refused(SIGNED, known=altered("bits", {path: text})).check == "time_stamp_server"


def test_the_url_in_the_time_stamp_is_ignored() -> None:
    """The scheme determines the time-stamping server, and the URL in the time stamp is ignored."""
    other = stamp(ServerUrl="https://other.example")
    assert attempt(SIGNED, other).is_time_stamped
    trusted = {"https://other.example": [PINNED]}
    assert refused(SIGNED, other, trusted=trusted).check == "pinned_key"


@pytest.mark.parametrize("trusted", [{}, {SERVER: []}, {SERVER: [bytes(32)]}])
def test_pinned_key(trusted: Any) -> None:
    """The caller must have pinned the key of the time-stamping server."""
    error = refused(SIGNED, trusted=trusted)
    assert (error.check, error.status) == ("pinned_key", "INVALID_TIMESTAMP")


@pytest.mark.parametrize(
    "trusted",
    [{SERVER: [bytes(32), b64decode(PINNED)]}, {SERVER.rstrip("/"): (PINNED,)}],
)
def test_a_key_can_be_pinned_in_several_ways(trusted: Any) -> None:
    """Keys may be bytes or base64, one or several, and the URL may end in a slash."""
    assert attempt(SIGNED, trusted=trusted).is_time_stamped


def unstamped_numbers(proof: Any) -> None:
    """Swap the A of two proofs; the time stamp covers each A in order."""
    first, second = proof["signature"]
    first["A"], second["A"] = second["A"], first["A"]


@pytest.mark.parametrize(
    "change",
    [
        stamp(Time=CASES[SIGNED]["proof"]["timestamp"]["Time"] + 1),
        sig(Data=b64encode(bytes(64)).decode()),
        lambda proof: proof.update(message="x"),
        lambda proof: proof["signature"][0]["a_disclosed"].update({"2": "AQ=="}),
        unstamped_numbers,
    ],
)
def test_stamp_signature(change: Any) -> None:
    """The server must have signed the time, the message, the attributes and each A."""
    error = refused(SIGNED, change)
    assert (error.check, error.status) == ("stamp_signature", "INVALID_TIMESTAMP")


def test_the_first_form_stamps_each_attribute() -> None:
    """In the first form, the time stamp covers each attribute itself."""

    def spoil(proof: Any) -> None:
        proof["signature"][0]["a_disclosed"]["2"] = "AQ=="

    assert attempt("made-v1").is_time_stamped
    assert refused("made-v1", spoil).check == "stamp_signature"


def test_a_key_off_the_curve_verifies_nothing() -> None:
    """A pinned key that is not on the curve verifies nothing, and causes no other kind of error."""
    for bad in (b"\2" + bytes(31), bytes(32)):
        change = sig(PublicKey=b64encode(bad).decode(), Data=b64encode(bytes(64)).decode())
        assert refused(SIGNED, change, trusted={SERVER: [bad]}).check == "stamp_signature"


def test_not_before() -> None:
    """A time stamp from before the session is refused; one from its first second is accepted."""
    for early in (timedelta(0), timedelta(seconds=1), -timedelta(milliseconds=999)):
        assert attempt(SIGNED, not_before=TIME - early).signed_at == TIME
    error = refused(SIGNED, not_before=TIME + timedelta(seconds=1))
    assert (error.check, error.status) == ("not_before", "INVALID_TIMESTAMP")


def test_a_verified_signature_has_message_time_and_slots() -> None:
    """A verified signature has a message, a time, slots and schemes, and no truth value."""
    request = SignatureRequest(MESSAGE, {"who": DISCLOSE[0], "badge": DISCLOSE[1]})
    given = AttributeBasedSignature(spoiled(SIGNED, None), MESSAGE)
    verifier: interfaces.SignatureVerifier = SignatureVerifier(
        schemes("bits", "shared"), time_stamps={SERVER: [PINNED]}
    )
    assert isinstance(verifier, interfaces.SignatureVerifier)
    signature = verifier.verify(given, request, not_before=TIME)
    assert list(signature) == ["who", "badge"]
    assert signature["who"]["bits.mid.person.email"].value == "ada@example.com"
    assert (signature["badge"].value, signature["badge"].option) == ("3", 0)
    assert (len(signature), signature.extra) == (2, ())
    assert signature.schemes == {"bits"}
    with pytest.raises(UsageError, match="no truth value"):
        bool(signature)


@pytest.mark.parametrize(
    "arguments",
    [
        {"time_stamps": {1: []}},
        {"time_stamps": {SERVER: PINNED}},
        {"time_stamps": {SERVER: 1}},
        {"time_stamps": {SERVER: ["AQ=="]}},
        {"time_stamps": {SERVER: ["?"]}},
        {"time_stamps": {SERVER: ["é"]}},
        {"time_stamps": {SERVER: [None]}},
        {"time_stamps": {}, "min_key_bits": 1023},
    ],
)
def test_wrong_settings_are_refused(arguments: Any) -> None:
    """Wrong keys and lengths raise a ConfigurationError that shows no value."""
    with pytest.raises(ConfigurationError, match=r"time_stamps|min_key_bits"):
        SignatureVerifier(schemes("bits", "shared"), **arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("x", "request"), "request"),
        ((None,), "signature"),
    ],
)
def test_wrong_arguments_are_named(arguments: Any, name: str) -> None:
    """The error for a wrong argument names the parameter."""
    verifier = SignatureVerifier(schemes("bits", "shared"), time_stamps={})
    with pytest.raises(UsageError, match=name):
        verifier.verify(*arguments)
    assert "bits" in repr(verifier)
