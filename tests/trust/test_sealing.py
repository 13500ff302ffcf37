"""Sealed strings: they can be opened for the same purpose and visitor until they expire."""

from __future__ import annotations

import json
import pickle
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import (
    ConfigurationError,
    HandleExpiredError,
    HandleInvalidError,
    UsageError,
    WrongBindingError,
    WrongPurposeError,
)
from irma_core.json_text import JsonValue
from irma_core.trust.sealing import LARGEST_SEALED, Sealer, new_sealing_key
from tests.core.generated import JSON

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
OLD, NEW = new_sealing_key(), new_sealing_key()
SEALER = Sealer([NEW])
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "sealed" / "texts.json").read_text("utf-8")
)


def seal(value: JsonValue = "v", *, binding: str | None = None, sealer: Sealer = SEALER) -> str:
    return sealer.seal(value, purpose="login", now=NOW, lifetime=HOUR, binding=binding)


def unseal(text: object, **other: Any) -> JsonValue:
    settings: dict[str, Any] = {"purpose": "login", "now": NOW, **other}
    return SEALER.unseal(text, **settings)


@given(JSON, st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_sealed_string_can_be_opened(value: JsonValue, binding: str | None) -> None:
    """A sealed string can be opened, and can be part of a URL, a header or a cookie unchanged."""
    text = seal(value, binding=binding)
    assert unseal(text, binding=binding) == value
    assert set(text) <= set(ALPHABET)


def test_sealing_hides_the_content() -> None:
    """A sealed string does not even show that the same content was sealed twice."""
    text = seal("value", binding="web session")
    assert text != seal("value", binding="web session")
    assert len(text) == len(seal("eulav", binding="another one"))


@given(st.data())
def test_a_changed_sealed_string_is_refused(data: st.DataObject) -> None:
    """A changed, lost or added character is refused, while Fernet alone would accept some."""
    text = seal()
    place = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from(["", *ALPHABET, *"=+/ \n.!"]))
    length = data.draw(st.integers(0, 1))
    changed = text[:place] + put + text[place + length :]
    if changed != text:
        with pytest.raises(HandleInvalidError):
            unseal(changed)


@given(st.text() | st.binary() | st.none() | st.integers() | st.text(ALPHABET))
def test_any_other_value_is_refused(text: object) -> None:
    """A value that is not a sealed string is refused with the same error, whatever its type."""
    with pytest.raises(HandleInvalidError):
        unseal(text)


