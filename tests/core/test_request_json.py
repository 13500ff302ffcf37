"""Requests in JSON: written for the server, and read from people and other programs."""

from __future__ import annotations

import codecs
import json
import pickle
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import RequestError
from irma_core.json_text import JsonValue, write_json
from irma_core.models.condiscon import AttributeRequest, optional
from irma_core.models.credentials import CredentialRequest
from irma_core.models.session_requests import (
    DisclosureRequest,
    ExtendedRequest,
    IssuanceRequest,
    NextSession,
    RevocationRequest,
    SignatureRequest,
)
from irma_core.wire.converter import structure
from irma_core.wire.read_requests import read_request, read_request_value
from irma_core.wire.values import WireError
from irma_core.wire.write_requests import (
    AnyRequest,
    named_request_value,
    request_value,
    write_request,
)
from tests.core.generated import EXTENDED_REQUESTS, JSON, REVOCATIONS, SESSION_REQUESTS
from tests.core.proving import AGE, EMAIL, FAMILY, FIRST, OVER18, RESIDENT

DISCLOSURE = "https://irma.app/ld/request/disclosure/v2"
SIGNATURE = "https://irma.app/ld/request/signature/v2"
ISSUANCE = "https://irma.app/ld/request/issuance/v2"
REVOCATION = "https://irma.app/ld/request/revocation/v1"
ASK: dict[str, Any] = {"@context": DISCLOSURE, "disclose": [[[OVER18]]]}
SIGN: dict[str, Any] = {"@context": SIGNATURE, "message": "I agree.", "disclose": [[[OVER18]]]}
CARD: dict[str, Any] = {"credential": AGE, "attributes": {"over18": "yes"}}
ISSUE: dict[str, Any] = {"@context": ISSUANCE, "credentials": [CARD]}
REVOKE: dict[str, Any] = {"@context": REVOCATION, "type": AGE, "revocationKey": "key"}
FULL: dict[str, Any] = {
    "@context": DISCLOSURE,
    "disclose": [
        [
            [FIRST, {"type": FAMILY, "value": "", "notNull": True}],
            [{"type": OVER18, "value": "yes"}],
        ],
        [[{"type": EMAIL, "notNull": True}], []],
    ],
    "labels": {"0": {"en": "Name", "nl": "Naam"}, "1": {"en": "E-mail"}},
    "skipExpiryCheck": [AGE, RESIDENT],
    "revocation": {AGE: {"tolerance": 3600}, RESIDENT: {}},
    "clientReturnUrl": "https://shop.example/done",
    "augmentReturnUrl": True,
    "host": "irma.example:8088",
}


def written(request: AnyRequest) -> Any:
    """Return the JSON value of a request."""
    return request_value(request)


def read(value: Any) -> Any:
    """Read a request from a JSON document."""
    return read_request(json.dumps(value))


def refusal(value: Any) -> RequestError:
    """Return the error that reading a document raises."""
    with pytest.raises(RequestError) as caught:
        read(value)
    return caught.value


# Writing.


def test_a_request_is_written_in_the_protocols_form() -> None:
    """Slots become positions in the JSON, and so do the labels' keys."""
    request = DisclosureRequest(
        {
            "name": [
                [FIRST, AttributeRequest(FAMILY, "", not_null=True)],
                [AttributeRequest(OVER18, "yes")],
            ],
            "email": optional(AttributeRequest(EMAIL, not_null=True)),
        },
        labels={"name": {"en": "Name", "nl": "Naam"}, "email": {"en": "E-mail"}},
        skip_expiry_check=[AGE, RESIDENT],
        revocation={AGE: timedelta(hours=1), RESIDENT: None},
        client_return_url="https://shop.example/done",
        augment_return_url=True,
        host="irma.example:8088",
    )
    assert written(request) == FULL


