"""The checks of `answer_to`: what makes an answer, and the error class of each failure."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest

from irma_core.errors import (
    AnswerError,
    AttributeMissingError,
    AttributeNullError,
    NonRevocationError,
    NotWhatWasAskedError,
    NullAttributeError,
    ProofNotValidError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
    SignatureMismatchError,
    SlotNotAnsweredError,
    UsageError,
    WrongSessionError,
    WrongValueError,
)
from irma_core.models.answers import Answer, Evidence
from irma_core.models.condiscon import AttributeRequest, all_of, any_of, optional
from irma_core.models.credentials import CredentialRequest
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.remote_errors import RemoteError
from irma_core.models.results import SessionResult, signed_result
from irma_core.models.session_requests import (
    DisclosureRequest,
    IssuanceRequest,
    SessionRequest,
    SignatureRequest,
)
from irma_core.models.statuses import ProofStatus, SessionStatus, SessionType
from irma_core.trust.sealing import new_sealing_key
from tests.core.proving import (
    AGE,
    CLIENT_TOKEN,
    EMAIL,
    EXTRA,
    FAMILY,
    FIRST,
    FRONTEND_SECRET,
    NOW,
    NULL,
    OTHER_TOKEN,
    OVER18,
    OVER65,
    PHONE,
    PRESENT,
    RESIDENT,
    SECRET_TOKEN,
    TOKEN,
    disclosed,
    done_result,
    signature,
    started,
)
from tests.sealed_handles import handles_at

AGES = DisclosureRequest({"age": AttributeRequest(OVER18, "yes"), "email": optional(EMAIL)})
CARD = CredentialRequest(AGE, {"over18": "yes"})
SIGNING, ISSUING = SessionType.SIGNING, SessionType.ISSUING
Lists = tuple[tuple[DisclosedAttribute, ...] | None, ...]


def answer(request: SessionRequest, *lists: tuple[DisclosedAttribute, ...] | None) -> Answer:
    """Return the answer that a done and valid result makes."""
    return done_result(*lists, type=request.session_type).answer_to(started(request))


def mismatch(request: SessionRequest, *lists: tuple[DisclosedAttribute, ...] | None) -> Any:
    """Return the error that a done and valid result raises."""
    with pytest.raises(NotWhatWasAskedError) as caught:
        answer(request, *lists)
    return caught.value


def refusal(result: SessionResult, request: SessionRequest = AGES) -> Any:
    """Return the error that a result raises."""
    with pytest.raises(AnswerError) as caught:
        result.answer_to(started(request))
    return caught.value


# The session, and its end.

GOOD = ((disclosed(OVER18),), ())


def test_a_complete_valid_result_makes_an_answer() -> None:
    """An answer maps the slots to what was disclosed, and leaves out skipped slots."""
    made = done_result(*GOOD, next_session=OTHER_TOKEN).answer_to(started(AGES))
    assert list(made) == ["age"]
    assert len(made) == 1
    assert made["age"].value == "yes"
    assert "email" not in made
    assert made.get("email") is None
    with pytest.raises(KeyError):
        _ = made["email"]
    assert (made.type, made.token) == (SessionType.DISCLOSING, TOKEN)
    assert (made.signature, made.next_session) == (None, OTHER_TOKEN)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (done_result(*GOOD, token=OTHER_TOKEN), OTHER_TOKEN.fingerprint),
        (done_result(*GOOD, type=SIGNING), "expected session type disclosing, got signing"),
        (done_result(*GOOD, type=ISSUING), "expected session type disclosing, got issuing"),
        (
            done_result(*GOOD, type=SessionType.REDIRECT),
            "expected session type disclosing, got redirect",
        ),
    ],
)
def test_a_result_of_another_session_or_kind_is_refused(result: SessionResult, words: str) -> None:
    """A result of another session is refused regardless of its proof and its status."""
    for status in SessionStatus:
        error = refusal(attrs.evolve(result, status=status))
        assert type(error) is WrongSessionError
        assert error.session == TOKEN.fingerprint
        assert words in str(error)
        assert OTHER_TOKEN.reveal() not in str(error)


@pytest.mark.parametrize("proof", [None, *ProofStatus])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (SessionStatus.INITIALIZED, SessionNotFinishedError),
        (SessionStatus.PAIRING, SessionNotFinishedError),
        (SessionStatus.CONNECTED, SessionNotFinishedError),
        (SessionStatus.CANCELLED, SessionCancelledError),
        (SessionStatus.TIMEOUT, SessionTimedOutError),
    ],
)
def test_only_a_session_that_is_done_makes_an_answer(
    status: SessionStatus, kind: type[AnswerError], proof: ProofStatus | None
) -> None:
    """A valid proof of an unfinished session, as before a next session, makes no answer."""
    error = refusal(done_result(*GOOD, status=status, proof_status=proof))
    assert type(error) is kind
    if isinstance(error, SessionNotFinishedError):
        assert error.status == status.value


def test_a_cancel_shows_irmagos_error() -> None:
    """The error of an issuance that irmago cancelled for invalid proofs shows irmago's code."""
    error = RemoteError(400, "INVALID_PROOFS", "Invalid proofs", message="very private")
    cancelled = refusal(done_result(status=SessionStatus.CANCELLED, proof_status=None, error=error))
    assert isinstance(cancelled, SessionCancelledError)
    assert cancelled.code == "INVALID_PROOFS"
    assert "very private" not in str(cancelled)


