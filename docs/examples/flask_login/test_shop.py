"""The shop's own tests, which need no phone, no network and no IRMA server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from shop import create_app, irma

from irma_testing import InMemoryServer, SimulatedApp

SITE = "https://shop.example"


@pytest.fixture
def person(irma_server: InMemoryServer) -> SimulatedApp:
    """Return the app of a person with an e-mail address and a card that says she is an adult."""
    app = SimulatedApp(irma_server)
    app.add("pbdf.sidn-pbdf.email", {"email": "Ada@example.com"})
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    return app


@pytest.fixture
def visitor(irma_server: InMemoryServer, tmp_path: Path) -> Iterator[FlaskClient]:
    """Return a browser that can use the shop."""
    app = create_app(
        TESTING=True,
        SECRET_KEY="for-tests",
        IRMA_SERVER=irma_server.url,
        IRMA_CONNECT={"transport": irma_server.transport()},
        IRMA_STORE=f"sqlite:{tmp_path / 'irma.db'}",
    )
    yield app.test_client()
    irma.close(app)


def prove(visitor: FlaskClient, person: SimulatedApp, question: str) -> Any:
    """Answer a question with the person's app, and return the reply."""
    started = visitor.post(f"/irma/start/{question}", json={}, base_url=SITE).json
    assert started is not None
    person.accept(started["sessionPtr"])
    body = {"handle": started["handle"]}
    return visitor.post(f"/irma/finish/{question}", json=body, base_url=SITE)


def test_visitor_logs_in_and_out(visitor: FlaskClient, person: SimulatedApp) -> None:
    """The home page greets a visitor by her address until she logs out."""
    assert 'data-irma="login"' in visitor.get("/", base_url=SITE).text
    assert prove(visitor, person, "login").status_code == 200
    assert "Welcome, ada@example.com." in visitor.get("/", base_url=SITE).text
    visitor.post("/logout", base_url=SITE)
    assert "Welcome" not in visitor.get("/", base_url=SITE).text


def test_another_person_is_refused(
    visitor: FlaskClient, person: SimulatedApp, irma_server: InMemoryServer
) -> None:
    """While a visitor is logged in, another person cannot log in with the same browser."""
    prove(visitor, person, "login")
    other = SimulatedApp(irma_server)
    other.add("pbdf.sidn-pbdf.email", {"email": "bob@example.com"})
    reply = prove(visitor, other, "login")
    assert reply.status_code == 403
    assert reply.json["error"]["code"] == "other_person"
    assert "Welcome, ada@example.com." in visitor.get("/", base_url=SITE).text


def test_wine_is_for_adults(visitor: FlaskClient, person: SimulatedApp) -> None:
    """A visitor sees the wines only after proving that she is an adult."""
    assert visitor.get("/wines", base_url=SITE).status_code == 302
    assert prove(visitor, person, "adult").status_code == 200
    assert "Our wines" in visitor.get("/wines", base_url=SITE).text
