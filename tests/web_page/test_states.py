"""The page in each state, in a real Chromium under a strict content security policy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from irma_core import AttributeRequest, DisclosureRequest, ExtendedRequest
from irma_testing import SimulatedApp
from tests.web_page.conftest import CANCELLED, Shop
from tests.web_page.site import ASKED, NAME

WIDTHS: dict[str, ViewportSize] = {
    "desktop": {"width": 800, "height": 700},
    "phone": {"width": 360, "height": 740},
}
REFUSED = "status of 403"
"""The message in the console for each error reply."""


@pytest.fixture(params=WIDTHS)
def page(page: Page, request: pytest.FixtureRequest) -> Page:
    """A window as wide as on a desktop, and one as wide as on a phone."""
    page.set_viewport_size(WIDTHS[request.param])
    return page


def test_a_person_logs_in(shop: Shop, app: SimulatedApp) -> None:
    """The button starts a session; once the person accepts it in the app, the next page opens."""
    shop.open()
    shop.expect_state("ready")
    shop.look("ready")
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    shop.expect_message("Scan the QR code with the Yivi app on your phone.")
    scanned = app.scan(shop.scanned_qr())
    shop.look("qr")
    shop.expect_state("app")
    shop.expect_message("Follow the steps in the Yivi app.")
    shop.look("app")
    scanned.accept()
    shop.expect_welcome()
    assert shop.site.steps == ["start", "finish"]


def test_the_page_says_when_it_is_done(shop: Shop, app: SimulatedApp) -> None:
    """Without a next page, the message of success stays on the screen."""
    shop.open("/stay")
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_state("done")
    shop.expect_message("Done.")
    shop.look("done")


def test_a_refusal_can_be_tried_again(shop: Shop, app: SimulatedApp) -> None:
    """After a refusal, the site's sentence is shown, and the focused button starts a session."""
    shop.expected = [REFUSED]
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    app.refuse(shop.scanned_qr())
    shop.expect_state("error")
    shop.expect_message(CANCELLED)
    again = shop.page.get_by_role("button", name="Try again")
    expect(again).to_be_focused()
    shop.look("refused")
    again.click()
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()


def test_page_and_app_are_paired(shop: Shop, app: SimulatedApp) -> None:
    """A wrong code is read out as an error, the right code works, and each digit has a name."""
    shop.site.asked = DisclosureRequest({"name": AttributeRequest(NAME, value="Ada")})
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    scanned = app.scan(shop.scanned_qr())
    shop.expect_state("pairing")
    shop.expect_message("Enter the pairing code that the Yivi app shows.")
    expect(shop.page.get_by_label("Pairing code, digit 1")).to_be_focused()
    shop.look("pairing")
    code = scanned.pairing_code
    assert code
    wrong = f"{(int(code) + 1) % 10_000:04}"
    shop.page.keyboard.type(wrong)
    shop.expect_message(
        f"The pairing code {wrong} does not match the code in your Yivi app. Please try again."
    )
    shop.look("pairing-wrong")
    shop.page.keyboard.type(code)
    shop.expect_state("app")
    scanned.accept()
    shop.expect_welcome()


def test_the_cancel_button_ends_the_session_at_the_server(shop: Shop, app: SimulatedApp) -> None:
    """After a cancel, no app can continue the session, and another can be started."""
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    with shop.page.expect_response("**/irma/cancel/login"):
        shop.press("Cancel")
    shop.expect_state("error")
    shop.expect_message("You cancelled this request.")
    expect(shop.page.get_by_role("button", name="Try again")).to_be_focused()
    shop.look("cancelled")
    shop.expect_open_sessions(0)
    shop.press("Try again")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()


def test_a_session_times_out(shop: Shop) -> None:
    """If no app connects in time, the site's sentence is shown."""
    shop.expected = [REFUSED]
    shop.site.asked = ExtendedRequest(ASKED, timeout=timedelta(seconds=2))
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("error")
    shop.expect_message("The app did not respond in time. Please start again.")
    shop.look("timed-out")


def test_the_server_is_down_at_the_start(shop: Shop) -> None:
    """If the server is down, the site's sentence is shown, and "Try again" works later."""
    shop.expected = ["status of 503"]
    shop.page.route("**/irma/start/login", unavailable)
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("error")
    shop.expect_message("The site says: server_unavailable.")
    shop.look("server-away")
    shop.page.unroute("**/irma/start/login")
    shop.press("Try again")
    shop.expect_state("qr")


def unavailable(route: Route) -> None:
    """Reply like the site while the IRMA server is down."""
    message = "The site says: server_unavailable."
    error = {"code": "server_unavailable", "message": message, "again": "start"}
    route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": error})


def test_a_finish_is_repeated_until_the_network_is_back(shop: Shop, app: SimulatedApp) -> None:
    """Without a network, the page says so and repeats the finish until the network is back."""
    shop.expected = ["ERR_FAILED"]
    shop.page.route("**/irma/finish/login", lambda route: route.abort())
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_message("This website cannot be reached. Please check your internet connection.")
    shop.expect_state("finishing")
    shop.look("network-away")
    shop.page.unroute("**/irma/finish/login")
    shop.expect_welcome()


def test_a_wait_is_shown(shop: Shop) -> None:
    """While the site starts a session, the page says that it takes a moment."""
    waiting: list[Route] = []
    # Playwright sets an attribute on the function, which a method of a list does not allow.
    shop.page.route("**/irma/start/login", lambda route: waiting.append(route))  # noqa: PLW0108
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("starting")
    shop.expect_message("One moment, please.")
    shop.look("starting")
    shop.wait_until(lambda: len(waiting) == 1)
    waiting[0].continue_()
    shop.expect_state("qr")


def test_dutch(shop: Shop, app: SimulatedApp) -> None:
    """The page and the browser package are in Dutch, and the page requests Dutch sentences."""
    shop.open("/inloggen")
    with shop.page.expect_request("**/irma/start/login") as request:
        shop.press("Ga verder met Yivi")
    assert request.value.headers["accept-language"] == "nl"
    shop.expect_state("qr")
    shop.expect_message("Scan de QR-code met de Yivi-app op uw telefoon.")
    app.scan(shop.scanned_qr())
    expect(shop.page.get_by_text("Volg de instructies in de Yivi-app")).to_be_visible()
    shop.look("dutch")
    shop.press("Annuleren")
    shop.expect_message("U heeft geannuleerd.")


def test_the_page_can_have_its_own_button(shop: Shop, app: SimulatedApp) -> None:
    """The page's own button starts the session, and the button to try again looks like it."""
    shop.open("/own-button")
    shop.look("own-button")
    shop.press("Show that you are Ada")
    shop.expect_state("qr")
    shop.press("Cancel")
    again = shop.page.get_by_role("button", name="Try again")
    expect(again).to_have_class("irma-again button")


def test_the_page_can_have_its_own_words(shop: Shop) -> None:
    """The application's words are on the buttons and in the name of the session's frame."""
    shop.open("/own-words")
    shop.press("Show that you are Ada")
    shop.expect_state("qr")
    expect(shop.page.get_by_role("group", name="Show that you are Ada")).to_be_visible()
    shop.press("Cancel")
    expect(shop.page.get_by_role("button", name="Once more")).to_be_visible()
