"""The in-memory server and the official server, each with Ada's app, behind the same interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import attrs

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import (
    EXAMPLE_SCHEME,
    AppError,
    InMemoryServer,
    RequestorSettings,
    ServerSettings,
    SimulatedApp,
)
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_server.calling import AGE, RESIDENT, Http
from tests.realserver.official_server import ServerOptions, ServerPool
from tests.realserver.versions import key_of
from tests.realserver.wallet import Wallet
from tests.realserver.wallet_events import Accept, Disappear, Refuse, Succeeded

__all__ = ["Answering", "MemoryPlace", "OfficialPlace", "Place", "Post", "Setup"]

URL = "https://irma.example"
TOKEN = "a-token-of-the-contract"
# Older servers omit the charset from the content type, which makes no difference.
_FIRST_WITH_CHARSET = (0, 12)


@attrs.frozen(kw_only=True)
class Setup:
    """The settings of a server that both servers support."""

    sse: bool = True
    jwt_key: bool = True
    unsigned_posts: bool = False
    with_requestor: bool = False
    """Whether there is one requestor, with `TOKEN`, which may request `over18` and revoke ages."""


@attrs.frozen
class Post:
    """A post of a server: the path, the content type and the body."""

    path: str
    content_type: str
    body: bytes


Answering = Callable[[Post], HttpResponse]


class Place(Protocol):
    """A server, and Ada's app, which has an age and an address but no phone number."""

    name: str

    def http(self, setup: Setup = Setup()) -> Http:  # frozen
        """Return a client for a server with this setup."""
        ...

    def accept(self, pointer: Mapping[str, str]) -> bool:
        """Let the app accept, and return whether the server accepts its answer."""
        ...

    def refuse(self, pointer: Mapping[str, str]) -> None:
        """Let the app refuse."""
        ...

    def connect(self, pointer: Mapping[str, str]) -> None:
        """Let the app connect, and then send nothing."""
        ...

    def send(self, pointer: Mapping[str, str], attributes: Sequence[Sequence[str]]) -> None:
        """Let the app send attributes other than the requested ones."""
        ...

    def receiver(self, answering: Answering) -> AbstractContextManager[str]:
        """Return the base URL of a receiver of posts."""
        ...


_PERMISSIONS: dict[str, list[str]] = {
    "disclose_perms": ["example.town.age.over18"],
    "revoke_perms": ["example.town.age"],
}
_REQUESTOR = RequestorSettings("token", TOKEN, **_PERMISSIONS)


class MemoryPlace:
    """The server in memory."""

    name = "memory"

    def __init__(self) -> None:
        self._servers: dict[Setup, InMemoryServer] = {}
        self._apps: list[SimulatedApp] = []

    def http(self, setup: Setup = Setup()) -> Http:  # frozen
        if setup not in self._servers:
            perms = () if setup.with_requestor else ("*",)
            settings = ServerSettings(
                enable_sse=setup.sse,
                has_jwt_key=setup.jwt_key,
                allow_unsigned_callbacks=setup.unsigned_posts,
                requestors={"tok": _REQUESTOR} if setup.with_requestor else None,
                disclose_perms=perms,
                sign_perms=perms,
                issue_perms=perms,
            )
            server = InMemoryServer(settings, url=URL, scheme=EXAMPLE_SCHEME)
            app = SimulatedApp(server)
            for credential in (AGE, RESIDENT):
                app.add(credential["credential"], credential["attributes"])  # type: ignore[arg-type]
            self._servers[setup] = server
            self._apps.append(app)
        return Http(URL, self._servers[setup].handle)

    def accept(self, pointer: Mapping[str, str]) -> bool:
        try:
            session = self._app(pointer).accept(pointer)
        except AppError:
            return False
        return session.outcome is not None and not session.outcome.error

    def refuse(self, pointer: Mapping[str, str]) -> None:
        self._app(pointer).refuse(pointer)

    def connect(self, pointer: Mapping[str, str]) -> None:
        self._app(pointer).scan(pointer).lose_connection()

    def send(self, pointer: Mapping[str, str], attributes: Sequence[Sequence[str]]) -> None:
        self._app(pointer).scan(pointer).cheat(send=attributes)

    @contextmanager
    def receiver(self, answering: Answering) -> Generator[str]:
        def deliver(request: HttpRequest) -> HttpResponse:
            path = request.url.removeprefix("https://shop.example")
            content_type = dict(request.headers).get("content-type", "")
            return answering(Post(path, content_type, request.body or b""))

        self.http()
        for server in self._servers.values():
            server.deliver = deliver
        yield "https://shop.example"

    def _app(self, pointer: Mapping[str, str]) -> SimulatedApp:
        """Return the app of the server that has the session."""
        for server, app in zip(self._servers.values(), self._apps, strict=True):
            urls = {session.pointer.url for session in server.open_sessions()}
            if pointer["u"] in urls:
                return app
        return self._apps[0]


class OfficialPlace:
    """The official server, and a real wallet."""

    name = "official"

    def __init__(
        self, version: str, servers: ServerPool, wallet: Wallet, transport: Urllib3Transport
    ) -> None:
        self._version = version
        self._servers = servers
        self._wallet = wallet
        self._transport = transport

    def http(self, setup: Setup = Setup()) -> Http:  # frozen
        requestor = {"auth_method": "token", "key": TOKEN, **_PERMISSIONS}
        options = ServerOptions(
            sse=setup.sse,
            jwt_key=setup.jwt_key,
            allow_unsigned_callbacks=setup.unsigned_posts,
            requestors={"tok": requestor} if setup.with_requestor else None,
            default_permissions=not setup.with_requestor,
        )
        return Http(self._servers(options).url, self._handle)

    def accept(self, pointer: Mapping[str, str]) -> bool:
        return isinstance(self._wallet.accept(pointer), Succeeded)

    def refuse(self, pointer: Mapping[str, str]) -> None:
        self._wallet.start(pointer, Refuse()).wait()

    def connect(self, pointer: Mapping[str, str]) -> None:
        self._wallet.start(pointer, Disappear()).wait()

    def send(self, pointer: Mapping[str, str], attributes: Sequence[Sequence[str]]) -> None:
        self._wallet.start(pointer, Accept(send=attributes)).wait()

    @contextmanager
    def receiver(self, answering: Answering) -> Generator[str]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                said = answering(Post(self.path, self.headers.get("content-type", ""), body))
                self.send_response(said.status)
                self.send_header("content-length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
                """Log nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def _handle(self, request: HttpRequest) -> HttpResponse:
        # A server closes connections after some errors, so each call opens a new one.
        alone = HttpRequest(
            request.method,
            request.url,
            label=request.label,
            headers=(*request.headers, ("connection", "close")),
            body=request.body,
        )
        response = self._transport.send(alone, self._transport.clock.monotonic() + 60)
        if key_of(self._version) >= _FIRST_WITH_CHARSET:
            return response
        headers = tuple(
            (name, f"{value}; charset=UTF-8" if value == "application/json" else value)
            for name, value in response.headers
        )
        return HttpResponse(response.status, headers, body=response.body)