def test_each_kind_has_its_context_and_no_defaults() -> None:
    """Each kind has its `@context`; options that are left to the server are left out."""
    assert written(DisclosureRequest([OVER18])) == ASK
    assert written(SignatureRequest("I agree.", [OVER18])) == SIGN
    assert written(IssuanceRequest([CredentialRequest(AGE, {"over18": "yes"})])) == ISSUE
    assert written(RevocationRequest(AGE, "key")) == REVOKE
    assert written(ExtendedRequest(DisclosureRequest([OVER18]))) == {"request": ASK}


def test_non_revocation_without_tolerances_is_a_list() -> None:
    """Non-revocation is written as a list, as documented, or as a map if there is a tolerance."""
    assert written(DisclosureRequest([OVER18], revocation=[AGE]))["revocation"] == [AGE]
    hour = DisclosureRequest([OVER18], revocation={AGE: timedelta(hours=1)})
    assert written(hour)["revocation"] == {AGE: {"tolerance": 3600}}


def test_times_are_written_in_seconds() -> None:
    """Dates are written as Unix time; a written zero means the server's default."""
    card = CredentialRequest(
        AGE,
        {"over18": "yes"},
        validity=datetime(2027, 1, 1, tzinfo=UTC),
        revocation_key="key",
        sd_jwt_batch_size=0,
    )
    extended = ExtendedRequest(
        IssuanceRequest([card]),
        validity=timedelta(0),
        timeout=timedelta(minutes=5),
        callback_url="https://shop.example/cb",
        next_session=NextSession("https://shop.example/next"),
    )
    assert written(extended) == {
        "request": {
            "@context": ISSUANCE,
            "credentials": [
                {**CARD, "validity": 1798761600, "revocationKey": "key", "sdJwtBatchSize": 0}
            ],
        },
        "validity": 0,
        "timeout": 300,
        "callbackUrl": "https://shop.example/cb",
        "nextSession": {"url": "https://shop.example/next"},
    }
    assert written(RevocationRequest(AGE, "key", issued=1))["issued"] == 1


def test_changing_the_json_changes_no_request() -> None:
    """The JSON value of a request is a copy, down to the labels."""
    request = DisclosureRequest([OVER18], labels={0: {"en": "Age"}})
    written(request)["labels"]["0"]["en"] = "?"
    assert request.labels == {0: {"en": "Age"}}


# Reading.


@pytest.mark.parametrize(
    "value",
    [
        ASK,
        SIGN,
        ISSUE,
        REVOKE,
        FULL,
        {"request": FULL, "timeout": 0, "nextSession": {"url": "https://x"}},
    ],
)
def test_json_survives_reading_and_writing(value: Any) -> None:
    """JSON in a string or bytes survives reading and writing, with keys in any order."""
    assert request_value(read_request(json.dumps(value))) == value
    backwards = json.dumps(dict(reversed(value.items()))).encode()
    assert request_value(read_request(backwards)) == value


@given(SESSION_REQUESTS | EXTENDED_REQUESTS | REVOCATIONS)
def test_json_leaves_out_slot_names_by_default(request: AnyRequest) -> None:
    """The names of slots are local, because the JSON has only positions."""
    value = request_value(request)
    again = read_request(write_json(value).encode())
    assert request_value(again) == value
    assert type(again) is type(request)
    plain = again.request if isinstance(again, ExtendedRequest) else again
    if not isinstance(plain, RevocationRequest):
        assert plain.disclose.names is None
    if "names=('" not in repr(request):
        assert again == request


@given(EXTENDED_REQUESTS)
def test_json_can_include_the_slot_names(request: ExtendedRequest) -> None:
    """The slots keep their names and labels; without the names, any server reads the JSON."""
    value = named_request_value(request)
    assert read_request_value(value) == request
    value.pop("slotNames", None)
    assert value == request_value(request)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clientReturnUrl", None),
        ("host", None),
        ("labels", {}),
        ("labels", {"0": None}),
        ("skipExpiryCheck", []),
        ("revocation", []),
        ("revocation", {}),
        ("augmentReturnUrl", False),
    ],
)
def test_empty_fields_are_left_out(field: str, value: Any) -> None:
    """Empty fields, which other languages write if a field is not set, are read as absent."""
    assert read({**ASK, field: value}) == read(ASK)


