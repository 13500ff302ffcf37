"""An in-memory server that runs over HTTP on this machine, Ada's app, and plain HTTP calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import pytest

from irma_backend.dev_server import running_server
from irma_core import Requestor
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_server.calling import Http
from tests.memory_server.conftest import fill


@final
class JumpingClock(SystemClock):
    """The system's clock, which a test can advance."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def server(clock: JumpingClock) -> InMemoryServer:
    settings = ServerSettings(enable_sse=True)
    return InMemoryServer(settings, scheme=EXAMPLE_SCHEME, clock=clock)


@pytest.fixture
def app(server: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(server)
    fill(app)
    return app


@pytest.fixture
def url(server: InMemoryServer) -> Iterator[str]:
    with running_server(server) as url:
        yield url


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


@pytest.fixture
def http(url: str, transport: Urllib3Transport) -> Http:
    return Http(url, lambda request: transport.send(request, transport.clock.monotonic() + 60))


@pytest.fixture
def requestor(url: str, transport: Urllib3Transport) -> Requestor:
    return Requestor(url, transport)
