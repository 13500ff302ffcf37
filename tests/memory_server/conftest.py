"""A server in memory, its callers, and Ada's app."""

from __future__ import annotations

import pytest

from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ManualClock, ServerSettings, SimulatedApp
from tests.memory_server.calling import AGE, RESIDENT, Http


def fill(app: SimulatedApp) -> None:
    """Add Ada Lovelace's credentials: she is over 12 and 18 but not over 65, and has no phone."""
    for credential in (AGE, RESIDENT):
        app.add(credential["credential"], credential["attributes"])  # type: ignore[arg-type]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server(clock: ManualClock) -> InMemoryServer:
    settings = ServerSettings(enable_sse=True)
    return InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=clock)


@pytest.fixture
def http(server: InMemoryServer) -> Http:
    return Http(server.url, server.handle)


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    fill(app)
    return app
