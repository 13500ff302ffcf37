"""A server in Go matches the names in JSON objects regardless of case."""

from __future__ import annotations

import pytest
from hypothesis import given

from irma_core.json_text import JsonValue
from irma_core.wire.go_names import has_other_case, has_twins
from tests.core.generated import JSON

KNOWN = frozenset({"sprequest", "kid", "proofStatus"})


@pytest.mark.parametrize(
    "name",
    [
        "SPREQUEST",
        "spRequest",
        "\u017fprequest",
        "sprequeSt",
        "\u212aid",
        "KID",
        "proof\u017ftatus",
    ],
)
def test_a_known_name_in_another_case_is_found(name: str) -> None:
    """A known name is found in any case, even with the long s and the Kelvin sign of Unicode."""
    assert has_other_case([name], KNOWN)
    assert has_other_case(["kid", name], KNOWN)


@pytest.mark.parametrize(
    "name", ["kid", "kid ", "k\u0131d", "k1d", "sp", "\uff4bid", "proof_status"]
)
def test_an_exact_or_different_name_is_not_reported(name: str) -> None:
    """Exact and different names are not reported; Turkish dotless i is a different letter."""
    assert not has_other_case([name], KNOWN)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ss", "\u00df", False),
        ("\u00df", "\u1e9e", True),
        ("i", "\u0130", False),
        ("\ufb01", "fi", False),
        ("\u03c3", "\u03c2", True),
        ("\u00e9", "\u00c9", True),
        ("e\u0301", "\u00e9", False),
        ("\u1f80", "\u1f88", True),
    ],
)
def test_letters_fold_one_by_one(one: str, other: str, *, same: bool) -> None:
    """Letters fold as by Go's `unicode.SimpleFold`, without full case folding or normal forms."""
    value: JsonValue = {one: 1, other: 2}
    assert has_twins(value, {}) is same


def test_names_in_a_map_are_exact() -> None:
    """Names are compared exactly in as many nested maps as the field has, but not below them."""
    twins: JsonValue = {"a": 1, "A": 2}
    assert has_twins(twins, {"x": 1})
    assert not has_twins("a", {"x": 1})
    assert not has_twins({"x": twins}, {"x": 1})
    assert not has_twins({"x": [twins]}, {"x": 1})
    assert has_twins({"x": {"y": twins}}, {"x": 1})
    assert not has_twins({"x": {"y": twins}}, {"x": 2})
    assert has_twins({"x": {"y": {"z": twins}}}, {"x": 2})
    assert has_twins({"x": {"x": twins}}, {"x": 1})


def test_deeply_nested_names_are_found() -> None:
    """A name in two cases is found, however deeply the value is nested."""
    value: JsonValue = {"a": 1, "A": 2}
    for _ in range(100_000):
        value = [value]
    assert has_twins(value, {})
    while isinstance(value, list):  # freeing it at once would recurse
        value = value[0]


@given(JSON)
def test_a_name_twice_in_different_case_is_reported(value: JsonValue) -> None:
    """An object that has a name in two cases is found at any depth."""
    assert has_twins([{"key": value, "KEY": value}], {"other": 1})
