"""Each example in a real browser, run by its framework, under a strict content security policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import attrs
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from irma_backend.dev_server import running_dev_server
from irma_testing import InMemoryServer, ScannedSession, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.browser.conftest import CANCELLED, scanned_qr
from tests.browser.example_sites import DJANGO, FASTAPI, FLASK, GARDEN, Example, IrmaServer

ARTIFACTS = Path(__file__).parent.parent / "artifacts"
REFUSED = "status of 403"
"""The message in the console for each error reply."""
ANDROID = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/150.0 Mobile Safari/537.36"
STAY_ON_PAGE = """addEventListener("click", (event) => {
  if (event.target.closest(".yivi-web-button-link")) event.preventDefault();
});"""
"""A desktop has no app that could open the link, so the browser stays on the page."""
CALL_ENDPOINT = """async ([step, body]) => {
  const settings = document.querySelector("script[type='application/json']").textContent;
  const {prefix, name, headers} = JSON.parse(settings);
  const reply = await fetch(`${prefix}${step}/${name}`, {
    method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", ...headers},
  });
  return await reply.json();
}"""
"""A call from the page, as the page's script makes it."""

all_examples = pytest.mark.parametrize(
    "site",
    [
        pytest.param(each, id=name)
        for name, each in {"django": DJANGO, "flask": FLASK, "fastapi": FASTAPI}.items()
    ],
    indirect=True,
)
shops = pytest.mark.parametrize(
    "site",
    [pytest.param(DJANGO, id="django"), pytest.param(FLASK, id="flask")],
    indirect=True,
)
on_phones = pytest.mark.parametrize(
    "site",
    [
        pytest.param(each, id=name)
        for name, each in {"django": DJANGO, "flask": FLASK, "garden": GARDEN}.items()
    ],
    indirect=True,
)
cellar = pytest.mark.parametrize("site", [pytest.param(DJANGO, id="django")], indirect=True)
garden = pytest.mark.parametrize("site", [pytest.param(GARDEN, id="garden")], indirect=True)
club = pytest.mark.parametrize("site", [pytest.param(FASTAPI, id="fastapi")], indirect=True)


@attrs.frozen
class Site:
    """An example that runs."""

    url: str
    example: Example


@attrs.define
class Visitor:
    """A browser, its console messages, and the person's app."""

    page: Page
    site: Site
    expected: list[str] = attrs.Factory(list)
    complaints: list[str] = attrs.Factory(list)

    def open(self, path: str = "/") -> None:
        """Go to a page of the example."""
        self.page.goto(self.site.url + path)

    def press(self, name: str) -> None:
        """Press a button by its name."""
        self.page.get_by_role("button", name=name).click()

    def expect_state(self, state: str) -> None:
        """Wait until the question is in a state."""
        expect(self.page.locator("[data-irma]")).to_have_attribute("data-irma-state", state)

    def expect_page(self, path: str, words: str) -> None:
        """Wait for a page with these words."""
        expect(self.page.locator("body")).to_contain_text(words)
        assert self.page.url == self.site.url + path

    def show_qr(self, button: str = "") -> str:
        """Start a session, and return what a phone's camera reads from the screen."""
        self.press(button or self.site.example.button)
        self.expect_state("qr")
        return scanned_qr(self.page)

    def pair(self, scanned: ScannedSession) -> None:
        """Type the code that the app shows, if the server requires pairing."""
        if scanned.pairing_code is not None:
            self.expect_state("pairing")
            self.look("pairing")
            self.page.keyboard.type(scanned.pairing_code)
        self.expect_state("app")

    def look(self, state: str) -> None:
        """Keep a screenshot."""
        ARTIFACTS.mkdir(exist_ok=True)
        name = self.site.example.run.__name__.removeprefix("running_")
        self.page.screenshot(path=ARTIFACTS / f"example-{name}-{state}.png")

    def call(self, step: str, body: dict[str, Any]) -> Any:
        """Call an endpoint from the page."""
        return self.page.evaluate(CALL_ENDPOINT, [step, body])


