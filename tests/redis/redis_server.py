"""A real Redis as a child process, which tests can kill, stop, fill up and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import final

import pytest
import redis

from tests.ports import unused_port

__all__ = ["RedisServer", "check_installed", "running_redis"]

_STARTS_WITHIN = 60.0


@final
class RedisServer:
    """A `redis-server` on a free port of this machine, and on a socket in its directory.

    Args:
        directory: The directory of its files.
        options: More command-line options; with `--appendonly yes`, data survives a restart.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self._directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = unused_port()

    @property
    def uri(self) -> str:
        """The server's URI for TCP."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_path(self) -> Path:
        """The path of the server's Unix socket."""
        return self._directory / "redis.sock"

    def start(self) -> None:
        """Start the server, on the same port each time, and wait until it replies."""
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--dir", str(self._directory), "--unixsocket", str(self.socket_path)]
        command += ["--save", "", "--loglevel", "warning", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        ends = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended by itself"
            assert time.monotonic() < ends, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """Let the server stop replying, with its connections open."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server reply again."""
        self._send(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """Return a client for inspection."""
        return redis.Redis.from_url(self.uri, protocol=2)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _answers(self) -> bool:
        try:
            # Use the socket: if the port was taken, another test's Redis would answer there.
            with redis.Redis(unix_socket_path=str(self.socket_path)) as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False


def check_installed() -> None:
    """Without `redis-server`, skip the test with a reason, or fail it in CI."""
    if shutil.which("redis-server") is None:
        text = "redis-server is not installed (Debian: redis-server)"
        if os.environ.get("CI") == "true":
            pytest.fail(text, pytrace=False)
        pytest.skip(text)


@contextmanager
def running_redis(directory: Path, *options: str) -> Generator[RedisServer]:
    """Yield a running server; see `check_installed`."""
    check_installed()
    server = RedisServer(directory, *options)
    server.start()
    try:
        yield server
    finally:
        server.kill()
