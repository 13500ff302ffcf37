"""What makes an answer: nothing that lacks what was asked."""

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core import (
    Answer,
    AttributeBasedSignature,
    AttributeProofStatus,
    AttributeRequest,
    DisclosedAttribute,
    DisclosureRequest,
    ExtendedRequest,
    ProofStatus,
    RemoteError,
    RequestorToken,
    SessionPackage,
    SessionPointer,
    SessionResult,
    SessionStatus,
    SessionType,
    SignatureRequest,
    StartedSession,
    all_of,
    any_of,
    optional,
)
from irma_core import errors as e

A, B, C = "s.i.card.a", "s.i.card.b", "s.i.other.c"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKEN = RequestorToken("0123456789abcdefghij")
SECRET = "a-very-private-value"  # an attribute's
DONE, VALID = SessionStatus.DONE, ProofStatus.VALID
Attribute = DisclosedAttribute
REQUEST = DisclosureRequest(
    {
        "one": any_of(AttributeRequest(A, value=SECRET), all_of(A, B)),
        "two": optional(AttributeRequest(C, not_null=True)),
    }
)


def shown(name: str, value: str | None = SECRET, **more: Any) -> Attribute:
    status = AttributeProofStatus.NULL if value is None else AttributeProofStatus.PRESENT
    given: dict[str, Any] = {"status": status, "issued_at": NOW, **more}
    return Attribute(name, value, **given)


def started(request: DisclosureRequest | SignatureRequest = REQUEST) -> StartedSession:
    pointer = SessionPointer("https://irma.example/irma/session/c", SessionType.DISCLOSING)
    return StartedSession(ExtendedRequest(request), SessionPackage(pointer, TOKEN), started_at=NOW)


def result(*lists: tuple[Attribute, ...] | None, **more: Any) -> SessionResult:
    given: dict[str, Any] = {"type": SessionType.DISCLOSING, "proof_status": VALID, **more}
    return SessionResult(TOKEN, DONE, unchecked_disclosed=lists, **given)


GOOD = result((shown(A),), ())
LACKING: list[tuple[type[e.AnswerError], Callable[[], SessionResult]]] = [
    (e.SessionNotFinishedError, lambda: attrs.evolve(GOOD, status=SessionStatus.CONNECTED)),
    (e.SessionCancelledError, lambda: attrs.evolve(GOOD, status=SessionStatus.CANCELLED)),
    (e.SessionTimedOutError, lambda: attrs.evolve(GOOD, status=SessionStatus.TIMEOUT)),
    (e.ProofNotValidError, lambda: attrs.evolve(GOOD, proof_status=None)),
    (e.ProofNotValidError, lambda: attrs.evolve(GOOD, proof_status=ProofStatus.EXPIRED)),
    (e.ProofNotValidError, lambda: attrs.evolve(GOOD, error=RemoteError(400, "X"))),
    (e.WrongSessionError, lambda: attrs.evolve(GOOD, token=RequestorToken("z" * 20))),
    (e.WrongSessionError, lambda: attrs.evolve(GOOD, type=SessionType.SIGNING)),
    (e.SlotNotAnsweredError, result),
    (e.SlotNotAnsweredError, lambda: result((), ())),
    (e.SlotNotAnsweredError, lambda: result(None, ())),
    (e.SlotNotAnsweredError, lambda: result((shown(A),))),
    (e.SlotNotAnsweredError, lambda: result((shown(A),), None)),
    (e.AttributeMissingError, lambda: result((shown(B),), ())),
    (e.AttributeMissingError, lambda: result((shown(A), shown(A)), ())),
    (e.AttributeMissingError, lambda: result((shown(C),), ())),
    (e.AttributeMissingError, lambda: result((shown(A, status=AttributeProofStatus.EXTRA),), ())),
    (e.AttributeNullError, lambda: result((shown(A, None),), ())),
    (e.AttributeNullError, lambda: result((shown(A, status=AttributeProofStatus.NULL),), ())),
    (e.AttributeNullError, lambda: result((shown(A),), (shown(C, None),))),
    (e.WrongValueError, lambda: result((shown(A, "other"),), ())),
]


@pytest.mark.parametrize(("error", "make"), LACKING)
def test_each_lack_is_an_error_of_its_own(
    error: type[e.AnswerError], make: Callable[[], SessionResult]
) -> None:
    """A result that lacks anything raises, and the error shows neither value nor token."""
    with pytest.raises(error) as caught:
        make().answer_to(started())
    assert caught.value.session in str(caught.value)
    assert SECRET not in str(caught.value)
    assert TOKEN.reveal() not in repr(caught.value)