def test_other_forms_of_a_request_are_read() -> None:
    """Null is read as no value, validity or tolerance, and non-revocation may be a list."""
    plain = {**ASK, "disclose": [[[{"type": OVER18, "value": None, "notNull": False}]]]}
    assert read(plain) == read(ASK)
    forms: list[Any] = [[AGE], {AGE: {}}, {AGE: {"tolerance": None}}]
    for form in forms:
        assert read({**ASK, "revocation": form}).revocation == {AGE: None}
    assert read({**ISSUE, "credentials": [{**CARD, "validity": None}]}) == read(ISSUE)
    assert read({**ISSUE, "disclose": []}) == read(ISSUE)


def test_an_attribute_with_null_is_issued_without_a_value() -> None:
    """Null leaves a value out, as documented; irmago would issue an empty string."""
    request = read({**ISSUE, "credentials": [{**CARD, "attributes": {"a": None, "b": ""}}]})
    assert written(request)["credentials"][0]["attributes"] == {"b": ""}
    assert read(written(request)) == request


# Refusals, each at its path in the JSON.

WRONG: list[tuple[str, Any]] = [
    ("", None),
    ("", []),
    ("", "x"),
    ("", 5),
    ("@context", {}),
    ("@context", {"disclose": [[[OVER18]]]}),
    ("@context", {**ASK, "@context": "https://irma.app/ld/request/disclosure/v1"}),
    ("@context", {**ASK, "@context": None}),
    ("@context", {**ASK, "@context": [DISCLOSURE]}),
    ("@context", {**ASK, "@context": {}}),
    ("@context", {"validity": 60}),
    ("disclose", {"@context": DISCLOSURE}),
    ("disclose", {**ASK, "disclose": None}),
    ("disclose", {**ASK, "disclose": OVER18}),
    ("disclose", {**ASK, "disclose": []}),
    ("disclose", {**ASK, "disclose": [[[]]]}),
    ("disclose[0]", {**ASK, "disclose": [[]]}),
    ("disclose[0]", {**ASK, "disclose": [OVER18]}),
    ("disclose[1]", {**ASK, "disclose": [[[OVER18]], None]}),
    ("disclose[0][0]", {**ASK, "disclose": [[OVER18]]}),
    ("disclose[0][1]", {**ASK, "disclose": [[[OVER18], None]]}),
    ("disclose[0][0][0]", {**ASK, "disclose": [[["over18"]]]}),
    ("disclose[0][0][0]", {**ASK, "disclose": [[[None]]]}),
    ("disclose[0][0][0]", {**ASK, "disclose": [[[1]]]}),
    ("disclose[0][0][0]", {**ASK, "disclose": [[[[OVER18]]]]}),
    ("disclose[0][0][1]", {**ASK, "disclose": [[[OVER18, OVER18]]]}),
    ("disclose[0][0][2]", {**ASK, "disclose": [[[FIRST, OVER18, FAMILY]]]}),
    ("disclose[0][0][0].type", {**ASK, "disclose": [[[{}]]]}),
    ("disclose[0][0][0].type", {**ASK, "disclose": [[[{"type": None}]]]}),
    ("disclose[0][0][0].type", {**ASK, "disclose": [[[{"type": "over18"}]]]}),
    ("disclose[0][0][0].value", {**ASK, "disclose": [[[{"type": OVER18, "value": 1}]]]}),
    ("disclose[0][0][0].value", {**ASK, "disclose": [[[{"type": OVER18, "value": True}]]]}),
    ("disclose[0][0][0].value", {**ASK, "disclose": [[[{"type": OVER18, "value": ["yes"]}]]]}),
    ("disclose[0][0][0].notNull", {**ASK, "disclose": [[[{"type": OVER18, "notNull": 1}]]]}),
    ("disclose[0][0][0].notNull", {**ASK, "disclose": [[[{"type": OVER18, "notNull": None}]]]}),
    ("disclose[0][0][0].not_null", {**ASK, "disclose": [[[{"type": OVER18, "not_null": True}]]]}),
    ("disclose[0][0][0].typ", {**ASK, "disclose": [[[{"typ": OVER18}]]]}),
    ("labels", {**ASK, "labels": None}),
    ("labels", {**ASK, "labels": [{"en": "Age"}]}),
    ("labels", {**ASK, "labels": {"00": {"en": "Age"}}}),
    ("labels", {**ASK, "labels": {"-1": {"en": "Age"}}}),
    ("labels", {**ASK, "labels": {"age": {"en": "Age"}}}),
    ("labels", {**ASK, "labels": {"9999999999": {"en": "Age"}}}),
    ("labels", {**ASK, "labels": {"٣": {"en": "Age"}}}),
    ("labels[1]", {**ASK, "labels": {"1": {"en": "Age"}}}),
    ("labels[0]", {**ASK, "labels": {"0": "Age"}}),
    ("labels[0]", {**ASK, "labels": {"0": {}}}),
    ('labels[0]["en"]', {**ASK, "labels": {"0": {"en": None}}}),
    ('labels[0]["first_name"]', {**ASK, "labels": {"0": {"first_name": 5}}}),
    ("skipExpiryCheck", {**ASK, "skipExpiryCheck": AGE}),
    ("skipExpiryCheck", {**ASK, "skipExpiryCheck": None}),
    ("skipExpiryCheck", {**ASK, "skipExpiryCheck": {AGE: True}}),
    ("skipExpiryCheck", {**ASK, "skipExpiryCheck": [RESIDENT]}),
    ("skipExpiryCheck[0]", {**ASK, "skipExpiryCheck": [OVER18]}),
    ("skipExpiryCheck[1]", {**ASK, "skipExpiryCheck": [AGE, None]}),
    ("revocation", {**ASK, "revocation": None}),
    ("revocation", {**ASK, "revocation": AGE}),
    ("revocation", {**ASK, "revocation": [RESIDENT]}),
    ("revocation", {**ASK, "revocation": {OVER18: {}}}),
    ("revocation[0]", {**ASK, "revocation": [5]}),
    (f'revocation["{AGE}"]', {**ASK, "revocation": {AGE: None}}),
    (f'revocation["{AGE}"]', {**ASK, "revocation": {AGE: 3600}}),
    (f'revocation["{AGE}"]', {**ASK, "revocation": {AGE: {"tolerance": -1}}}),
    (f'revocation["{AGE}"].tolerance', {**ASK, "revocation": {AGE: {"tolerance": 1.5}}}),
    (f'revocation["{AGE}"].tolerance', {**ASK, "revocation": {AGE: {"tolerance": "1"}}}),
    (f'revocation["{AGE}"].tolerance', {**ASK, "revocation": {AGE: {"tolerance": 10**30}}}),
    (f'revocation["{AGE}"].tolerence', {**ASK, "revocation": {AGE: {"tolerence": 5}}}),
    ("clientReturnUrl", {**ASK, "clientReturnUrl": "shop.example"}),
    ("clientReturnUrl", {**ASK, "clientReturnUrl": 5}),
    ("augmentReturnUrl", {**ASK, "augmentReturnUrl": True}),
    ("augmentReturnUrl", {**ASK, "augmentReturnUrl": 1}),
    ("augmentReturnUrl", {**ASK, "augmentReturnUrl": "true"}),
    ("augmentReturnUrl", {**ASK, "augmentReturnUrl": None}),
    ("host", {**ASK, "host": "https://irma.example"}),
    ("host", {**ASK, "host": ["irma.example"]}),
    ("discloses", {**ASK, "discloses": []}),
    ("message", {**ASK, "message": "I agree."}),
    ("credentials", {**ASK, "credentials": [CARD]}),
    ("client_return_url", {**ASK, "client_return_url": "https://shop.example"}),
    ("nonce", {**ASK, "nonce": 5}),
    ("@context", {**REVOKE, "request": ASK}),
    ("message", {"@context": SIGNATURE, "disclose": [[[OVER18]]]}),
    ("message", {**SIGN, "message": ""}),
    ("message", {**SIGN, "message": None}),
    ("message", {**SIGN, "message": 5}),
    ("credentials", {"@context": ISSUANCE}),
    ("credentials", {**ISSUE, "credentials": []}),
    ("credentials", {**ISSUE, "credentials": None}),
    ("credentials", {**ISSUE, "credentials": CARD}),
    ("credentials", {**ISSUE, "credentials": "x"}),
    ("credentials[1]", {**ISSUE, "credentials": [CARD, None]}),
    ("credentials[0].credential", {**ISSUE, "credentials": [{"attributes": {}}]}),
    ("credentials[0].credential", {**ISSUE, "credentials": [{**CARD, "credential": OVER18}]}),
    ("credentials[0].attributes", {**ISSUE, "credentials": [{"credential": AGE}]}),
    ("credentials[0].attributes", {**ISSUE, "credentials": [{**CARD, "attributes": None}]}),
    ("credentials[0].attributes", {**ISSUE, "credentials": [{**CARD, "attributes": [["a", "b"]]}]}),
    (
        "credentials[0].attributes",
        {**ISSUE, "credentials": [{**CARD, "attributes": {OVER18: "x"}}]},
    ),
    (
        'credentials[0].attributes["first_name"]',
        {**ISSUE, "credentials": [{**CARD, "attributes": {"first_name": 5}}]},
    ),
    ("credentials[0].validity", {**ISSUE, "credentials": [{**CARD, "validity": 0}]}),
    ("credentials[0].validity", {**ISSUE, "credentials": [{**CARD, "validity": -1}]}),
    ("credentials[0].validity", {**ISSUE, "credentials": [{**CARD, "validity": 1.5}]}),
    ("credentials[0].validity", {**ISSUE, "credentials": [{**CARD, "validity": "1"}]}),
    ("credentials[0].validity", {**ISSUE, "credentials": [{**CARD, "validity": True}]}),
    ("credentials[0].validity", {**ISSUE, "credentials": [{**CARD, "validity": 10**30}]}),
    ("credentials[0].revocationKey", {**ISSUE, "credentials": [{**CARD, "revocationKey": ""}]}),
    ("credentials[0].sdJwtBatchSize", {**ISSUE, "credentials": [{**CARD, "sdJwtBatchSize": 201}]}),
    ("credentials[0].sdJwtBatchSize", {**ISSUE, "credentials": [{**CARD, "sdJwtBatchSize": 1.0}]}),
    ("credentials[0].keyCounter", {**ISSUE, "credentials": [{**CARD, "keyCounter": 1}]}),
    ("request", {"request": None}),
    ("request", {"request": [ASK]}),
    ("request.@context", {"request": {"request": ASK}}),
    ("request.@context", {"request": REVOKE}),
    ("request.disclose[0][0][0]", {"request": {**ASK, "disclose": [[["x"]]]}}),
    ("request.validity", {"request": {**ASK, "validity": 60}}),
    ("validity", {"request": ASK, "validity": -1}),
    ("validity", {"request": ASK, "validity": 60.0}),
    ("validity", {"request": ASK, "validity": "60"}),
    ("timeout", {"request": ASK, "timeout": True}),
    ("timeout", {"request": ASK, "timeout": 10**12}),
    ("timeout", {"request": ASK, "timeout": 10**30}),
    ("callbackUrl", {"request": ASK, "callbackUrl": "/cb"}),
    ("callbackURL", {"request": ASK, "callbackURL": "https://shop.example/"}),
    ("nextSession", {"request": ASK, "nextSession": "https://shop.example/"}),
    ("nextSession.url", {"request": ASK, "nextSession": {}}),
    ("nextSession.url", {"request": ASK, "nextSession": {"url": ""}}),
    ("nextSession.uri", {"request": ASK, "nextSession": {"uri": "https://shop.example/"}}),
    ("slotNames", {"request": ASK, "slotNames": "age"}),
    ("slotNames", {"request": ASK, "slotNames": []}),
    ("slotNames", {"request": ASK, "slotNames": ["age", "name"]}),
    ("slotNames", {"request": FULL, "slotNames": ["age", "age"]}),
    ("slotNames", {"request": ASK, "slotNames": [""]}),
    ("slotNames[0]", {"request": ASK, "slotNames": [0]}),
    ("slotNames", {**ASK, "slotNames": ["age"]}),
    ("request.disclose[0]", {"request": {**ASK, "disclose": [[]]}, "slotNames": ["age"]}),
    ("type", {"@context": REVOCATION, "revocationKey": "key"}),
    ("type", {**REVOKE, "type": OVER18}),
    ("revocationKey", {**REVOKE, "revocationKey": ""}),
    ("revocationKey", {"@context": REVOCATION, "type": AGE}),
    ("issued", {**REVOKE, "issued": -1}),
    ("issued", {**REVOKE, "issued": 1.0}),
    ("credential", {**REVOKE, "credential": AGE}),
]