def test_a_cancel_shows_no_unknown_error_name() -> None:
    """An unknown error name is not shown, since it may be a person's value."""
    error = RemoteError(400, "ADA_LOVELACE")
    cancelled = refusal(done_result(status=SessionStatus.CANCELLED, proof_status=None, error=error))
    assert "ADA" not in f"{cancelled}{error!r}"
    beside = refusal(done_result(*GOOD, error=error))
    assert isinstance(beside, ProofNotValidError)
    assert "ADA" not in str(beside)


@pytest.mark.parametrize("proof", [None, *ProofStatus])
def test_only_a_valid_proof_makes_an_answer(proof: ProofStatus | None) -> None:
    """Only a valid proof makes an answer; expired attributes are also `DONE` and `PRESENT`."""
    result = done_result(*GOOD, proof_status=proof)
    if proof is ProofStatus.VALID:
        assert result.answer_to(started(AGES))["age"].value == "yes"
    else:
        error = refusal(result)
        assert isinstance(error, ProofNotValidError)
        assert error.proof_status == (None if proof is None else proof.value)


def test_a_valid_proof_beside_an_error_makes_no_answer() -> None:
    """No server sends both a valid proof and an error, so such a result is refused."""
    error = refusal(done_result(*GOOD, error=RemoteError(500, "EXCEPTION")))
    assert isinstance(error, ProofNotValidError)
    assert "EXCEPTION" in str(error)


# Slots.


@pytest.mark.parametrize(
    ("slot", "lists"),
    [
        ("age", ()),
        ("age", (None,)),
        ("age", ((),)),
        ("age", (None, (disclosed(EMAIL, "x"),))),
        ("age", ((), (disclosed(OVER18),))),
        ("email", ((disclosed(OVER18),),)),
        ("email", ((disclosed(OVER18),), None)),
    ],
)
def test_each_slot_needs_a_list_that_is_not_null(slot: str, lists: Lists) -> None:
    """A slot needs a list, which may be empty only if the slot is optional."""
    error = mismatch(AGES, *lists)
    assert type(error) is SlotNotAnsweredError
    assert (error.slot, error.attribute) == (slot, None)
    assert f"slot '{slot}' was not answered" in str(error)


def test_lists_belong_to_slots_by_position() -> None:
    """Swapped lists fulfil no slot."""
    request = DisclosureRequest({"a": OVER18, "b": EMAIL})
    assert answer(request, (disclosed(OVER18),), (disclosed(EMAIL, "x"),))["b"].value == "x"
    error = mismatch(request, (disclosed(EMAIL, "x"),), (disclosed(OVER18),))
    assert (type(error), error.slot, error.attribute) == (AttributeMissingError, "a", OVER18)


