"""Requests of the form before condiscons (2019) are read, and written in today's form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from irma_core.errors import RequestError
from irma_core.models.session_requests import DisclosureRequest, IssuanceRequest, SignatureRequest
from irma_core.wire.read_requests import read_request, read_request_value
from irma_core.wire.write_requests import request_value
from tests.core.proving import AGE, EMAIL, FIRST, OVER18, OVER65

AGES = {"label": "Age", "attributes": [OVER18, OVER65]}
VALUED = {"label": "Name", "attributes": {FIRST: "Ada", EMAIL: None}}
DISCLOSURE = "https://irma.app/ld/request/disclosure/v2"
SIGNATURE = "https://irma.app/ld/request/signature/v2"
ISSUANCE = "https://irma.app/ld/request/issuance/v2"


def rebuilt(value: Any) -> Any:
    """Read a request, and write it."""
    return request_value(read_request(json.dumps(value)))


def test_a_disclosure_lists_options_not_conjunctions() -> None:
    """Each attribute of an old list is its own option."""
    assert rebuilt({"type": "disclosing", "content": [AGES]}) == {
        "@context": DISCLOSURE,
        "disclose": [[[OVER18], [OVER65]]],
        "labels": {"0": {"en": "Age", "nl": "Age"}},
    }


def test_a_map_demands_values() -> None:
    """An old map demands values, and null demands no value."""
    assert rebuilt({"type": "disclosing", "content": [VALUED]})["disclose"] == [
        [[{"type": FIRST, "value": "Ada"}], [EMAIL]]
    ]


def test_old_signatures_and_issuances_are_read() -> None:
    """An old signature has its message; an old issuance calls its condiscon `disclose`."""
    signature = {"type": "signing", "message": "I agree.", "content": [AGES]}
    assert rebuilt(signature)["@context"] == SIGNATURE
    assert rebuilt(signature)["message"] == "I agree."
    card = {"credential": AGE, "attributes": {"over18": "yes"}}
    issuance = {"type": "issuing", "credentials": [card], "disclose": [AGES]}
    assert rebuilt(issuance) == {
        "@context": ISSUANCE,
        "credentials": [card],
        "disclose": [[[OVER18], [OVER65]]],
        "labels": {"0": {"en": "Age", "nl": "Age"}},
    }
    assert rebuilt({"type": "issuing", "credentials": [card]}) == {
        "@context": ISSUANCE,
        "credentials": [card],
    }


def test_each_kind_becomes_its_class() -> None:
    """Each kind of old request becomes its class, also within an extended request."""
    disclosing: Any = {"type": "disclosing", "content": [AGES]}
    assert isinstance(read_request_value(disclosing), DisclosureRequest)
    signing: Any = {"type": "signing", "message": "x", "content": [AGES]}
    assert isinstance(read_request_value(signing), SignatureRequest)
    issuing: Any = {"type": "issuing", "credentials": [{"credential": AGE, "attributes": {}}]}
    assert isinstance(read_request_value(issuing), IssuanceRequest)
    extended = {"request": {"type": "disclosing", "content": [AGES]}, "timeout": 5}
    assert rebuilt(extended)["request"]["@context"] == DISCLOSURE


def test_a_label_may_be_missing_or_empty() -> None:
    """A missing or empty label is left out, and the others keep their positions."""
    content = [{"attributes": [OVER18]}, {"label": "", "attributes": [OVER65]}, VALUED]
    assert rebuilt({"type": "disclosing", "content": content})["labels"] == {
        "2": {"en": "Name", "nl": "Name"}
    }
    assert "labels" not in rebuilt({"type": "disclosing", "content": content[:2]})


def test_common_options_are_kept() -> None:
    """An old request keeps the options that all requests have, such as the return URL."""
    value = {"type": "disclosing", "content": [AGES], "clientReturnUrl": "app:done"}
    assert rebuilt(value)["clientReturnUrl"] == "app:done"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("type", {"type": "other"}),
        ("type", {"type": "redirect", "content": [AGES]}),
        ("type", {"type": None}),
        ("type", {"type": 5, "content": [AGES]}),
        ("disclose", {"type": "disclosing"}),
        ("disclose", {"type": "disclosing", "content": []}),
        ("content", {"type": "disclosing", "content": {}}),
        ("content", {"type": "disclosing", "content": None}),
        ("content[0]", {"type": "disclosing", "content": [OVER18]}),
        ("content[0].attribute", {"type": "disclosing", "content": [{"attribute": [OVER18]}]}),
        ("content[0].label", {"type": "disclosing", "content": [{**AGES, "label": 5}]}),
        (
            "content[1].attributes",
            {"type": "disclosing", "content": [AGES, {"attributes": OVER18}]},
        ),
        (
            "content[0].attributes[1]",
            {"type": "disclosing", "content": [{"attributes": [OVER18, 5]}]},
        ),
        ("disclose[0]", {"type": "disclosing", "content": [{"label": "Age"}]}),
        ("disclose[0][0][0]", {"type": "disclosing", "content": [{"attributes": ["over18"]}]}),
        (
            "disclose[0][0][0].value",
            {"type": "disclosing", "content": [{"attributes": {OVER18: 1}}]},
        ),
        ("message", {"type": "signing", "content": [AGES]}),
        ("credentials", {"type": "issuing", "disclose": [AGES]}),
        ("content", {"type": "issuing", "content": [AGES]}),
        ("disclose", {"type": "disclosing", "content": [AGES], "disclose": [[[OVER18]]]}),
        ("labels", {"type": "disclosing", "content": [AGES], "labels": {}}),
        ("skipExpiryCheck", {"type": "signing", "message": "x", "skipExpiryCheck": []}),
        ("messageType", {"type": "disclosing", "content": [AGES], "messageType": "STRING"}),
        ("nonce", {"type": "disclosing", "content": [AGES], "nonce": 5}),
        ("request.type", {"request": {"type": "other"}}),
    ],
)
def test_an_invalid_old_request_is_refused_at_its_path(place: str, value: Any) -> None:
    """The path in an error has the old names, or today's if the request is already converted."""
    with pytest.raises(RequestError) as caught:
        read_request(json.dumps(value))
    assert caught.value.path == place


@pytest.mark.parametrize("kind", ["STRING", None])
def test_the_type_of_a_message_is_ignored(kind: str | None) -> None:
    """The message type of an old signature request asks for nothing and is ignored."""
    value = {"type": "signing", "message": "x", "content": [AGES]}
    assert rebuilt({**value, "messageType": kind}) == rebuilt(value)


def test_a_request_with_a_context_is_not_an_old_one() -> None:
    """A request with `@context` is read in today's form, regardless of its other fields."""
    value = {"@context": DISCLOSURE, "type": "disclosing", "content": [AGES]}
    with pytest.raises(RequestError) as caught:
        read_request(json.dumps(value))
    assert caught.value.path == "content"