@pytest.mark.parametrize(("place", "value"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_request_is_refused_at_its_path(place: str, value: Any) -> None:
    """The path in an error has the protocol's names, down to the attribute and its field."""
    assert refusal(value).path == place


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the request is not JSON"),
        (b"\xff", "the request is not UTF-8"),
        ("{}{}", "the request has more than one JSON value"),
        ('{"timeout":NaN}', "the request has a number that is too long, or not finite"),
        ("[" * 100000, "the request is nested too deeply"),
        ('{"@context":"\\ud800"}', "the request has a lone surrogate"),
        ('{"timeout":1,"timeout":2}', "the request has a key twice"),
        ('{"request":{"x":{"y":1,"\\u0079":1}}}', "the request has a key twice"),
        ("{}".encode("utf-16"), "the request is in UTF-16"),
        (codecs.BOM_UTF16_BE + "{}".encode("utf-16-be"), "the request is in UTF-16"),
        (codecs.BOM_UTF8 * 2 + b"{}", "the request is not JSON"),
        (cast("str", None), "text: must be JSON as str or bytes"),
    ],
)
def test_invalid_json_raises_a_request_error(text: str | bytes, reason: str) -> None:
    """Invalid JSON raises a RequestError without a path."""
    with pytest.raises(RequestError) as caught:
        read_request(text)
    assert caught.value.path == ""
    assert str(caught.value).startswith(reason)


