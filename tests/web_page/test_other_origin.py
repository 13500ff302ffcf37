"""Pages on one website and endpoints on another: a single-page application and its backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page

from irma_backend.dev_server import running_dev_server
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport_urllib3 import Urllib3Transport
from tests.web_page.conftest import Shop
from tests.web_page.site import Website, running_website

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class DeferredApplication:
    """An application that is created when the URL of its server is known."""

    application: Website

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        return self.application(environ, start)


@pytest.fixture(params=[True, False], ids=["allowed", "not allowed"])
def is_allowed(request: pytest.FixtureRequest) -> bool:
    """Whether the backend allows calls from pages of the other website."""
    return bool(request.param)


@pytest.fixture
def shop(
    page: Page, server: InMemoryServer, package: tuple[bytes, bytes], *, is_allowed: bool
) -> Iterator[Shop]:
    """The pages in a browser; the test's website is the backend."""
    front, back = DeferredApplication(), DeferredApplication()
    with (
        running_dev_server(server) as irma,
        Urllib3Transport() as transport,
        running_website(front) as pages,
        running_website(back) as api,
    ):
        front.application = Website(irma, transport, *package, api=api)
        origins = [pages] if is_allowed else ["https://elsewhere.example"]
        back.application = Website(irma, transport, *package, origins=origins)
        yield Shop(pages, page, back.application, server, axe="")
        page.close()


def test_a_person_logs_in(shop: Shop, app: SimulatedApp, *, is_allowed: bool) -> None:
    """The backend sets the cookies, and a page of an unknown origin cannot start a session."""
    shop.open()
    shop.press("Continue with Yivi")
    if not is_allowed:
        shop.expect_message(
            "This website cannot be reached. Please check your internet connection."
        )
        assert not server_was_asked(shop)
        return
    shop.expect_state("qr")
    app.accept(shop.scanned_qr())
    shop.page.wait_for_url("**/welcome")
    assert shop.site.steps == ["start", "finish"]
    assert shop.site.logins == ["Ada"]
    assert {token for _, _, token in shop.site.calls} == {"<of the page>"}  # the CSRF token


def server_was_asked(shop: Shop) -> bool:
    """Return whether the IRMA server has a session."""
    return bool(shop.server.open_sessions())
