"""The how-to on handles in a real browser: its page, its login, and the official package."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from playwright.sync_api import Page, Response, expect

from irma_backend.dev_server import running_dev_server
from irma_core import DisclosureRequest, Handles, Requestor, StartedSession, new_sealing_key
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.browser.conftest import scanned_qr
from tests.docs.pages import code_of
from tests.docs.test_how_to_handles import PAGE as HOW_TO
from tests.docs.test_how_to_handles import load
from tests.memory_stores import memory_store

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

(PAGE,) = code_of(HOW_TO, "html")


class Idle(WSGIRequestHandler):
    """Logs nothing, because pytest shows what is of interest."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> InMemoryServer:
    return InMemoryServer(clock=SystemClock())


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    app.add("pbdf.sidn-pbdf.email", {"email": "ada@example.com"})
    return app


@pytest.fixture
def login(tmp_path: Path, server: InMemoryServer) -> Iterator[Any]:
    """The how-to's login with the development server."""
    with running_dev_server(server) as url, Urllib3Transport() as transport:
        requestor, store = Requestor(url, transport), memory_store(transport.clock)
        handles = Handles(requestor, [new_sealing_key()], store=store, purpose="login")
        yield load("login", tmp_path).Login(requestor, handles)


@pytest.fixture
def shop(login: Any, yivi_script: bytes) -> Iterator[str]:
    """The how-to's page, and the browser package."""
    files = {"/": ("text/html", PAGE.encode()), "/yivi.js": ("text/javascript", yivi_script)}

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        kind, body = files.get(environ["PATH_INFO"], ("", b""))
        if not body:
            answered: Iterable[bytes] = login(environ, start)
            return answered
        start("200 OK", [("Content-Type", kind)])
        return [body]

    with make_server("127.0.0.1", 0, application, handler_class=Idle) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            # The name is needed: browsers accept secure cookies over plain HTTP only from
            # `localhost`.
            yield f"http://localhost:{httpd.server_port}/"
        finally:
            httpd.shutdown()
            thread.join()


def test_the_requestor_token_never_reaches_the_browser(
    page: Page, shop: str, login: Any, app: SimulatedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visitor logs in, and neither server sends the requestor token to the browser."""
    sessions: list[StartedSession] = []
    responses: list[Response] = []
    requestor: Requestor = login._requestor
    start = requestor.start_session

    def noting(request: DisclosureRequest) -> StartedSession:
        sessions.append(start(request))
        return sessions[-1]

    monkeypatch.setattr(requestor, "start_session", noting)
    # Playwright sets an attribute on its argument, which a method of a list does not allow.
    page.on("response", lambda response: responses.append(response))  # noqa: PLW0108
    page.goto(shop)
    page.wait_for_selector("canvas.yivi-web-qr-canvas")
    app.accept(scanned_qr(page))
    expect(page.locator("#said")).to_have_text("Welcome, ada@example.com.")
    assert list(login.members.values()) == ["ada@example.com"]
    assert list(login.members) == [cookie.get("value") for cookie in page.context.cookies()]
    (session,) = sessions
    (started,) = [each.json() for each in responses if each.url.endswith("/login/session")]
    assert started == json.loads(session.browser_json(started["token"]))
    token = session.token.reveal()
    assert not [each.url for each in responses if token in text_of(each)]


def text_of(response: Response) -> str:
    """Return the URL, the headers and the body; events and preflights have no visible body."""
    head = f"{response.url} {response.all_headers()}"
    if response.url.endswith("/statusevents") or response.request.method == "OPTIONS":
        return head
    return head + response.text()
