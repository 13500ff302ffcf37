"""JSON documents: one value, in UTF-8, that can be written again."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.json_text import JsonTextError, read_json, write_json
from irma_core.wire.values import (
    WireError,
    read_bool,
    read_int,
    read_list,
    read_object,
    read_seconds,
    read_string,
    read_time,
)
from tests.core.generated import JSON

PRIVATE = "Zoë Lovelace"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "is not JSON (at character 0)"),
        (b"{", "is not JSON (at character 1)"),
        (b"{'a':1}", "is not JSON (at character 1)"),
        (b"[1,]", "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b'"\xed\xa0\x80"', "is not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "is not UTF-8"),
        (b'"\\ud800"', "has a lone surrogate"),
        (b'{"\\uDFFF":1}', "has a lone surrogate"),
        ('"\ud800"', "has a lone surrogate"),
        (b"{}{}", "has more than one JSON value"),
        (b'"a" x', "has more than one JSON value"),
        (b"NaN", "not finite"),
        (b"[-Infinity]", "not finite"),
        (b'{"a":Infinity}', "not finite"),
        (b"1e999", "too long"),
        (b"[-1.5e400]", "too long"),
        (b"9" * 5000, "too long"),
        (b"[" * 201 + b"]" * 201, "is nested too deeply"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "is nested too deeply"),
        (b"[" * 100000, "is nested too deeply"),
        (b'{"a":' * 100000, "is nested too deeply"),
        (b"[" * 100000 + b"]" * 100000, "is nested too deeply"),
    ],
)
def test_invalid_json_is_refused_with_the_reason(text: bytes | str, reason: str) -> None:
    """Every fault of a JSON document has its own reason, and all raise the same error class."""
    with pytest.raises(JsonTextError) as caught:
        read_json(text)
    assert reason in str(caught.value)
    assert caught.value.reason == str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200 + "]" * 200,
        "[" + ",".join(["[[]]"] * 1000) + "]",
        '["' + "[{" * 1000 + '"]',
        '["\\"' + "[" * 1000 + '\\\\",[]]',
    ],
)
def test_nesting_is_counted_outside_strings(text: str) -> None:
    """JSON up to 200 levels deep is read, however many brackets its strings and lists have."""
    assert read_json(text) == json.loads(text)


def test_the_error_shows_where_a_second_value_begins() -> None:
    """The error for two JSON values says where the first one ends, as a server may send two."""
    with pytest.raises(JsonTextError) as caught:
        read_json(b'{"status":400}{"token":"x"}')
    assert caught.value.end == len('{"status":400}')
    with pytest.raises(JsonTextError) as other:
        read_json(b"{")
    assert other.value.end is None


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"Zo\u00eb Lovelace"',
        '["Zo\u00eb Lovelace"] x',
        '["Zo\u00eb Lovelace\\ud800"]',
        '["Zo\u00eb Lovelace\ud800"]',
        "Zo\u00eb Lovelace".encode() + b"\xff",
    ],
)
def test_no_error_shows_the_input(text: str | bytes) -> None:
    """An error of reading JSON shows no input, and has no native error in its chain."""
    with pytest.raises(JsonTextError) as caught:
        read_json(text)
    assert PRIVATE not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_whole_pair_of_surrogates_is_one_character() -> None:
    """A pair of surrogates is read as one character; a single surrogate is refused."""
    assert read_json(b'"\\ud83e\\udd89"') == "🦉"
    assert read_json(b'"\\ud83e\\udd89"') == read_json('"🦉"'.encode())


def test_numbers_are_exact() -> None:
    """Integers of up to thousands of digits are exact, and an integer never becomes a float."""
    big = int("9" * 4000)
    assert read_json(str(big)) == big
    assert type(read_json("1")) is int
    assert type(read_json("1.0")) is float
    assert read_json("-1.5e3") == -1500.0


def test_json_is_written_as_by_a_browser() -> None:
    """JSON is written compactly, with keys in their order and without needless escapes."""
    assert (
        write_json({"b": [1, True, None], "a": "é🦉/\u2028"})
        == '{"b":[1,true,null],"a":"é🦉/\u2028"}'
    )


@given(JSON)
def test_written_json_can_be_read_again(value: Any) -> None:
    """Written JSON is read again as a string, as bytes, and by Python's own reader."""
    text = write_json(value)
    assert read_json(text) == read_json(text.encode()) == value
    assert json.loads(text) == value


@given(st.binary() | st.text(), st.booleans())
def test_garbage_is_read_or_raises_one_error(garbage: bytes | str, quoted: bool) -> None:
    """Any bytes raise JsonTextError or are read as a value that can be written in UTF-8."""
    if quoted:
        garbage = f'"{garbage}"' if isinstance(garbage, str) else b'"' + garbage + b'"'
    try:
        value = read_json(garbage)
    except JsonTextError:
        return
    assert read_json(write_json(value).encode()) == value


# Values of one type.

EACH: list[Any] = [None, True, False, 0, 1, 1.0, 1.5, "", "1", "true", [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("value", EACH, ids=repr)
@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (read_string, str),
        (read_bool, bool),
        (read_int, int),
        (read_list, list),
        (read_object, dict),
    ],
)
def test_a_value_of_another_type_is_refused(read: Any, kind: type, value: Any) -> None:
    """Values are never converted: no null to a string, no 1 to true, no 1.0 to 1."""
    if type(value) is kind:
        assert read(value) is value
    else:
        with pytest.raises(WireError) as caught:
            read(value, ".here")
        assert caught.value.path == ".here"


@pytest.mark.parametrize("read", [read_time, read_seconds])
@pytest.mark.parametrize(
    "value", [10**11 * 10, -(10**12), 10**30, -(10**400), 1.0, True, "1", None]
)
def test_times_and_durations_are_bounded_whole_seconds(read: Any, value: Any) -> None:
    """Times and durations are whole seconds within the range of Python's types."""
    if read is read_seconds and value in (10**12, -(10**12)):
        assert read(value).total_seconds() == value
        return
    with pytest.raises(WireError) as caught:
        read(value, ".here")
    assert caught.value.path == ".here"


def test_times_are_aware() -> None:
    """Unix seconds are read as aware times in UTC."""
    assert read_time(0).isoformat() == "1970-01-01T00:00:00+00:00"
    assert read_seconds(90).total_seconds() == 90


def test_a_wire_error_has_a_path_and_survives_pickle_and_copy() -> None:
    """An enclosing value prepends to the path of a WireError; the first dot is not shown."""
    error = WireError(".id", "is missing").inside(".disclosed[0][1]")
    assert str(error) == "disclosed[0][1].id: is missing"
    assert str(WireError("", "must be an object")) == "must be an object"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (again.path, again.reason, str(again)) == (error.path, error.reason, str(error))
