"""The development server's pages in a real Chromium: width, keyboard use and updates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from irma_backend.dev_server import running_dev_server
from irma_core import (
    AttributeRequest,
    CredentialRequest,
    DisclosureRequest,
    IssuanceRequest,
    PairingMethod,
    Requestor,
    SessionStatus,
    SignatureRequest,
    any_of,
    optional,
)
from irma_testing import InMemoryServer, ServerSettings
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.browser.conftest import chromium, chromium_arguments
from tests.web_page.conftest import ARTIFACTS, tools

__all__ = ["chromium", "chromium_arguments", "tools"]

EMAIL = "pbdf.sidn-pbdf.email.email"
OVER18 = "pbdf.gemeente.personalData.over18"
SIZES = {"phone": (390, 844), "desktop": (1200, 800)}
LIMIT = 60_000


@attrs.frozen
class Playing:
    """A page of the development server, and a requestor that starts sessions at it."""

    page: Page
    url: str
    requestor: Requestor
    size: str
    axe: str = attrs.field(repr=False)
    complaints: list[str] = attrs.field(factory=list)

    def look(self, name: str) -> None:
        """Save a screenshot, and check with axe-core that the page is accessible."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"dev-server-{self.size}-{name}.png"
        self.page.screenshot(path=path, full_page=True)
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        self.page.evaluate(self.axe)
        found = self.page.evaluate("axe.run()")
        assert [(each["id"], each["nodes"]) for each in found["violations"]] == []

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def expect_heading(self, name: str) -> None:
        """Wait for a heading."""
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def playing(chromium: Chromium, tools: Path, size: str) -> Iterator[Playing]:
    """Yield a page; at the end, check that the browser has reported no error."""
    width, height = SIZES[size]
    # The pages' policy would block axe-core; `test_guarding` checks the policy.
    context = chromium.new_context(viewport={"width": width, "height": height}, bypass_csp=True)
    context.set_default_timeout(LIMIT)
    expect.set_options(timeout=LIMIT)
    page = context.new_page()
    axe = (tools / "node_modules" / "axe-core" / "axe.min.js").read_text()
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    with running_dev_server(server) as url, Urllib3Transport() as transport:
        playing = Playing(page, url, Requestor(url, transport), size, axe)
        page.on("pageerror", lambda error: playing.complaints.append(str(error)))
        page.on("console", lambda message: playing.complaints.append(message.text))
        page.goto(url)
        yield playing
        context.close()
    assert playing.complaints == []


def test_pages_fit_the_window_and_are_accessible(playing: Playing) -> None:
    """Each page fits the width of the window, and axe-core finds no fault."""
    playing.look("1-empty")
    start = playing.requestor.start_session
    start(IssuanceRequest([CredentialRequest("pbdf.library.card", {"holder": "Ada"})]))
    start(SignatureRequest("I agree to pay 12 euros.", {"email": EMAIL}))
    mixed = start(
        DisclosureRequest(
            {
                "age": any_of(AttributeRequest(OVER18, value="Yes"), "pbdf.pilot.idcard.over18"),
                "name": optional("pbdf.library.card.holder"),
            },
            labels={"age": {"en": "Your age"}},
        )
    )
    page = playing.page
    expect(page.get_by_text("3 sessions are open.")).to_be_visible()
    playing.look("2-sessions")
    page.get_by_role("button", name="Scan").first.click()
    playing.expect_heading("Share these attributes?")
    playing.look("3-disclosing")
    playing.press("Accept")
    playing.expect_heading("Shared")
    playing.look("4-over")
    assert playing.requestor.get_status(mixed) is SessionStatus.DONE
    for heading, name in (("Sign this message?", "5-signing"), ("Receive this", "6-issuing")):
        page.get_by_role("link", name="Back to the open sessions").click()
        page.get_by_role("button", name="Scan").first.click()
        playing.expect_heading(heading)
        playing.look(name)
        playing.press("Refuse")
    paired = start(DisclosureRequest({"email": EMAIL}))
    playing.requestor.set_pairing(paired, PairingMethod.PIN)
    page.get_by_role("link", name="Simulated app").click()
    playing.press("Scan")
    playing.expect_heading("Is this you?")
    playing.look("7-pairing")
    playing.requestor.complete_pairing(paired)
    playing.expect_heading("Share these attributes?")
    playing.look("8-paired")
    playing.press("Let it time out")
    playing.expect_heading("Timed out")
    playing.look("9-timed-out")
    page.get_by_role("link", name="Simulated app").click()
    playing.press("Kim, a minor")
    start(DisclosureRequest({"age": AttributeRequest(OVER18, value="Yes")}))
    playing.press("Scan")
    playing.expect_heading("Share these attributes?")
    playing.look("10-cannot-share")
    playing.press("Answer No")
    playing.expect_heading("Not valid")
    playing.look("11-not-valid")


@pytest.mark.parametrize("size", ["phone"])
def test_list_updates_itself(playing: Playing) -> None:
    """The list updates its sessions without a reload, and the focus stays where it was."""
    page, requestor = playing.page, playing.requestor
    page.evaluate("window.isSame = true")
    first = requestor.start_session(DisclosureRequest({"email": EMAIL}))
    button = page.get_by_role("button", name="Scan")
    button.focus()
    second = requestor.start_session(DisclosureRequest({"email": EMAIL}))
    expect(page.get_by_text("2 sessions are open.")).to_be_visible()
    expect(button.nth(1)).to_be_focused()
    requestor.cancel_session(first)
    requestor.cancel_session(second)
    expect(page.get_by_text("Nothing to scan yet.")).to_be_visible()
    expect(button).to_have_count(0)
    assert page.evaluate("window.isSame")


@pytest.mark.parametrize("size", ["phone"])
def test_session_that_ends_elsewhere_is_shown(playing: Playing) -> None:
    """The page on which a person decides shows that the session has ended elsewhere."""
    session = playing.requestor.start_session(DisclosureRequest({"email": EMAIL}))
    playing.press("Scan")
    playing.page.get_by_label("Email").fill("bob@example.com")
    playing.requestor.cancel_session(session)
    playing.expect_heading("This session has ended")


@pytest.mark.parametrize("size", ["desktop"])
def test_keyboard_is_enough(playing: Playing) -> None:
    """A person can choose an app, scan a session and accept it with the keyboard alone."""
    session = playing.requestor.start_session(DisclosureRequest({"email": EMAIL}))
    page = playing.page
    expect(page.get_by_role("button", name="Scan")).to_be_visible()
    visited: list[str] = []

    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.textContent.trim()")
            visited.append(focused)
            if focused == name:
                page.keyboard.press("Enter")
                return
        raise AssertionError(visited)

    tab_to("Kim, a minor")
    expect(page.get_by_role("button", name="Kim, a minor", pressed=True)).to_be_visible()
    tab_to("Scan")
    playing.expect_heading("Share these attributes?")
    tab_to("Accept")
    playing.expect_heading("Shared")
    assert playing.requestor.get_answer(session)["email"].value == "kim@example.com"


@pytest.mark.parametrize("size", ["phone"])
def test_pages_work_without_scripts(playing: Playing, chromium: Chromium) -> None:
    """Without scripts the list reloads, and the buttons work."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(playing.url)
    session = playing.requestor.start_session(DisclosureRequest({"email": EMAIL}))
    page.get_by_role("button", name="Scan").click(timeout=LIMIT)
    page.get_by_role("button", name="Refuse").click(timeout=LIMIT)
    expect(page.get_by_role("heading", name="Refused")).to_be_visible()
    assert playing.requestor.get_status(session) is SessionStatus.CANCELLED
    context.close()
