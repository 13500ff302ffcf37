"""The fixture `irma_browser_app` acts as the app of the person in front of a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from playwright.sync_api import Page, expect

from docs.examples.any_framework.irma_wsgi import IrmaPages
from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    Requestor,
    WebAnswer,
    WebSessions,
    new_sealing_key,
)
from irma_testing import AppError, BrowserApp, InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.memory_stores import memory_store

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PAGE = b"""<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<button>Log in</button><p id="said"></p><script type="module">
const call = async (step, fields) => {
  const headers = {"content-type": "application/json"};
  const body = JSON.stringify(fields);
  return (await fetch(`/irma/${step}/adult`, {method: "POST", headers, body})).json();
};
document.querySelector("button").onclick = async () => {
  const {handle} = await call("start", {});
  let status;
  do ({status} = await call("status", {handle}));
  while (!["DONE", "CANCELLED"].includes(status));
  const {error} = await call("finish", {handle});
  document.querySelector("#said").textContent = error ? error.code : "Welcome";
};
</script>"""
ADULT = DisclosureRequest(
    {"age": AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes")}
)


class Idle(WSGIRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def page_only(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [PAGE]


def log_in(_web_answer: WebAnswer) -> str:
    return "made-up-key"


def login_cookie(key: str) -> str:
    return f"login={key}; Path=/; HttpOnly; SameSite=Lax"


@pytest.fixture
def irma_server() -> InMemoryServer:
    return InMemoryServer(clock=SystemClock())


@pytest.fixture
def shop(irma_requestor: Requestor, irma_server: InMemoryServer) -> Iterator[str]:
    """A website on this machine, which asks for the age of its visitor."""
    sessions = WebSessions(
        irma_requestor,
        [new_sealing_key()],
        store=memory_store(irma_server.clock),
        questions={"adult": ADULT},
        plain_cookie=True,
    )
    application = IrmaPages(page_only, sessions, log_in, login_cookie)
    with make_server("127.0.0.1", 0, application, handler_class=Idle) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}/"
        finally:
            httpd.shutdown()
            thread.join()


Apps = Callable[..., BrowserApp]


def test_the_app_answers_what_the_page_shows(page: Page, shop: str, irma_browser_app: Apps) -> None:
    """The app answers the session on the page, and the website lets an adult in."""
    app = irma_browser_app(page)
    page.goto(shop)
    page.get_by_role("button").click()
    app.answer()
    expect(page.locator("#said")).to_have_text("Welcome")


def test_the_app_may_refuse(page: Page, shop: str, irma_browser_app: Apps) -> None:
    """The app may refuse, and can then scan a second session of the same page."""
    app = irma_browser_app(page)
    page.goto(shop)
    page.get_by_role("button").click()
    app.refuse()
    expect(page.locator("#said")).to_have_text("cancelled")
    page.get_by_role("button").click()
    app.scan().accept()
    expect(page.locator("#said")).to_have_text("Welcome")


def test_the_app_may_belong_to_another_person(
    page: Page,
    shop: str,
    irma_browser_app: Apps,
    irma_person: Callable[..., SimulatedApp],
) -> None:
    """If the app is a minor's, it refuses a request for an adult."""
    app = irma_browser_app(page, irma_person("minor"))
    page.goto(shop)
    page.get_by_role("button").click()
    app.answer()
    expect(page.locator("#said")).to_have_text("cancelled")


def test_waiting_without_a_start_is_an_error(
    page: Page, shop: str, irma_browser_app: Apps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the page's button was not pressed, waiting for a session ends in an error."""
    monkeypatch.setattr("irma_testing.browser_app._LIMIT_MILLISECONDS", 100)
    app = irma_browser_app(page)
    page.goto(shop)
    with pytest.raises(AppError, match="did not start a session"):
        app.scan()


def test_a_failed_start_is_an_error(page: Page, shop: str, irma_browser_app: Apps) -> None:
    """If the page's start fails, the error has the HTTP status."""
    page.route("**/irma/start/*", lambda route: route.fulfill(status=503, body="{}"))
    app = irma_browser_app(page)
    page.goto(shop)
    page.get_by_role("button").click()
    with pytest.raises(AppError, match="status 503"):
        app.scan()
