"""A whole session with the official server and a key in a PKCS#11 token."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import attrs
import pytest

from pkcs11_tests.softhsm import SoftHsm, SoftHsmMissing
from tests.plugins.fresh_environment import FreshEnvironment
from tests.realserver.official_server import OfficialServer, ServerOptions, ServerPool
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Succeeded

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "docs" / "examples" / "irma-signing-pkcs11" / "README.md"

AWAITED = """
import asyncio, sys
from irma_backend import connect_async
from irma_core import DisclosureRequest

async def main(server, key, module):
    async with connect_async(
        server,
        name="webshop",
        key=key,
        plugins=["irma-signing-pkcs11"],
        secrets={"pkcs11-module": module},
    ) as requestor:
        session = await requestor.start_session(DisclosureRequest(["example.town.age.over18"]))
        print((await requestor.get_status(session)).value)

asyncio.run(main(*sys.argv[1:]))
"""


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@attrs.frozen
class TokenSetup:
    """A PKCS#11 token made as the plugin's README shows, and a server that accepts its key."""

    server: OfficialServer
    pin: Path
    module: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def token_setup(
    tmp_path_factory: pytest.TempPathFactory, start_official_server: ServerPool
) -> TokenSetup:
    directory = tmp_path_factory.mktemp("softhsm")
    try:
        softhsm = SoftHsm(directory)
    except SoftHsmMissing as missing:
        missing.skip_or_fail()
    environment = {"SOFTHSM2_CONF": str(softhsm.configuration)}
    (making,) = (block for block in code_blocks("sh") if "--init-token" in block)
    bash = ["bash", "-euc", making]
    subprocess.run(bash, cwd=directory, env={**os.environ, **environment}, check=True)
    public_key = (directory / "webshop.pem").read_text()
    requestors = {"webshop": {"auth_method": "publickey", "key": public_key}}
    server = start_official_server(ServerOptions(requestors=requestors))
    return TokenSetup(server, directory / "pin", softhsm.module, environment)


def test_a_session_starts_by_a_key_in_a_token(
    fresh_environment: FreshEnvironment, token_setup: TokenSetup, wallet: Wallet
) -> None:
    """The program in the plugin's README runs a session from `connect` to the answer."""
    (program,) = code_blocks("python")
    for shown, ours in (
        ("https://irma.example.com", token_setup.server.url),
        ("/run/secrets/pin", str(token_setup.pin)),
        ("/usr/lib/softhsm/libsofthsm2.so", str(token_setup.module)),
    ):
        assert shown in program
        program = program.replace(shown, ours)
    with fresh_environment.running("-c", program, environment=token_setup.environment) as running:
        assert running.stdout is not None
        pointer = running.stdout.readline()
        assert pointer, running.communicate()
        assert isinstance(wallet.accept(pointer), Succeeded)
        assert running.communicate(timeout=300) == ("yes\n", "")
        assert running.returncode == 0


def test_async_session_starts_by_a_key_in_a_token(
    fresh_environment: FreshEnvironment, token_setup: TokenSetup
) -> None:
    """`connect_async` signs with the token while the event loop runs."""
    key = f"pkcs11:token=irma;object=webshop?pin-source=file:{token_setup.pin}"
    arguments = (token_setup.server.url, key, str(token_setup.module))
    said = fresh_environment.run("-c", AWAITED, *arguments, environment=token_setup.environment)
    assert said == "INITIALIZED\n"
