"""All recorded messages of the official server and its peers are read, and requests rebuilt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from irma_core.errors import (
    AnswerError,
    ProofNotValidError,
    RequestError,
    SessionCancelledError,
    SessionNotFinishedError,
    SessionTimedOutError,
)
from irma_core.json_text import JsonTextError, read_json
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.risks import resolve_request
from irma_core.models.session_requests import RevocationRequest, as_extended
from irma_core.models.statuses import SessionType
from irma_core.wire.read_requests import read_request_value
from irma_core.wire.read_results import read_frontend_options, read_session_package, read_status
from irma_core.wire.write_requests import request_value
from tests.core.proving import NOW, started
from tests.core.recordings import json_of, names, recording, requested_json, result_of

STARTS = names("start-*", "next-session-start")
REFUSED_HERE = {
    "error-start-empty-disjunction": "disclose[0]",
    "error-start-no-disclose": "disclose",
    "error-start-not-adjacent": "disclose[0][0][2]",
    "error-start-signature-without-message": "message",
    "error-start-next-session-empty-url": "nextSession.url",
    "error-start-unknown-context": "@context",
}
"""The requests that both the server and a model refuse, and the path in the model's error."""
NOT_JSON = ["error-start-empty-body", "error-start-body-too-large"]
LEFT_TO_THE_SERVER = sorted(
    {*names("error-start-*", "error-auth-*"), "error-no-auth-but-authorization"}
    - {*REFUSED_HERE, *NOT_JSON}
)
POSTED = names("callback-*", "next-session-post*", "next-session-none")
POSTED.remove("callback-twice-contradicting")
RESULTS = names("result-*", "next-session-result-*", "next-session-fails-*", "next-session-not-*")

