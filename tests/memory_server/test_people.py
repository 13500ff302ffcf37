"""People with cards, whose apps accept or refuse as an honest app does."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    ExtendedRequest,
    NextSession,
    Requestor,
    SessionCancelledError,
    optional,
)
from irma_core.errors import ConfigurationError, UsageError
from irma_core.protocol.messages import HttpResponse
from irma_testing import EXAMPLE_SCHEME, AppError, InMemoryServer, SimulatedApp
from irma_testing.people import make_person
from tests.memory_server.calling import CONTEXT, Http, disclosure

DATA = "pbdf.gemeente.personalData"
OVER18 = f"{DATA}.over18"
EMAIL = "pbdf.sidn-pbdf.email.email"
ADULTS = DisclosureRequest({"age": AttributeRequest(OVER18, value="Yes")})
ANY_AGE = DisclosureRequest({"age": OVER18})
SOON = timedelta(minutes=1)
People = Callable[..., SimulatedApp]


def ask(requestor: Requestor, server: InMemoryServer, app: SimulatedApp, request: Any) -> Any:
    """Start a session that a person's app answers, and return the answer."""
    server.when_started(app.answer)
    return requestor.wait_for_answer(requestor.start_session(request), timeout=SOON)


def test_an_adult_is_let_in(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_person: People
) -> None:
    """The app of an adult discloses that the person is over 18."""
    answer = ask(irma_requestor, irma_server, irma_person("adult"), ADULTS)
    assert answer["age"].value == "Yes"


@pytest.mark.parametrize("kind", ["minor", "nobody"])
def test_the_app_refuses_by_itself(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_person: People, kind: str
) -> None:
    """The app of a person without matching cards refuses, as the real app does."""
    with pytest.raises(SessionCancelledError):
        ask(irma_requestor, irma_server, irma_person(kind), ADULTS)


def test_a_minor_tells_the_truth(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_person: People
) -> None:
    """If a request demands no value, a minor's app discloses the value on the card."""
    answer = ask(irma_requestor, irma_server, irma_person("minor"), ANY_AGE)
    assert answer["age"].value == "No"


def test_the_date_of_birth_fits_the_age(irma_server: InMemoryServer, irma_person: People) -> None:
    """A minor's date of birth and age limits are consistent by the server's clock."""
    (data,) = (card for card in irma_person("minor").credentials if card.credential_type == DATA)
    born = datetime.strptime(data.attributes["dateofbirth"] or "", "%d-%m-%Y").replace(tzinfo=UTC)
    assert irma_server.clock.now().year - born.year == 15
    assert [data.attributes[f"over{limit}"] for limit in (12, 16, 18, 21, 65)] == [
        *("Yes", "No", "No", "No", "No")
    ]


def test_an_email_address_may_be_chosen(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_person: People
) -> None:
    """A person may have any e-mail address, even without other cards."""
    request = DisclosureRequest({"email": EMAIL, "domain": "pbdf.sidn-pbdf.email.domain"})
    person = irma_person("nobody", email="bob@example.org")
    assert len(person.credentials) == 1
    answer = ask(irma_requestor, irma_server, person, request)
    assert (answer["email"].value, answer["domain"].value) == ("bob@example.org", "example.org")


def test_an_optional_slot_is_skipped(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_person: People
) -> None:
    """A person without the card for an optional slot accepts without it."""
    request = DisclosureRequest({"email": EMAIL, "member": optional("shop.club.member.number")})
    answer = ask(irma_requestor, irma_server, irma_person("adult"), request)
    assert "member" not in answer


def test_an_expired_card_is_not_disclosed(
    irma_requestor: Requestor, irma_server: InMemoryServer, irma_person: People
) -> None:
    """The app of a person whose only matching card has expired refuses."""
    person = irma_person("nobody")
    past = datetime(2020, 1, 2, tzinfo=UTC)
    person.add(DATA, {"over18": "Yes"}, issued_at=past, expires_at=past)
    with pytest.raises(SessionCancelledError):
        ask(irma_requestor, irma_server, person, ADULTS)


def test_a_decision_waits_for_pairing(irma_server: InMemoryServer, irma_person: People) -> None:
    """With pairing, the app of a minor refuses a request for adults after pairing is completed."""
    http = Http(irma_server.url, irma_server.handle)
    package = http.start(disclosure([[{"type": OVER18, "value": "Yes"}]]))
    url, known = package["sessionPtr"]["u"], package["frontendRequest"]["authorization"]
    options = {"@context": f"{CONTEXT}frontendoptions/v1", "pairingMethod": "pin"}
    http.call("POST", f"{url}/frontend/options", options, authorization=known)
    session = irma_person("minor").answer(package["sessionPtr"])
    assert session.pairing_code is not None
    assert http.status(package["token"]) == "PAIRING"
    http.call("POST", f"{url}/frontend/pairingcompleted", authorization=known)
    assert http.status(package["token"]) == "CANCELLED"


@pytest.mark.parametrize(("kind", "status"), [("adult", "DONE"), ("minor", "CANCELLED")])
def test_each_session_of_a_chain_is_answered(
    irma_requestor: Requestor,
    irma_server: InMemoryServer,
    irma_person: People,
    kind: str,
    status: str,
) -> None:
    """A person's app answers both sessions of a chain, and may refuse only the second."""
    body = json.dumps(disclosure([[{"type": OVER18, "value": "Yes"}]])).encode()
    irma_server.deliver = lambda _request: HttpResponse(200, body=body)
    first = ExtendedRequest(
        DisclosureRequest({"email": EMAIL}), next_session=NextSession("https://shop.example/next")
    )
    session = irma_requestor.start_session(first)
    scanned = irma_person(kind).answer(session.pointer)
    assert scanned.next is not None
    assert scanned.next.outcome is not None
    assert (scanned.next.outcome.proof_status is not None) == (status == "DONE")


def test_a_scheme_without_the_cards_is_an_error() -> None:
    """`make_person` raises an error if the server's scheme lacks the person's cards."""
    with pytest.raises(ConfigurationError, match="the scheme has no such credential type"):
        make_person(InMemoryServer(scheme=EXAMPLE_SCHEME))
    assert not make_person(InMemoryServer(scheme=EXAMPLE_SCHEME), "nobody").credentials


def test_an_unknown_kind_is_refused(irma_person: People) -> None:
    """The error for an unknown kind of person names the kinds that exist."""
    with pytest.raises(UsageError, match='kind: must be "adult", "minor" or "nobody"'):
        irma_person("child")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("minor", rf"slot 0 \(Your age\): the app holds {OVER18}, but not with a value"),
        ("nobody", rf"slot 0 \(Your age\): the app holds no credential for it \({OVER18}\)"),
    ],
)
def test_a_missing_attribute_is_named_with_its_slot(
    irma_requestor: Requestor, irma_person: People, kind: str, reason: str
) -> None:
    """The error of `accept` names the slot's number and label, and the missing attribute."""
    labelled = DisclosureRequest(
        ADULTS.disclose, labels={"age": {"en": "Your age", "nl": "Leeftijd"}}
    )
    session = irma_requestor.start_session(labelled)
    with pytest.raises(AppError, match=reason):
        irma_person(kind).accept(session.pointer)
