import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import ssh_agent_scheme

from irma_core.interfaces import AsyncSigner, FactoryContext, Mode, Signer
from irma_core.plugins.registry import PluginRegistry
from irma_testing import ScriptedTransport
from irma_testing.contracts import AsyncSignerContract, SignerContract


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    address = str(tmp_path_factory.mktemp("ssh") / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL) as process:
        while not Path(address).exists():
            time.sleep(0.01)
        yield address
        process.terminate()


@pytest.fixture(scope="module")
def public_key(agent: str) -> str:
    key, to_agent = f"{agent}.key", {**os.environ, "SSH_AUTH_SOCK": agent}
    make = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "webshop", "-f", key]
    subprocess.run(make, check=True)
    subprocess.run(["ssh-add", "-q", key], check=True, env=to_agent)
    return subprocess.check_output(["ssh-keygen", "-e", "-m", "PKCS8", "-f", key], text=True)


def wired(agent: str, mode: Mode) -> object:
    transport = ScriptedTransport()
    context = FactoryContext(mode, transport.clock, transport, {"ssh-agent": agent})
    return PluginRegistry({"mine": ssh_agent_scheme}).signer("ssh-agent:webshop", context).value


class TestSshAgent(SignerContract):
    @pytest.fixture(autouse=True)
    def key(self, agent: str, public_key: str) -> None:
        self.agent, self.verifying_key = agent, public_key

    def make_signer(self) -> Signer:
        return cast("Signer", wired(self.agent, Mode.SYNC))

    def make_failing_signer(self) -> Signer:
        return ssh_agent_scheme.SshAgentSigner(self.agent, b"a key that it does not have")


class TestSshAgentAwaited(AsyncSignerContract):
    @pytest.fixture(autouse=True)
    def key(self, agent: str, public_key: str) -> None:
        self.agent, self.verifying_key = agent, public_key

    def make_signer(self) -> AsyncSigner:
        return cast("AsyncSigner", wired(self.agent, Mode.ASYNC))
