"""A development server that other machines reach by its address, through a proxy, or by HTTPS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from irma_backend.dev_server import running_dev_server
from irma_backend.dev_server.reach import Reach
from irma_core import DisclosureRequest, Requestor, SessionStatus
from irma_core.errors import ConfigurationError, UsageError
from irma_testing import AppError, InMemoryServer, ServerSettings, SimulatedApp
from irma_testing.remote_server import RemoteServer
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.dev_server.browsing import Browser
from tests.dev_server.test_other_websites import Caller

SECRET = "s3cr3t-s3cr3t"
EMAIL = "pbdf.sidn-pbdf.email.email"
ASK = DisclosureRequest({"email": EMAIL})
EVERYWHERE = "0.0.0.0"


@pytest.fixture
def server() -> InMemoryServer:
    return InMemoryServer(ServerSettings(enable_sse=True), clock=SystemClock())


@pytest.fixture
def url(server: InMemoryServer) -> Iterator[str]:
    """The loopback URL of a server that listens on all addresses."""
    with running_dev_server(server, reach=Reach(EVERYWHERE, secret=SECRET)) as url:
        yield f"http://127.0.0.1:{urlsplit(url).port}"


def status_of(url: str, path: str, host: str) -> int:
    """Return the status of a GET with this `Host`."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", path, headers={"host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def test_pages_are_below_a_secret(url: str, transport: Urllib3Transport) -> None:
    """The pages and the list of sessions have URLs that contain the secret."""
    requestor = Requestor(url, transport)
    session = requestor.start_session(ASK)
    browser = Browser(url)
    for path in ("/", "/app/", "/app/style.css", "/app/sessions.json", "/app-wrong/"):
        page = browser.open(path)
        assert (page.status, "page-token" in page.html) == (404, False)
    home = browser.open(f"/app-{SECRET}/")
    deciding = browser.press(home, "Scan")
    assert deciding.url.startswith(f"/app-{SECRET}/")
    browser.press(deciding, "Accept")
    assert requestor.get_answer(session)["email"].value == "ada@example.com"


@pytest.mark.parametrize("path", [f"app-{SECRET}", f"app-{SECRET}/x/y"])
def test_no_log_shows_the_secret(url: str, caplog: pytest.LogCaptureFixture, path: str) -> None:
    """The log hides the secret in a URL that only resembles the URL of a page."""
    caplog.set_level("DEBUG")
    encoded = path.replace("3", "%33")
    for each in (path, encoded):
        assert status_of(url, f"/{each}", urlsplit(url).netloc) == 404
    assert "404" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET.replace("3", "%33") not in caplog.text


def test_list_for_programs_is_below_the_secret(url: str, transport: Urllib3Transport) -> None:
    """A program needs the secret to list the sessions, but not to answer a session by its link."""
    requestor = Requestor(url, transport)
    session = requestor.start_session(ASK)
    remote = RemoteServer(url, transport)
    assert len(remote.sessions(f"app-{SECRET}")) == 1
    with pytest.raises(AppError, match="use the whole address of the page"):
        remote.sessions("app")
    app = SimulatedApp.at(url, transport)
    app.add("pbdf.sidn-pbdf.email", {"email": "bob@example.com"})
    app.accept(session.pointer)
    assert requestor.get_status(session) is SessionStatus.DONE


def test_addresses_are_accepted_and_foreign_names_refused(url: str) -> None:
    """The server accepts any IP address as Host, and refuses the names of other websites."""
    port = urlsplit(url).port
    for host in (f"192.0.2.7:{port}", f"[2001:db8::1]:{port}", f"localhost:{port}"):
        assert status_of(url, "/health", host) == 200
    for host in ("evil.example", f"evil.example:{port}", "192.0.2.7:1", "192.0.2.7"):
        assert status_of(url, "/health", host) == 403


def test_foreign_pages_are_still_refused(url: str) -> None:
    """A page of another website cannot start sessions or open a page."""
    caller = Caller(url)
    headers = {"origin": "https://evil.example"}
    for method, path in (("POST", "/session"), ("GET", f"/app-{SECRET}/")):
        assert caller.call(method, path, headers)[0].status == 403


def test_public_url_is_used(server: InMemoryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy, the server uses the public URL, with its path as a prefix."""
    ports: list[int] = []
    real = Reach.base_url

    def base_url(reach: Reach, port: int, path: str) -> str:
        ports.append(port)
        return real(reach, port, path)

    monkeypatch.setattr(Reach, "base_url", base_url)
    reach = Reach(url="https://dev.example/irmadev/", secret=SECRET)
    with running_dev_server(server, reach=reach) as url:
        assert url == server.url == "https://dev.example/irmadev"
        caller = Caller(f"http://127.0.0.1:{ports[0]}")
        proxied = {"host": "dev.example", "origin": "https://dev.example"}
        response, said = caller.call("GET", "/irmadev/app/server.json", proxied)
        assert (response.status, json.loads(said)["url"]) == (200, url)
        response, said = caller.call("GET", f"/irmadev/app-{SECRET}/", proxied)
        assert (response.status, b"/irmadev/app-s3cr3t-s3cr3t/wallet" in said) == (200, True)
        foreign = {"host": "dev.example", "origin": "https://evil.example"}
        assert caller.call("GET", f"/irmadev/app-{SECRET}/", foreign)[0].status == 403


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (Reach(), "http://127.0.0.1:8088/x"),
        (Reach("127.0.0.2"), "http://127.0.0.2:8088/x"),
        (Reach("::1"), "http://[::1]:8088/x"),
        (Reach("192.168.1.5", secret="s"), "http://192.168.1.5:8088/x"),
        (Reach(url="http://localhost:9000/"), "http://localhost:9000"),
        (Reach(url="https://dev.example/a/", secret="s"), "https://dev.example/a"),
    ],
)
def test_base_url(reach: Reach, expected: str) -> None:
    """The base URL is the public URL, or consists of the server's address and port."""
    assert reach.base_url(8088, "/x") == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_address_of_this_machine_is_found(host: str) -> None:
    """The base URL of a server that listens everywhere has an address of this machine."""
    found = urlsplit(Reach(host, secret="s").base_url(8088, "")).hostname
    assert found not in {None, host}


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_machine_without_a_network_has_loopback(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, a server that listens everywhere has a loopback address as its URL."""

    def fail(*_arguments: object) -> object:
        raise OSError("no network")

    monkeypatch.setattr("irma_backend.dev_server.reach.socket.socket", fail)
    found = urlsplit(Reach(host, secret="s").base_url(8088, "")).hostname
    assert found in {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"host": "dev.example"}, "host"),
        ({"host": 5}, "host"),
        ({"host": "0.0.0.0"}, "secret"),
        ({"url": "https://dev.example"}, "secret"),
        ({"secret": 5}, "secret"),
        ({"url": "dev.example"}, "url"),
        ({"tls": "cert.pem"}, "tls"),
    ],
)
def test_wrong_arguments_are_refused(given: Any, name: str) -> None:
    """A wrong argument of `Reach` is named, and a server for other machines needs a secret."""
    with pytest.raises(UsageError, match=f"{name}: must be"):
        Reach(**given)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A TLS context for loopback, and the file of the authority that signed its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


def test_https_is_served(server: InMemoryServer, certificate: tuple[ssl.SSLContext, Path]) -> None:
    """With a TLS context, the server runs sessions over HTTPS."""
    context, path = certificate
    with (
        running_dev_server(server, reach=Reach(tls=context)) as url,
        Urllib3Transport(ca=path) as transport,
    ):
        assert url.startswith("https://127.0.0.1:")
        requestor = Requestor(url, transport)
        session = requestor.start_session(ASK)
        app = SimulatedApp.at(url, transport)
        app.add("pbdf.sidn-pbdf.email", {"email": "bob@example.com"})
        app.accept(session.pointer)
        assert requestor.get_answer(session)["email"].value == "bob@example.com"


def test_address_of_another_machine_is_an_error(url: str) -> None:
    """An address that is not one of this machine raises `ConfigurationError`."""
    elsewhere = Reach("192.0.2.1", secret="s")
    server = InMemoryServer(clock=SystemClock())
    with (
        pytest.raises(ConfigurationError, match=r"on 192\.0\.2\.1: this machine does not have"),
        running_dev_server(server, reach=elsewhere),
    ):
        pass
