"""An in-memory server over HTTP, and the command line as a separate process."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import attrs
import pytest

from irma_backend.dev_server import running_server
from irma_testing import InMemoryServer, RequestorSettings, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from tests.cli.fork_server import ForkServer
from tests.processes import Process

CARD = "pbdf.gemeente.personalData"
OVER18, FIRSTNAMES = f"{CARD}.over18", f"{CARD}.firstnames"
TOKEN = "api-token-81"


@attrs.frozen
class CommandLine:
    """The command line with the settings for a server."""

    environment: dict[str, str]
    forks: ForkServer | None = None

    @property
    def server(self) -> str:
        """The server's URL."""
        return self.environment["IRMA_SERVER"]

    def start(self, *arguments: str, **streams: Any) -> Process[str]:
        """Start the command in pipes, unless `streams` overrides them."""
        piped: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        piped["encoding"] = "utf-8"
        return Process(
            [sys.executable, "-m", "irma_backend", *arguments],
            env=self.environment,
            **{**piped, **streams},
        )

    def run(self, *arguments: str, stdin: str = "", **streams: Any) -> tuple[int, str, str]:
        """Run the command to its end; return its exit status and what it wrote to each output."""
        if not streams and self.forks is not None and self.forks.can_run(self.environment):
            return self.forks.run(arguments, self.environment, stdin)
        with self.start(*arguments, **streams) as process:
            out, err = process.communicate(stdin, timeout=300)
        return process.returncode, out, err

    def in_shell(self, line: str) -> tuple[int, str, str]:
        """Run a line of bash in which `irma-backend` is the command line."""
        name = f'irma-backend() {{ "{sys.executable}" -m irma_backend "$@"; }}\n'
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", name + line],
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=600,  # a script can have many commands, and the machine may be busy
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    @contextmanager
    def at_terminal(
        self, *arguments: str, columns: int = 100, **streams: Any
    ) -> Generator[Terminal]:
        """Start the command in a new terminal, which is closed at the end."""
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        ours: Any = {"stdin": other, "stdout": other, "stderr": other, **streams}
        process: Any = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, *arguments],
            env={"TERM": "xterm", **self.environment},
            start_new_session=True,
            **ours,
        )
        os.close(other)
        terminal = Terminal(main, process)
        with process:
            try:
                yield terminal
            finally:
                terminal.close()
                process.kill()

    def at(self, **environment: str) -> CommandLine:
        """Return the command line with other environment variables."""
        return CommandLine({**self.environment, **environment}, self.forks)


_IN_TERMINAL = """\
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from irma_backend.cli.__main__ import begin
begin()
"""
"""Make the terminal the controlling one, as a shell does, so that closing it sends SIGHUP."""


@attrs.define
class Terminal:
    """The other end of a pseudo-terminal, and the process that runs in it."""

    _main: int
    process: subprocess.Popen[Any]
    seen: str = ""
    _raw: bytes = b""

    def read_until(self, word: str) -> str:
        """Wait until the output has a word; return all output so far."""
        while word not in self.seen:
            assert self._read(), self.seen
        return self.seen

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._main, keys.encode())

    def end(self) -> int:
        """Wait until the process ends; return its exit status."""
        while self._read():
            pass
        return self.process.wait(timeout=300)

    def close(self) -> None:
        """Close the terminal, as a window is closed."""
        if self._main >= 0:
            os.close(self._main)
            self._main = -1

    def _read(self) -> bool:
        assert select.select([self._main], [], [], 60)[0], self.seen
        chunk = b""
        with suppress(OSError):  # Linux raises an error at the end of a terminal's output
            chunk = os.read(self._main, 65536)
        self._raw += chunk
        self.seen = self._raw.decode(errors="replace")
        return bool(chunk)


def read_until(stream: IO[str] | None, word: str) -> str:
    """Read lines until one has a word; return the lines."""
    assert stream is not None
    lines: list[str] = []
    while not lines or word not in lines[-1]:
        lines.append(stream.readline())
        assert lines[-1], lines
    return "".join(lines)


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


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    with ForkServer(other_variables()) as server:
        yield server


@pytest.fixture
def command_line(url: str, forks: ForkServer) -> CommandLine:
    return CommandLine({**other_variables(), "IRMA_SERVER": url, "IRMA_TOKEN": TOKEN}, forks)


def other_variables() -> dict[str, str]:
    """Return the environment without variables that affect the command line or its streams."""
    names = ("IRMA_", "PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8", "COLUMNS", "LINES")
    ours = (*names, "NO_COLOR", "FORCE_COLOR", "TTY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
