"""The club's own tests, which need no phone, no network and no IRMA server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from wine_club import make_app

from irma_core import Risk, SessionType, new_sealing_key
from irma_testing import InMemoryServer, SimulatedApp, asgi

SITE = "https://club.example"


@pytest.fixture
def person(irma_server: InMemoryServer) -> SimulatedApp:
    """Return the app of a person whose card says that she is an adult."""
    app = SimulatedApp(irma_server)
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    return app


@pytest.fixture
def visitor(irma_server: InMemoryServer, tmp_path: Path) -> Iterator[TestClient]:
    """Return a browser that can use the application."""
    app = make_app(
        irma_server.url,
        url=SITE,
        cookie_key="for-tests",
        keys=[new_sealing_key()],
        store=f"sqlite:{tmp_path / 'club.db'}",
        transport=irma_server.async_transport(),
        server_key=irma_server.public_key_pem,
        allow={Risk.SIMULATED_PROOFS},
    )
    irma_server.deliver = asgi(app)
    with TestClient(app, base_url=SITE, follow_redirects=False) as client:
        yield client


def test_card_follows_the_age(visitor: TestClient, person: SimulatedApp) -> None:
    """One scan proves the age and issues the card, and the outcome names the order."""
    assert 'data-irma="membership"' in visitor.get("/").text
    started = visitor.post("/irma/start/membership", json={}).json()
    card = person.accept(started["sessionPtr"]).next
    assert card is not None
    assert card.type is SessionType.ISSUING

    reply = visitor.post("/irma/finish/membership", json={"handle": started["handle"]})
    assert reply.status_code == 200
    tasting = visitor.get("/tasting").json()
    assert tasting["status"] == "proved"
    assert tasting["age"] == "Yes"


def test_tasting_is_for_members(visitor: TestClient) -> None:
    """A visitor without a proof is redirected to the page that asks for it, and answers there."""
    reply = visitor.get("/tasting", headers={"Accept": "text/html"})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/irma/ask/membership")
    assert "sessionPtr" in visitor.post("/irma/start/membership", json={}).json()


def test_minor_gets_no_card(visitor: TestClient, irma_server: InMemoryServer) -> None:
    """A person whose card says that she is not an adult cannot answer."""
    minor = SimulatedApp(irma_server)
    minor.add("pbdf.gemeente.personalData", {"over18": "No"})
    visitor.get("/")
    started = visitor.post("/irma/start/membership", json={}).json()
    minor.scan(started["sessionPtr"]).refuse()
    reply = visitor.post("/irma/finish/membership", json={"handle": started["handle"]})
    assert reply.json()["error"]["code"] == "cancelled"
