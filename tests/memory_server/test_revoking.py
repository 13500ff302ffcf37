"""Revocation: a credential with a key can be revoked, and cannot be proved afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from irma_testing import (
    EXAMPLE_SCHEME,
    AppError,
    CredentialType,
    InMemoryServer,
    ManualClock,
    Scheme,
    ServerSettings,
    SimulatedApp,
)
from irma_testing.memory.proofs import Proof
from tests.memory_server.calling import Http, disclosure, error_in, issuance, json_in, revocation

CARD = "example.town.card"
NUMBER = f"{CARD}.number"
NOT_REVOKED = disclosure([[NUMBER]], revocation=[CARD])


def card(number: str, key: str = "key") -> dict[str, Any]:
    return {"credential": CARD, "attributes": {"number": number}, "revocationKey": key}


@pytest.fixture
def server(clock: ManualClock) -> InMemoryServer:
    described = CredentialType(CARD, ("number",), revocation=True)
    scheme = Scheme((*EXAMPLE_SCHEME.credential_types, described))
    settings = ServerSettings(revoke_perms=[CARD, "example.town.age"])
    return InMemoryServer(settings, scheme=scheme, clock=clock)


def test_revoked_credential_is_not_disclosed(http: Http, app: SimulatedApp) -> None:
    """An app cannot accept a request for non-revocation with a revoked credential."""
    app.accept(http.start(issuance(card("1")))["sessionPtr"])
    package = http.start(NOT_REVOKED)
    app.accept(package["sessionPtr"])
    assert http.result(package["token"])["disclosed"][0][0]["notrevoked"] is True

    revoked = http.call("POST", "/revocation", revocation(CARD, "key"))
    assert (revoked.status, revoked.body) == (200, b"OK")
    session = app.scan(http.start(NOT_REVOKED)["sessionPtr"])
    assert not session.can_accept
    with pytest.raises(AppError):
        session.accept()
    # If the request does not demand non-revocation, the app discloses the credential.
    package = http.start(disclosure([[NUMBER]]))
    app.accept(package["sessionPtr"])
    result = http.result(package["token"])
    assert result["proofStatus"] == "VALID"
    assert "notrevoked" not in result["disclosed"][0][0]


def test_proof_of_a_revoked_credential_is_invalid(http: Http, app: SimulatedApp) -> None:
    """A proof of a credential that was revoked during the session is invalid."""
    app.accept(http.start(issuance(card("1")))["sessionPtr"])
    package = http.start(NOT_REVOKED)
    session = app.scan(package["sessionPtr"])
    http.call("POST", "/revocation", revocation(CARD, "key"))
    assert not session.can_accept
    session.cheat(send=[[NUMBER]])
    assert http.result(package["token"])["proofStatus"] == "INVALID"


def test_proof_without_non_revocation_is_invalid(http: Http) -> None:
    """If the request demands non-revocation, a proof without it is invalid."""
    package = http.start(NOT_REVOKED)
    url = package["sessionPtr"]["u"]
    versions = {"x_irma_minprotocolversion": "2.8", "x_irma_maxprotocolversion": "2.8"}
    nonce = json_in(http.call("GET", url, **versions, authorization="a"))["request"]["nonce"]
    proof = Proof(CARD, 0, 10_000_000_000, {"number": "1"}).as_json(nonce)
    body = {"proofs": [proof], "indices": [[{"cred": 0, "attr": 2}]]}
    response = http.call("POST", f"{url}/proofs", body, authorization="a")
    assert json_in(response) == {"proofStatus": "INVALID"}


def test_one_of_several_is_revoked_by_its_time(
    http: Http, app: SimulatedApp, clock: ManualClock
) -> None:
    """`issued`, in nanoseconds, selects one of the credentials with the key."""
    app.accept(http.start(issuance(card("1")))["sessionPtr"])
    at = int(clock.now().timestamp() * 1_000_000_000)

    def revoke(**issued: int) -> tuple[int, str]:
        response = http.call("POST", "/revocation", revocation(CARD, "key", **issued))
        return (200, "") if response.status == 200 else error_in(response)[:2]

    unknown = (404, "UNKNOWN_REVOCATION_KEY")
    assert revoke(issued=at + 1) == unknown
    assert revoke(issued=at) == (200, "")
    assert revoke(issued=at) == unknown
    assert revoke() == unknown


def test_impossible_revocation_is_refused(http: Http) -> None:
    """A revocation without permission is refused, and so is an issuance without a needed key."""

    def revoke(credential_type: str) -> tuple[int, str, str]:
        return error_in(http.call("POST", "/revocation", revocation(credential_type, "key")))

    assert revoke("example.town.age") == (500, "REVOCATION", "cannot revoke example.town.age")
    other = "example.town.resident"
    assert revoke(other) == (403, "UNAUTHORIZED", other)
    assert http.refused(issuance(card("1", ""))) == (
        400,
        "INVALID_REQUEST",
        f"revocation enabled for {CARD} but no revocationKey specified",
    )


def test_added_credential_counts_as_not_revoked(http: Http, app: SimulatedApp) -> None:
    """A credential that a test adds to the app is not revoked."""
    app.add(CARD, {"number": "7"})
    package = http.start(NOT_REVOKED)
    app.accept(package["sessionPtr"])
    assert http.result(package["token"])["proofStatus"] == "VALID"


def test_open_scheme_revokes_any_type() -> None:
    """In an open scheme any type can be revoked, and an issuance needs no revocation key."""
    server = InMemoryServer(ServerSettings(revoke_perms=["*"]))
    http, app = Http(server.url, server.handle), SimulatedApp(server)
    for key, status in (("", 404), ("k", 200)):
        asked = {"credential": "a.b.c", "attributes": {"d": "1"}, "revocationKey": key}
        app.accept(http.start(issuance(asked))["sessionPtr"])
        assert http.call("POST", "/revocation", revocation("a.b.c", "k")).status == status
    assert app.credentials[0].attributes == {"d": "1"}
