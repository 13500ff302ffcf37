"""Callbacks and nextSession requests of a development server stay on this machine."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from irma_backend.dev_server import running_server
from irma_core.errors import ConnectionFailedError
from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_server.calling import OVER18, Http, disclosure

AGE18 = disclosure([[OVER18]])
ELSEWHERE = [
    "https://shop.example/",
    "http://169.254.169.254/latest/",
    "http://10.0.0.1/",
    "http://192.168.1.1:{port}/",
    "http://[fe80::1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://127.1:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.1.nip.example:{port}/",
    "http://localhost.:{port}/",
    "http://irma.localhost:{port}/",
    "http://localhost.evil.example:{port}/",
    "http://LOCALHO\u017fT:{port}/",
    "http://127.0.0.1:{port}@evil.example/",
    "http://evil.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@evil.example/",
    "http://evil.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1%2eevil.example:{port}/",
    "http://127.0.0.1:{port}#@evil.example/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/",
    "file:///etc/passwd",
    " http://127.0.0.1:{port}/",
]


class Receiver(BaseHTTPRequestHandler):
    """Records each request, and responds with the test's redirect or with 204."""

    received: list[str]
    redirect: str
    status: int

    def do_POST(self) -> None:
        self.received.append(f"{self.command} {self.path}")
        is_redirected = self.redirect and self.path.startswith("/first")
        self.send_response(self.status if is_redirected else 204)
        if is_redirected:
            self.send_header("location", self.redirect)
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Log nothing."""


@pytest.fixture
def receiver() -> Iterator[int]:
    """The port of a receiver on all addresses of this machine."""
    Receiver.received, Receiver.redirect, Receiver.status = [], "", 307
    with ThreadingHTTPServer(("0.0.0.0", 0), Receiver) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield httpd.server_address[1]
        finally:
            httpd.shutdown()
            thread.join()


@contextmanager
def posting(*, callbacks_anywhere: bool = False) -> Generator[InMemoryServer]:
    server = InMemoryServer(clock=SystemClock())
    with running_server(server, callbacks_anywhere=callbacks_anywhere):
        yield server


def post(server: InMemoryServer, url: str) -> int:
    """Send a callback as the server does, and return the status of the reply."""
    assert server.deliver is not None
    reply = server.deliver(HttpRequest("POST", url, label="POST callback", body=b"{}"))
    assert isinstance(reply, HttpResponse)
    return reply.status


@pytest.fixture(scope="module")
def strict() -> Iterator[InMemoryServer]:
    with posting() as server:
        yield server


@pytest.mark.parametrize("url", ELSEWHERE)
def test_foreign_urls_are_refused(strict: InMemoryServer, receiver: int, url: str) -> None:
    """The server sends no callback to a URL that leads to another machine, or is ambiguous."""
    with pytest.raises(ConnectionFailedError, match="loopback") as caught:
        post(strict, url.format(port=receiver))
    assert not caught.value.request_sent
    assert Receiver.received == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/x",
        "http://127.0.0.2:{port}/x",
        "HTTP://LocalHost:{port}/x",
        "http://localhost:{port}?x",
    ],
)
def test_local_urls_are_accepted(strict: InMemoryServer, receiver: int, url: str) -> None:
    """The server sends callbacks to loopback addresses and `localhost`."""
    assert post(strict, url.format(port=receiver)) == 204
    assert len(Receiver.received) == 1


def test_localhost_must_resolve_to_loopback(
    strict: InMemoryServer, receiver: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback to `localhost` is refused if the name resolves to another address."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int | None, *others: int) -> object:
        return [*real("127.0.0.1", port, *others), *real("192.0.2.1", port, *others)]

    monkeypatch.setattr("irma_backend.dev_server.callback_sender.socket.getaddrinfo", resolve)
    with pytest.raises(ConnectionFailedError, match="loopback"):
        post(strict, f"http://localhost:{receiver}/")
    assert Receiver.received == []


def test_localhost_must_resolve(
    strict: InMemoryServer, receiver: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback to `localhost` is refused if the name cannot be resolved."""

    def resolve(*_arguments: object) -> object:
        raise socket.gaierror

    monkeypatch.setattr("irma_backend.dev_server.callback_sender.socket.getaddrinfo", resolve)
    with pytest.raises(ConnectionFailedError, match="loopback"):
        post(strict, f"http://localhost:{receiver}/")


def test_callbacks_anywhere_disables_the_check(receiver: int) -> None:
    """`callbacks_anywhere` disables the check, for receivers in containers or behind a tunnel."""
    with posting(callbacks_anywhere=True) as server:
        assert post(server, f"http://0.0.0.0:{receiver}/") == 204


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_checked(
    receiver: int, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A callback does not follow a redirect to another machine, and the log says why."""
    Receiver.redirect = f"http://0.0.0.0:{receiver}/second"
    Receiver.status = status
    with posting() as server, Urllib3Transport() as transport:
        http = Http(server.url, lambda request: transport.send(request, 10.0**9))
        with caplog.at_level(logging.WARNING, "irma_backend.dev_server"):
            asked = {"request": AGE18, "callbackUrl": f"http://127.0.0.1:{receiver}/first"}
            token = http.start(asked)["token"]
            http.call("DELETE", f"/session/{token}")
            assert http.status(token) == "CANCELLED"
    assert Receiver.received == ["POST /first/"] * 3
    assert "POST callback was not sent" in caplog.text
    assert "--callbacks-anywhere" in caplog.text
    assert "0.0.0.0" not in caplog.text


def test_local_redirects_are_followed(receiver: int) -> None:
    """A callback follows a redirect within this machine, as at the official server."""
    Receiver.redirect = f"http://localhost:{receiver}/second"
    with posting() as server, Urllib3Transport() as transport:
        http = Http(server.url, lambda request: transport.send(request, 10.0**9))
        asked = {"request": AGE18, "callbackUrl": f"http://127.0.0.1:{receiver}/first"}
        http.call("DELETE", f"/session/{http.start(asked)['token']}")
    assert Receiver.received == ["POST /first/", "POST /second"]


@pytest.mark.parametrize("path", ["callbackUrl", "nextSession"])
def test_callback_and_next_session_stay_local(receiver: int, path: str) -> None:
    """The callback and nextSession URLs of a session are both checked."""
    url = f"http://0.0.0.0:{receiver}/"
    asked = {"request": AGE18, path: {"url": url} if path == "nextSession" else url}
    with posting() as server, Urllib3Transport() as transport:
        app = SimulatedApp(server)
        app.add("example.town.age", {"over18": "yes"})
        http = Http(server.url, lambda request: transport.send(request, 10.0**9))
        app.accept(http.start(asked)["sessionPtr"])
    assert Receiver.received == []
    assert len(server.posted) > 0
