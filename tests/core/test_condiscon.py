"""The contents of a request: slots, their options, and the attributes in an option."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, cast

import pytest
from hypothesis import given

from irma_core.errors import RequestError
from irma_core.models.condiscon import (
    AttributeRequest,
    Con,
    ConDisCon,
    DisCon,
    all_of,
    any_of,
    as_condiscon,
    optional,
)
from tests.core.generated import CONDISCONS
from tests.core.proving import AGE, EMAIL, FAMILY, FIRST, OVER18, OVER65, RESIDENT

OVER18_YES = AttributeRequest(OVER18, value="yes")


def slot_of(*options: tuple[str, ...]) -> DisCon:
    """Return a slot with these options, made without the builders."""
    return DisCon(tuple(Con(tuple(map(AttributeRequest, option))) for option in options))


def refusal(make: Callable[[], object]) -> RequestError:
    """Return the error that a call raises."""
    with pytest.raises(RequestError) as caught:
        make()
    return caught.value


# One attribute.


def test_a_plain_attribute_demands_no_value() -> None:
    """A plain attribute may be disclosed with any value, and also without a value."""
    plain = AttributeRequest(OVER18)
    assert (plain.value, plain.not_null) == (None, False)
    assert AttributeRequest(OVER18, "yes") == OVER18_YES


@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("type", lambda: AttributeRequest("over18")),
        ("type", lambda: AttributeRequest("a.b.c.d.e")),
        ("value", lambda: AttributeRequest(OVER18, cast("str", 1))),
        ("value", lambda: AttributeRequest(OVER18, cast("str", True))),
        ("value", lambda: AttributeRequest(OVER18, "\ud800")),
        ("not_null", lambda: AttributeRequest(OVER18, not_null=cast("bool", 1))),
        ("not_null", lambda: AttributeRequest(OVER18, not_null=cast("bool", None))),
    ],
)
def test_a_malformed_attribute_is_refused_at_its_field(
    place: str, make: Callable[[], object]
) -> None:
    """A malformed attribute is refused, and no field is converted to a string or a bool."""
    assert refusal(make).path == place


def test_an_empty_value_is_a_value() -> None:
    """An empty demanded value differs from no demanded value."""
    assert AttributeRequest(OVER18, "").value == ""


def test_no_repr_shows_a_demanded_value() -> None:
    """The repr of an attribute shows that a value is demanded, but not the value."""
    asked = as_condiscon({"who": all_of(AttributeRequest(FIRST, "Ada"), FAMILY)})
    assert "Ada" not in repr(asked)
    assert "value=…" in repr(asked)
    assert "value=None" in repr(asked)


# Builders.


def test_any_of_returns_the_options_of_a_slot() -> None:
    """`any_of` takes attributes, results of `all_of`, and lists of them as options."""
    assert any_of(OVER18, OVER65) == slot_of((OVER18,), (OVER65,))
    assert any_of(OVER18, all_of(FIRST, FAMILY)) == slot_of((OVER18,), (FIRST, FAMILY))
    assert any_of(OVER18, [FIRST, FAMILY]) == slot_of((OVER18,), (FIRST, FAMILY))
    assert list(any_of(OVER18_YES)) == [Con((OVER18_YES,))]


def test_the_empty_option_comes_last() -> None:
    """The empty option goes last, since servers before 1.0.0 ignore the options after it."""
    expected = slot_of((OVER18,), (OVER65,), ())
    assert any_of([], OVER18, OVER65) == any_of(OVER18, [], OVER65) == expected
    assert as_condiscon([[[], [OVER18], [OVER65]]]) == as_condiscon([expected])
    assert DisCon((Con(), *expected.options[:2])) == expected


def test_optional_adds_the_option_to_leave_the_slot_out() -> None:
    """`optional` adds an empty inner conjunction after the other options."""
    assert optional(OVER18, OVER65) == slot_of((OVER18,), (OVER65,), ())
    assert optional(OVER18).is_optional
    assert not any_of(OVER18).is_optional
    assert len(optional(OVER18)) == 2


def test_all_of_returns_one_option() -> None:
    """`all_of` returns one option that asks for all of its attributes together."""
    assert list(all_of(FIRST, FAMILY)) == [AttributeRequest(FIRST), AttributeRequest(FAMILY)]
    assert len(all_of(FIRST, FAMILY)) == 2


@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("any_of", any_of),
        ("optional", optional),
        ("any_of[1]", lambda: any_of(OVER18, cast("str", 5))),
        ("any_of[0][0]", lambda: any_of("over18")),
        ("any_of[0]", lambda: any_of(cast("Con", any_of(OVER18)))),
        ("optional[1][0]", lambda: optional(OVER18, "over65")),
        ("all_of[1]", lambda: all_of(FIRST, "familyname")),
        ("all_of[1]", lambda: all_of(FIRST, FIRST)),
        ("all_of[2]", lambda: all_of(FIRST, OVER18, FAMILY)),
    ],
)
def test_a_builder_names_the_wrong_argument(place: str, make: Callable[[], object]) -> None:
    """A builder raises at once, so the traceback shows the line with the wrong argument."""
    assert refusal(make).path == place


# All slots.


@pytest.mark.parametrize("mapping", [dict, OrderedDict, MappingProxyType])
def test_a_mapping_names_the_slots_in_its_order(mapping: Callable[..., Any]) -> None:
    """A mapping names the slots locally; the JSON has them in the mapping's order."""
    asked = as_condiscon(mapping({"age": OVER18, "email": optional(EMAIL)}))
    assert asked.slots == ("age", "email")
    assert asked.disjunctions == (slot_of((OVER18,)), slot_of((EMAIL,), ()))
    assert list(asked.attribute_types()) == [OVER18, EMAIL]
    assert len(asked) == 2