def test_extra_lists_are_ignored() -> None:
    """Extra lists, such as those of an earlier session in a chain, are ignored."""
    more: Lists = ((disclosed(EMAIL, "x", status=EXTRA),), None, (), (disclosed(OVER18, "no"),))
    made = answer(DisclosureRequest({"age": OVER18}), (disclosed(OVER18),), *more)
    assert list(made) == ["age"]
    assert [item.attribute for item in made["age"]] == [OVER18]


def test_numbered_slots_are_read_and_named_by_number() -> None:
    """The answer and its errors refer to a numbered slot by its number."""
    request = DisclosureRequest([OVER18, EMAIL])
    assert answer(request, (disclosed(OVER18),), (disclosed(EMAIL, "x"),))[1].attribute == EMAIL
    error = mismatch(request, (disclosed(OVER18),), None)
    assert error.slot == 1
    assert "slot 1 was not answered" in str(error)


def test_the_answer_follows_the_requests_order() -> None:
    """The answer has all attributes of the chosen option, in the order of the request."""
    request = DisclosureRequest({"name": all_of(FIRST, FAMILY)})
    made = answer(request, (disclosed(FAMILY, "Lovelace"), disclosed(FIRST, "Ada")))
    assert [item.value for item in made["name"]] == ["Ada", "Lovelace"]


def test_parts_of_two_options_do_not_fulfil_a_slot() -> None:
    """Half of one option and half of another do not fulfil a slot."""
    request = DisclosureRequest({"x": any_of(all_of(FIRST, FAMILY), all_of(OVER18, OVER65))})
    assert answer(request, (disclosed(OVER65), disclosed(OVER18)))["x"].option == 1
    error = mismatch(request, (disclosed(FIRST, "Ada"), disclosed(OVER18)))
    assert (type(error), error.attribute) == (AttributeMissingError, FAMILY)


def test_the_first_option_that_is_fulfilled_is_the_answer() -> None:
    """The first fulfilled option is the answer, even if a later one is fulfilled too."""
    request = DisclosureRequest({"x": any_of(AttributeRequest(OVER18, "yes"), OVER18)})
    assert answer(request, (disclosed(OVER18),))["x"].option == 0
    assert answer(request, (disclosed(OVER18, "no"),))["x"].option == 1


def test_an_optional_slot_accepts_only_its_options() -> None:
    """An optional slot may be left out, but not filled with something else."""
    request = DisclosureRequest({"age": OVER18, "email": optional(AttributeRequest(EMAIL, "x"))})
    age = (disclosed(OVER18),)
    assert "email" not in answer(request, age, ())
    assert answer(request, age, (disclosed(EMAIL, "x"),))["email"].option == 0
    assert type(mismatch(request, age, (disclosed(EMAIL, "y"),))) is WrongValueError
    assert type(mismatch(request, age, (disclosed(PHONE, "x"),))) is AttributeMissingError


def test_extra_attributes_are_not_in_the_answer() -> None:
    """Attributes that the app disclosed beyond the request are not in the answer."""
    made = answer(
        AGES, (disclosed(OVER65, "no"), disclosed(OVER18), disclosed(EMAIL, "x", status=EXTRA)), ()
    )
    assert [item.attribute for item in made["age"]] == [OVER18]
    assert OVER65 not in made["age"]


def test_a_doubled_attribute_is_refused() -> None:
    """A doubled attribute is refused, since it is unclear which of the two would count."""
    for twice in ("yes", "no"):
        error = mismatch(AGES, (disclosed(OVER18), disclosed(OVER18, twice)), ())
        assert type(error) is AttributeMissingError
        assert (error.slot, error.attribute) == ("age", OVER18)
        assert f"{OVER18} was disclosed twice" in str(error)
    other = (disclosed(OVER65), disclosed(OVER65), disclosed(OVER18))
    assert answer(AGES, other, ())["age"].value == "yes"


