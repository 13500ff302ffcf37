"""Browsers keep pages in memory, and show them unchanged when the person goes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from irma_testing import SimulatedApp
from tests.browser.conftest import ARGUMENTS, missing
from tests.web_page.conftest import Shop

NOTING = "addEventListener('pageshow', (event) => { window.isKept = event.persisted; });"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser that keeps pages in memory, as usual.

    Playwright switches that off, and the build of Chromium without windows cannot do it.
    """
    path = shutil.which("chromium") or missing("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            headless=True,
            args=ARGUMENTS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


def go_back(shop: Shop) -> None:
    """Press the back button, and check that the browser had kept the page."""
    shop.page.go_back(wait_until="commit")
    shop.page.wait_for_function("window.isKept !== undefined")
    assert shop.page.evaluate("window.isKept")


@pytest.mark.parametrize("path", ["/login", "/auto"])
def test_a_page_with_a_session_begins_again(shop: Shop, app: SimulatedApp, path: str) -> None:
    """The QR code is not shown again, because leaving the page ended its session."""
    shop.page.add_init_script(NOTING)
    shop.open(path)
    if path == "/login":
        shop.press("Continue with Yivi")
    shop.expect_state("qr")
    shop.open("/welcome")
    shop.expect_open_sessions(0)
    go_back(shop)
    if path == "/login":
        shop.expect_state("ready")
        shop.press("Continue with Yivi")
    shop.expect_state("qr")
    assert shop.site.steps == ["start", "cancel", "start"]
    app.accept(shop.scanned_qr())
    shop.expect_welcome()


def test_a_page_that_has_served_is_loaded_again(shop: Shop, app: SimulatedApp) -> None:
    """If a person goes back after the login, the page is loaded again, with a valid CSRF token."""
    shop.page.add_init_script(NOTING)
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()
    with shop.page.expect_response("**/login"):
        shop.page.go_back(wait_until="commit")
    shop.expect_state("ready")
