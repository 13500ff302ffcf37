"""The page's behaviour if a person does something unusual, or a network fails."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from irma_testing import ServerSettings, SimulatedApp
from tests.browser.conftest import scanned_qr
from tests.web_page.conftest import CANCELLED, Shop, eventually

EVENTS = """
window.said = [];
for (const kind of ["irma:done", "irma:error"])
  addEventListener(kind, (event) => said.push([kind, event.detail]));
"""
NO_NETWORK = "This website cannot be reached. Please check your internet connection."


def begin(shop: Shop, path: str = "/login") -> None:
    """Open a page and press its button, until the QR code is drawn."""
    shop.open(path)
    shop.press("Continue with Yivi")
    shop.expect_state("qr")


def failing(code: str, again: str | None, status: int = 403) -> Any:
    """Return a route that answers as the site does when a call fails."""

    def fulfil(route: Route) -> None:
        error = {"code": code, "message": f"The site says: {code}.", "again": again}
        route.fulfill(status=status, json={"error": error})

    return fulfil


def test_each_call_carries_the_csrf_token(shop: Shop, app: SimulatedApp) -> None:
    """Each call has the CSRF token in the header of the settings, and the handle in its body."""
    begin(shop)
    app.accept(shop.scanned_qr())
    shop.expect_welcome()
    (_, started, first), (_, finished, second) = shop.site.calls
    assert (first, second) == ("<of the page>", "<of the page>")
    assert started == {"page": "/login", "same_device": False}
    assert finished.keys() == {"handle", "next"}
    assert finished["next"] == "/welcome"


def test_events_say_how_it_ended(shop: Shop, app: SimulatedApp) -> None:
    """Events report failure and success to a page without a next URL."""
    shop.expected = ["status of 403"]
    shop.page.add_init_script(EVENTS)
    begin(shop, "/stay")
    app.refuse(shop.scanned_qr())
    shop.expect_state("error")
    shop.press("Try again")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_state("done")
    detail = {"code": "cancelled", "message": CANCELLED, "again": "start"}
    assert shop.page.evaluate("said") == [["irma:error", detail], ["irma:done", {"next": None}]]


def test_a_listener_keeps_the_browser_on_the_page(shop: Shop, app: SimulatedApp) -> None:
    """After `preventDefault()`, the page itself decides where to go."""
    shop.page.add_init_script("addEventListener('irma:done', (event) => event.preventDefault())")
    begin(shop)
    app.accept(shop.scanned_qr())
    shop.expect_state("done")
    shop.page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")
    assert shop.page.url.endswith("/login")


def test_a_double_click_starts_one_session(shop: Shop) -> None:
    """The second click of a double click meets no button that starts or cancels a session."""
    shop.open()
    shop.page.get_by_role("button", name="Continue with Yivi").dblclick()
    shop.expect_state("qr")
    assert shop.site.steps == ["start"]


def test_two_elements_are_two_sessions(shop: Shop, app: SimulatedApp) -> None:
    """Two elements have a QR code each, and if one is cancelled, the other continues."""
    shop.open("/two")
    for name in ("login", "other"):
        shop.page.locator(f"[data-irma={name}] .irma-start").click()
        shop.expect_state("qr", name)
    shop.page.locator("[data-irma=login] .irma-cancel").click()
    shop.expect_state("error", "login")
    shop.expect_state("qr", "other")
    shop.page.locator("[data-irma=login]").evaluate("(element) => element.remove()")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()
    assert shop.site.steps == ["start", "start", "cancel", "finish"]


def test_an_element_can_start_by_itself(shop: Shop, app: SimulatedApp) -> None:
    """An element that starts by itself takes no focus until it is used.

    Once the session is cancelled, the only button is the one to try again.
    """
    shop.open("/auto")
    shop.expect_state("qr")
    assert shop.page.evaluate("document.activeElement.tagName") == "BODY"
    shop.press("Cancel")
    expect(shop.page.get_by_role("button")).to_have_text(["Try again"])
    expect(shop.page.get_by_role("button", name="Try again")).to_be_focused()
    shop.press("Try again")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()


def test_a_tab_in_the_background_starts_nothing(shop: Shop) -> None:
    """A page that starts by itself waits until it is visible, because browsers preload pages."""
    hide = "Object.defineProperty(document, 'hidden', {get: () => window.isHidden ?? true})"
    shop.page.add_init_script(hide)
    shop.open("/auto")
    shop.page.wait_for_load_state("networkidle")
    assert shop.site.steps == []
    shop.page.evaluate("""() => {
      window.isHidden = false;
      document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
    }""")
    shop.expect_state("qr")
    assert shop.site.steps == ["start"]


@pytest.mark.parametrize("settings", [ServerSettings(enable_sse=True)], ids=["events"])
def test_ten_tabs_at_once(shop: Shop, app: SimulatedApp) -> None:
    """Each of ten tabs continues when its own session ends, in any order, while the others wait."""
    tabs = [shop.page, *(shop.page.context.new_page() for _ in range(9))]
    for tab in tabs:
        tab.goto(f"{shop.url}/login")
        tab.get_by_role("button", name="Continue with Yivi").click()
    for tab in tabs:
        expect(tab.locator("[data-irma]")).to_have_attribute("data-irma-state", "qr")
    for tab in reversed(tabs):  # with event streams, the last tabs would have no connection left
        app.accept(scanned_qr(tab))
        tab.wait_for_url("**/welcome")
    assert shop.site.logins == ["Ada"] * 10


def test_everything_works_by_keyboard(shop: Shop, app: SimulatedApp) -> None:
    """The focus moves from the start button to the session, so Tab leads to the other buttons."""
    shop.open()
    shop.page.keyboard.press("Tab")
    shop.page.keyboard.press("Enter")
    shop.expect_state("qr")
    expect(shop.page.get_by_role("group", name="Continue with Yivi")).to_be_focused()
    shop.page.keyboard.press("Tab")
    expect(shop.page.get_by_role("button", name="Cancel")).to_be_focused()
    shop.page.keyboard.press("Enter")
    expect(shop.page.get_by_role("button", name="Try again")).to_be_focused()
    shop.page.keyboard.press("Space")
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()


def test_the_package_s_own_cancel_link_cancels_too(shop: Shop, app: SimulatedApp) -> None:
    """The package's own cancel link works like our button, although our style hides the link."""
    begin(shop)
    app.scan(shop.scanned_qr())
    shop.expect_state("app")
    shop.page.locator("[data-yivi-glue-transition=cancel]").dispatch_event("click")
    shop.expect_message("You cancelled this request.")
    shop.expect_open_sessions(0)