def test_a_slot_that_asks_for_nothing_must_stay_empty() -> None:
    """A list for a slot that asks for nothing, as an issuance may have, must be empty."""
    request = IssuanceRequest([CARD], {"nothing": [[]]})
    assert len(answer(request, ())) == 0
    error = mismatch(request, (disclosed(OVER18),))
    assert (type(error), error.slot, error.attribute) == (AttributeMissingError, "nothing", None)


# Attributes.


def test_possession_is_proved_by_an_identifier_of_three_parts() -> None:
    """An attribute of the credential does not prove its possession."""
    request = DisclosureRequest({"card": AGE})
    assert answer(request, (disclosed(AGE, "present"),))["card"].value == "present"
    assert mismatch(request, (disclosed(OVER18),)).attribute == AGE


@pytest.mark.parametrize(
    ("asked", "given", "kind"),
    [
        (AttributeRequest(OVER18, "yes"), disclosed(OVER18, "no"), WrongValueError),
        (AttributeRequest(OVER18, "yes"), disclosed(OVER18, "Yes"), WrongValueError),
        (AttributeRequest(OVER18, "yes"), disclosed(OVER18, "yes "), WrongValueError),
        (AttributeRequest(OVER18, "yes"), disclosed(OVER18, ""), WrongValueError),
        (AttributeRequest(OVER18, ""), disclosed(OVER18, "yes"), WrongValueError),
        (AttributeRequest(FIRST, "Zo\u00eb"), disclosed(FIRST, "Zoe\u0308"), WrongValueError),
        (AttributeRequest(OVER18, "yes"), disclosed(OVER18, None), AttributeNullError),
        (AttributeRequest(OVER18, ""), disclosed(OVER18, None), AttributeNullError),
        (AttributeRequest(OVER18, not_null=True), disclosed(OVER18, None), AttributeNullError),
        (AttributeRequest(OVER18), disclosed(OVER18, None, status=PRESENT), AttributeNullError),
        (AttributeRequest(OVER18), disclosed(OVER18, "yes", status=NULL), AttributeNullError),
        (AttributeRequest(OVER18), disclosed(OVER18, status=EXTRA), AttributeMissingError),
        (AttributeRequest(OVER18), disclosed(OVER18, None, status=EXTRA), AttributeMissingError),
        (AttributeRequest(OVER18), disclosed(OVER65), AttributeMissingError),
        (AttributeRequest(OVER18), disclosed(AGE, "present"), AttributeMissingError),
        (AttributeRequest(OVER18), disclosed(OVER18.upper()), AttributeMissingError),
    ],
)
def test_a_wrong_attribute_makes_no_answer(
    asked: AttributeRequest, given: DisclosedAttribute, kind: type[AnswerError]
) -> None:
    """A wrong attribute raises the error class for its fault, with the slot but without a value."""
    error = mismatch(DisclosureRequest({"x": asked}), (given,))
    assert (type(error), error.slot, error.attribute) == (kind, "x", asked.type)
    assert error.session == TOKEN.fingerprint
    assert f"slot 'x': {asked.type} " in str(error)


def test_an_attribute_without_a_value_answers_a_plain_request() -> None:
    """An answer may have an attribute without a value, and reading that value raises."""
    made = answer(
        DisclosureRequest({"x": all_of(FIRST, PHONE)}), (disclosed(FIRST), disclosed(PHONE, None))
    )
    assert made["x"][PHONE].is_null
    with pytest.raises(NullAttributeError, match=r"phone has no value"):
        _ = made["x"][PHONE].value


@pytest.mark.parametrize("value", ["yes", "", "Zo\u00eb 🦉"])
def test_a_demanded_value_must_match_exactly(value: str) -> None:
    """A demanded value must match exactly, and so must an empty one."""
    request = DisclosureRequest({"x": AttributeRequest(FIRST, value, not_null=True)})
    assert answer(request, (disclosed(FIRST, value),))["x"].value == value


def test_translations_are_not_compared() -> None:
    """The raw value is what the issuer signed, so translations are not compared."""
    given = disclosed(OVER18, "no", translations={"": "yes", "en": "yes"})
    assert type(mismatch(AGES, (given,), ())) is WrongValueError


