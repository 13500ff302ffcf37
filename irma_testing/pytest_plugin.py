"""Fixtures for pytest: an in-memory IRMA server, a simulated app, and requestors.

pytest loads this module in every project where the library is installed. Therefore it imports
nothing from the library until a test uses a fixture. This keeps other projects' tests fast, and
lets coverage measure the library's imports. To change a fixture, redefine it in your `conftest.py`;
the fixtures that depend on it then use yours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from irma_core import AsyncRequestor, Requestor
    from irma_testing import InMemoryServer, Scheme, SimulatedApp
    from irma_testing.browser_app import BrowserApp
    from irma_testing.logging_in import AsyncLogin, Login

__all__ = [
    "irma_app",
    "irma_async_login",
    "irma_async_requestor",
    "irma_browser_app",
    "irma_login",
    "irma_person",
    "irma_requestor",
    "irma_scheme",
    "irma_server",
]


@pytest.fixture
def irma_scheme() -> Scheme:
    """The credential types that `irma_server` accepts: all, unless you redefine this fixture."""
    from irma_testing import OPEN_SCHEME  # noqa: PLC0415  # see the head of the module

    return OPEN_SCHEME


@pytest.fixture
def irma_server(irma_scheme: Scheme) -> Iterator[InMemoryServer]:
    """An IRMA server in memory, with a clock that moves only when a transport sleeps."""
    from irma_testing import InMemoryServer  # noqa: PLC0415

    server = InMemoryServer(scheme=irma_scheme)
    yield server
    server.raise_missed()


@pytest.fixture
def irma_app(irma_server: InMemoryServer) -> SimulatedApp:
    """An app that uses `irma_server`. It has no credentials: add them with `irma_app.add(…)`."""
    from irma_testing import SimulatedApp  # noqa: PLC0415

    return SimulatedApp(irma_server)


@pytest.fixture
def irma_requestor(irma_server: InMemoryServer) -> Requestor:
    """A requestor that uses `irma_server`."""
    from irma_core import Requestor  # noqa: PLC0415

    return Requestor(irma_server.url, irma_server.transport())


@pytest.fixture
def irma_async_requestor(irma_server: InMemoryServer) -> AsyncRequestor:
    """An async requestor that uses `irma_server`, for tests that your asyncio plugin runs."""
    from irma_core import AsyncRequestor  # noqa: PLC0415

    return AsyncRequestor(irma_server.url, irma_server.async_transport())


@pytest.fixture
def irma_person(irma_server: InMemoryServer) -> Callable[..., SimulatedApp]:
    """Creates an honest person's app: `irma_person("adult")`, `"minor"` or `"nobody"`."""
    from functools import partial  # noqa: PLC0415

    from irma_testing.people import make_person  # noqa: PLC0415

    return partial(make_person, irma_server)


@pytest.fixture
def irma_login(irma_server: InMemoryServer) -> Login:
    """Logs a test client in: `irma_login(client, email="ada@example.com")`."""
    from irma_testing.logging_in import Login  # noqa: PLC0415

    return Login(irma_server)


@pytest.fixture
def irma_async_login(irma_server: InMemoryServer) -> AsyncLogin:
    """Logs an asynchronous test client in. A test awaits the call; see `irma_login`."""
    from irma_testing.logging_in import AsyncLogin  # noqa: PLC0415

    return AsyncLogin(irma_server)


@pytest.fixture
def irma_browser_app(irma_server: InMemoryServer) -> Callable[..., BrowserApp]:
    """Creates an app that scans QR codes on Playwright pages: `irma_browser_app(page).answer()`."""
    from irma_testing.browser_app import BrowserApp  # noqa: PLC0415
    from irma_testing.people import make_person  # noqa: PLC0415

    def make(page: object, person: SimulatedApp | None = None) -> BrowserApp:
        return BrowserApp(page, person or make_person(irma_server))

    return make
