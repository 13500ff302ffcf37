"""A server in memory over real HTTP, and the command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import attrs
import pytest

from irma_backend.dev_server import running_server
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport_urllib3 import SystemClock

CARD = "pbdf.gemeente.personalData"
OVER18, FIRSTNAMES = f"{CARD}.over18", f"{CARD}.firstnames"
TOKEN = "api-token-81"


@attrs.frozen
class CommandLine:
    """The command line, pointed at a server."""

    environment: dict[str, str]

    @property
    def server(self) -> str:
        """The server's URL."""
        return self.environment["IRMA_SERVER"]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it, in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "irma_backend.cli", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Run it to its end; give exit status, standard output and standard error."""
        with self.start(*arguments) as process:
            out, err = process.communicate(stdin, timeout=60)
        return process.returncode, out, err

    def at(self, **environment: str) -> CommandLine:
        """Give it with other environment variables."""
        return CommandLine({**self.environment, **environment})


@pytest.fixture
def memory() -> InMemoryServer:
    known = {"shop": RequestorSettings("token", TOKEN)}
    return InMemoryServer(ServerSettings(requestors=known, enable_sse=True), clock=SystemClock())


@pytest.fixture
def url(memory: InMemoryServer) -> Iterator[str]:
    with running_server(memory) as url:
        yield url


@pytest.fixture
def app(memory: InMemoryServer) -> SimulatedApp:
    app = SimulatedApp(memory)
    app.add(CARD, {"over18": "Yes", "firstnames": "Ada"})
    return app


@pytest.fixture
def command_line(url: str) -> CommandLine:
    others = {k: v for k, v in os.environ.items() if not k.startswith("IRMA_")}
    return CommandLine({**others, "IRMA_SERVER": url, "IRMA_TOKEN": TOKEN})