@pytest.fixture(scope="module")
def server() -> Iterator[InMemoryServer]:
    """The development server for each of the examples."""
    server = InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())
    with running_dev_server(server):
        yield server


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    """The app of an adult with an e-mail address."""
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    app.add("pbdf.gemeente.personalData", {"over18": "Yes"})
    return app


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest,
    server: InMemoryServer,
    yivi_script: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    example: Example = request.param
    folder = tmp_path_factory.mktemp("example")
    irma_server = IrmaServer(server.url, server.public_key_pem)
    with example.run(folder, yivi_script, irma_server) as url:
        yield Site(url, example)


def visiting(page: Page, site: Site) -> Visitor:
    """Return a visitor on a page, whose console messages are collected."""
    visitor = Visitor(page, site)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on("console", lambda message: visitor.complaints.append(message.text))
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return visitor


def check_console(visitor: Visitor) -> None:
    """Check that the browser has reported only the errors that the test expects."""
    unexpected = [
        said for said in visitor.complaints if not any(map(said.__contains__, visitor.expected))
    ]
    assert unexpected == []


@pytest.fixture
def visitor(page: Page, site: Site) -> Iterator[Visitor]:
    """A browser on a desktop."""
    visitor = visiting(page, site)
    yield visitor
    page.close()
    check_console(visitor)


@pytest.fixture
def phone(page: Page, chromium: Browser, site: Site) -> Iterator[Visitor]:
    """A phone's browser."""
    context = chromium.new_context(
        user_agent=ANDROID,
        viewport={"width": 360, "height": 740},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
    )
    context.add_init_script(STAY_ON_PAGE)
    visitor = visiting(context.new_page(), site)
    yield visitor
    context.close()
    check_console(visitor)


@pytest.fixture
def another(chromium: Browser) -> Iterator[BrowserContext]:
    """The browser of another person."""
    context = chromium.new_context(locale="nl-NL", viewport={"width": 800, "height": 900})
    yield context
    context.close()


@all_examples
def test_a_person_refuses_and_then_accepts(visitor: Visitor, app: SimulatedApp) -> None:
    """After a refusal, the page says that nothing was shared, and the next session succeeds."""
    visitor.expected = [REFUSED]
    visitor.open()
    visitor.expect_state("ready")
    visitor.look("home")
    app.refuse(visitor.show_qr())
    visitor.expect_state("error")
    expect(visitor.page.get_by_role("status")).to_have_text(CANCELLED)
    expect(visitor.page.get_by_role("button", name="Try again")).to_be_focused()
    visitor.look("refused")
    scanned = app.scan(visitor.show_qr("Try again"))
    visitor.pair(scanned)
    visitor.look("app")
    scanned.accept()
    visitor.expect_page(visitor.site.example.welcome, visitor.site.example.greeting)
    visitor.look("welcome")


@shops
def test_a_proof_of_age_opens_the_page_for_adults(visitor: Visitor, app: SimulatedApp) -> None:
    """A visitor reaches the page for adults after a proof, which requires a pairing code."""
    adults = visitor.site.example.adults
    visitor.open(adults)
    assert unquote(visitor.page.url).endswith(f"?next={adults}")
    expect(visitor.page.get_by_role("heading")).to_have_text("Show who you are with Yivi")
    visitor.look("ask")
    scanned = app.scan(visitor.show_qr())
    assert scanned.pairing_code is not None
    visitor.pair(scanned)
    scanned.accept()
    visitor.expect_page(adults, "Our wines")
    visitor.look("adults")
    visitor.open(adults)
    visitor.expect_page(adults, "Our wines")


