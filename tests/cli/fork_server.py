"""Runs the command line in a fork of a process that has imported it.

Starting Python and importing takes most of the time of a short command. Each command is still a
separate process, with its own streams, environment and exit status. Commands that receive signals,
or have their own terminal or streams, are really started.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

import coverage

from tests.measured_processes import measuring

__all__ = ["ForkServer"]

_LONGEST = 300
_OF_THE_START = ("PYTHON", "LC_", "LANG")
_MOST = 1 << 20


@final
class ForkServer:
    """A handle for the forking process, used by tests as a context manager.

    Args:
        environment: The environment in which it starts.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._start = _of_the_start(environment)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_LONGEST)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.fork_server", str(theirs.fileno())],
                env={**environment, **measuring()},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # as for a command without a terminal
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._process.communicate(timeout=_LONGEST)

    def can_run(self, environment: Mapping[str, str]) -> bool:
        """Return whether a new Python process would start in the same way in this environment."""
        return _of_the_start(environment) == self._start

    def run(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], stdin: str
    ) -> tuple[int, str, str]:
        """Run a command to its end; return exit status, standard output and standard error."""
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin.encode())
            given.seek(0)
            asked = {
                "arguments": arguments,
                "environment": dict(environment),
                "cwd": str(Path.cwd()),
            }
            streams = [given.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(self._socket, [json.dumps(asked).encode()], streams)
            status = int(self._socket.recv(_MOST))
            out.seek(0)
            err.seek(0)
            return status, out.read().decode(), err.read().decode()


def _of_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in environment if name.startswith(_OF_THE_START)}


def _next_command(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each command and return it in the child; return None in the parent at the end."""
    while True:
        message, streams, _flags, _sender = socket.recv_fds(channel, _MOST, 3)
        if not message:
            return None
        child = os.fork()
        if not child:
            channel.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            command: dict[str, Any] = json.loads(message)
            return command
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        channel.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _serve(number: int) -> None:
    for package in ("irma_core", "irma_backend", "irma_transport", "irma_transport_urllib3"):
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    measured = coverage.Coverage.current()
    if measured is not None:
        measured.get_data()  # written here, or each fork would write the coverage of all imports
    # At its end, each fork would search all modules for garbage, which takes ten times as long as
    # a short command.
    gc.collect()
    gc.freeze()
    command = _next_command(socket.socket(fileno=number))
    if command is not None:
        os.chdir(command["cwd"])
        os.environ.clear()
        os.environ.update(command["environment"])
        sys.argv[1:] = command["arguments"]
        runpy.run_module("irma_backend", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