def test_the_error_is_about_the_nearest_option() -> None:
    """The error about a slot is for the option that comes nearest to being fulfilled."""
    request = DisclosureRequest(
        {"x": any_of(EMAIL, all_of(FIRST, FAMILY), AttributeRequest(OVER18, "yes"))}
    )
    chosen = mismatch(request, (disclosed(OVER18, "no"),))
    assert (type(chosen), chosen.attribute) == (WrongValueError, OVER18)
    half = mismatch(request, (disclosed(FIRST),))
    assert (type(half), half.attribute) == (AttributeMissingError, FAMILY)
    nothing = mismatch(request, (disclosed(PHONE),))
    assert (type(nothing), nothing.attribute) == (AttributeMissingError, EMAIL)


# Non-revocation.

RECENT: dict[str, Any] = {"not_revoked": True}
OLD: dict[str, Any] = {"not_revoked": True, "not_revoked_before": NOW}


@pytest.mark.parametrize("facts", [{}, OLD, {"not_revoked_before": NOW}])
def test_a_demanded_non_revocation_proof_must_be_recent(facts: dict[str, Any]) -> None:
    """A proof older than the tolerance is refused, though the server calls it valid."""
    request = DisclosureRequest({"x": OVER18}, revocation=[AGE])
    assert answer(request, (disclosed(OVER18, **RECENT),))["x"].value == "yes"
    error = mismatch(request, (disclosed(OVER18, **facts),))
    assert (type(error), error.slot, error.attribute) == (NonRevocationError, "x", OVER18)


def test_only_the_named_types_need_non_revocation() -> None:
    """All attributes of the named types need the proof, in every slot, possession included."""
    request = DisclosureRequest([all_of(OVER18, FIRST), AGE], revocation=[AGE])
    recent, plain = disclosed(OVER18, **RECENT), disclosed(FIRST, "Ada")
    assert answer(request, (recent, plain), (disclosed(AGE, "present", **RECENT),))[0][FIRST].value
    assert mismatch(request, (recent, plain), (disclosed(AGE, "present"),)).slot == 1
    assert answer(AGES, (disclosed(OVER18, **OLD),), ())["age"].value == "yes"


def test_another_option_needs_no_non_revocation_proof() -> None:
    """The person may choose an option that needs no non-revocation proof."""
    request = DisclosureRequest({"x": any_of(OVER18, FIRST)}, revocation=[AGE])
    assert answer(request, (disclosed(FIRST, "Ada"),))["x"].option == 1
    either = answer(request, (disclosed(OVER18), disclosed(FIRST, "Ada")))
    assert either["x"].option == 1


# Signatures and issuance.


def test_the_signed_message_must_match_exactly() -> None:
    """The signed message must match exactly, and the answer has the signature."""
    request = SignatureRequest("I agree.", {"age": OVER18})
    result = done_result(
        (disclosed(OVER18),), type=SIGNING, unchecked_signature=signature("I agree.")
    )
    assert result.answer_to(started(request)).signature == signature("I agree.")
    for other in (None, signature(""), signature("I agree. "), signature("I disagree.")):
        error = refusal(attrs.evolve(result, unchecked_signature=other), request)
        assert type(error) is SignatureMismatchError
        assert "agree" not in str(error)


def test_a_signature_does_not_replace_the_attributes() -> None:
    """The attributes of a signature are checked, since an invalid proof may have a signature."""
    request = SignatureRequest("I agree.", {"age": OVER18})
    signed: dict[str, Any] = {"type": SIGNING, "unchecked_signature": signature("I agree.")}
    assert type(refusal(done_result(None, **signed), request)) is SlotNotAnsweredError
    invalid = done_result((disclosed(OVER18),), **signed, proof_status=ProofStatus.INVALID)
    assert type(refusal(invalid, request)) is ProofNotValidError


