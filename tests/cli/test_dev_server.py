"""`irma-backend dev-server`, in this process and as a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from irma_backend import dev_server as dev_servers
from irma_backend.cli import dev_server as module
from irma_backend.cli.dev_server import dev_server
from irma_testing import InMemoryServer

RUN = "from irma_backend.cli.dev_server import dev_server; dev_server(prog_name='dev-server')"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dev_server, arguments, prog_name="dev-server")


def while_it_serves(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Run an action while the server runs, then end it with Ctrl-C."""

    def wait() -> None:
        act()
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_wait", wait)


def test_dev_server_prints_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses go to the standard output, and the warning goes to the log."""
    while_it_serves(monkeypatch, lambda: None)
    done = run("--port", "0")
    assert done.exit_code == 130
    assert re.fullmatch(
        r"IRMA server: (http://127\.0\.0\.1:\d+)\nPlay the app: \1/\n",
        done.stdout,
    )
    assert "Press Ctrl-C to stop the server. Its sessions are not saved.\n" in done.stderr
    assert "simulated and prove nothing" in done.stderr


def test_dev_server_runs_until_ctrl_c() -> None:
    """The server and its page respond until Ctrl-C, which ends the process with status 130."""
    command = [sys.executable, "-u", "-c", RUN, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().removeprefix("IRMA server: ").strip()
        process.stdout.readline()
        with urlopen(f"{url}/health") as health, urlopen(f"{url}/") as page:
            assert health.read() == b"OK"
            assert b"Open sessions" in page.read()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in said


def test_port_in_use_is_status_2() -> None:
    """A port in use is one clear line and exit status 2."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", RUN, "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
        again = run("--port", str(port))
    assert (done.returncode, again.exit_code) == (2, 2)
    assert done.stdout == ""
    assert f"Error: port {port} of 127.0.0.1: another program listens there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("option", "anywhere"), [((), False), (("--callbacks-anywhere",), True)])
def test_callbacks_anywhere_is_off_by_default(
    monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], anywhere: bool
) -> None:
    """Only `--callbacks-anywhere` lets callbacks leave this machine."""
    seen: list[bool] = []
    real = dev_servers.running_dev_server

    def running(
        server: InMemoryServer, port: int = 0, *, callbacks_anywhere: bool = False
    ) -> AbstractContextManager[str]:
        seen.append(callbacks_anywhere)
        return real(server, port, callbacks_anywhere=callbacks_anywhere)

    monkeypatch.setattr(dev_servers, "running_dev_server", running)
    while_it_serves(monkeypatch, lambda: None)
    assert run("--port", "0", *option).exit_code == 130
    assert seen == [anywhere]


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_invalid_port_is_wrong_usage(port: str) -> None:
    """An invalid port is exit status 2, and the message names the option."""
    done = run("--port", port)
    assert (done.exit_code, "Invalid value for '--port'" in done.stderr) == (2, True)


@pytest.mark.parametrize("missing", ["aiohttp", "jinja2"])
def test_missing_extra_is_named(missing: str) -> None:
    """A missing dependency is reported with the pip command that installs it."""
    code = f"import sys; sys.modules[{missing!r}] = None; {RUN}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'irma-backend[dev-server]'" in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
