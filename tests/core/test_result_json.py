"""The server's JSON: session results, session packages, frontend options."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import NullAttributeError
from irma_core.json_text import JsonValue, read_json, write_json
from irma_core.models.answers import Evidence
from irma_core.models.disclosed import DisclosedAttribute
from irma_core.models.remote_errors import RemoteError
from irma_core.models.results import SessionResult
from irma_core.models.sessions import (
    FrontendOptions,
    PairingMethod,
    SessionPackage,
)
from irma_core.models.statuses import ProofStatus, SessionStatus, SessionType
from irma_core.models.tokens import RequestorToken
from irma_core.wire.read_results import (
    read_frontend_options,
    read_frontend_request,
    read_remote_error,
    read_session_package,
    read_session_result,
    read_status,
)
from irma_core.wire.values import WireError
from tests.core.generated import JSON, NUMBERS, TEXTS
from tests.core.proving import (
    CLIENT_TOKEN,
    FRONTEND_SECRET,
    NULL,
    OVER18,
    PHONE,
    PRESENT,
    SECRET_TOKEN,
    TOKEN,
)

YES: dict[str, Any] = {
    "rawvalue": "yes",
    "value": {"": "yes", "en": "yes", "nl": "ja"},
    "id": OVER18,
    "status": "PRESENT",
    "issuancetime": 1795046400,
}
NO_PHONE: dict[str, Any] = {
    "rawvalue": None,
    "value": None,
    "id": PHONE,
    "status": "NULL",
    "issuancetime": 1795046400,
}
BARE: dict[str, Any] = {"token": SECRET_TOKEN, "status": "INITIALIZED", "type": "disclosing"}
DONE: dict[str, Any] = {
    **BARE,
    "status": "DONE",
    "proofStatus": "VALID",
    "disclosed": [[YES, NO_PHONE], None, []],
    "nextSession": "Oq7ZpL0vXk2NwT9sHb4D",
}
SIGNATURE: dict[str, Any] = {
    "@context": "https://irma.app/ld/signature/v2",
    "signature": [{"c": "CXtS/8+=", "a": {"9": "x", "10": "y", "1": 10**60}}],
    "indices": [[{"cred": 0, "attr": 2}]],
    "nonce": 'é\u2028\u0001"\\/',
    "message": "I agree.",
    "timestamp": None,
}
PACKAGE: dict[str, Any] = {
    "sessionPtr": {"u": f"https://irma.example/irma/session/{CLIENT_TOKEN}", "irmaqr": "signing"},
    "token": SECRET_TOKEN,
    "frontendRequest": {
        "authorization": FRONTEND_SECRET,
        "pairingHint": True,
        "minProtocolVersion": "1.0",
        "maxProtocolVersion": "1.1",
    },
}


def result(value: Any) -> SessionResult:
    """Read a session result from a JSON document."""
    return read_session_result(read_json(json.dumps(value)))


def first_list(value: Any) -> list[DisclosedAttribute]:
    """Return the attributes that the first list of a result holds."""
    lists = result(value).unchecked_disclosed
    assert lists[0] is not None
    return list(lists[0])


READERS: dict[type[Any], Callable[[Any], Any]] = {
    FrontendOptions: read_frontend_options,
    RemoteError: read_remote_error,
    SessionPackage: read_session_package,
    SessionResult: read_session_result,
    SessionStatus: read_status,
}


def refused_path(value: Any, model: type[Any] = SessionResult) -> str:
    """Return the path in the error that reading a document raises."""
    with pytest.raises(WireError) as caught:
        READERS[model](value)
    return caught.value.path


# Results.


def test_an_early_result_has_a_token_a_status_and_a_type() -> None:
    """Before the end of a session its result has only a token, a status and a type."""
    assert result(BARE) == SessionResult(
        TOKEN, SessionStatus.INITIALIZED, type=SessionType.DISCLOSING
    )
    assert result(BARE).evidence is Evidence.TRANSPORT


def test_a_null_list_differs_from_an_empty_one() -> None:
    """A null list of a result differs from an empty one."""
    read = result(DONE)
    assert (read.status, read.proof_status) == (SessionStatus.DONE, ProofStatus.VALID)
    assert read.next_session == RequestorToken("Oq7ZpL0vXk2NwT9sHb4D")
    first, second, third = read.unchecked_disclosed
    assert (second, third) == (None, ())
    assert first is not None
    yes, phone = first
    assert (yes.attribute, yes.raw_value, yes.status) == (OVER18, "yes", PRESENT)
    assert yes.translations == {"": "yes", "en": "yes", "nl": "ja"}
    assert yes.issued_at == datetime(2026, 11, 19, tzinfo=UTC)
    assert (yes.not_revoked, yes.not_revoked_before) == (False, None)
    assert (phone.status, phone.raw_value, phone.translations) == (NULL, None, None)


def test_an_absent_value_cannot_be_read() -> None:
    """Reading an absent value raises; an empty string is a value."""
    yes, phone = first_list(DONE)
    assert (yes.value, yes.is_null, phone.is_null) == ("yes", False, True)
    with pytest.raises(NullAttributeError, match=r"phone has no value: check is_null first"):
        _ = phone.value
    empty = first_list({**DONE, "disclosed": [[{**YES, "rawvalue": ""}]]})
    assert (empty[0].value, empty[0].is_null) == ("", False)


def test_a_non_revocation_proof_has_its_time() -> None:
    """A non-revocation proof has a time only if it is older than the tolerance."""
    shown = {**YES, "notrevoked": True, "notrevokedbefore": 1795046400}
    (read,) = first_list({**DONE, "disclosed": [[shown]]})
    assert read.not_revoked
    assert read.not_revoked_before == datetime(2026, 11, 19, tzinfo=UTC)


@pytest.mark.parametrize("field", ["proofStatus", "disclosed", "signature", "error", "nextSession"])
def test_a_null_field_is_absent(field: str) -> None:
    """A null field is read as absent, since Go writes a nil pointer as null."""
    assert result({**BARE, field: None}) == result(BARE)


def test_a_flat_list_has_an_attribute_for_each_slot() -> None:
    """Old servers return a flat list for requests without condiscon, as documented."""
    assert result({**BARE, "disclosed": [YES, NO_PHONE]}) == result(
        {**BARE, "disclosed": [[YES], [NO_PHONE]]}
    )


def test_unknown_fields_are_ignored_everywhere() -> None:
    """Unknown fields are ignored: later servers send more, and a result JWT has other claims."""
    more = {"later": [1], "iss": "irmaserver", "exp": 1795471415}
    assert result(
        {
            **DONE,
            **more,
            "disclosed": [[{**YES, **more}, NO_PHONE], None, []],
        }
    ) == result(DONE)
    error: dict[str, Any] = {"status": 400, "error": "INVALID_PROOFS", **more}
    assert result({**BARE, "error": error}).error == RemoteError(400, "INVALID_PROOFS")


def test_a_signature_is_kept_with_its_keys_in_order() -> None:
    """Integers and strings of a signature stay exact, as it is verified elsewhere years later."""
    text = json.dumps({**BARE, "signature": SIGNATURE}, ensure_ascii=False, separators=(",", ":"))
    signature = read_session_result(read_json(text)).unchecked_signature
    assert signature is not None
    assert signature.json_text in text
    assert signature.message == "I agree."
    assert list(json.loads(signature.json_text)) == list(SIGNATURE)
    assert list(json.loads(signature.json_text)["signature"][0]["a"]) == ["9", "10", "1"]


@given(st.dictionaries(TEXTS, JSON, max_size=4), TEXTS)
def test_any_signature_is_kept_unchanged(fields: dict[str, JsonValue], message: str) -> None:
    """A signature is kept unchanged, with all fields that later versions add to it."""
    value: JsonValue = {**fields, "message": message}
    read = read_session_result(read_json(write_json({**BARE, "signature": value})))
    assert read.unchecked_signature is not None
    assert read.unchecked_signature.json_text == write_json(value)


def test_a_too_deeply_nested_signature_is_refused() -> None:
    """A signature that is nested too deeply to be written again is refused."""
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert refused_path({**BARE, "signature": {"message": "x", "a": nested}}) == ".signature"


WRONG_ATTRIBUTES: list[tuple[str, Any]] = [
    ("", None),
    ("", "yes"),
    ("", [YES]),
    (".id", {key: item for key, item in YES.items() if key != "id"}),
    (".id", {**YES, "id": None}),
    (".id", {**YES, "id": 5}),
    (".status", {key: item for key, item in YES.items() if key != "status"}),
    (".status", {**YES, "status": None}),
    (".status", {**YES, "status": "present"}),
    (".status", {**YES, "status": "MISSING"}),
    (".status", {**YES, "status": ["PRESENT"]}),
    (".issuancetime", {key: item for key, item in YES.items() if key != "issuancetime"}),
    (".issuancetime", {**YES, "issuancetime": None}),
    (".issuancetime", {**YES, "issuancetime": 1795046400.0}),
    (".issuancetime", {**YES, "issuancetime": "1795046400"}),
    (".issuancetime", {**YES, "issuancetime": True}),
    (".issuancetime", {**YES, "issuancetime": 10**30}),
    (".issuancetime", {**YES, "issuancetime": -(10**15)}),
    (".rawvalue", {**YES, "rawvalue": 1}),
    (".rawvalue", {**YES, "rawvalue": True}),
    (".rawvalue", {**YES, "rawvalue": ["yes"]}),
    (".value", {**YES, "value": "yes"}),
    (".value", {**YES, "value": {"en": None}}),
    (".value", {**YES, "value": {"en": 1}}),
    (".notrevoked", {**YES, "notrevoked": 1}),
    (".notrevoked", {**YES, "notrevoked": None}),
    (".notrevoked", {**YES, "notrevoked": "true"}),
    (".notrevokedbefore", {**YES, "notrevokedbefore": "1795046400"}),
    (".notrevokedbefore", {**YES, "notrevokedbefore": 10**30}),
]


@pytest.mark.parametrize(
    ("place", "attribute"), WRONG_ATTRIBUTES, ids=lambda value: str(value)[:60]
)
def test_a_wrong_attribute_is_refused_at_its_path(place: str, attribute: Any) -> None:
    """The path of a wrong attribute has its list and its position, in nested and flat lists."""
    nested = {**DONE, "disclosed": [None, [], [YES, attribute]]}
    assert refused_path(nested) == f".disclosed[2][1]{place}"
    flat = {**DONE, "disclosed": [YES, NO_PHONE, attribute]}
    assert refused_path(flat) == f".disclosed[2]{place}"


WRONG_RESULTS: list[tuple[str, Any]] = [
    ("", None),
    ("", []),
    ("", "DONE"),
    ("", 5),
    (".token", {"status": "DONE", "type": "disclosing"}),
    (".token", {**DONE, "token": None}),
    (".token", {**DONE, "token": 5}),
    (".token", {**DONE, "token": SECRET_TOKEN + "/.."}),
    (".status", {"token": SECRET_TOKEN, "type": "disclosing"}),
    (".status", {**DONE, "status": None}),
    (".status", {**DONE, "status": "done"}),
    (".status", {**DONE, "status": "FINISHED"}),
    (".status", {**DONE, "status": True}),
    (".type", {"token": SECRET_TOKEN, "status": "DONE"}),
    (".type", {**DONE, "type": "DISCLOSING"}),
    (".type", {**DONE, "type": None}),
    (".type", {**DONE, "type": {}}),
    (".proofStatus", {**DONE, "proofStatus": "valid"}),
    (".proofStatus", {**DONE, "proofStatus": "OTHER"}),
    (".proofStatus", {**DONE, "proofStatus": True}),
    (".proofStatus", {**DONE, "proofStatus": ""}),
    (".disclosed", {**DONE, "disclosed": {}}),
    (".disclosed", {**DONE, "disclosed": "x"}),
    (".disclosed", {**DONE, "disclosed": False}),
    (".disclosed[1]", {**DONE, "disclosed": [[YES], {}]}),
    (".disclosed[0]", {**DONE, "disclosed": ["x"]}),
    (".disclosed[1]", {**DONE, "disclosed": [None, YES]}),
    (".nextSession", {**DONE, "nextSession": "x"}),
    (".nextSession", {**DONE, "nextSession": 5}),
    (".nextSession", {**DONE, "nextSession": ""}),
    (".error", {**DONE, "error": "INVALID_PROOFS"}),
    (".error", {**DONE, "error": []}),
    (".error.status", {**DONE, "error": {"error": "X"}}),
    (".error.error", {**DONE, "error": {"status": 400}}),
    (".error.message", {**DONE, "error": {"status": 400, "error": "X", "message": None}}),
    (".signature", {**DONE, "signature": "x"}),
    (".signature", {**DONE, "signature": []}),
    (".signature.message", {**DONE, "signature": {}}),
    (".signature.message", {**DONE, "signature": {"message": None}}),
]


@pytest.mark.parametrize(("place", "value"), WRONG_RESULTS, ids=lambda value: str(value)[:60])
def test_a_wrong_result_is_refused_at_its_path(place: str, value: Any) -> None:
    """Unknown statuses are refused, and no value is converted to another type."""
    assert refused_path(value) == place


def test_no_reading_error_shows_a_token_or_a_value() -> None:
    """An error of reading shows neither the token nor a disclosed value, even in its traceback."""
    values: list[Any] = [
        {**DONE, "token": SECRET_TOKEN + "x"},
        {**DONE, "status": SECRET_TOKEN},
        {**DONE, "disclosed": [[{**YES, "rawvalue": [SECRET_TOKEN]}]]},
        {**DONE, "disclosed": [[{**YES, "status": SECRET_TOKEN}]]},
        {**DONE, "disclosed": [[{**YES, "value": {SECRET_TOKEN: 5}}]]},
    ]
    for value in values:
        with pytest.raises(WireError) as caught:
            read_session_result(value)
        assert SECRET_TOKEN not in "".join(traceback.format_exception(caught.value))


def test_no_secret_is_in_the_repr_of_a_result() -> None:
    """The repr of a result hides values, translations, tokens and the signature."""
    private = "Zo\u00eb Lovelace"
    shown = {**YES, "rawvalue": private, "value": {"": private}}
    signature = {"message": private, "c": private}
    error = {"status": 400, "error": "X", "message": private, "stacktrace": private}
    read = result({**DONE, "disclosed": [[shown]], "signature": signature, "error": error})
    for model in (read, read.unchecked_disclosed, read.unchecked_signature, read.error):
        for text in (repr(model), str(model)):
            assert "Lovelace" not in text
            assert SECRET_TOKEN not in text
    assert TOKEN.fingerprint in repr(read)


# Packages and options.


def test_a_session_package_is_read() -> None:
    """A package has a pointer for the app, a token for the backend, and a frontend request."""
    package = read_session_package(PACKAGE)
    assert package.token == TOKEN
    assert package.pointer.type is SessionType.SIGNING
    assert package.pointer.url == PACKAGE["sessionPtr"]["u"]
    frontend = package.frontend_request
    assert frontend is not None
    assert frontend.authorization.reveal() == FRONTEND_SECRET
    assert (frontend.pairing_hint, frontend.max_protocol_version) == (True, "1.1")


def test_packages_of_old_and_later_servers_are_read() -> None:
    """Servers before 0.8 send no frontend request, and later ones may send more fields."""
    old = {key: PACKAGE[key] for key in ("sessionPtr", "token")}
    assert read_session_package(old).frontend_request is None
    assert read_session_package({**old, "frontendRequest": None}) == read_session_package(old)
    more = {**PACKAGE, "x": 1, "sessionPtr": {**PACKAGE["sessionPtr"], "x": 1}}
    assert read_session_package(more) == read_session_package(PACKAGE)
    least = read_frontend_request({"authorization": FRONTEND_SECRET})
    assert (least.pairing_hint, least.min_protocol_version) == (False, "1.0")


def test_no_secret_is_in_the_repr_of_a_package() -> None:
    """The repr of a package shows none of its three secrets."""
    shown = repr(read_session_package(PACKAGE))
    for secret in (SECRET_TOKEN, CLIENT_TOKEN, FRONTEND_SECRET):
        assert secret not in shown


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("", None),
        ("", [PACKAGE]),
        (".sessionPtr", {"token": SECRET_TOKEN}),
        (".sessionPtr", {**PACKAGE, "sessionPtr": None}),
        (".sessionPtr.u", {**PACKAGE, "sessionPtr": {"irmaqr": "signing"}}),
        (".sessionPtr.u", {**PACKAGE, "sessionPtr": {"u": None, "irmaqr": "signing"}}),
        (".sessionPtr.u", {**PACKAGE, "sessionPtr": {"u": "javascript:x", "irmaqr": "signing"}}),
        (".sessionPtr.irmaqr", {**PACKAGE, "sessionPtr": {"u": "https://x"}}),
        (".sessionPtr.irmaqr", {**PACKAGE, "sessionPtr": {"u": "https://x", "irmaqr": "other"}}),
        (".sessionPtr.irmaqr", {**PACKAGE, "sessionPtr": {"u": "https://x", "irmaqr": None}}),
        (".token", {**PACKAGE, "token": None}),
        (".token", {**PACKAGE, "token": "x"}),
        (".frontendRequest", {**PACKAGE, "frontendRequest": "x"}),
        (".frontendRequest.authorization", {**PACKAGE, "frontendRequest": {}}),
        (
            ".frontendRequest.authorization",
            {**PACKAGE, "frontendRequest": {"authorization": "a\nb"}},
        ),
        (".frontendRequest.authorization", {**PACKAGE, "frontendRequest": {"authorization": 5}}),
        (
            ".frontendRequest.pairingHint",
            {**PACKAGE, "frontendRequest": {"authorization": "x", "pairingHint": 1}},
        ),
        (
            ".frontendRequest.minProtocolVersion",
            {**PACKAGE, "frontendRequest": {"authorization": "x", "minProtocolVersion": 1}},
        ),
        (
            ".frontendRequest.maxProtocolVersion",
            {**PACKAGE, "frontendRequest": {"authorization": "x", "maxProtocolVersion": 1.1}},
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_package_is_refused_at_its_path(place: str, value: Any) -> None:
    """The error of a malformed package names the path of the wrong field."""
    assert refused_path(value, SessionPackage) == place


def test_frontend_options_have_a_code_only_with_pairing() -> None:
    """Frontend options have a code only with pairing by PIN, and no repr shows it."""
    options = read_frontend_options({"pairingMethod": "pin", "pairingCode": "7992"})
    assert (options.pairing_method, options.pairing_code) == (PairingMethod.PIN, "7992")
    assert "7992" not in repr(options)
    assert read_frontend_options({"pairingMethod": "none"}).pairing_code is None
    assert refused_path({"pairingMethod": "other"}, FrontendOptions) == ".pairingMethod"
    assert refused_path({"pairingCode": "7992"}, FrontendOptions) == ".pairingMethod"
    assert refused_path({"pairingMethod": "pin", "pairingCode": 7992}, FrontendOptions) == (
        ".pairingCode"
    )


# Any input.


@given(JSON, st.sampled_from(list(READERS)))
def test_any_json_is_read_or_raises_one_error(value: JsonValue, model: type[Any]) -> None:
    """Reading any JSON value returns a model or raises WireError."""
    try:
        read = READERS[model](value)
    except WireError as error:
        read = error
    assert isinstance(read, model | WireError)


def changed(value: Any, data: st.DataObject) -> Any:
    """Return the value with a changed or missing part."""
    if isinstance(value, dict | list) and value and data.draw(st.integers(0, 4)):
        again = value.copy()
        key = data.draw(
            st.sampled_from(list(value) if isinstance(value, dict) else list(range(len(value))))
        )
        if data.draw(st.integers(0, 5)):
            again[key] = changed(value[key], data)
        else:
            del again[key]
        return again
    return data.draw(JSON | NUMBERS)


@given(st.sampled_from([DONE, {**BARE, "signature": SIGNATURE}, PACKAGE]), st.data())
def test_a_changed_reply_is_read_or_raises_one_error(sample: Any, data: st.DataObject) -> None:
    """A changed reply of the server is read or raises WireError."""
    model: type[Any] = SessionPackage if sample is PACKAGE else SessionResult
    value = changed(sample, data)
    try:
        read = READERS[model](value)
    except WireError as error:
        read = error
    assert isinstance(read, model | WireError)
    assert SECRET_TOKEN not in f"{read}{read!r}"
