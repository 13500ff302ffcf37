"""The official IRMA server as a child process."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Self

from tests.ports import unused_port
from tests.realserver.build import Tools, server_command
from tests.realserver.child_process import ChildProcess, StartError

JsonObjects = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """The options that differ between servers; most tests use the defaults."""

    requestors: JsonObjects | None = None  # none: anyone may start sessions (--no-auth)
    default_permissions: bool = True  # False: a requestor needs a permission of its own
    sse: bool = True
    jwt_key: bool = True
    jwt_issuer: str | None = None  # none: the server's own default, "irmaserver"
    max_request_age: timedelta | None = None
    allow_unsigned_callbacks: bool = False
    augment_return_url: bool = False
    static_sessions: JsonObjects | None = None
    max_session_lifetime: timedelta | None = None  # whole minutes
    session_result_lifetime: timedelta | None = None  # whole minutes
    api_prefix: str = ""  # such as "/api"
    verbosity: int = 0  # 1 debug, 2 each HTTP message in the log
    extra_flags: tuple[str, ...] = ()

    def flags(self) -> tuple[str, ...]:
        """Return the command-line flags, which are the same for equal options."""
        flags = [f"--no-auth={_lower(self.requestors is None)}", f"--sse={_lower(self.sse)}"]
        if self.requestors is not None:
            flags += ["--requestors", json.dumps(self.requestors, sort_keys=True)]
        if not self.default_permissions:
            flags += ["--disclose-perms", "", "--sign-perms", "", "--issue-perms", ""]
        if self.jwt_issuer is not None:
            flags += ["--jwt-issuer", self.jwt_issuer]
        if self.max_request_age is not None:
            flags += ["--max-request-age", str(self.max_request_age // timedelta(seconds=1))]
        if self.allow_unsigned_callbacks:
            flags.append("--allow-unsigned-callbacks")
        if self.augment_return_url:
            flags.append("--augment-client-return-url")
        if self.static_sessions is not None:
            flags += ["--static-sessions", json.dumps(self.static_sessions, sort_keys=True)]
        if self.max_session_lifetime is not None:
            flags += ["--max-session-lifetime", _minutes(self.max_session_lifetime)]
        if self.session_result_lifetime is not None:
            flags += ["--session-result-lifetime", _minutes(self.session_result_lifetime)]
        if self.api_prefix:
            flags += ["--api-prefix", self.api_prefix]
        flags += ["-v"] * self.verbosity
        return (*flags, *self.extra_flags)


class OfficialServer:
    """An official server on a free loopback port, ready when constructed."""

    def __init__(
        self,
        tools: Tools,
        schemes: Path,
        options: ServerOptions | None = None,
        *,
        log: Path,
        command: Path | None = None,  # the official command line; the newest by default
    ):
        self.options = options = options or ServerOptions()
        self.log = log
        self.jwt_private_key_pem = (tools.jwt_keys / "private.pem").read_text(encoding="ascii")
        self.jwt_public_key_pem = (tools.jwt_keys / "public.pem").read_text(encoding="ascii")
        for _ in range(3):  # another process may take the port first
            port = unused_port()
            self.url = f"http://127.0.0.1:{port}{options.api_prefix}"
            arguments = (
                *(tools.headlesswallet, "guard", *server_command(command or tools.yivi)),
                *("--schemes-path", schemes, "--schemes-update", "0", "--no-tls"),
                *("--listen-addr", "127.0.0.1", "--port", str(port), "--url", self.url),
                *(
                    ("--jwt-privkey-file", tools.jwt_keys / "private.pem")
                    if options.jwt_key
                    else ()
                ),
                *options.flags(),
            )
            self._child = ChildProcess(arguments, log=log)
            if self._comes_up(port):
                return
            self._child.close()
            if "address already in use" not in self._child.log_tail():
                break
        raise StartError(f"the IRMA server did not come up:\n{self._child.log_tail()}")

    def _comes_up(self, port: int) -> bool:
        deadline = time.monotonic() + 300
        while self._child.is_running and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request("GET", f"{self.options.api_prefix}/health")
                # Servers before 0.15 lack this path, so 404 also means that the server is up.
                if connection.getresponse().status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
                    return self._child.is_running
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.005)
        return False

    @property
    def is_running(self) -> bool:
        return self._child.is_running

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of the server's log."""
        return self._child.log_tail(lines)

    def close(self) -> None:
        """Stop the server; its sessions are lost."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ServerPool:
    """Starts one server for each set of options, and stops all servers at the end."""

    def __init__(self, tools: Tools, schemes: Path, logs: Path, command: Path | None = None):
        self._tools = tools
        self._command = command
        self._schemes = schemes
        self._logs = logs
        self._shared: dict[tuple[str, ...], OfficialServer] = {}
        self._all: list[OfficialServer] = []

    def __call__(
        self, options: ServerOptions | None = None, *, shared: bool = True
    ) -> OfficialServer:
        """Return a running server; use `shared=False` for a server that the test stops."""
        options = options or ServerOptions()
        key = (str(options.jwt_key), *options.flags())
        if shared and key in self._shared and self._shared[key].is_running:
            return self._shared[key]
        name = "server" if self._command is None else self._command.parent.name
        log = self._logs / f"{name}-{len(self._all)}.log"
        server = OfficialServer(self._tools, self._schemes, options, log=log, command=self._command)
        self._all.append(server)
        if shared:
            self._shared[key] = server
        return server

    def close(self) -> None:
        for server in self._all:
            server.close()


def _lower(value: bool) -> str:
    return str(value).lower()


def _minutes(duration: timedelta) -> str:
    if duration % timedelta(minutes=1):
        raise ValueError("the server counts in whole minutes")
    return str(duration // timedelta(minutes=1))