AGE = '{"@context":"https://irma.app/ld/request/disclosure/v2","disclose":[[["example.town.age.over18"]]]}'
NAMES = (
    '{"@context":"https://irma.app/ld/request/disclosure/v2","disclose":'
    '[[["example.town.resident.firstname","example.town.resident.familyname"]]]}'
)
BOTH = AGE[:-2] + "," + NAMES[NAMES.index("[[[") + 1 :]
EMAIL = AGE.replace("age.over18", "resident.email")
CARDS = (
    '{"@context":"https://irma.app/ld/request/issuance/v2","credentials":'
    '[{"credential":"example.town.age","attributes":{"over18":"yes"}}]}'
)
SIGN = (
    '{"@context":"https://irma.app/ld/request/signature/v2","message":"%s",'
    '"disclose":[[["example.town.age.over18"]]]}'
)
ASKED = {
    "result-disclosure-done": BOTH,
    "result-jwt-disclosure": BOTH,
    "result-jwt-null-attribute": NAMES.replace("familyname", "phone"),
    "result-issuance-done": CARDS,
    "result-jwt-issuance": CARDS,
    "result-jwt-issuance-failed": CARDS,
    "result-issuance-combined": CARDS[:-1] + "," + EMAIL[EMAIL.index('"disclose"') :],
    "result-pairing": SIGN % "x",
    "result-signature-done": SIGN % "I agree.",
    "result-jwt-signature": SIGN % "I agree.",
    "result-signature-invalid-timestamp": SIGN % "x",
    "next-session-result-second": NAMES,
    "next-session-result-third": EMAIL,
}
"""The requests of recordings that do not contain them. All others asked for `AGE`."""
ENDS: dict[str, type[AnswerError]] = {
    "result-cancelled": SessionCancelledError,
    "result-expired": ProofNotValidError,
    "result-initialized": SessionNotFinishedError,
    "result-issuance-expired": SessionCancelledError,
    "result-issuance-missing-attributes": SessionCancelledError,
    "result-jwt-cancelled": SessionCancelledError,
    "result-jwt-initialized": SessionNotFinishedError,
    "result-jwt-issuance-failed": SessionCancelledError,
    "result-missing-attributes": ProofNotValidError,
    "result-missing-wrong-value": ProofNotValidError,
    "result-pairing": SessionNotFinishedError,
    "result-refused": SessionCancelledError,
    "result-signature-expired": ProofNotValidError,
    "result-signature-invalid-timestamp": ProofNotValidError,
    "result-signature-missing-attributes": ProofNotValidError,
    "result-timeout": SessionTimedOutError,
    "next-session-fails-500": SessionCancelledError,
    "next-session-fails-empty-200": SessionCancelledError,
    "next-session-not-called": SessionCancelledError,
}
"""The results that make no answer, and the error of each."""
ANSWERS: dict[str, dict[int, dict[str, str | None]]] = {
    "result-all-optional-skipped": {},
    "result-disclosure-done": {
        0: {"over18": "yes"},
        1: {"firstname": "Ada", "familyname": "Lovelace"},
    },
    "result-jwt-disclosure": {
        0: {"over18": "yes"},
        1: {"firstname": "Ada", "familyname": "Lovelace"},
    },
    "result-expired-skip-check": {0: {"over18": "yes"}},
    "result-extra-attributes": {0: {"over18": "yes"}},
    "result-extra-in-conjunction": {0: {"over18": "yes"}},
    "result-issuance-combined": {0: {"email": "ada@example.com"}},
    "result-issuance-done": {},
    "result-jwt-issuance": {},
    "result-jwt-legacy": {0: {"over18": "yes"}},
    "result-jwt-no-issuer": {0: {"over18": "yes"}},
    "result-jwt-null-attribute": {0: {"firstname": "Zo\u00eb 🦉", "phone": None}},
    "result-jwt-signature": {0: {"over18": "yes"}},
    "result-legacy": {0: {"over18": "yes"}},
    "result-null-attribute": {0: {"firstname": "Ada", "phone": None}},
    "result-optional-skipped": {0: {"over18": "yes"}},
    "result-optional-taken": {0: {"over18": "yes"}, 1: {"email": "ada@example.com"}},
    "result-possession": {0: {"age": "present"}},
    "result-second-option": {0: {"firstname": "Ada", "email": "ada@example.com"}},
    "result-signature-done": {0: {"over18": "yes"}},
    "result-value-unicode-disclosed": {0: {"firstname": "Zo\u00eb 🦉", "familyname": ""}},
    "next-session-result-first": {0: {"over18": "yes"}},
    "next-session-result-none": {0: {"over18": "yes"}},
    "next-session-result-second": {0: {"firstname": "Ada", "familyname": "Lovelace"}},
    "next-session-result-third": {0: {"email": "ada@example.com"}},
}
"""The results that make an answer, and its values by the last part of the identifier."""


def request_of(name: str) -> Any:
    """Return the request of the session that a recorded result belongs to."""
    value = recording(name).get("session_request") or json.loads(ASKED.get(name, AGE))
    request = read_request_value(value)
    assert not isinstance(request, RevocationRequest)
    return request


# Requests.


@pytest.mark.parametrize("name", [*STARTS, *LEFT_TO_THE_SERVER])
def test_a_recorded_request_is_rebuilt_to_the_same_json(name: str) -> None:
    """Plain requests, extended requests and JWT claims are read and written unchanged."""
    value = requested_json(recording(name)["request"]["body"])
    assert request_value(read_request_value(value)) == value


@pytest.mark.parametrize("name", names("error-revocation-*"))
def test_a_recorded_revocation_is_rebuilt(name: str) -> None:
    """A revocation is rebuilt, also from the claim of a JWT, which contains it directly."""
    value = requested_json(recording(name)["request"]["body"])
    request = read_request_value(value)
    assert isinstance(request, RevocationRequest)
    assert request_value(request) == value