def test_a_byte_order_mark_before_the_json_is_ignored() -> None:
    """A byte order mark, which editors on Windows write, is ignored, as RFC 8259 allows."""
    text = json.dumps(ASK)
    assert read_request("\ufeff" + text) == read_request(text)
    assert read_request(codecs.BOM_UTF8 + text.encode()) == read_request(text)


def test_a_time_of_zero_revokes_all() -> None:
    """A zero revokes all credentials, since the server reads an absent time as zero."""
    request = read_request(json.dumps({**REVOKE, "issued": 0}))
    assert isinstance(request, RevocationRequest)
    assert request.issued is None
    assert read_request(json.dumps({**REVOKE, "issued": None})) == request


def test_a_field_of_old_libraries_is_ignored() -> None:
    """The field `data` of old libraries asks for nothing, and no server reads it."""
    assert read({"data": "order 17", "request": ASK}) == read({"request": ASK})


def test_misspelt_field_is_reported_before_a_missing_one() -> None:
    """Of several errors, the misspelt field is reported, as it explains the missing one."""
    error = refusal({"@context": DISCLOSURE, "discloze": [[[OVER18]]]})
    assert (error.path, error.reason) == ("discloze", "is not a field of this request")


def test_a_long_field_name_is_shortened_in_the_error() -> None:
    """A long unknown name is shortened in the error's message."""
    assert refusal({**ASK, "x" * 1000: 1}).path == "x" * 40


