"""Whole sessions in a real browser: the official package, a backend, the development server."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from playwright.sync_api import Page, expect

from irma_backend.dev_server import running_dev_server
from irma_core import AttributeRequest, DisclosureRequest, ProofStatus, Requestor
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.browser.backend import Backend, running_backend
from tests.browser.conftest import scanned_qr
from tests.memory_server.conftest import fill

NAME = "example.town.resident.firstname"
ASKED = DisclosureRequest({"name": NAME})
NO_EVENTS = "status of 500"
"""The message in the console when the server answers that it has no events."""


QR = "canvas.yivi-web-qr-canvas"


@attrs.frozen
class Shop:
    """The page of a website, in a browser."""

    page: Page
    backend: Backend
    url: str

    def open(self, asked: DisclosureRequest) -> None:
        """Open the page, which makes this request."""
        self.backend.asked = asked
        self.page.goto(self.url)
        self.page.wait_for_selector(QR)

    def scanned_qr(self) -> str:
        """Return what a phone's camera reads from the screen."""
        return scanned_qr(self.page)

    def expect_words(self, words: str) -> None:
        """Wait for the backend's reply, and for the sign of success."""
        expect(self.page.locator("#said")).to_have_text(words)
        self.page.wait_for_selector(".yivi-web-checkmark-animation")

    def states(self) -> list[str]:
        """Return the states that the package has shown, without the one in which it loads."""
        seen: list[str] = self.page.evaluate("window.states")
        return [state for state in seen if state != "Loading"]


@pytest.fixture(params=[True, False], ids=["events", "polling"])
def server(request: pytest.FixtureRequest) -> InMemoryServer:
    """A server that pushes each status, and one whose page polls."""
    settings = ServerSettings(enable_sse=request.param)
    return InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=SystemClock())


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    fill(app)
    return app


@pytest.fixture
def backend(server: InMemoryServer, yivi_script: bytes) -> Iterator[Backend]:
    with running_dev_server(server) as url, Urllib3Transport() as transport:
        yield Backend(Requestor(url, transport), script=yivi_script, server=url)


@pytest.fixture
def shop(page: Page, backend: Backend) -> Iterator[Shop]:
    """A shop; the test fails at its end if the browser reported an error or a policy violation."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    with running_backend(backend) as url:
        yield Shop(page, backend, url)
    assert [said for said in complaints if NO_EVENTS not in said] == []


def test_an_answer_is_shown_as_a_success(shop: Shop, app: SimulatedApp) -> None:
    """The person scans the QR and agrees, and the page shows the backend's result."""
    shop.open(ASKED)
    session = app.scan(shop.scanned_qr())
    shop.page.wait_for_selector(".yivi-web-waiting-for-user-animation")
    session.accept()
    shop.expect_words("Welcome, Ada.")
    assert shop.states() == ["ShowingQRCode", "WaitingForUser", "Success"]


def test_a_refused_session_can_be_tried_again(shop: Shop, app: SimulatedApp) -> None:
    """The page reports the refusal, and starts another session on request."""
    shop.open(ASKED)
    first = shop.scanned_qr()
    app.refuse(first)
    shop.page.wait_for_selector(".yivi-web-forbidden-animation")
    assert shop.states()[-1] == "Cancelled"
    shop.page.click("[data-yivi-glue-transition=restart]")
    shop.page.wait_for_selector(QR)
    second = shop.scanned_qr()
    assert second != first
    app.accept(second)
    shop.expect_words("Welcome, Ada.")
    assert shop.backend.errors == []


def test_a_demanded_value_requires_pairing(shop: Shop, app: SimulatedApp) -> None:
    """With a demanded value, the page accepts only the pairing code that the app shows."""
    shop.open(DisclosureRequest({"name": AttributeRequest(NAME, value="Ada")}))
    session = app.scan(shop.scanned_qr())
    shop.page.wait_for_selector(".yivi-web-pairing-form")
    code = session.pairing_code
    assert code is not None
    shop.page.keyboard.type(str((int(code) + 1) % 10_000).zfill(4))
    shop.page.wait_for_selector(".yivi-web-error")
    assert not session.is_paired
    shop.page.keyboard.type(code)
    shop.page.wait_for_selector(".yivi-web-waiting-for-user-animation")
    session.accept()
    shop.expect_words("Welcome, Ada.")


def test_a_cheating_app_gets_nothing_from_the_backend(shop: Shop, app: SimulatedApp) -> None:
    """The package treats `DONE` as success, but the backend does not answer a cheating app."""
    shop.open(ASKED)
    app.scan(shop.scanned_qr()).cheat(ProofStatus.INVALID)
    shop.expect_words("You have not shown it.")
    assert shop.backend.errors == ["ProofNotValidError"]