@pytest.mark.parametrize("name", [*names("result-*"), *names("next-session-post*")])
def test_the_request_of_a_recorded_result_is_rebuilt(name: str) -> None:
    """The request of a recorded result is rebuilt, and a legacy request gets today's form."""
    body = recording(name)["response"]["body"]
    value = recording(name).get("session_request") or (
        json.loads(body) if name.startswith("next") else json.loads(ASKED.get(name, AGE))
    )
    rebuilt = request_value(read_request_value(value))
    if "@context" in value:
        assert rebuilt == value
    else:
        assert rebuilt["disclose"] == [[["example.town.age.over18"]]]
        assert rebuilt["labels"] == {"0": {"en": "Age", "nl": "Age"}}


@pytest.mark.parametrize("name", REFUSED_HERE)
def test_a_refused_request_is_refused_before_sending(name: str) -> None:
    """A request that the server refused fails before it is sent, with the path."""
    with pytest.raises(RequestError) as caught:
        read_request_value(requested_json(recording(name)["request"]["body"]))
    assert caught.value.path == REFUSED_HERE[name]


def test_an_expired_credential_is_refused_before_the_start() -> None:
    """A request that the server refused for an expired credential fails before the start."""
    request = read_request_value(
        requested_json(recording("error-start-issuance-expired")["request"]["body"])
    )
    assert not isinstance(request, RevocationRequest)
    with pytest.raises(RequestError) as caught:
        resolve_request(as_extended(request), NOW)
    assert caught.value.path == "credentials[0].validity"


# The server's messages.


def json_list(given: Sequence[DisclosedAttribute]) -> list[Any]:
    """Return the JSON of a list of disclosed attributes."""
    return [
        {
            "rawvalue": item.raw_value,
            "value": item.translations,
            "id": item.attribute,
            "status": item.status.value,
            "issuancetime": int(item.issued_at.timestamp()),
        }
        for item in given
    ]


@pytest.mark.parametrize("name", STARTS)
def test_a_recorded_session_package_is_read(name: str) -> None:
    """The pointer has the kind of the requested session, and all three secrets are read."""
    text = recording(name)["response"]["body"]
    value = json.loads(text)
    package = read_session_package(read_json(text))
    assert package.token.reveal() == value["token"]
    assert json.loads(package.pointer.json_text()) == value["sessionPtr"]
    request = read_request_value(requested_json(recording(name)["request"]["body"]))
    assert not isinstance(request, RevocationRequest)
    assert package.pointer.type is as_extended(request).request.session_type
    frontend = package.frontend_request
    assert frontend is not None
    assert frontend.authorization.reveal() == value["frontendRequest"]["authorization"]
    assert frontend.pairing_hint is value["frontendRequest"].get("pairingHint", False)
    assert (frontend.min_protocol_version, frontend.max_protocol_version) == ("1.0", "1.1")


@pytest.mark.parametrize("name", names("status-*"))
def test_a_recorded_status_is_read(name: str) -> None:
    """A recorded status is a JSON string."""
    status = read_status(read_json(recording(name)["response"]["body"]))
    assert status.value == name.removeprefix("status-").upper()


def test_recorded_streams_have_statuses_in_legal_order() -> None:
    """No status occurs twice, and only the last one may be final."""
    count = 0
    for name in names("sse-*"):
        text = "".join(chunk["text"] for chunk in recording(name)["response"].get("chunks", ()))
        lines = [line.removeprefix("data: ") for line in text.splitlines() if "data: " in line]
        words = [json.loads(line) for line in lines]
        statuses = [
            read_status(word["status"] if isinstance(word, dict) else word) for word in words
        ]
        count += len(statuses)
        for earlier, later in pairwise(statuses):
            assert earlier is later or earlier.may_become(later)
            assert earlier is later or not earlier.is_final
    assert count > 10


@pytest.mark.parametrize("name", names("frontend-options-*"))
def test_recorded_frontend_options_are_read(name: str) -> None:
    """The pairing code comes with the method `pin`."""
    value = json.loads(recording(name)["response"]["body"])
    options = read_frontend_options(value)
    assert options.pairing_method.value == value["pairingMethod"]
    assert options.pairing_code == value.get("pairingCode")


