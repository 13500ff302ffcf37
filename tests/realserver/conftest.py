"""The official server and a wallet that all tests of a run share."""

import base64
import hashlib
import json
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from tests.realserver.build import Tools, build_command, build_tools
from tests.realserver.needing_go import build_or_skip
from tests.realserver.official_server import OfficialServer, ServerPool
from tests.realserver.old_servers import refuse_skip
from tests.realserver.plain_http import call, start_session
from tests.realserver.session_requests import AGE, RESIDENT, issuance
from tests.realserver.timestamp_server import TimestampServer, make_schemes
from tests.realserver.versions import NEWEST
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Succeeded


class StartWallet(Protocol):
    """Starts a wallet, empty or from a saved directory."""

    def __call__(self, start_from: Path | None = None) -> Wallet: ...


@pytest.fixture(scope="session")
def yivi_tools() -> Tools:
    return build_or_skip(build_tools)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for the schemes, wallets and logs of this run."""
    return tmp_path_factory.mktemp("realserver")


@pytest.fixture(scope="session")
def timestamp_server(yivi_tools: Tools, run_folder: Path) -> Iterator[TimestampServer]:
    with TimestampServer(yivi_tools, log=run_folder / "timestamp.log") as server:
        yield server


@pytest.fixture(scope="session")
def time_stamp_key(timestamp_server: TimestampServer) -> str:
    """The public key of this run's time-stamp server in base64, taken from one of its stamps."""
    nonce = base64.b64encode(hashlib.sha256(b"any").digest()).decode()
    status, given = call("POST", timestamp_server.url, {"Nonce": nonce})
    assert status == 200
    key: str = json.loads(given)["Stamp"]["Sig"]["PublicKey"]
    return key


@pytest.fixture(scope="session")
def schemes(yivi_tools: Tools, run_folder: Path, timestamp_server: TimestampServer) -> Path:
    """This run's copy of the schemes, which names this run's time-stamp server."""
    return make_schemes(yivi_tools, run_folder, timestamp_url=timestamp_server.url)


@pytest.fixture(scope="session")
def pool_of_version(
    yivi_tools: Tools, schemes: Path, run_folder: Path
) -> Iterator[Callable[[str], ServerPool]]:
    """Return a function that starts servers of a version, which it builds if needed."""
    pools: dict[str, ServerPool] = {}

    def pool(version: str) -> ServerPool:
        if version not in pools:
            command = build_command(version)
            pools[version] = ServerPool(yivi_tools, schemes, run_folder, command)
        return pools[version]

    yield pool
    for each in pools.values():
        each.close()


@pytest.fixture(scope="session")
def start_official_server(pool_of_version: Callable[[str], ServerPool]) -> ServerPool:
    """Return a function that starts servers; tests with equal options share a server."""
    return pool_of_version(NEWEST)


@pytest.fixture(scope="session")
def official_server(start_official_server: ServerPool) -> OfficialServer:
    """A server on which anyone may start sessions, with status events and a JWT key."""
    return start_official_server()


@pytest.fixture(scope="session")
def start_wallet(yivi_tools: Tools, schemes: Path, run_folder: Path) -> Iterator[StartWallet]:
    """Return a function that starts a wallet, for tests that change a wallet's contents."""
    wallets: list[Wallet] = []
    numbers = count()

    def start(start_from: Path | None = None) -> Wallet:
        directory = run_folder / f"wallet-{next(numbers)}"
        wallet = Wallet(yivi_tools, schemes, directory, start_from=start_from)
        wallets.append(wallet)
        return wallet

    yield start
    for wallet in wallets:
        wallet.close()


@pytest.fixture(scope="session")
def wallet(start_wallet: StartWallet, official_server: OfficialServer) -> Wallet:
    """Ada Lovelace's wallet: she is over 12 and 18 but not over 65, and has no phone number."""
    wallet = start_wallet()
    package = start_session(official_server.url, issuance(AGE, RESIDENT))
    outcome = wallet.accept(package["sessionPtr"])
    assert isinstance(outcome, Succeeded), outcome
    return wallet


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(item, report)
    return report
