"""`POST session`: the requests that a server accepts and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.differences import OTHER_WORDING
from tests.contract.places import Place
from tests.memory_server.calling import (
    AGE,
    EMAIL,
    OVER18,
    RESIDENT,
    Http,
    disclosure,
    error_in,
    issuance,
    signature,
)

AGE18 = disclosure([[OVER18]])
INVALID = (400, "INVALID_REQUEST")
HALF_AGE = {**AGE, "attributes": {"over12": "yes", "over18": "yes"}}


REFUSED: dict[str, tuple[Any, str]] = {
    "an empty body": (b"", "unexpected end of JSON input"),
    "half an object": (b"{", "unexpected end of JSON input"),
    "no JSON": (b"x", "invalid character 'x' looking for beginning of value"),
    "too many brackets": (b"[" * 200_000, "invalid character '[' exceeded max depth"),
    "too many braces": (b'{"a":' * 100_000, "invalid character '{' exceeded max depth"),
    "a number of 5000 digits": (
        b'{"timeout": ' + b"9" * 5000 + b"}",
        "Failed to JSON unmarshal request bytes",
    ),
    "two values": (b"{} {}", "invalid character '{' after top-level value"),
    "a list": (b"[]", "json: cannot unmarshal array into Go value of type struct"),
    "nothing": (b"null", "Failed to JSON unmarshal request bytes"),
    "an empty object": ({}, "Failed to JSON unmarshal request bytes"),
    "a context that is not a string": (
        {"@context": 1},
        "json: cannot unmarshal number 1 into Go struct field @context of type string",
    ),
    "an unknown context": ({"@context": "x"}, "Invalid session request type"),
    "an unknown inner context": (
        {"request": {"@context": "x"}},
        "Invalid requestor request type",
    ),
    "an inner request that is a string": (
        {"request": "x"},
        "json: cannot unmarshal string into Go struct field request of type struct",
    ),
    "an old request without content": (
        {"type": "disclosing"},
        "Failed to JSON unmarshal request bytes",
    ),
    "a disclosure of nothing": (disclosure([[]]), "Disclosure request had no attributes"),
    "an empty disjunction": (disclosure([[OVER18]], []), "Empty disjunction"),
    "a signature of an empty disjunction": (signature("x", []), "Empty disjunction"),
    "a signature of nothing": (signature("x"), "Signature request had no attributes"),
    "a signature over nothing": (signature("", [[OVER18]]), "Signature request had empty message"),
    "an issuance of nothing": (issuance(), "Empty issuance request"),
    "an attribute of two parts": (
        disclosure([["a.b"]]),
        "Expected attribute request to consist of 4 or 3 parts, 2 found",
    ),
    "an attribute without a type": (
        disclosure([[{}]]),
        "Expected attribute request to consist of 4 or 3 parts, 1 found",
    ),
    "an attribute that is a number": (
        disclosure([[1]]),
        "json: cannot unmarshal number 1 into Go struct field disclose of type struct",
    ),
    "a condiscon that is a string": (
        {**AGE18, "disclose": "x"},
        "json: cannot unmarshal string into Go struct field disclose of type slice",
    ),
    "a credential of four parts": (
        issuance({"credential": OVER18}),
        "Expected credential ID to consist of 3 parts, 4 found",
    ),
    "an attribute's value that is a number": (
        issuance({**AGE, "attributes": {"over18": 1}}),
        "json: cannot unmarshal number 1 into Go struct field credentials.attributes "
        "of type string",
    ),
    "a validity in the past": (
        issuance({**AGE, "validity": 0}),
        "cannot issue expired credentials",
    ),
    "a validity with a fraction": (
        issuance({**AGE, "validity": 1e10 + 0.5}),
        'strconv.Atoi: parsing "10000000000.5": invalid syntax',
    ),
    "a label whose key is not a number": (
        disclosure([[OVER18]], labels={"x": {"en": "a"}}),
        "json: cannot unmarshal number x into Go struct field labels of type int",
    ),
    "a time-out with a fraction": (
        {"request": AGE18, "timeout": 1.5},
        "json: cannot unmarshal number 1.5 into Go struct field timeout of type int",
    ),
    "a missing return URL to be augmented": (
        disclosure([[OVER18]], augmentReturnUrl=True),
        "augmenting client return url not enabled in server configuration",
    ),
    "attributes that do not exist": (
        disclosure([["example.town.age.over21"]]),
        "Unknown identifiers: example.town.age.over21",
    ),
    "an issuer that does not exist": (
        disclosure([["example.nobody.age.over18"]]),
        "Unknown identifiers: example.nobody, example.nobody.age",
    ),
    "a credential that does not exist": (
        disclosure([["example.town.nothing"]]),
        "Unknown identifiers: example.town.nothing",
    ),
    "an issuance of an unknown attribute": (
        issuance({**AGE, "attributes": {**AGE["attributes"], "over99": "no"}}),  # type: ignore[dict-item]
        "Unknown identifiers: example.town.age.over99",
    ),
    "an issuance without a required attribute": (
        issuance(HALF_AGE),
        "Required attributes are missing: example.town.age.over65",
    ),
    "non-revocation of an unknown credential type": (
        disclosure([[OVER18]], revocation=["nothing.a.b"]),
        "cannot requet nonrevocation proof for nothing.a.b: unknown credential type",
    ),
    "non-revocation of a type without revocation": (
        disclosure([[OVER18]], revocation={"example.town.age": {"tolerance": 3}}),
        "cannot request nonrevocation proof for example.town.age: revocation not enabled in scheme",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_malformed_request_is_refused(place: Place, http: Http, what: str) -> None:
    """A malformed request gets a 400 with `INVALID_REQUEST` and the reason."""
    request, message = REFUSED[what]
    headers = {"content_type": "application/json"} if isinstance(request, bytes) else {}
    *refusal, words = http.refused(request, **headers)
    assert tuple(refusal) == INVALID
    without_suggestion, _, _ = words.partition("; did you mean ")  # only from the server in memory
    is_other = place.name == "official" and what in OTHER_WORDING
    assert without_suggestion == message or is_other


@pytest.mark.parametrize(
    "request_",
    [
        disclosure([[OVER18]], unknown=1),
        disclosure([[OVER18]], labels={"7": {"en": "beyond"}}, skipExpiryCheck=["nothing.a.b"]),
        disclosure([[EMAIL, OVER18]]),
        disclosure([[{"type": OVER18, "value": None, "notNull": True}], []]),
        signature("x", [[]]),
        {"request": AGE18, "validity": -5, "nextSession": None},
        {"request": AGE18, "callbackUrl": "x"},
        issuance({**RESIDENT, "attributes": {**RESIDENT["attributes"], "phone": None}}),  # type: ignore[dict-item]
        {"type": "signing", "message": "m", "content": [{"attributes": [OVER18]}]},
        {"request": {"type": "disclosing", "content": [{"attributes": {OVER18: "yes"}}]}},
        {"type": "issuing", "credentials": [AGE]},
    ],
)
def test_an_odd_request_is_accepted(http: Http, request_: dict[str, Any]) -> None:
    """Both servers accept unusual values that the official server does not check."""
    assert http.start(request_)["token"]


def test_server_crashes_are_reproduced(http: Http) -> None:
    """An issuance from an unknown scheme, or of a `null` credential, gets a 500."""
    for request in (issuance({**AGE, "credential": "nothing.town.age"}), issuance(None)):
        assert http.refused(request) == (500, "INTERNAL_ERROR", "")


def test_a_body_over_10_mib_is_refused(http: Http) -> None:
    """A body of more than 10 MiB is refused."""
    request = signature("x" * (10 << 20), [[OVER18]])
    assert http.refused(request) == (*INVALID, "http: request body too large")


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("application/json; charset=utf-8", None),
        ("application/jsonx", None),
        ("text/plain", "request could not be authenticated"),
        ("text/html", "Unsupported Content-Type: text/html"),
        ("Application/JSON", "Unsupported Content-Type: Application/JSON"),
    ],
)
def test_the_content_type_must_be_json(http: Http, content_type: str, message: str | None) -> None:
    """The `Content-Type` of a request must start with `application/json`."""
    response = http.call("POST", "/session", AGE18, **{"content-type": content_type})
    if message is None:
        assert response.status == 200
    else:
        assert error_in(response) == (*INVALID, message)


def test_the_pairing_hint_depends_on_the_request(http: Http) -> None:
    """The pairing hint is set for signatures, issuance, demanded values and next sessions."""
    plain, *advised = (
        http.start(request)["frontendRequest"].get("pairingHint")
        for request in (
            AGE18,
            signature("x", [[OVER18]]),
            issuance(AGE),
            disclosure([[{"type": OVER18, "value": "yes"}]]),
            {"request": AGE18, "nextSession": {"url": "https://a.example"}},
        )
    )
    assert plain is None
    assert advised == [True] * 4