def test_a_session_that_starts_too_late_is_cancelled(shop: Shop) -> None:
    """A session that is cancelled while the site starts it is cancelled as soon as it exists."""
    waiting: list[Route] = []
    shop.page.route("**/irma/start/login", lambda route: waiting.append(route))  # noqa: PLW0108
    shop.open()
    shop.press("Continue with Yivi")
    shop.wait_until(lambda: len(waiting) == 1)
    shop.press("Cancel")
    shop.expect_message("You cancelled this request.")
    waiting[0].continue_()
    eventually(lambda: shop.site.steps == ["start", "cancel"])
    shop.expect_state("error")


def test_a_busy_site_is_asked_again(shop: Shop, app: SimulatedApp) -> None:
    """If the reply is `busy`, the page repeats the call for up to a minute."""
    shop.expected = ["status of 503"]
    tries: list[Route] = []

    def busy_twice(route: Route) -> None:
        tries.append(route)
        if len(tries) <= 2:
            failing("store_unavailable", "finish", 503)(route)
        else:
            route.continue_()

    shop.page.route("**/irma/finish/login", busy_twice)
    begin(shop)
    app.accept(shop.scanned_qr())
    shop.expect_message("The site says: store_unavailable.")
    shop.expect_welcome()
    assert len({each.request.post_data for each in tries}) == 1


def test_after_a_minute_the_person_decides(shop: Shop, app: SimulatedApp) -> None:
    """After a minute the page stops repeating, and "Try again" finishes the same session."""
    shop.expected = ["ERR_FAILED"]
    shop.page.clock.install()
    shop.page.route("**/irma/finish/login", lambda route: route.abort())
    begin(shop)
    app.accept(shop.scanned_qr())
    shop.expect_message(NO_NETWORK)
    shop.expect_state("finishing")
    again = shop.page.get_by_role("button", name="Try again")
    for _ in range(30):
        shop.page.clock.run_for(8000)
        if again.is_visible():
            break
    shop.expect_state("error")
    shop.expect_message(NO_NETWORK)
    shop.page.unroute("**/irma/finish/login")
    again.click()
    shop.expect_welcome()
    assert shop.site.steps == ["start", "finish"]


@pytest.mark.parametrize(("code", "again"), [("other_browser", "start"), ("misconfigured", None)])
def test_a_refused_finish_is_not_repeated(
    shop: Shop, app: SimulatedApp, code: str, again: str | None
) -> None:
    """After a refused finish, the page shows a button only if a new session may help."""
    shop.expected = ["status of 403"]
    shop.page.route("**/irma/finish/login", failing(code, again))
    begin(shop)
    app.accept(shop.scanned_qr())
    shop.expect_state("error")
    shop.expect_message(f"The site says: {code}.")
    expect(shop.page.get_by_role("button", name="Try again")).to_be_visible(visible=bool(again))


