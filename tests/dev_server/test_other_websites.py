"""Pages of other websites can follow a development server's sessions, and do nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from irma_backend.dev_server import running_dev_server
from irma_core import DisclosureRequest, Requestor
from irma_testing import InMemoryServer, ServerSettings, SimulatedApp
from irma_transport import SystemClock
from irma_transport_urllib3 import Urllib3Transport
from tests.memory_server.calling import OVER18, disclosure

AGE18 = disclosure([[OVER18]])
ELSEWHERE = "https://evil.example"
OWN = "{own}"
"""Represents the server's own origin in a table."""

FOREIGN = [
    {"origin": ELSEWHERE},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "file://"},
    {"origin": "chrome-extension://abcdefghijklmnop"},
    {"origin": "http://localhost"},
    {"origin": "http://localhost:1"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": OWN + ".evil.example"},
    {"origin": OWN + "@evil.example"},
    {"origin": OWN + "/"},
    {"origin": OWN.replace("own", "own_https")},
    {"origin": OWN.replace("own", "own_localhost")},
    {"origin": OWN, "sec-fetch-site": "cross-site"},
    {"origin": OWN, "sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    {"sec-fetch-site": "CROSS-SITE"},
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "nonsense"},
    {"referer": f"{ELSEWHERE}/page"},
    {"referer": OWN + "@evil.example/"},
    {"referer": OWN + ".evil.example/"},
    {"referer": "http://["},
    {"referer": "about:blank"},
    {"origin": ELSEWHERE, "referer": OWN + "/"},
    {"origin": ELSEWHERE, "sec-fetch-site": "same-origin"},
]
OWN_PAGES_AND_PROGRAMS = [
    {},
    {"origin": OWN, "sec-fetch-site": "same-origin", "referer": OWN + "/app/x"},
    {"origin": OWN.replace("own", "own_capitals")},
    {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    # These are the headers that `fetch` of Node.js sends.
    {"accept": "*/*", "accept-language": "*", "sec-fetch-mode": "cors", "user-agent": "node"},
]
TOKEN = "A" * 20
CALLS = [
    ("POST", "/session"),
    ("POST", "/session/"),
    ("GET", f"/session/{TOKEN}/status"),
    ("GET", f"/session/{TOKEN}/statusevents"),
    ("GET", f"/session/{TOKEN}/result"),
    ("GET", f"/session/{TOKEN}/result-jwt"),
    ("GET", f"/session/{TOKEN}/getproof"),
    ("DELETE", f"/session/{TOKEN}"),
    ("HEAD", f"/session/{TOKEN}/result"),
    ("POST", "/revocation"),
    ("GET", "/publickey"),
    ("GET", "/health"),
    ("GET", "/nowhere"),
    ("GET", "//irma/session"),
    ("GET", "/irma"),
    ("GET", "/IRMA/session"),
    ("POST", "/x/../session"),
    ("POST", "/%73ession"),
    ("OPTIONS", "/session"),
    ("PUT", "/session"),
]


class Caller:
    """Sends the exact bytes that a browser would send."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.own = {
            "own": url,
            "own_https": url.replace("http:", "https:"),
            "own_localhost": url.replace("127.0.0.1", "localhost"),
            "own_capitals": url.upper(),
        }

    def call(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """Send a request, and return the response and its body."""
        sent = {name: value.format(**self.own) for name, value in headers.items()}
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server() -> InMemoryServer:
    settings = ServerSettings(
        enable_sse=True,
        static_sessions={"visit": {"callbackUrl": "http://127.0.0.1:9/", "request": AGE18}},
    )
    return InMemoryServer(settings, clock=SystemClock())


@pytest.fixture(scope="module")
def caller(server: InMemoryServer) -> Iterator[Caller]:
    with running_dev_server(server) as url:
        yield Caller(url)


def cors_in(response: HTTPResponse) -> list[str]:
    return [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", None])
def test_foreign_page_starts_no_session(
    caller: Caller, server: InMemoryServer, headers: dict[str, str], kind: str | None
) -> None:
    """A page from another origin cannot start a session, and gets a 403 that it cannot read."""
    before = server.open_sessions()
    sent = headers if kind is None else {**headers, "content-type": kind}
    response, said = caller.call("POST", "/session", sent, json.dumps(AGE18).encode())
    assert (response.status, cors_in(response)) == (403, [])
    assert b"page from another origin" in said
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert server.open_sessions() == before


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("headers", [FOREIGN[0], FOREIGN[1], FOREIGN[15], FOREIGN[22]])
def test_foreign_page_calls_no_requestor_endpoint(
    caller: Caller, method: str, path: str, headers: dict[str, str]
) -> None:
    """A page from another origin gets a 403 for every path except session pointers."""
    response, _ = caller.call(method, path, headers)
    assert (response.status, cors_in(response)) == (403, [])


@pytest.mark.parametrize("asked", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("path", ["/session", f"/session/{TOKEN}/result", "/", "/app/x"])
def test_preflight_is_refused(caller: Caller, asked: str, path: str) -> None:
    """A preflight request outside `/irma/` gets a 403 without CORS headers."""
    response, _ = caller.call(
        "OPTIONS",
        path,
        {
            "origin": ELSEWHERE,
            "access-control-request-method": asked,
            "access-control-request-headers": "content-type",
            "access-control-request-private-network": "true",
        },
    )
    assert (response.status, cors_in(response)) == (403, [])


@pytest.mark.parametrize("headers", OWN_PAGES_AND_PROGRAMS)
def test_programs_and_own_pages_start_sessions(caller: Caller, headers: dict[str, str]) -> None:
    """Programs and pages of this server may start sessions, and get no CORS headers."""
    sent = {**headers, "content-type": "application/json"}
    response, _ = caller.call("POST", "/session", sent, json.dumps(AGE18).encode())
    assert (response.status, cors_in(response)) == (200, [])
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("headers", [{"origin": ELSEWHERE}, {"origin": "null"}])
@pytest.mark.parametrize("path", ["frontend/status", "frontend/statusevents", "status"])
def test_foreign_page_follows_a_session(
    caller: Caller, server: InMemoryServer, headers: dict[str, str], path: str
) -> None:
    """The browser package may follow a session from any website."""
    _, said = caller.call(
        "POST", "/session", {"content-type": "application/json"}, json.dumps(AGE18).encode()
    )
    package = json.loads(said)
    pointer = urlsplit(package["sessionPtr"]["u"]).path
    if path.endswith("events"):
        caller.call("DELETE", pointer, {})  # otherwise the stream would stay open
    sent = {
        **headers,
        "sec-fetch-site": "cross-site",
        "authorization": package["frontendRequest"]["authorization"],
    }
    response, _ = caller.call("GET", f"{pointer}/{path}", sent)
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] is None


def test_preflight_for_a_session_is_allowed(caller: Caller) -> None:
    """A preflight below `/irma/` gets the official response, without access to private networks."""
    response, _ = caller.call(
        "OPTIONS",
        f"/irma/session/{TOKEN}/frontend/status",
        {
            "origin": ELSEWHERE,
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization",
            "access-control-request-private-network": "true",
        },
    )
    assert (response.status, sorted(cors_in(response))) == (
        200,
        [
            "access-control-allow-headers",
            "access-control-allow-methods",
            "access-control-allow-origin",
        ],
    )


@pytest.mark.parametrize("path", ["/irma/../session", "/irma/%2e%2e/session", "/irma/..%2fsession"])
def test_no_path_trick_reaches_a_requestor_endpoint(
    caller: Caller, server: InMemoryServer, path: str
) -> None:
    """Paths with `..` or escapes start no session for a page from another origin."""
    before = server.open_sessions()
    sent = {"origin": ELSEWHERE, "content-type": "application/json"}
    response, _ = caller.call("POST", path, sent, json.dumps(AGE18).encode())
    assert response.status in {403, 404}
    assert server.open_sessions() == before


@pytest.mark.parametrize("path", ["/irma/../", "/irma/../app/x", "/irma/%2e%2e/", "/app/../"])
def test_no_path_trick_reaches_a_page(caller: Caller, path: str) -> None:
    """Paths with `..` or escapes show no page to a page from another origin."""
    response, said = caller.call("GET", path, {"origin": ELSEWHERE})
    assert b"page-token" not in said
    assert response.status in {403, 404}


@pytest.mark.parametrize("target", ["*", "http://evil.example/session", "x", "//[", "/\\", "/%00"])
def test_odd_targets_are_refused(caller: Caller, target: str) -> None:
    """An unusual request target gets a client error."""
    for method in ("GET", "OPTIONS"):
        response, _ = caller.call(method, target, {"origin": ELSEWHERE})
        assert response.status in {400, 403, 404}


@pytest.mark.parametrize("path", ["/", "/app/x", "/app/style.css"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ELSEWHERE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"origin": ELSEWHERE},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "style"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "object"},
    ],
)
def test_foreign_page_loads_no_page(caller: Caller, path: str, headers: dict[str, str]) -> None:
    """A page from another origin cannot load our pages as a script, in a frame, or by `fetch`."""
    response, said = caller.call("GET", path, headers)
    assert (response.status, cors_in(response)) == (403, [])
    assert b"page-token" not in said


def test_foreign_link_opens_the_page(caller: Caller) -> None:
    """A link on another website can open our page as a document."""
    headers = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
        "referer": ELSEWHERE,
    }
    response, said = caller.call("GET", "/", headers)
    assert (response.status, b"Open sessions" in said) == (200, True)
    assert cors_in(response) == []


def test_two_host_headers_are_refused(caller: Caller) -> None:
    """A request with two Host headers is refused, because a proxy could have checked the other."""
    connection = HTTPConnection(urlsplit(caller.url).netloc, timeout=60)
    connection.putrequest("GET", "/health")  # the client sends the first Host header
    connection.putheader("host", "evil.example")
    connection.endheaders()
    assert connection.getresponse().status in {400, 403}
    connection.close()


def test_websocket_upgrade_is_refused(caller: Caller) -> None:
    """A WebSocket upgrade from another origin is refused, because CORS does not apply to it."""
    response, _ = caller.call(
        "GET",
        f"/session/{TOKEN}/statusevents",
        {
            "origin": ELSEWHERE,
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    )
    assert response.status == 403


def test_library_and_app_are_accepted(caller: Caller, server: InMemoryServer) -> None:
    """The library and the app can run a whole session at the development server."""
    app = SimulatedApp(server)
    app.add("example.town.age", {"over18": "yes"})
    with Urllib3Transport() as transport:
        requestor = Requestor(caller.url, transport)
        session = requestor.start_session(DisclosureRequest({"age": OVER18}))
        app.accept(session.pointer)
        assert requestor.get_answer(session)["age"].value == "yes"
