"""Finding accounts by e-mail address or pseudonym, and by the person who is logged in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from irma_core import (
    Answer,
    AttributeRequest,
    DisclosureRequest,
    LoginRefusedError,
    OtherPersonError,
    Requestor,
    all_of,
    check_same_person,
    new_sealing_key,
    optional,
    pseudonym,
    verified_email,
)
from irma_core.errors import (
    ConfigurationError,
    NullAttributeError,
    SlotNotAnsweredError,
    UsageError,
)
from irma_core.web.proofs import Proof
from irma_testing import InMemoryServer, SimulatedApp

EMAIL = "example.mail.address.email"
NUMBER = "example.town.person.number"
NAME = "example.town.person.name"
KEY = new_sealing_key()


def answer_of(values: Mapping[str, str | None], slots: Mapping[str, Any]) -> Answer:
    """Return the answer of a person with these attributes."""
    server = InMemoryServer()
    requestor = Requestor(server.url, server.transport())
    session = requestor.start_session(DisclosureRequest(dict(slots)))
    SimulatedApp(server).scan(session.pointer).cheat(values=dict(values))
    return requestor.get_answer(session)


def email(value: str | None) -> Answer:
    """Return the answer of a person with that e-mail address."""
    return answer_of({EMAIL: value}, {"email": AttributeRequest(EMAIL)})


def person(number: str | None, name: str = "Ada") -> Answer:
    """Return the answer of a person with that number."""
    return answer_of({NUMBER: number, NAME: name}, {"who": AttributeRequest(NUMBER)})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.L@EXAMPLE.com", "ada.l@example.com"),
        ("K\u212aI\u0130\u0131@example.com", "k\u212ai\u0130\u0131@example.com"),
        ("\u00c9va@example.com", "\u00c9va@example.com"),
    ],
)
def test_one_spelling_of_an_address(value: str, expected: str) -> None:
    """The letters A to Z become lower case, and letters that only look like them are unchanged."""
    assert verified_email(email(value)) == expected


@pytest.mark.parametrize(
    "value", ["", "ada", "@example.com", "ada@", "a@b@c", "a b@example.com", "a\n@example.com"]
)
def test_a_value_that_is_not_an_address(value: str) -> None:
    """A person whose attribute is not an e-mail address is refused."""
    with pytest.raises(LoginRefusedError) as refused:
        verified_email(email(value))
    assert refused.value.sentence is None


def test_an_address_without_a_value() -> None:
    """Reading an address without a value raises an error, so the person is not logged in."""
    with pytest.raises(NullAttributeError):
        verified_email(email(None))


def test_a_slot_that_was_left_out() -> None:
    """A slot that the person left out, or that was not requested, raises an error."""
    answer = answer_of({EMAIL: "ada@example.com"}, {"mail": optional(EMAIL), "who": [NUMBER]})
    assert verified_email(answer, "mail") == "ada@example.com"
    with pytest.raises(SlotNotAnsweredError):
        verified_email(answer)
    with pytest.raises(SlotNotAnsweredError):
        pseudonym(answer, "bsn", key=KEY)


def test_an_option_of_several_attributes() -> None:
    """An address must be its option's only attribute; a pseudonym depends on all attributes."""
    slots = {"who": [all_of(NUMBER, NAME)]}
    ada = answer_of({NUMBER: "1", NAME: "Ada"}, slots)
    bob = answer_of({NUMBER: "1", NAME: "Bob"}, slots)
    with pytest.raises(UsageError):
        verified_email(ada, "who")
    assert pseudonym(ada, "who", key=KEY) != pseudonym(bob, "who", key=KEY)


def test_a_pseudonym_is_stable() -> None:
    """The same attribute always has the same pseudonym, whatever else is known about the person."""
    name = pseudonym(person("123456782"), "who", key=KEY)
    assert name == pseudonym(person("123456782", "Bob"), "who", key=KEY)
    assert len(name) == 43
    assert "123456782" not in name


def test_a_proof_names_the_same_person() -> None:
    """A proof that a website has kept leads to the same account as the answer."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    answer = email("Ada@example.com")
    proof = Proof(at, dict(answer), "")
    assert verified_email(proof) == verified_email(answer)
    assert pseudonym(proof, "email", key=KEY) == pseudonym(answer, "email", key=KEY)
    with pytest.raises(SlotNotAnsweredError):
        verified_email(proof, "mail")


def test_a_pseudonym_of_a_known_key() -> None:
    """The pseudonym for a key and a value never changes, because accounts are found by it."""
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    expected = "iSn18ZkKH311bjFtQTlTnIkXIr_zy5-JZIppu865tl0"
    assert pseudonym(person("123456782"), "who", key=key) == expected


def test_other_pseudonyms() -> None:
    """Another value, attribute or site leads to another pseudonym."""
    slots = {"who": AttributeRequest(NAME)}
    names = {
        pseudonym(person("1"), "who", key=KEY),
        pseudonym(person("2"), "who", key=KEY),
        pseudonym(person("1"), "who", key=new_sealing_key()),
        pseudonym(answer_of({NAME: "1"}, slots), "who", key=KEY),
    }
    assert len(names) == 4


@pytest.mark.parametrize("key", ["", "short", "a" * 43, b"x" * 32, None, "!" * 44, [KEY]])
def test_a_key_that_can_be_guessed(key: Any) -> None:
    """A key that is short or repetitive, or is not a key, is refused."""
    with pytest.raises(ConfigurationError, match="key"):
        pseudonym(person("1"), "who", key=key)


def test_no_pseudonym_without_a_value() -> None:
    """An attribute without a value has no pseudonym, because all such people would share it."""
    with pytest.raises(NullAttributeError):
        pseudonym(person(None), "who", key=KEY)


@pytest.mark.parametrize(
    ("current", "proved", "is_same"),
    [
        ("ada@example.com", "ada@example.com", True),
        (None, "ada@example.com", True),
        ("ada@example.com", "bob@example.com", False),
        ("ada@example.com", "Ada@example.com", False),
        ("ada@example.com", "", False),
        ("", "ada@example.com", False),
        ("\u00e9", "\u00e9", True),
    ],
)
def test_the_person_who_is_logged_in(current: str | None, proved: str, is_same: bool) -> None:
    """While a person is logged in, a proof of another person is refused."""
    if is_same:
        check_same_person(current, proved)
        return
    with pytest.raises(OtherPersonError) as refused:
        check_same_person(current, proved)
    assert "example" not in str(refused.value)
