"""An answer exists exactly if the result fulfils the request.

`fulfils` below states the rule a second time, as plainly as the design does. The code must agree
with it.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from irma_core.errors import (
    AnswerError,
    AttributeMissingError,
    AttributeNullError,
    NonRevocationError,
    NotWhatWasAskedError,
    ProofNotValidError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
    SignatureMismatchError,
    SlotNotAnsweredError,
    WrongSessionError,
    WrongValueError,
)
from irma_core.models.answers import Answer
from irma_core.models.condiscon import AttributeRequest, Con
from irma_core.models.disclosed import AttributeBasedSignature, DisclosedAttribute
from irma_core.models.results import SessionResult
from irma_core.models.session_requests import SessionRequest, SignatureRequest
from irma_core.models.statuses import (
    AttributeProofStatus,
    ProofStatus,
    SessionStatus,
    SessionType,
)
from irma_core.models.tokens import RequestorToken
from tests.core.generated import ASKING, Lists, any_lists, attribute, fulfilling
from tests.core.proving import EXTRA, NOW, NULL, OTHER_TOKEN, PRESENT, TOKEN, done_result, started

REASONS = {
    SlotNotAnsweredError,
    AttributeMissingError,
    AttributeNullError,
    WrongValueError,
    NonRevocationError,
}


def fulfils(option: Con, given: tuple[DisclosedAttribute, ...], not_revoked: set[str]) -> bool:
    """Return whether a list has everything that an option asks for, each exactly once."""
    for asked in option:
        found = [item for item in given if item.attribute == asked.type]
        if len(found) != 1:
            return False
        item = found[0]
        if item.raw_value is None:
            good = item.status is NULL and asked.value is None and not asked.not_null
        else:
            good = item.status is PRESENT and asked.value in {None, item.raw_value}
        if ".".join(asked.type.split(".")[:3]) in not_revoked:
            good = good and item.not_revoked and item.not_revoked_before is None
        if not good:
            return False
    return True


def is_fulfilled(request: SessionRequest, lists: Lists) -> bool:
    """Return whether each slot has a list that fulfils one of its options, or may be empty."""
    not_revoked = set(request.revocation)
    for i, disjunction in enumerate(request.disclose.disjunctions):
        given = lists[i] if i < len(lists) else None
        if given is None:
            return False
        options = [option for option in disjunction if bool(given) == bool(len(option))]
        if not any(fulfils(option, given, not_revoked) for option in options):
            return False
    return True


def result_with(request: SessionRequest, lists: Lists, **more: Any) -> SessionResult:
    """Return a done and valid result, with a signature if the request asks for one."""
    if isinstance(request, SignatureRequest):
        more = {"unchecked_signature": AttributeBasedSignature("{}", request.message), **more}
    return done_result(*lists, **{"type": request.session_type, **more})


def answer_or_error(request: SessionRequest, result: SessionResult) -> Answer | AnswerError:
    """Return the answer or the expected error of a result; any other error fails the test."""
    try:
        return result.answer_to(started(request))
    except AnswerError as error:
        return error


@st.composite
def answered(draw: st.DrawFn) -> tuple[SessionRequest, Lists]:
    """Make a request, and lists that fulfil it."""
    request = draw(ASKING)
    return request, draw(fulfilling(request.disclose))


@given(answered(), st.data())
def test_a_fulfilling_result_always_makes_an_answer(
    made: tuple[SessionRequest, Lists], data: st.DataObject
) -> None:
    """A fulfilling result makes an answer with its attributes in any order and with extra lists."""
    request, lists = made
    behind = data.draw(any_lists(list(request.disclose.attribute_types())))
    answer = result_with(request, lists + behind).answer_to(started(request))
    for slot, disjunction, given_ in zip(
        request.disclose.slots, request.disclose.disjunctions, lists, strict=True
    ):
        if not given_:
            assert slot not in answer
            continue
        option = disjunction.options[answer[slot].option]
        assert [item.attribute for item in answer[slot]] == [asked.type for asked in option]
        assert set(answer[slot]) <= set(given_)
        assert fulfils(option, given_, set(request.revocation))
    assert set(answer) <= set(request.disclose.slots)


@given(ASKING, st.data())
def test_only_fulfilling_lists_make_an_answer(request: SessionRequest, data: st.DataObject) -> None:
    """Lists that do not fulfil the request raise a known reason that names a requested slot."""
    lists = data.draw(any_lists(list(request.disclose.attribute_types())))
    outcome = answer_or_error(request, result_with(request, lists))
    assert isinstance(outcome, Answer) == is_fulfilled(request, lists)
    if isinstance(outcome, NotWhatWasAskedError):
        assert type(outcome) in REASONS
        assert outcome.slot in request.disclose.slots


def changed(item: DisclosedAttribute, **changes: Any) -> DisclosedAttribute:
    """Return a copy of a disclosed attribute with some facts changed."""
    names = ("attribute", "raw_value", "status", "issued_at", "translations", "not_revoked")
    facts = {name: getattr(item, name) for name in (*names, "not_revoked_before")}
    return DisclosedAttribute(**{**facts, **changes})


def mutations(item: DisclosedAttribute) -> list[tuple[DisclosedAttribute, ...]]:
    """Return replacements for an attribute: none, two, or one that differs."""
    other = attribute("x.y.z.other", item.raw_value)
    return [
        (),
        (other,),
        (item, item),
        (item, changed(item, raw_value=f"{item.raw_value}x", status=PRESENT)),
        (changed(item, raw_value=f"{item.raw_value}x", status=PRESENT),),
        (changed(item, raw_value="", status=PRESENT),),
        (changed(item, raw_value=None, status=NULL),),
        (changed(item, raw_value=None, status=PRESENT),),
        (changed(item, raw_value="yes", status=NULL),),
        (changed(item, status=EXTRA),),
        (changed(item, not_revoked=False),),
        (changed(item, not_revoked_before=NOW),),
    ]


@given(answered(), st.data())
def test_a_changed_attribute_makes_no_answer(
    made: tuple[SessionRequest, Lists], data: st.DataObject
) -> None:
    """An attribute that is dropped, doubled, renamed, changed, extra or revoked makes no answer."""
    request, lists = made
    places = [(i, k) for i, given_ in enumerate(lists) for k in range(len(given_ or ()))]
    assume(places)
    i, k = data.draw(st.sampled_from(places))
    whole = lists[i] or ()
    mutated = data.draw(st.sampled_from(mutations(whole[k])))
    changed: Lists = [*lists[:i], (*whole[:k], *mutated, *whole[k + 1 :]), *lists[i + 1 :]]
    outcome = answer_or_error(request, result_with(request, changed))
    assert isinstance(outcome, Answer) == is_fulfilled(request, changed)
    event("still an answer" if isinstance(outcome, Answer) else type(outcome).__name__)
    if isinstance(outcome, NotWhatWasAskedError):
        assert outcome.slot == request.disclose.slots[i]
        assert type(outcome) in REASONS


@given(answered(), st.data())
def test_a_list_that_is_dropped_null_or_empty_makes_no_answer(
    made: tuple[SessionRequest, Lists], data: st.DataObject
) -> None:
    """An empty list is an answer only for an optional slot; a null or missing list never is."""
    request, lists = made
    assume(lists)
    i = data.draw(st.integers(0, len(lists) - 1))
    null: Lists = [*lists[:i], None, *lists[i + 1 :]]
    all_null: Lists = [None for _ in lists]
    for lost in (lists[:i], null, all_null):
        outcome = answer_or_error(request, result_with(request, lost))
        assert type(outcome) is SlotNotAnsweredError
    empty: Lists = [*lists[:i], (), *lists[i + 1 :]]
    outcome = answer_or_error(request, result_with(request, empty))
    if request.disclose.disjunctions[i].is_optional:
        assert isinstance(outcome, Answer)
        assert request.disclose.slots[i] not in outcome
    else:
        assert type(outcome) is SlotNotAnsweredError


@given(answered(), st.data())
def test_a_list_counts_only_for_the_slot_at_its_position(
    made: tuple[SessionRequest, Lists], data: st.DataObject
) -> None:
    """A list counts for the slot at its position and for no other."""
    request, lists = made
    swapped = data.draw(st.permutations(lists))
    outcome = answer_or_error(request, result_with(request, swapped))
    assert isinstance(outcome, Answer) == is_fulfilled(request, swapped)


@given(
    answered(),
    st.sampled_from(SessionStatus),
    st.none() | st.sampled_from(ProofStatus),
    st.sampled_from(SessionType),
    st.sampled_from([TOKEN, OTHER_TOKEN]),
)
def test_another_status_proof_type_or_token_makes_no_answer(
    made: tuple[SessionRequest, Lists],
    status: SessionStatus,
    proof: ProofStatus | None,
    kind: SessionType,
    token: RequestorToken,
) -> None:
    """The checks of a result run in this order: another session, not finished, not valid."""
    request, lists = made
    result = result_with(request, lists, status=status, proof_status=proof, type=kind, token=token)
    expected: type[object] = Answer
    if token != TOKEN or kind is not request.session_type:
        expected = WrongSessionError
    elif status is SessionStatus.CANCELLED:
        expected = SessionCancelledError
    elif status is SessionStatus.TIMEOUT:
        expected = SessionTimedOutError
    elif not status.is_final:
        expected = SessionNotFinishedError
    elif proof is not ProofStatus.VALID:
        expected = ProofNotValidError
    assert type(answer_or_error(request, result)) is expected


@given(answered(), st.none() | st.text())
def test_a_signature_over_another_message_makes_no_answer(
    made: tuple[SessionRequest, Lists], message: str | None
) -> None:
    """A signature request is answered only by a signature over its own message."""
    request, lists = made
    signature = None if message is None else AttributeBasedSignature("{}", message)
    outcome = answer_or_error(request, result_with(request, lists, unchecked_signature=signature))
    if isinstance(request, SignatureRequest) and message != request.message:
        assert type(outcome) is SignatureMismatchError
    else:
        assert isinstance(outcome, Answer)


@given(ASKING)
def test_a_result_without_lists_answers_only_an_issuance(request: SessionRequest) -> None:
    """A result without lists answers only an issuance that asks for no disclosure."""
    outcome = answer_or_error(request, result_with(request, []))
    assert isinstance(outcome, Answer) == (len(request.disclose) == 0)


@pytest.mark.parametrize("status", AttributeProofStatus)
@pytest.mark.parametrize("value", [None, "", "yes"])
def test_the_oracle_accepts_only_possible_attributes(
    status: AttributeProofStatus, value: str | None
) -> None:
    """The oracle accepts only `NULL` without a value and `PRESENT` with a value."""
    item = attribute("a.b.c.d", value, status=status)
    expected = (value is None) == (status is NULL) and status is not EXTRA
    assert fulfils(Con((AttributeRequest("a.b.c.d"),)), (item,), set()) == expected
