"""The shop's own tests, which need no phone, no network and no IRMA server."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from wsgiref.util import setup_testing_defaults

import pytest
from wine_shop import WineShop

from irma_core import ProofStatus, Requestor
from irma_core.errors import ConnectionFailedError
from irma_testing import InMemoryServer, ScannedSession, ScriptedTransport, SimulatedApp

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


class Visitor:
    """A browser that keeps its cookie."""

    def __init__(self, shop: WineShop) -> None:
        self._shop = shop
        self._cookie = ""
        self.seen: list[str] = []

    def send(self, method: str) -> tuple[str, str]:
        """Send a request; return the status and the page."""
        cookies = f'consent={{"ads":false}}; {self._cookie}'  # one is from another script
        environ: WSGIEnvironment = {"REQUEST_METHOD": method, "HTTP_COOKIE": cookies}
        setup_testing_defaults(environ)
        statuses: list[str] = []

        def start(
            status: str, headers: list[tuple[str, str]], _error: object = None
        ) -> Callable[[bytes], object]:
            statuses.append(status)
            self._cookie = dict(headers).get("Set-Cookie", self._cookie).partition(";")[0]
            return bytes

        page = b"".join(self._shop(environ, start)).decode()
        self.seen.append(page)
        return statuses[0], page


@pytest.fixture
def visitor(irma_requestor: Requestor) -> Visitor:
    return Visitor(WineShop(irma_requestor))


def test_an_adult_is_welcome(
    visitor: Visitor, irma_server: InMemoryServer, irma_app: SimulatedApp
) -> None:
    """A visitor whose over18 is "yes" sees the wines."""
    irma_app.add("example.town.age", {"over18": "yes"})
    irma_server.when_started(irma_app.accept, after=timedelta(seconds=3))
    assert "Prove that you are over 18" in visitor.send("GET")[1]
    assert visitor.send("POST")[0] == "303 See Other"
    assert "Open the app" in visitor.send("GET")[1]
    irma_server.pass_time(timedelta(seconds=3))
    assert visitor.send("GET") == ("200 OK", "Welcome to our wines.")


PEOPLE: dict[str, Callable[[ScannedSession], object]] = {
    "who refuses": ScannedSession.refuse,
    "who walks away": ScannedSession.lose_connection,
    "with an invalid proof": lambda session: session.cheat(ProofStatus.INVALID),
    "whose card has expired": lambda session: session.cheat(ProofStatus.EXPIRED),
    "who is under 18": lambda session: session.cheat(values={"example.town.age.over18": "no"}),
}


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
def test_a_visitor_without_a_proof_gets_an_error_page(
    visitor: Visitor,
    irma_server: InMemoryServer,
    irma_app: SimulatedApp,
    person: Callable[[ScannedSession], object],
) -> None:
    """A visitor who does not prove to be an adult gets an error page, even an hour later."""
    irma_server.when_started(lambda pointer: person(irma_app.scan(pointer)))
    visitor.send("POST")
    irma_server.pass_time(timedelta(hours=1))
    assert visitor.send("GET")[0] == "403 Forbidden"


def test_a_visitor_without_a_session_is_asked_again(visitor: Visitor) -> None:
    """A visitor without a session is asked to prove their age each time."""
    assert visitor.send("GET") == visitor.send("GET")
    assert "Prove that you are over 18" in visitor.seen[0]


def test_an_unreachable_server_gives_an_error_page() -> None:
    """If the IRMA server is unreachable, the page asks the visitor to try again."""
    away = ConnectionFailedError("POST session", "no connection", request_sent=True)
    shop = WineShop(Requestor("https://irma.example.com", ScriptedTransport([away])))
    status, page = Visitor(shop).send("POST")
    assert status == "503 Service Unavailable"
    assert "try again" in page