def test_other_sessions_have_no_signature() -> None:
    """The answer of another kind of session has no signature, even if the server sends one."""
    result = done_result(*GOOD, unchecked_signature=signature("I agree."))
    assert result.answer_to(started(AGES)).signature is None


def test_an_issuance_that_asks_for_nothing_needs_no_lists() -> None:
    """An empty answer to an issuance says that the credentials were issued."""
    made = answer(IssuanceRequest([CARD]))
    assert list(made) == []
    assert made.type is ISSUING
    assert made.schemes == frozenset()


def test_a_combined_issuance_is_checked_like_a_disclosure() -> None:
    """A combined session of issuance and disclosure is checked like a disclosure."""
    request = IssuanceRequest([CARD], {"email": EMAIL})
    assert answer(request, (disclosed(EMAIL, "x"),))["email"].value == "x"
    assert type(mismatch(request)) is SlotNotAnsweredError


# The answer.


def test_an_answer_has_its_evidence_and_its_schemes() -> None:
    """An answer has its evidence, and the schemes of the requested attributes but no others."""
    request = DisclosureRequest([OVER18, "pbdf.a.b.c", optional("other.a.b.c")])
    lists: Lists = (
        (disclosed(OVER18),),
        (disclosed("pbdf.a.b.c"), disclosed("x.a.b.c")),
        (),
        (disclosed("y.a.b.c"),),
    )
    made = answer(request, *lists)
    assert made.schemes == {"example", "pbdf"}
    assert made.evidence is Evidence.TRANSPORT
    signed = signed_result(done_result(*lists)).answer_to(started(request))
    assert signed.evidence is Evidence.SIGNED


def test_a_slot_has_a_shortcut_to_its_only_attribute() -> None:
    """A slot has a shortcut to its value only if it has a single attribute."""
    request = DisclosureRequest({"age": OVER18, "name": all_of(FIRST, PHONE)})
    made = answer(request, (disclosed(OVER18),), (disclosed(FIRST, "Ada"), disclosed(PHONE, None)))
    age, name = made["age"], made["name"]
    assert (age.attribute, age.value, age.is_null) == (OVER18, "yes", False)
    assert (len(name), FIRST in name, FAMILY in name, None in name) == (2, True, False, False)
    assert (name[FIRST].value, name[PHONE].is_null) == ("Ada", True)
    with pytest.raises(KeyError):
        _ = name[FAMILY]
    reads: list[Callable[[], object]] = [
        lambda: name.value,
        lambda: name.attribute,
        lambda: name.is_null,
    ]
    for read in reads:
        with pytest.raises(UsageError, match="2 attributes: select one by its identifier"):
            read()


MADE = answer(AGES, *GOOD)


def test_an_answer_cannot_be_built() -> None:
    """Only the checks make an answer."""
    with pytest.raises(UsageError, match=r"use SessionResult\.answer_to"):
        Answer()
    with pytest.raises(TypeError):
        cast("Callable[..., object]", Answer)({"age": MADE["age"]})


def test_an_answer_made_without_checks_is_not_usable() -> None:
    """An answer that was made by unpickling or by `object` itself is not usable."""
    with pytest.raises(UsageError, match=r"use SessionResult\.answer_to"):
        Answer.__new__(Answer)
    hull = object.__new__(Answer)
    looks: tuple[Callable[[], object], ...] = (
        lambda: hull["age"],
        lambda: "age" in hull,
        lambda: hull.get("age"),
        lambda: len(hull),
        lambda: list(hull),
        lambda: hull.evidence,
        lambda: hull.token,
    )
    for look in looks:
        with pytest.raises(AttributeError):
            look()
    with pytest.raises(AttributeError):
        cast("Any", hull)._slots = {"age": MADE["age"]}


def test_an_answer_has_no_subclasses() -> None:
    """A subclass could be built, and would pass for an answer."""
    with pytest.raises(UsageError, match="cannot be subclassed"):
        type("Forged", (Answer,), {})


