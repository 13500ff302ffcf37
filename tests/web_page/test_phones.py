"""The app on the same phone as the browser: opening it, and returning from it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from irma_testing import ScannedSession, SimulatedApp
from tests.web_page.conftest import CANCELLED, LIMIT, Shop

ANDROID = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/150.0 Mobile Safari/537.36"
STAY = """addEventListener("click", (event) => {
  if (event.target.closest(".yivi-web-button-link")) event.preventDefault();
});"""
"""A desktop has no app that opens the link, so the browser stays on the page."""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A phone's browser."""
    context = chromium.new_context(
        user_agent=ANDROID,
        viewport={"width": 360, "height": 740},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
    )
    context.set_default_timeout(LIMIT)
    expect.set_options(timeout=LIMIT)
    context.add_init_script(STAY)
    yield context.new_page()
    context.close()


def begin(shop: Shop, path: str = "/login") -> str:
    """Start a session, open the app, and return the session pointer that the app receives."""
    shop.open(path)
    shop.press("Continue with Yivi")
    shop.expect_state("button")
    link = shop.page.locator(".yivi-web-button-link")
    url = link.get_attribute("href")
    assert url
    link.click()
    return unquote(url.partition("qr/json/")[2].partition("#")[0])


def test_the_waiting_page_finishes(shop: Shop, app: SimulatedApp) -> None:
    """The page reports that the app is on this device, and finishes when the app is done."""
    app.accept(begin(shop))
    shop.expect_welcome()
    _, said, _ = shop.site.calls[0]
    assert said == {"page": "/login", "same_device": True}


def test_what_a_phone_shows(shop: Shop) -> None:
    """One button opens the app, and another shows or hides the QR code for another phone."""
    shop.open()
    shop.look("phone-ready")
    shop.press("Continue with Yivi")
    shop.expect_state("button")
    shop.expect_message("Open the Yivi app on this device.")
    shop.look("phone-button")
    shop.page.get_by_role("link", name="Show QR code").press("Enter")
    shop.expect_state("qr")
    shop.look("phone-qr")
    shop.page.get_by_role("link", name="Go back").press("Enter")
    shop.expect_state("button")
    assert shop.page.url.endswith("/login")


def test_the_app_returns_to_a_new_tab(shop: Shop, app: SimulatedApp) -> None:
    """A new tab finds the session by the fragment of its URL, and removes the fragment."""
    scanned = app.scan(begin(shop, "/login?a=1"))
    scanned.accept()
    tab = shop.page.context.new_page()
    seen: list[str] = []

    def note_url(route: Route) -> None:
        seen.append(tab.url)
        route.continue_()

    tab.route("**/irma/finish/login", note_url)
    tab.goto(return_url(scanned))
    tab.wait_for_url("**/welcome")
    assert seen == [f"{shop.url}/login?a=1"]
    assert {"slot", "next"} in [set(said) for _, said, _ in shop.site.calls]
    assert shop.site.logins == ["Ada"]


def test_the_app_returns_to_the_same_tab(shop: Shop, app: SimulatedApp) -> None:
    """If only the fragment of the URL changes, the page is not loaded again, and still finishes."""
    shop.page.route(
        "**/frontend/status", lambda route: None
    )  # so the page receives no event of the app
    scanned = app.scan(begin(shop))
    scanned.accept()
    shop.page.evaluate("(url) => { location.href = url; }", return_url(scanned))
    shop.expect_welcome()


def test_a_page_that_was_frozen_asks_the_site(shop: Shop, app: SimulatedApp) -> None:
    """After the app, the page asks the site, because its connections may have been closed."""
    shop.page.route("**/frontend/status", lambda route: None)
    app.accept(begin(shop))
    shop.page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    shop.expect_welcome()
    assert shop.site.steps == ["start", "status", "finish"]


def test_a_person_comes_back_too_early(shop: Shop, app: SimulatedApp) -> None:
    """If the person returns too early, the page continues to wait for the app."""
    pointer = begin(shop)
    with shop.page.expect_response("**/irma/status/login"):
        shop.page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    shop.expect_state("button")
    app.accept(pointer)
    shop.expect_welcome()


def test_leaving_for_the_app_cancels_nothing(shop: Shop, app: SimulatedApp) -> None:
    """Opening the app may unload the page, which does not cancel the session."""
    pointer = begin(shop)
    shop.open("/welcome")
    shop.page.wait_for_load_state()
    assert "cancel" not in shop.site.steps
    scanned = app.scan(pointer)
    scanned.accept()
    shop.page.goto(return_url(scanned))
    shop.expect_welcome()


def test_a_cancel_in_the_app_is_shown_on_return(shop: Shop, app: SimulatedApp) -> None:
    """After a cancel in the app, the new tab shows the site's sentence too."""
    shop.expected = ["status of 403"]
    scanned = app.scan(begin(shop))
    scanned.refuse()
    tab = shop.page.context.new_page()
    tab.goto(return_url(scanned))
    expect(tab.get_by_role("status")).to_have_text(CANCELLED)
    tab.get_by_role("button", name="Try again").click()
    expect(tab.locator("[data-irma]")).to_have_attribute("data-irma-state", "button")


def test_a_session_that_nobody_took_to_the_app_is_cancelled(shop: Shop) -> None:
    """Leaving the page cancels the session, unless the person has pressed the app's button."""
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("button")
    shop.open("/welcome")
    shop.expect_open_sessions(0)


def return_url(scanned: ScannedSession) -> str:
    """Return the URL to which the app sends the browser."""
    return str(scanned.request["clientReturnUrl"])
