"""One suite, two servers: each test here runs at the server in memory and at the official one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from irma_transport_urllib3 import Urllib3Transport
from tests.contract.places import MemoryPlace, OfficialPlace, Place
from tests.memory_server.calling import Http
from tests.realserver.conftest import (
    official_server,
    run_folder,
    schemes,
    start_official_server,
    start_wallet,
    timestamp_server,
    wallet,
    yivi_tools,
)

__all__ = [
    "official_server",
    "run_folder",
    "schemes",
    "start_official_server",
    "start_wallet",
    "timestamp_server",
    "wallet",
    "yivi_tools",
]


@pytest.fixture(scope="session")
def contract_transport() -> Iterator[Urllib3Transport]:
    with Urllib3Transport() as transport:
        yield transport


@pytest.fixture(params=["memory", "official"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return MemoryPlace()
    servers = request.getfixturevalue("start_official_server")
    transport = request.getfixturevalue("contract_transport")
    return OfficialPlace(servers, request.getfixturevalue("wallet"), transport)


@pytest.fixture
def http(place: Place) -> Http:
    return place.http()
