"""The first example as a separate program, with the official server and a wallet."""

import os
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.realserver.conftest import StartWallet
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.plain_http import start_session
from tests.realserver.session_requests import issuance
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Succeeded

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "first_disclosure.py"
TOKEN = "a token that only the two know"
REQUESTORS = {"shop": {"auth_method": "token", "key": TOKEN}}
OVER18 = {
    "credential": "pbdf.gemeente.personalData",
    "attributes": {"firstnames": "Ada", "over18": "Yes"},
}
UNDER18 = {**OVER18, "attributes": {"firstnames": "Joy", "over18": "No"}}
EMAIL = {"credential": "pbdf.sidn-pbdf.email", "attributes": {"email": "ada@example.com"}}


@pytest.fixture
def server(start_official_server: ServerPool) -> OfficialServer:
    return start_official_server(ServerOptions(requestors=REQUESTORS))


@pytest.fixture
def empty_wallet(start_wallet: StartWallet) -> Iterator[Wallet]:
    with start_wallet() as wallet:
        yield wallet


def issue_to(wallet: Wallet, issuer: OfficialServer, *credentials: dict[str, Any]) -> None:
    package = start_session(issuer.url, issuance(*credentials))
    assert isinstance(wallet.accept(package["sessionPtr"]), Succeeded)


@contextmanager
def running_example(server: OfficialServer) -> Generator[tuple["subprocess.Popen[str]", str]]:
    """Run the example as a reader would; yield the process and the pointer in its link."""
    environment = {**os.environ, "IRMA_SERVER": server.url, "IRMA_TOKEN": TOKEN}
    with subprocess.Popen(
        [sys.executable, EXAMPLE],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        link = re.fullmatch(r"Open this on your phone: https://\S+/-/session#(\S+)\n", line)
        assert link is not None, line
        try:
            yield process, unquote(link[1])
        finally:
            process.kill()


def test_an_adult_who_agrees_is_let_in(
    server: OfficialServer, official_server: OfficialServer, empty_wallet: Wallet
) -> None:
    """If an adult accepts, the example prints the attribute and the address, and succeeds."""
    issue_to(empty_wallet, official_server, OVER18, EMAIL)
    with running_example(server) as (process, pointer):
        empty_wallet.start(pointer).wait()
        printed, complaint = process.communicate(timeout=300)
    assert printed.splitlines()[-3:-1] == ["DONE", "Over 18, by pbdf.gemeente.personalData.over18"]
    assert printed.splitlines()[-1] in {"E-mail: ada@example.com", "E-mail: not shared"}
    assert (process.returncode, complaint) == (0, "")


def test_a_person_who_refuses_is_not_let_in(
    server: OfficialServer, official_server: OfficialServer, empty_wallet: Wallet
) -> None:
    """If a person refuses, the example raises `SessionCancelledError`, which shows no token."""
    issue_to(empty_wallet, official_server, OVER18)
    with running_example(server) as (process, pointer):
        empty_wallet.refuse(pointer)
        printed, complaint = process.communicate(timeout=300)
    assert printed.endswith("CANCELLED\n")
    assert process.returncode == 1
    assert "SessionCancelledError: session " in complaint
    assert TOKEN not in complaint


def test_a_minor_cannot_answer(
    server: OfficialServer, official_server: OfficialServer, empty_wallet: Wallet
) -> None:
    """If `over18` is "No", the session is cancelled, and the example does not reveal the reason."""
    issue_to(empty_wallet, official_server, UNDER18)
    with running_example(server) as (process, pointer):
        empty_wallet.start(pointer).wait()
        printed, complaint = process.communicate(timeout=300)
    assert "Over 18" not in printed
    assert process.returncode == 1
    assert "SessionCancelledError: session " in complaint