@club
def test_the_club_issues_a_card_in_one_scan(visitor: Visitor, app: SimulatedApp) -> None:
    """A visitor is asked for the age, gets the card in the same scan, and sees the order."""
    visitor.open("/tasting")
    assert visitor.page.url == f"{visitor.site.url}/irma/ask/membership?next=%2Ftasting"
    scanned = app.scan(visitor.show_qr())
    visitor.pair(scanned)
    scanned.accept()
    visitor.expect_page("/tasting", '"status":"proved"')
    assert "pbdf.wine.member" in {held.credential_type for held in app.credentials}


@all_examples
def test_the_page_follows_the_browsers_language(another: BrowserContext, site: Site) -> None:
    """The library's own page, its script and the browser package follow the browser's language."""
    visitor = visiting(another.new_page(), site)
    visitor.open(site.example.adults)
    expect(visitor.page.locator("html")).to_have_attribute("lang", "nl")
    expect(visitor.page.get_by_role("heading")).to_have_text("Laat met Yivi zien wie u bent")
    visitor.press("Ga verder met Yivi")
    visitor.expect_state("qr")
    visitor.look("dutch")
    visitor.press("Annuleren")
    expect(visitor.page.get_by_role("status")).to_have_text("U heeft geannuleerd.")
    check_console(visitor)


@all_examples
def test_a_stolen_handle_is_useless(
    visitor: Visitor, another: BrowserContext, app: SimulatedApp
) -> None:
    """Another browser with a stolen handle is refused, and the person's own one continues."""
    visitor.open()
    with visitor.page.expect_response("**/irma/start/*") as started:
        qr = visitor.show_qr()
    stolen = {"handle": started.value.json()["handle"]}
    thief = visiting(another.new_page(), visitor.site)
    thief.open()
    assert thief.call("finish", stolen)["error"]["code"] == "no_cookie"
    thief.call("start", {})
    for step in ("status", "cancel", "finish"):
        assert thief.call(step, stolen)["error"]["code"] == "other_browser"
    scanned = app.scan(qr)
    visitor.pair(scanned)
    scanned.accept()
    visitor.expect_page(visitor.site.example.welcome, visitor.site.example.greeting)
    assert thief.call("finish", stolen)["error"]["code"] == "other_browser"


@all_examples
def test_pages_fit_a_phone(phone: Visitor) -> None:
    """The home page and the page that asks are as wide as the phone's screen."""
    for path in ("/", phone.site.example.adults):
        phone.open(path)
        phone.expect_state("ready")
        assert phone.page.evaluate("innerWidth") == 360


@garden
def test_a_member_signs_the_text_on_the_page(visitor: Visitor, app: SimulatedApp) -> None:
    """Page and app show the same message, and the next page shows the archived signature."""
    visitor.open()
    visitor.look("home")
    text = visitor.page.locator("blockquote").inner_text()
    scanned = app.scan(visitor.show_qr())
    visitor.pair(scanned)
    assert scanned.request["message"] == text
    scanned.accept()
    visitor.expect_page("/signed", visitor.site.example.greeting)
    assert visitor.page.locator("blockquote").inner_text() == text
    visitor.look("welcome")


@on_phones
def test_the_app_is_on_the_same_phone(phone: Visitor, app: SimulatedApp) -> None:
    """The app returns the person to a new tab, which finishes with the fragment of its URL."""
    phone.page.route("**/frontend/status", lambda _: None)  # the first tab is asleep
    phone.open()
    phone.look("phone-home")
    phone.press(phone.site.example.button)
    phone.expect_state("button")
    phone.look("phone-button")
    link = phone.page.locator(".yivi-web-button-link")
    url = link.get_attribute("href")
    assert url
    link.click()
    scanned = app.scan(unquote(url.partition("qr/json/")[2].partition("#")[0]))
    scanned.accept()
    tab = visiting(phone.page.context.new_page(), phone.site)
    tab.page.goto(str(scanned.request["clientReturnUrl"]))
    tab.expect_page(phone.site.example.welcome, phone.site.example.greeting)
    tab.look("phone-welcome")
    check_console(tab)