def test_the_recorded_double_reply_is_not_json() -> None:
    """The error for the recorded double reply has the position of its second value."""
    body = recording("error-start-next-session-empty-url")["response"]["body"]
    with pytest.raises(JsonTextError) as caught:
        read_json(body)
    assert json.loads(body[: caught.value.end])["error"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("name", "party"),
    [*((name, "response") for name in RESULTS), *((name, "request") for name in POSTED)],
)
def test_a_recorded_result_is_read(name: str, party: str) -> None:
    """Results are read from responses, callbacks and next-session requests, as JSON and as JWT."""
    value = json_of(recording(name)[party]["body"])
    result = result_of(name, party)
    assert result.token.reveal() == value["token"]
    assert (result.status.value, result.type.value) == (value["status"], value["type"])
    assert (result.proof_status and result.proof_status.value) == value.get("proofStatus")
    lists = result.unchecked_disclosed
    assert [None if given is None else json_list(given) for given in lists] == value.get(
        "disclosed", []
    )
    signature = result.unchecked_signature
    assert (signature and json.loads(signature.json_text)) == value.get("signature")
    assert (result.next_session and result.next_session.reveal()) == value.get("nextSession")
    assert (result.error and result.error.error) == value.get("error", {}).get("error")


def test_a_recorded_signature_is_kept_exactly() -> None:
    """A signature is stored exactly as received, without whitespace and without escapes."""
    for name in names("result-signature-*"):
        body = recording(name)["response"]["body"]
        signature = result_of(name).unchecked_signature
        assert signature is not None
        assert signature.json_text in body


# Answers.


def test_every_recorded_result_has_an_expected_outcome() -> None:
    """Every recorded result has its expected answer or its expected error."""
    assert sorted({*ENDS, *ANSWERS}) == sorted(RESULTS)
    assert not set(ENDS) & set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_recorded_valid_result_makes_an_answer(name: str) -> None:
    """The answer of a recorded result has what was requested, without extra or earlier lists."""
    result = result_of(name)
    answer = result.answer_to(started(request_of(name), result.token))
    assert {
        slot: {item.attribute.rpartition(".")[2]: item.raw_value for item in answer[slot]}
        for slot in answer
    } == ANSWERS[name]
    assert answer.token == result.token
    assert answer.next_session == result.next_session
    assert (answer.signature is not None) == (answer.type is SessionType.SIGNING)


@pytest.mark.parametrize("name", ENDS)
def test_a_recorded_invalid_result_makes_no_answer(name: str) -> None:
    """A recorded invalid result raises the class of its fault, and shows no disclosed value."""
    result = result_of(name)
    with pytest.raises(AnswerError) as caught:
        result.answer_to(started(request_of(name), result.token))
    assert type(caught.value) is ENDS[name]
    assert caught.value.session == result.token.fingerprint
    assert result.token.reveal() not in f"{caught.value}{caught.value!r}"


def test_a_cancelled_session_shows_the_servers_reason() -> None:
    """A cancellation shows irmago's code; refusal and lack of attributes have none by design."""
    codes = {
        "result-refused": None,
        "next-session-not-called": None,
        "result-issuance-expired": "ATTRIBUTES_EXPIRED",
        "result-issuance-missing-attributes": "INVALID_PROOFS",
    }
    for name, code in codes.items():
        result = result_of(name)
        with pytest.raises(SessionCancelledError) as caught:
            result.answer_to(started(request_of(name), result.token))
        assert caught.value.code == code


@pytest.mark.parametrize("name", ["next-session-post", "next-session-post-unsigned"])
def test_a_next_session_post_is_not_an_answer_yet(name: str) -> None:
    """A next-session post has the status `CONNECTED`, since the server posts before the end."""
    result = result_of(name, "request")
    with pytest.raises(SessionNotFinishedError):
        result.answer_to(started(read_request_value(json.loads(AGE)), result.token))  # type: ignore[arg-type]  # no revocation