def test_no_error_shows_a_value_of_a_request() -> None:
    """A person's name that is in a wrong place is not shown by the error's traceback."""
    private = "Zo\u00eb Lovelace"
    for value in (
        {**ASK, "disclose": [[[{"type": private}]]]},
        {**ASK, "disclose": [[[{"type": OVER18, "value": [private]}]]]},
        {**ASK, "host": [private]},
        {**ISSUE, "credentials": [{**CARD, "attributes": {"over18": [private]}}]},
        {**ISSUE, "credentials": [{**CARD, "validity": private}]},
        {**SIGN, "message": [private]},
    ):
        shown = "".join(traceback.format_exception(refusal(value)))
        assert "Lovelace" not in shown
        assert "ExceptionGroup" not in shown


def test_a_model_reads_only_its_own_context() -> None:
    """A disclosure request is not read as a signature request."""
    assert structure(ASK, DisclosureRequest) == read(ASK)
    with pytest.raises(WireError) as caught:
        structure(ASK, SignatureRequest)
    assert caught.value.path == ".@context"


# The JSON document.


@given(SESSION_REQUESTS | EXTENDED_REQUESTS | REVOCATIONS)
def test_write_request_writes_the_request_value(request: AnyRequest) -> None:
    """`write_request` writes what `request_value` returns, the first time and again."""
    try:
        value = request_value(request)
    except RequestError:
        for _ in range(2):
            with pytest.raises(RequestError):
                write_request(request)
        return
    assert write_request(request) == write_request(request) == write_json(value)


