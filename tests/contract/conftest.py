"""One suite for two servers: its tests run with the server in memory and the official server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from irma_transport_urllib3 import Urllib3Transport
from tests.contract.places import MemoryPlace, OfficialPlace, Place
from tests.memory_server.calling import Http
from tests.realserver.conftest import (
    official_server,
    pool_of_version,
    pytest_runtest_makereport,
    run_folder,
    schemes,
    start_official_server,
    start_wallet,
    timestamp_server,
    wallet,
    yivi_tools,
)
from tests.realserver.old_servers import expect_gap
from tests.realserver.versions import versions_to_try

__all__ = [
    "official_server",
    "pool_of_version",
    "pytest_runtest_makereport",
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


@pytest.fixture(params=["memory", *map("official {}".format, versions_to_try())])
def place(request: pytest.FixtureRequest) -> Place:
    name, _, version = str(request.param).partition(" ")
    if name == "memory":
        return MemoryPlace()
    expect_gap(request, version)
    servers = request.getfixturevalue("pool_of_version")(version)
    transport = request.getfixturevalue("contract_transport")
    return OfficialPlace(version, servers, request.getfixturevalue("wallet"), transport)


@pytest.fixture
def http(place: Place) -> Http:
    return place.http()