def test_a_framework_refuses_the_token_of_an_old_page(shop: Shop) -> None:
    """If a framework replies without JSON, the page asks for a reload, which brings a new token."""
    shop.expected = ["status of 403"]
    shop.page.route("**/irma/start/login", lambda route: route.fulfill(status=403, body="<h1>No"))
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_message("Something went wrong. Please reload this page.")
    expect(shop.page.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("body", ["null", "[1]", "<html>", ""])
def test_a_proxy_answers_nonsense(shop: Shop, body: str) -> None:
    """If a proxy replies with nonsense, the page says that something is wrong and can try again."""
    shop.expected = ["status of 502"]
    shop.page.route("**/irma/start/login", lambda route: route.fulfill(status=502, body=body))
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_message(NO_NETWORK)
    shop.page.unroute("**/irma/start/login")
    shop.press("Try again")
    shop.expect_state("qr")


def test_the_irma_server_is_out_of_reach_of_the_browser(shop: Shop) -> None:
    """If the browser loses the IRMA server before an app connects, the session is cancelled."""
    shop.expected = ["ERR_FAILED"]
    begin(shop)
    shop.page.route("**/frontend/status", lambda route: route.abort())
    shop.expect_message("Something went wrong. Please try again.")
    shop.expect_open_sessions(0)
    shop.page.unroute("**/frontend/status")
    shop.press("Try again")
    shop.expect_state("qr")


def test_the_browser_loses_the_server_while_the_person_is_in_the_app(
    shop: Shop, app: SimulatedApp
) -> None:
    """If the browser loses the server while the person is in the app, the session is kept.

    The page asks the site for the outcome until the person has answered.
    """
    shop.expected = ["ERR_FAILED", "status of 409"]
    begin(shop)
    scanned = app.scan(shop.scanned_qr())
    shop.expect_state("app")
    shop.page.route("**/frontend/status", lambda route: route.abort())
    shop.expect_message("You are not finished in the app yet. Please complete the steps there.")
    scanned.accept()
    shop.expect_welcome()


def test_the_browser_package_is_missing(shop: Shop) -> None:
    """If the package is missing, the console says so, and the page shows the person a sentence."""
    shop.expected = ["status of 404", "newWeb", "MIME type"]
    shop.page.route("**/yivi.js", lambda route: route.fulfill(status=404, body=""))
    shop.open()
    shop.press("Continue with Yivi")
    shop.expect_message("Something went wrong. Please try again.")
    assert any("newWeb" in said for said in shop.complaints)
    shop.expect_open_sessions(0)


def test_leaving_the_page_cancels_the_session(shop: Shop) -> None:
    """Leaving the page cancels its session, so no app can disclose anything to it."""
    begin(shop)
    shop.open("/welcome")
    shop.expect_open_sessions(0)


def test_an_element_that_is_added_later(shop: Shop, app: SimulatedApp) -> None:
    """A page that adds an element later can connect it with a function of the module."""
    shop.open("/two")
    shop.page.evaluate("""async () => {
      const added = document.querySelector("[data-irma=other]").cloneNode(false);
      delete added.dataset.irmaState;
      document.querySelector("[data-irma=login]").replaceWith(added);
      const {connect} = await import("/static/irma_web/irma.js");
      connect(added);
      connect(added);
    }""")
    shop.page.locator("[data-irma=other] .irma-start").first.click()
    shop.expect_state("qr", "other")
    app.accept(shop.scanned_qr())
    shop.expect_welcome()


def test_two_tabs_that_start_at_once_share_a_cookie(shop: Shop, app: SimulatedApp) -> None:
    """The first two sessions of a browser start one after the other, so both can be finished."""
    held: list[Route] = []
    context = shop.page.context

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    context.route("**/irma/start/login", hold_the_first)
    tabs = [shop.page, context.new_page()]
    for tab in tabs:
        tab.goto(f"{shop.url}/login")
        tab.get_by_role("button", name="Continue with Yivi").click()
        expect(tab.locator("[data-irma]")).to_have_attribute("data-irma-state", "starting")
    shop.wait_until(lambda: len(held) > 0)
    shop.page.wait_for_timeout(300)  # a second call would come within this time
    assert len(held) == 1
    held[0].continue_()
    for tab in tabs:
        expect(tab.locator("[data-irma]")).to_have_attribute("data-irma-state", "qr")
    for tab in tabs:
        app.accept(scanned_qr(tab))
        tab.wait_for_url("**/welcome")
    assert shop.site.logins == ["Ada", "Ada"]
