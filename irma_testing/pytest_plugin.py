"""For pytest: an IRMA server in memory, an app and requestors, as fixtures.

pytest finds this module by itself, wherever the library is installed. So it imports nothing of
ours until a fixture is used: other projects' tests do not pay for it, and what is imported later is
seen by coverage. To set a fixture up in another way, redefine it in your `conftest.py`: those that
build on it follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from irma_core import AsyncRequestor, Requestor
    from irma_testing import InMemoryServer, SimulatedApp

__all__ = ["irma_app", "irma_async_requestor", "irma_requestor", "irma_server"]


@pytest.fixture
def irma_server() -> Iterator[InMemoryServer]:
    """An IRMA server in memory, with a clock that moves only when a transport sleeps."""
    from irma_testing import InMemoryServer  # noqa: PLC0415  # see the head of the module

    server = InMemoryServer()
    yield server
    server.raise_missed()


@pytest.fixture
def irma_app(irma_server: InMemoryServer) -> SimulatedApp:
    """An app at `irma_server`, without credentials: add them by `irma_app.add(…)`."""
    from irma_testing import SimulatedApp  # noqa: PLC0415

    return SimulatedApp(irma_server)


@pytest.fixture
def irma_requestor(irma_server: InMemoryServer) -> Requestor:
    """A requestor that uses `irma_server`."""
    from irma_core import Requestor  # noqa: PLC0415

    return Requestor(irma_server.url, irma_server.transport())


@pytest.fixture
def irma_async_requestor(irma_server: InMemoryServer) -> AsyncRequestor:
    """An async requestor that uses `irma_server`, for the plugin that runs your `async` tests."""
    from irma_core import AsyncRequestor  # noqa: PLC0415

    return AsyncRequestor(irma_server.url, irma_server.async_transport())