@pytest.mark.parametrize("name", ["token", "evidence", "signature", "type", "_slots", "new"])
def test_an_answer_cannot_be_changed(name: str) -> None:
    """The facts and the slots of an answer are frozen."""
    with pytest.raises(AttributeError):
        setattr(MADE, name, None)
    with pytest.raises((AttributeError, TypeError)):
        delattr(MADE, name)
    with pytest.raises(TypeError):
        cast("Any", MADE)["age"] = None
    with pytest.raises(TypeError):
        del cast("Any", MADE)["age"]
    with pytest.raises(TypeError):
        cast("Any", MADE)._slots["email"] = MADE["age"]
    with pytest.raises(AttributeError):
        cast("Any", MADE["age"]).attributes = ()
    with pytest.raises(AttributeError):
        cast("Any", MADE["age"].attributes[0]).raw_value = "no"
    assert MADE["age"].value == "yes"


def test_an_answer_cannot_be_evolved() -> None:
    """An answer cannot be copied with other facts."""
    with pytest.raises(attrs.exceptions.NotAnAttrsClassError):
        attrs.evolve(cast("Any", MADE), token=OTHER_TOKEN)


def test_an_answer_cannot_be_pickled() -> None:
    """An answer cannot be pickled, since an unpickled one would have passed no check."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(UsageError, match="cannot be pickled"):
            pickle.dumps(MADE, protocol)


def test_a_copy_of_an_answer_is_the_same_object() -> None:
    """A copy of an answer is the same object, since answers are immutable."""
    assert copy.copy(MADE) is MADE
    assert copy.deepcopy(MADE) is MADE
    assert copy.deepcopy([MADE])[0] is MADE


def test_an_answer_is_neither_true_nor_false() -> None:
    """An answer has no truth value, so that an empty one is not read as a refusal."""
    for made in (MADE, answer(IssuanceRequest([CARD]))):
        with pytest.raises(UsageError, match="has no truth value"):
            bool(made)


def test_no_repr_shows_a_secret_or_a_value() -> None:
    """The reprs of answer, slots, session, result and errors show no secret and no value."""
    private = "Zo\u00eb Lovelace"
    request = SignatureRequest(private, {"x": AttributeRequest(FIRST, private)})
    good = done_result(
        (disclosed(FIRST, private),), type=SIGNING, unchecked_signature=signature(private)
    )
    session = started(request)
    made = good.answer_to(session)
    errors = [
        refusal(
            attrs.evolve(good, unchecked_disclosed=((disclosed(FIRST, private + "!"),),)), request
        ),
        refusal(attrs.evolve(good, unchecked_disclosed=((disclosed(FIRST, None),),)), request),
        refusal(attrs.evolve(good, unchecked_signature=signature(private + "!")), request),
        refusal(attrs.evolve(good, token=OTHER_TOKEN), request),
    ]
    shown_texts = [
        "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        for error in errors
    ]
    models: list[object] = [made, made["x"], made["x"].attributes, made.signature, session, good]
    shown_texts += [f"{model!r}{model!s}" for model in models]
    for text in shown_texts:
        for secret in (
            "Lovelace",
            SECRET_TOKEN,
            CLIENT_TOKEN,
            FRONTEND_SECRET,
            OTHER_TOKEN.reveal(),
        ):
            assert secret not in text
    assert repr(made) == f"<Answer of session {TOKEN.fingerprint}: 'x'>"
    assert repr(answer(IssuanceRequest([CARD]))).endswith(": no slots>")


def test_a_stored_session_includes_its_request() -> None:
    """A stored session includes its request, since results are checked against it."""
    session = started(AGES)
    with pytest.raises(UsageError, match="pickled"):
        pickle.dumps(session)
    handles = handles_at(NOW, [new_sealing_key()])
    handle = handles.seal(session, binding="web session")
    session = handles.unseal(handle, binding="web session")
    assert (session.token, session.pointer.type) == (TOKEN, SessionType.DISCLOSING)
    assert session.frontend_request is not None
    assert session.frontend_request.authorization.reveal() == FRONTEND_SECRET
    assert done_result(*GOOD).answer_to(session)["age"].value == "yes"
    assert RESIDENT not in repr(session.pointer)