@pytest.mark.parametrize("sequence", [list, tuple])
def test_a_sequence_numbers_the_slots(sequence: Callable[..., Any]) -> None:
    """The slots of a sequence are numbered by their positions in the JSON."""
    asked = as_condiscon(sequence([OVER18, all_of(FIRST, FAMILY)]))
    assert asked.slots == (0, 1)
    assert asked.disjunctions == (slot_of((OVER18,)), slot_of((FIRST, FAMILY)))


def test_nested_lists_mean_the_same_as_in_json() -> None:
    """The levels of nested lists are slots, options and attributes, in this order."""
    asked = as_condiscon([[[OVER18], [FIRST, FAMILY]], [[EMAIL], []]])
    assert asked.disjunctions == (slot_of((OVER18,), (FIRST, FAMILY)), slot_of((EMAIL,), ()))
    assert asked == as_condiscon([any_of(OVER18, all_of(FIRST, FAMILY)), optional(EMAIL)])
    assert as_condiscon([[OVER18, OVER65]]).disjunctions == (slot_of((OVER18,), (OVER65,)),)


def test_three_parts_ask_for_possession_of_a_credential() -> None:
    """An identifier of three parts asks for the credential, with or without its attributes."""
    assert as_condiscon([[[AGE, OVER18]]]).disjunctions == (slot_of((AGE, OVER18)),)


def test_options_and_slots_built_by_hand_are_checked() -> None:
    """A request checks options and slots that the caller built by hand."""
    wrong = ConDisCon((DisCon((Con((AttributeRequest(OVER18),) * 2),)),), ("age",))
    assert refusal(lambda: as_condiscon(wrong)).path == 'disclose["age"][0][1]'
    right = as_condiscon({"age": OVER18})
    assert as_condiscon(right) == right


@pytest.mark.parametrize(
    ("place", "disclose"),
    [
        ("disclose", OVER18),
        ("disclose", OVER18.encode()),
        ("disclose", None),
        ("disclose", 5),
        ("disclose", {OVER18}),
        ("disclose", iter([OVER18])),
        ("disclose", {"": OVER18}),
        ("disclose", {1: OVER18}),
        ("disclose", {None: OVER18}),
        ("disclose", ConDisCon((slot_of((OVER18,)),), ("a", "b"))),
        ("disclose", ConDisCon((slot_of((OVER18,)),) * 2, ("a", "a"))),
        ("disclose[0]", [[]]),
        ('disclose["age"]', {"age": []}),
        ('disclose["age"]', {"age": DisCon(())}),
        ("disclose[1]", [OVER18, None]),
        ("disclose[1]", [OVER18, 5]),
        ("disclose[0]", [{OVER18: "yes"}]),
        ("disclose[0]", [{OVER18}]),
        ("disclose[0][1]", [[[OVER18], 5]]),
        ("disclose[0][0]", [[{"type": OVER18}]]),
        ("disclose[0][0][0]", ["over18"]),
        ("disclose[0][0][0]", [[[["a.b.c.d"]]]]),
        ("disclose[0][0][1]", [[[OVER18, None]]]),
        ('disclose["age"][0][2]', {"age": [[FIRST, FAMILY, "email"]]}),
        ('disclose["who"][1][1]', {"who": [[OVER18], [FIRST, FIRST]]}),
        ('disclose["who"][0][2]', {"who": [[FIRST, OVER18, FAMILY]]}),
        ("disclose[0][0][2]", [[[RESIDENT, OVER18, FIRST]]]),
    ],
)
def test_an_invalid_condiscon_is_refused_at_its_path(place: str, disclose: object) -> None:
    """The error of an invalid condiscon has a path from the slot's own name to the attribute."""
    assert refusal(lambda: as_condiscon(disclose)).path == place


def test_the_reasons_are_readable() -> None:
    """The error of an invalid condiscon says what is wrong, in addition to the path."""
    assert "occurs twice" in refusal(lambda: all_of(FIRST, FIRST)).reason
    assert "must be adjacent" in refusal(lambda: all_of(FIRST, OVER18, FAMILY)).reason
    assert "no app could answer it" in refusal(any_of).reason
    assert (
        "without duplicates"
        in refusal(lambda: as_condiscon(ConDisCon((slot_of((OVER18,)),) * 2, ("a", "a")))).reason
    )


def test_options_and_slots_may_share_an_attribute() -> None:
    """An attribute may occur in several options and slots, but only once within an option."""
    asked = as_condiscon([any_of(OVER18, all_of(OVER18, EMAIL)), OVER18])
    assert list(asked.attribute_types()) == [OVER18, OVER18, EMAIL, OVER18]


def test_a_changed_list_leaves_the_request_unchanged() -> None:
    """A list that the caller changes later does not change the request."""
    options: list[Any] = [[OVER18], [FIRST]]
    slots = {"age": options}
    asked = as_condiscon(slots)
    options.append([EMAIL])
    slots["more"] = [[EMAIL]]
    assert asked == as_condiscon({"age": any_of(OVER18, FIRST)})


@given(CONDISCONS)
def test_any_condiscon_survives_coercion_and_pickle(asked: ConDisCon) -> None:
    """Coercion and pickle return a condiscon that is equal to the original."""
    assert as_condiscon(asked) == asked
    assert pickle.loads(pickle.dumps(asked)) == asked
    assert hash(as_condiscon(asked)) == hash(asked)
    if asked.names is not None:
        named = dict(zip(asked.names, asked.disjunctions, strict=True))
        assert as_condiscon(named) == asked