def test_a_sealed_string_has_a_limit() -> None:
    """A sealed string over the limit is not opened, and cannot be made."""
    with pytest.raises(HandleInvalidError):
        unseal("A" * (LARGEST_SEALED + 1))
    with pytest.raises(UsageError, match="when sealed"):
        seal([new_sealing_key() for _ in range(LARGEST_SEALED // 44)])


@pytest.mark.parametrize(
    "packed",
    [
        b"no zlib",
        zlib.compress(b"no JSON"),
        zlib.compress(b'{"purpose": "login"}'),
        zlib.compress(b'["login", 4000000000, null]'),
    ],
)
def test_a_string_of_another_program_is_refused(packed: bytes) -> None:
    """A string that another program sealed with the same key is refused with a clear error."""
    with pytest.raises(HandleInvalidError):
        unseal(Fernet(NEW).encrypt(packed).decode().rstrip("="))


@pytest.mark.parametrize("expires", [b'"4000000000"', b"null", b"4e9", b"[]"])
def test_a_string_without_a_valid_expiry_is_refused(expires: bytes) -> None:
    """A sealed string without a valid expiry was not made by this library, and is refused."""
    packed = zlib.compress(b'["login", %s, null, "v"]' % expires)
    with pytest.raises(HandleExpiredError):
        unseal(Fernet(NEW).encrypt(packed).decode().rstrip("="))


def test_a_sealed_string_expires() -> None:
    """A sealed string expires by the given clock, not by the machine's."""
    assert unseal(seal(), now=NOW + HOUR - SECOND) == "v"
    with pytest.raises(HandleExpiredError, match="start again"):
        unseal(seal(), now=NOW + HOUR)


@pytest.mark.parametrize("purpose", ["Login", "login2"])
def test_a_sealed_string_is_for_its_purpose(purpose: str) -> None:
    """A string that was sealed for a page is refused in the URL of a callback."""
    with pytest.raises(WrongPurposeError):
        unseal(seal(), purpose=purpose)


@pytest.mark.parametrize(
    ("sealed_for", "brought_by"),
    [
        ("Ada's", "Bob's"),
        ("Ada's", ""),
        ("Ada's", None),
        (None, "Bob's"),
        (None, ""),
        ("None", None),
        (None, "None"),
    ],
)
def test_a_sealed_string_is_for_one_web_session(
    sealed_for: str | None, brought_by: str | None
) -> None:
    """A bound string is refused in other web sessions, and an unbound string in all of them."""
    with pytest.raises(WrongBindingError):
        unseal(seal(binding=sealed_for), binding=brought_by)


def test_the_binding_is_checked_before_the_age() -> None:
    """Another visitor's string reveals nothing, not even that it has expired."""
    with pytest.raises(WrongBindingError):
        unseal(seal(binding="Ada's"), binding="Bob's", now=NOW + HOUR)


def test_keys_can_be_rotated() -> None:
    """The first key seals; an older key opens what it sealed until it is removed."""
    before, during, after = Sealer([OLD]), Sealer([NEW, OLD]), Sealer([NEW])
    given_out = seal(sealer=before)
    assert during.unseal(given_out, purpose="login", now=NOW) == "v"
    assert after.unseal(seal(sealer=during), purpose="login", now=NOW) == "v"
    with pytest.raises(HandleInvalidError):
        after.unseal(given_out, purpose="login", now=NOW)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        (),
        "",
        pytest.param(NEW, id="a key"),
        pytest.param(NEW.encode(), id="the bytes of a key"),
        [""],
        ["short"],
        ["ë" * 44],
        [7],
    ],
)
def test_invalid_keys_are_refused_at_once(keys: Any) -> None:
    """Invalid keys are refused at once, and no error shows a key."""
    with pytest.raises(ConfigurationError, match="new_sealing_key") as caught:
        Sealer(keys)
    assert NEW not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"now": NOW.replace(tzinfo=None)},
        {"binding": ""},
        {"lifetime": timedelta()},
        {"lifetime": -HOUR},
        {"lifetime": timedelta(milliseconds=900)},
        {"lifetime": 60},
        {"now": datetime(1969, 12, 31, tzinfo=UTC)},
    ],
)
def test_an_empty_binding_or_naive_time_is_refused(wrong: Any) -> None:
    """An empty binding would fit all visitors alike, and a naive time is ambiguous."""
    settings: dict[str, Any] = {"purpose": "login", "now": NOW, "lifetime": HOUR, **wrong}
    with pytest.raises(UsageError):
        SEALER.seal("v", **settings)


def test_a_naive_time_opens_nothing() -> None:
    """A naive time is the caller's mistake, so its error does not blame the visitor."""
    with pytest.raises(UsageError, match="aware"):
        unseal(seal(), now=NOW.replace(tzinfo=None))


def test_no_repr_or_pickle_shows_the_keys() -> None:
    """The keys of a sealer are in no repr and in no pickle."""
    assert repr(SEALER) == str(SEALER) == "<Sealer>"
    with pytest.raises(ConfigurationError, match="pickled"):
        pickle.dumps(SEALER)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["why"])
def test_a_string_of_an_older_version_is_opened(vector: Any) -> None:
    """A string that an older version of the library sealed is opened."""
    opened = Sealer([vector["key"]]).unseal(
        vector["text"],
        purpose=vector["purpose"],
        now=datetime.fromisoformat(vector["now"]),
        binding=vector["binding"],
    )
    assert opened == vector["value"]
