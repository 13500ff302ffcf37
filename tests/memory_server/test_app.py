"""The simulated app: what its user sees and does, honestly or not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from irma_core import ProofStatus, SessionPointer, SessionType
from irma_core.errors import ConfigurationError
from irma_testing import AppError, InMemoryServer, ManualClock, SimulatedApp
from tests.memory_server.calling import (
    AGE,
    CONTEXT,
    EMAIL,
    FIRSTNAME,
    OVER12,
    OVER18,
    OVER65,
    PHONE,
    RESIDENT,
    Http,
    disclosure,
    issuance,
    signature,
    values_in,
)

AGE18 = disclosure([[OVER18]])
ALL_STATUSES = tuple(ProofStatus)


FORMS: list[Callable[[SessionPointer], SessionPointer | str | dict[str, str]]] = [
    lambda pointer: pointer,
    lambda pointer: pointer.json_text(),
    lambda pointer: pointer.link(),
    lambda pointer: pointer.qr_text(),
    lambda pointer: pointer.android_intent(ManualClock().now()),
    lambda pointer: {"u": pointer.url, "irmaqr": "disclosing"},
]


def test_a_pointer_is_scanned_in_any_form(http: Http, app: SimulatedApp) -> None:
    """The app scans an object, JSON, a link, the link of a QR code and an Android intent."""
    for form in FORMS:
        url = http.start(AGE18)["sessionPtr"]["u"]
        session = app.scan(form(SessionPointer(url, SessionType.DISCLOSING)))
        assert session.type is SessionType.DISCLOSING
        assert session.request["disclose"] == AGE18["disclose"]
    for wrong in ("", "https://example.com", "{}", "{", {"u": "x"}):
        with pytest.raises(AppError, match="session pointer"):
            app.scan(wrong)


def test_refused_app_raises(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """A scan of a cancelled or unknown session raises `AppError`."""
    package = http.start(AGE18)
    http.call("DELETE", f"/session/{package['token']}")
    for pointer, code in (
        (package["sessionPtr"], "UNEXPECTED_REQUEST"),
        ({"u": f"{server.url}/irma/session/{'A' * 20}", "irmaqr": "signing"}, "SESSION_UNKNOWN"),
        ({"u": f"{server.url}/irma/session/x", "irmaqr": "redirect"}, "INVALID_REQUEST"),
    ):
        with pytest.raises(AppError) as caught:
            app.scan(pointer)
        assert caught.value.code == code


def test_the_app_lists_what_it_can_disclose(http: Http, app: SimulatedApp) -> None:
    """`options` lists which options the app can disclose; without any, its user can only refuse."""
    request = disclosure([[OVER18], [EMAIL]], [[{"type": OVER65, "value": "yes"}], []], [[PHONE]])
    session = app.scan(http.start(request)["sessionPtr"])
    assert session.options == ((True, True), (False, True), (True,))
    assert session.can_accept
    strict = disclosure([[{"type": PHONE, "notNull": True}]])
    session = app.scan(http.start(strict)["sessionPtr"])
    assert not session.can_accept
    with pytest.raises(AppError):
        session.accept()
    session.refuse()
    assert session.outcome is not None
    assert session.outcome.proof_status is None


@pytest.mark.parametrize(
    ("slot", "reason"),
    [
        ([[PHONE], [EMAIL]], f"({EMAIL}, {PHONE})"),
        ([[{"type": OVER18, "value": "demanded"}]], f"holds {OVER18}, "),
        ([[{"type": OVER12, "notNull": True}]], f"holds {OVER12}, "),
        (
            [[OVER18, EMAIL], [{"type": OVER18, "value": "demanded"}]],
            f"holds {OVER18}, ",
        ),
    ],
)
def test_error_names_the_missing_attribute(
    http: Http, server: InMemoryServer, slot: list[Any], reason: str
) -> None:
    """The error of `accept` names the slot and the missing attribute, but shows no value."""
    app = SimulatedApp(server)
    app.add("example.town.age", {"over12": None, "over18": "yes", "over65": "no"})
    session = app.scan(http.start(disclosure([[OVER18]], slot))["sessionPtr"])
    with pytest.raises(AppError) as caught:
        session.accept()
    assert str(caught.value).startswith("slot 1: the app ")
    assert reason in str(caught.value)
    assert "demanded" not in str(caught.value)


def test_a_refusal_and_a_missing_attribute_look_the_same(http: Http, app: SimulatedApp) -> None:
    """The requestor gets the same result if the user refuses or lacks an attribute."""
    for _ in range(2):
        package = http.start(AGE18)
        app.refuse(package["sessionPtr"])
        result = http.result(package["token"])
        assert result == {
            "token": package["token"],
            "status": "CANCELLED",
            "type": "disclosing",
        }
        app.remove_all()


def test_the_user_decides_only_once(http: Http, app: SimulatedApp) -> None:
    """After the user has accepted, refused or disappeared, every further decision raises."""
    for decide in ("refuse", "accept", "lose_connection"):
        session = app.scan(http.start(AGE18)["sessionPtr"])
        getattr(session, decide)()
        for again in ("refuse", "accept", "lose_connection"):
            with pytest.raises(AppError, match="already decided"):
                getattr(session, again)()


def test_choice_of_options(http: Http, app: SimulatedApp) -> None:
    """The user chooses an option by slot, but not an option that the app cannot disclose."""
    request = disclosure([[OVER18], [FIRSTNAME, EMAIL]], [[EMAIL], []])
    for choice, values in (
        ({}, [["yes"], ["ada@example.com"]]),
        ({0: 1}, [["Ada", "ada@example.com"], ["ada@example.com"]]),
        ({1: 1}, [["yes"], []]),
    ):
        package = http.start(request)
        app.scan(package["sessionPtr"]).accept(choice)
        assert values_in(http.result(package["token"])) == values
    with pytest.raises(AppError):
        app.scan(http.start(request)["sessionPtr"]).accept({0: 2})


def test_an_issued_credential_can_be_disclosed(http: Http, server: InMemoryServer) -> None:
    """An issued credential can be disclosed; only an attribute that was left out is null."""
    app = SimulatedApp(server)
    person = {**RESIDENT, "attributes": {"firstname": "Ada", "familyname": "", "email": "a@b.c"}}
    app.accept(http.start(issuance(AGE, person))["sessionPtr"])
    assert {held.credential_type for held in app.credentials} == {
        "example.town.age",
        "example.town.resident",
    }
    asked = disclosure([[OVER18]], [["example.town.resident.familyname", PHONE]])
    package = http.start(asked)
    app.accept(package["sessionPtr"])
    assert values_in(http.result(package["token"])) == [["yes"], ["", None]]


def test_new_credential_replaces_an_old_one(app: SimulatedApp) -> None:
    """A new credential replaces an equal one or a singleton; otherwise the app lists it first."""
    app.add("example.town.age", {"over18": "no"})
    app.add("example.town.resident", {"firstname": "Grace"})
    app.add("example.town.resident", {"firstname": "Grace"})
    kinds = [held.credential_type.rpartition(".")[2] for held in app.credentials]
    assert kinds == ["resident", "age", "resident"]
    assert app.credentials[1].attributes == {"over12": None, "over18": "no", "over65": None}


def test_matching_credential_is_chosen(http: Http, app: SimulatedApp, clock: ManualClock) -> None:
    """The app chooses a credential with the demanded values, and an expired one only if it must."""
    app.add("example.town.resident", {"firstname": "Grace", "email": "grace@example.com"})
    expired = clock.now() - timedelta(weeks=1)
    app.add("example.town.resident", {"firstname": "Old"}, expires_at=expired)
    for demanded, name in ((None, "Grace"), ("Ada", "Ada"), ("Old", "Old")):
        package = http.start(disclosure([[{"type": FIRSTNAME, "value": demanded}]]))
        app.accept(package["sessionPtr"])
        result = http.result(package["token"])
        assert values_in(result) == [[name]]
        assert result["proofStatus"] == ("EXPIRED" if name == "Old" else "VALID")
    # The app prefers an option whose credentials have not expired.
    app.add("example.town.age", {"over18": "yes"}, expires_at=expired)
    package = http.start(disclosure([[OVER18], [FIRSTNAME]]))
    app.accept(package["sessionPtr"])
    assert values_in(http.result(package["token"])) == [["Grace"]]


def test_only_known_credentials_can_be_added(app: SimulatedApp) -> None:
    """With a closed scheme the app accepts only its credential types, with an open one any."""
    for kind, attributes in (
        ("example.town.nothing", {}),
        ("example.town.age", {"over21": "yes"}),
    ):
        with pytest.raises(ConfigurationError):
            app.add(kind, attributes)
    free = SimulatedApp(InMemoryServer())
    held = free.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    assert held.attributes == {"email": "ada@example.com"}
    assert "ada" not in repr(held)


def test_a_paired_app_waits_for_the_browser(
    http: Http, server: InMemoryServer, app: SimulatedApp
) -> None:
    """During pairing, the user's decision waits until the browser completes pairing."""
    package = http.start(AGE18)
    url, known = package["sessionPtr"]["u"], package["frontendRequest"]["authorization"]
    body = {"@context": f"{CONTEXT}frontendoptions/v1", "pairingMethod": "pin"}
    http.call("POST", f"{url}/frontend/options", body, authorization=known)
    session = app.scan(package["sessionPtr"])
    assert session.pairing_code is not None
    assert len(session.pairing_code) == 4
    with pytest.raises(AppError, match="pairing"):
        _ = session.request
    session.accept()
    with pytest.raises(AppError, match="already decided"):
        session.accept()
    server.pass_time(timedelta(seconds=1))
    assert http.status(package["token"]) == "PAIRING"
    http.call("POST", f"{url}/frontend/pairingcompleted", authorization=known)
    assert http.status(package["token"]) == "DONE"