def test_changed_request_is_written_again() -> None:
    """A request made from another by `attrs.evolve` gets new JSON."""
    request = DisclosureRequest([OVER18])
    write_request(request)
    changed = attrs.evolve(request, host="irma.example")
    assert json.loads(write_request(changed)) == {**ASK, "host": "irma.example"}
    assert changed != request == DisclosureRequest([OVER18])
    assert pickle.loads(pickle.dumps(request)) == request


def test_cached_json_is_hidden() -> None:
    """The JSON that is cached in a request is in no repr, and is not a field of the protocol."""
    request = SignatureRequest("between us", [OVER18])
    write_request(request)
    assert "between us" not in f"{request!r}{attrs.asdict(request)!r}"
    assert refusal({**ASK, "written": "x"}).path == "written"


# Any input.


def read_or_none(value: JsonValue) -> AnyRequest | None:
    """Return a request, or None if reading it raises an error with a reason and a valid path."""
    caught: RequestError | None = None
    try:
        return read_request_value(value)
    except RequestError as error:
        caught = error
    assert caught.reason
    assert not caught.path.startswith(".")
    return None


@given(JSON)
def test_any_json_is_read_or_raises_one_error(value: JsonValue) -> None:
    """Any JSON value is read as a request or raises RequestError."""
    request = read_or_none(value)
    if request is not None:
        assert read_request_value(request_value(request)) == request


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value within a value."""
    found = [path]
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            found += paths(item, (*path, key))
    return found


def with_item(value: Any, path: tuple[Any, ...], item: Any) -> Any:
    """Return a copy that has the item at that path."""
    if not path:
        return item
    changed = value.copy()
    changed[path[0]] = with_item(value[path[0]], path[1:], item)
    return changed


SAMPLES: list[Any] = [
    FULL,
    {
        "request": SIGN,
        "validity": 60,
        "callbackUrl": "https://x/",
        "nextSession": {"url": "https://x"},
    },
    {**ISSUE, "credentials": [{**CARD, "validity": 1798761600, "sdJwtBatchSize": 5}]},
    {"type": "disclosing", "content": [{"label": "Age", "attributes": {OVER18: "yes"}}]},
    REVOKE,
]


@given(st.sampled_from(SAMPLES), st.data())
def test_any_changed_request_is_read_or_refused(sample: Any, data: st.DataObject) -> None:
    """A changed request is read and written unchanged, or refused at a path within it."""
    path = data.draw(st.sampled_from(paths(sample)))
    value = with_item(sample, path, data.draw(JSON))
    request = read_or_none(value)
    if request is not None:
        assert read_request_value(request_value(request)) == request
