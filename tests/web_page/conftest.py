"""Pages in a real Chromium, each with its own profile, and the tools that check them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import attrs
import pytest
from playwright.sync_api import Page, expect

from irma_backend.dev_server import running_dev_server
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.browser.conftest import (
    CANCELLED,
    chromium,
    chromium_arguments,
    missing,
    page,
    scanned_qr,
    yivi_script,
)
from tests.browser.conftest import PACKAGE as YIVI
from tests.memory_server.conftest import fill
from tests.realserver.build import cache_folder, cached, digest_of, run
from tests.web_page.site import Website, running_website

__all__ = ["CANCELLED", "chromium", "chromium_arguments", "page", "yivi_script"]

ARTIFACTS = Path(__file__).parent.parent / "artifacts"
YIVI_LOCK = YIVI / "package-lock.json"
TOOLS = Path(__file__).parent / "npm"
LIMIT = 60_000
"""The time limit in milliseconds, long enough for a busy machine."""


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder with `node_modules`: axe-core, TypeScript, esbuild and Yivi's parts 1.0."""

    def fetch(folder: Path) -> None:
        npm = shutil.which("npm") or missing("npm")
        shutil.copytree(TOOLS, folder, dirs_exist_ok=True)
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    return cached(cache_folder(), f"page-tools-{digest_of(TOOLS)}", fetch)


@pytest.fixture
def npm() -> str:
    """The path of npm, for tests that fetch something with it."""
    return shutil.which("npm") or missing("npm")


@pytest.fixture
def settings() -> ServerSettings:
    """The settings of the IRMA server; like the official server, it sends no events by default."""
    return ServerSettings()


@pytest.fixture
def server(settings: ServerSettings) -> InMemoryServer:
    return InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=SystemClock())


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    fill(app)
    return app


@attrs.define
class Shop:
    """A website, and a browser that shows one of its pages."""

    url: str
    page: Page
    site: Website
    server: InMemoryServer
    axe: str = attrs.field(repr=False)
    complaints: list[str] = attrs.Factory(list)
    expected: list[str] = attrs.Factory(list)
    """Parts of the messages that the console is expected to have, in tests where a call fails."""

    def open(self, path: str = "/login") -> None:
        """Go to a page."""
        self.page.goto(self.url + path)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition, while the handlers of Playwright's events run."""
        deadline = monotonic() + 60
        while not holds():
            assert monotonic() < deadline
            self.page.wait_for_timeout(20)

    def expect_state(self, state: str, name: str = "login") -> None:
        """Wait until an element is in a state."""
        element = self.page.locator(f"[data-irma={name}]").first
        expect(element).to_have_attribute("data-irma-state", state)

    def expect_message(self, message: str) -> None:
        """Wait until the page shows a message and announces it to screen readers."""
        expect(self.page.get_by_role("status").first).to_have_text(message)

    def press(self, name: str) -> None:
        """Press a button by its name."""
        self.page.get_by_role("button", name=name).click()

    def expect_welcome(self) -> None:
        """Wait for the page after the login, which names the person."""
        expect(self.page.get_by_role("heading", name="Welcome, Ada")).to_be_visible()

    def expect_open_sessions(self, count: int) -> None:
        """Wait until the IRMA server has this number of unfinished sessions."""
        eventually(lambda: len(self.server.open_sessions()) == count)

    def scanned_qr(self) -> str:
        """Return the content of the QR code on the screen, as a phone's camera reads it."""
        return scanned_qr(self.page)

    def look(self, state: str) -> None:
        """Keep a screenshot, and check the page's accessibility with axe-core."""
        ARTIFACTS.mkdir(exist_ok=True)
        width = self.page.evaluate("innerWidth")
        self.page.screenshot(path=ARTIFACTS / f"{width}-{state}.png")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(self.axe)
        found = self.page.evaluate("axe.run()")
        assert [(each["id"], each["nodes"]) for each in found["violations"]] == []


@pytest.fixture
def package(yivi_script: bytes) -> tuple[bytes, bytes]:
    """The browser package as a script, and its style if the style is a separate file."""
    return yivi_script, b""


@pytest.fixture
def website(server: InMemoryServer, package: tuple[bytes, bytes]) -> Iterator[Website]:
    """The site, and the IRMA server behind it."""
    with running_dev_server(server) as url, Urllib3Transport() as transport:
        yield Website(url, transport, *package)


@pytest.fixture
def shop(page: Page, website: Website, server: InMemoryServer, tools: Path) -> Iterator[Shop]:
    """A shop; the test fails at its end if the browser's console has an unexpected message."""
    axe = (tools / "node_modules" / "axe-core" / "axe.min.js").read_text()
    with running_website(website) as url:
        shop = Shop(url, page, website, server, axe)
        page.on("pageerror", lambda error: shop.complaints.append(str(error)))
        page.on("console", lambda message: shop.complaints.append(message.text))
        yield shop
        page.close()
    assert [
        said for said in shop.complaints if not any(map(said.__contains__, shop.expected))
    ] == []


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds that cannot be seen on a page."""
    deadline = monotonic() + 60
    while not holds():
        assert monotonic() < deadline
        sleep(0.05)