def test_cancelling_ends_pairing(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """A decision during pairing has no effect if the requestor cancels the session."""
    package = http.start(AGE18)
    url, known = package["sessionPtr"]["u"], package["frontendRequest"]["authorization"]
    body = {"@context": f"{CONTEXT}frontendoptions/v1", "pairingMethod": "pin"}
    http.call("POST", f"{url}/frontend/options", body, authorization=known)
    session = app.scan(package["sessionPtr"])
    session.cheat(ProofStatus.INVALID)
    http.call("DELETE", f"/session/{package['token']}")
    server.catch_up()
    assert session.outcome is not None
    assert session.outcome.error == "SESSION_UNKNOWN"


@pytest.mark.parametrize("status", ALL_STATUSES)
@pytest.mark.parametrize(
    "request_",
    [AGE18, disclosure([[EMAIL], []]), signature("x", [[OVER18]], [["example.town.age"]])],
)
def test_every_proof_status_can_be_caused(
    http: Http, server: InMemoryServer, status: ProofStatus, request_: dict[str, Any]
) -> None:
    """An app without credentials can cause each proof status that a type of session can have."""
    session = SimulatedApp(server)
    package = http.start(request_)
    scanned = session.scan(package["sessionPtr"])
    of_signatures = status in (ProofStatus.UNMATCHED_REQUEST, ProofStatus.INVALID_TIMESTAMP)
    if status is ProofStatus.VALID or (of_signatures and "message" not in request_):
        with pytest.raises(AppError, match="flaw: "):
            scanned.cheat(status)
        return
    scanned.cheat(status)
    result = http.result(package["token"])
    assert (result["status"], result["proofStatus"]) == ("DONE", status.value)
    assert ("signature" in result) is ("message" in request_)


@pytest.mark.parametrize("status", [ProofStatus.INVALID, ProofStatus.EXPIRED])
def test_a_bad_issuance_is_cancelled_with_an_error(
    http: Http, app: SimulatedApp, status: ProofStatus
) -> None:
    """An issuance with a bad proof ends with an error, and issues nothing."""
    app.remove_all()
    package = http.start(issuance(AGE, disclose=[[[EMAIL]]]))
    session = app.scan(package["sessionPtr"])
    session.cheat(status)
    error = {"INVALID": "INVALID_PROOFS", "EXPIRED": "ATTRIBUTES_EXPIRED"}[status.value]
    assert http.result(package["token"])["error"]["error"] == error
    assert session.outcome is not None
    assert session.outcome.error == error
    assert app.credentials == ()


def test_dishonest_values_are_reported(http: Http, app: SimulatedApp) -> None:
    """The server accepts a dishonest value unless the request demands another value."""
    demanding = disclosure([[{"type": OVER18, "value": "yes"}]])
    cases: list[tuple[dict[str, Any], dict[str, Any], str, list[Any]]] = [
        (AGE18, {"values": {OVER18: "no"}}, "VALID", [["no"]]),
        (AGE18, {"values": {OVER18: None}}, "VALID", [[None]]),
        (demanding, {"values": {OVER18: "no"}}, "MISSING_ATTRIBUTES", [None]),
        (AGE18, {"extra": [EMAIL]}, "VALID", [["yes"], ["ada@example.com"]]),
        (AGE18, {"send": [[OVER12]]}, "MISSING_ATTRIBUTES", [None]),
        (AGE18, {"send": []}, "MISSING_ATTRIBUTES", []),
        (AGE18, {"send": [[]]}, "MISSING_ATTRIBUTES", [None]),
        (AGE18, {"send": [["example.town.age"]]}, "MISSING_ATTRIBUTES", [None]),
        (disclosure([[EMAIL], []]), {"send": [[FIRSTNAME]]}, "MISSING_ATTRIBUTES", [None]),
        (disclosure([[OVER18, EMAIL]]), {"send": [[OVER18]]}, "MISSING_ATTRIBUTES", [None]),
        (AGE18, {"send": [[OVER18], [PHONE]]}, "VALID", [["yes"], [None]]),
    ]
    for request, how, status, values in cases:
        package = http.start(request)
        app.scan(package["sessionPtr"]).cheat(**how)
        result = http.result(package["token"])
        assert (result["proofStatus"], values_in(result)) == (status, values)


def test_two_credentials_of_a_singleton_are_invalid(http: Http, app: SimulatedApp) -> None:
    """A proof with two credentials of a singleton type is invalid."""
    request = disclosure([[{"type": OVER18, "value": "no"}]], [[{"type": OVER18, "value": "yes"}]])
    package = http.start(request)
    app.scan(package["sessionPtr"]).cheat()
    assert http.result(package["token"])["proofStatus"] == "INVALID"