def test_a_second_option_and_an_optional_slot_answer() -> None:
    """The first option that is fulfilled whole is taken; order within a list is free."""
    answer = result((shown(B), shown(A, "x")), (shown(C),), (shown("s.i.x.y"),)).answer_to(
        started()
    )
    assert answer["one"].option == 1
    assert [shown.attribute for shown in answer["one"]] == [A, B]
    assert answer["one"][B].value == SECRET
    assert A in answer["one"]
    assert C not in answer["one"]
    assert list(answer) == ["one", "two"]
    with pytest.raises(e.UsageError, match="2 attributes"):
        _ = answer["one"].value
    with pytest.raises(KeyError):
        _ = answer["one"][C]


def test_non_revocation_must_be_proved_and_recent() -> None:
    """A demanded proof that is absent or older than tolerated makes no answer."""
    session = started(DisclosureRequest([A], revocation=["s.i.card"]))
    unproved: list[dict[str, Any]] = [{}, {"not_revoked": True, "not_revoked_before": NOW}]
    for more in unproved:
        with pytest.raises(e.NonRevocationError):
            result((shown(A, **more),)).answer_to(session)
    assert result((shown(A, not_revoked=True),)).answer_to(session)[0].value == SECRET


def test_a_signature_must_be_over_the_message_that_was_sent() -> None:
    """No signature, or one over another message, makes no answer."""
    session = started(SignatureRequest("I agree.", [A]))
    signed = result((shown(A),), type=SessionType.SIGNING)
    for signature in (None, AttributeBasedSignature("{}", "I do not.")):
        with pytest.raises(e.SignatureMismatchError):
            attrs.evolve(signed, unchecked_signature=signature).answer_to(session)
    good = AttributeBasedSignature("{}", "I agree.")
    assert attrs.evolve(signed, unchecked_signature=good).answer_to(session).signature is good


def test_an_answer_cannot_be_made_changed_pickled_or_taken_for_true() -> None:
    """An answer exists only after every check, and stays what it is."""
    answer = GOOD.answer_to(started())
    with pytest.raises(e.UsageError):
        Answer()
    untyped: Any = answer
    with pytest.raises(AttributeError):
        untyped.token = TOKEN
    with pytest.raises(e.UsageError):
        pickle.dumps(answer)
    with pytest.raises(e.UsageError):
        bool(answer)
    assert copy.copy(answer) is answer
    assert copy.deepcopy(answer) is answer
    assert SECRET not in repr(answer) + repr(answer["one"]) + repr(GOOD)
    assert answer.schemes == {"s"}


def test_a_null_value_cannot_be_read() -> None:
    """Reading the value of an attribute without one is the caller's mistake."""
    answer = result((shown(A, None),)).answer_to(started(DisclosureRequest([A])))
    assert answer[0].is_null
    with pytest.raises(e.NullAttributeError):
        _ = answer[0].value


VALUES = st.sampled_from(["yes", "no", ""])
NAMES = [A, B, C]


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1), st.randoms(), st.data())
def test_no_mutation_of_a_fulfilling_result_makes_an_answer(
    asked: dict[str, str], chance: Any, data: st.DataObject
) -> None:
    """Whatever is asked: a whole result answers it, and one with a demanded part changed never."""
    slots = list(asked)
    request = DisclosureRequest([AttributeRequest(name, value=asked[name]) for name in slots])
    lists: list[tuple[Attribute, ...] | None] = [(shown(name, asked[name]),) for name in slots]
    whole = result(*lists)
    assert len(whole.answer_to(started(request))) == len(slots)
    i = chance.randrange(len(slots))
    mutated = data.draw(
        st.sampled_from(
            [
                None,
                (),
                (shown(slots[i], None),),
                (shown(slots[i], asked[slots[i]] + "x"),),
                (shown("s.i.card.z", asked[slots[i]]),),
                (shown(slots[i], asked[slots[i]], status=AttributeProofStatus.EXTRA),),
            ]
        )
    )
    with pytest.raises(e.NotWhatWasAskedError):
        result(*lists[:i], mutated, *lists[i + 1 :]).answer_to(started(request))
    with pytest.raises(e.SlotNotAnsweredError):
        result(*lists[:-1]).answer_to(started(request))
