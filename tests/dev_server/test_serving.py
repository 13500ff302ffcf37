"""The in-memory server over HTTP: sessions, time, events, callbacks and access."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from irma_backend.dev_server import running_dev_server, running_server
from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    ExtendedRequest,
    Requestor,
    SessionCancelledError,
    SessionTimedOutError,
)
from irma_core.errors import ConfigurationError
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import Transport
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.dev_server.conftest import JumpingClock
from tests.memory_server.calling import OVER18, Http, claims_in, disclosure, error_in

ADULT = DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")})
AGE18 = disclosure([[OVER18]])
LIMIT = timedelta(minutes=1)


@contextmanager
def asked(url: str, path: str, **headers: str) -> Generator[HTTPResponse]:
    """Send a GET request with the standard library, and yield the unread response."""
    host, _, port = urlsplit(url).netloc.partition(":")
    with closing(HTTPConnection(host, int(port), timeout=60)) as connection:
        connection.putrequest("GET", path, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        yield connection.getresponse()


def test_session_runs_to_its_answer(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The library gets an answer from the in-memory server over HTTP."""
    server.when_started(app.accept, after=timedelta(milliseconds=50))
    session = requestor.start_session(ADULT)
    answer = requestor.wait_for_answer(session, timeout=LIMIT)
    assert answer["age"].value == "yes"


def test_refusal_raises(requestor: Requestor, server: InMemoryServer, app: SimulatedApp) -> None:
    """If the app refuses, the requestor's wait raises `SessionCancelledError`."""
    server.when_started(app.refuse)
    session = requestor.start_session(ADULT)
    with pytest.raises(SessionCancelledError):
        requestor.wait_for_answer(session, timeout=LIMIT)


def test_an_unanswered_session_times_out(requestor: Requestor) -> None:
    """A session that no app answers times out by the server's clock."""
    session = requestor.start_session(ExtendedRequest(ADULT, timeout=timedelta(seconds=1)))
    with pytest.raises(SessionTimedOutError):
        requestor.wait_for_answer(session, timeout=LIMIT)


def test_requestor_gets_events(http: Http, url: str, app: SimulatedApp) -> None:
    """The requestor's event stream starts with `open` and ends after the final status."""
    package = http.start(AGE18)
    with asked(url, f"/session/{package['token']}/statusevents") as stream:
        assert stream.getheader("content-type") == "text/event-stream"
        assert stream.getheader("x-accel-buffering") == "no"
        assert [stream.readline(), stream.readline()] == [b"event: open\n", b"\n"]
        app.accept(package["sessionPtr"])
        said = b'data: "CONNECTED"\n\ndata: "DONE"\n\n'
        assert stream.read() == said


def test_browser_gets_events(http: Http, url: str) -> None:
    """A browser of any origin gets a session's events with the frontend authorization."""
    package = http.start(AGE18)
    path = urlsplit(package["sessionPtr"]["u"]).path
    known = package["frontendRequest"]["authorization"]
    with asked(
        url, f"{path}/frontend/statusevents", authorization=known, origin="https://shop.example"
    ) as stream:
        assert stream.getheader("access-control-allow-origin") == "*"
        http.call("DELETE", f"/session/{package['token']}")
        assert stream.read() == b'event: open\n\ndata: {"status":"CANCELLED"}\n\n'


def test_the_timeout_is_an_event(http: Http, url: str, clock: JumpingClock) -> None:
    """An event stream reports a timeout at once, without another request."""
    package = http.start({"request": AGE18, "timeout": 600})
    with asked(url, f"/session/{package['token']}/statusevents") as stream:
        assert stream.readline() == b"event: open\n"
        clock.ahead = 600.0
        assert stream.read() == b'\ndata: "TIMEOUT"\n\n'


def test_refused_subscription_is_a_response(http: Http) -> None:
    """A refused subscription is an ordinary response with its status and error."""
    response = http.call("GET", "/session/AAAAAAAAAAAAAAAAAAAA/statusevents")
    assert error_in(response) == (501, "UNSUPPORTED", "")


def test_leaving_a_stream_disturbs_no_other_client(http: Http, url: str, app: SimulatedApp) -> None:
    """Clients that leave an event stream do not disturb other clients or the session."""
    package = http.start(AGE18)
    events = f"/session/{package['token']}/statusevents"
    with closing(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))) as early:
        path = urlsplit(package["sessionPtr"]["u"]).path
        host = urlsplit(url).netloc
        early.sendall(f"GET {path}/statusevents HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    with asked(url, events) as stays:
        with asked(url, events) as leaves:
            assert leaves.readline() == b"event: open\n"
        app.accept(package["sessionPtr"])
        said = [line for line in stays if line.startswith(b"data")]
        assert said == [b'data: "CONNECTED"\n', b'data: "DONE"\n']
    assert http.status(package["token"]) == "DONE"


def test_shutdown_ends_the_streams(server: InMemoryServer, transport: Transport) -> None:
    """Shutting down ends open event streams and restores the server's URL."""
    before = server.url
    with running_server(server) as url:
        package = Http(url, lambda request: transport.send(request, 10.0**9)).start(AGE18)
        stream = asked(url, f"/session/{package['token']}/statusevents")
        response = stream.__enter__()
        assert server.url == url
    assert response.read() in {b"", b"event: open\n\n"}
    stream.__exit__(None, None, None)
    assert server.url == before


def test_any_origin_may_follow_a_session(http: Http) -> None:
    """Like the official server, the server lets a page of any origin follow a session."""
    package = http.start(AGE18)
    url = f"{package['sessionPtr']['u']}/frontend/status"
    preflight = http.call(
        "OPTIONS",
        url,
        origin="https://shop.example",
        access_control_request_method="GET",
        access_control_request_headers="authorization",
    )
    assert preflight.status == 200
    assert preflight.header("access-control-allow-headers") == "Authorization"
    known = package["frontendRequest"]["authorization"]
    response = http.call("GET", url, origin="https://shop.example", authorization=known)
    assert response.header("access-control-allow-origin") == "*"
    assert response.body == b'{"status":"INITIALIZED"}'


@pytest.mark.parametrize(
    ("method", "path", "status", "content_type"),
    [
        ("GET", "//session", 404, "text/plain; charset=utf-8"),
        ("GET", "/", 404, "text/plain; charset=utf-8"),
        ("GET", "/irma/session", 404, "application/json; charset=UTF-8"),
        ("OPTIONS", "/session", 405, ""),
        ("GET", "/health", 200, "text/plain"),
    ],
)
def test_paths_and_methods_are_not_changed(
    http: Http, method: str, path: str, status: int, content_type: str
) -> None:
    """The HTTP server changes neither a request's path and method, nor the response."""
    response = http.call(method, path)
    assert (response.status, response.header("content-type")) == (status, content_type)


def test_large_body_is_refused(http: Http) -> None:
    """A body over 10 MiB is refused with the official server's error."""
    response = http.call("POST", "/session", b"x" * (11 << 20), content_type="application/json")
    assert error_in(response) == (400, "INVALID_REQUEST", "http: request body too large")


def test_api_prefix_is_kept(transport: Transport) -> None:
    """The base URL and session pointers keep the API prefix."""
    server = InMemoryServer(url="https://irma.example/api/", clock=SystemClock())
    with running_server(server) as url:
        session = Requestor(url, transport).start_session(ADULT)
        assert session.pointer.url.startswith(f"{url}/irma/session/")
        assert urlsplit(url).path == "/api"


class Receiver(BaseHTTPRequestHandler):
    """Receives callbacks, and requests the session's status before it responds."""

    received: list[tuple[str, bytes, str]]
    ask: Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        token = str(claims_in(body)["token"])
        self.received.append((self.path, body, self.ask.status(token)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Log nothing."""


def test_callback_receiver_may_call_back(
    http: Http, app: SimulatedApp, server: InMemoryServer
) -> None:
    """The receiver of a callback may call the server, which then still reports `CONNECTED`."""
    Receiver.ask, Receiver.received = http, []
    with receiving(Receiver) as receiver:
        package = http.start({"request": AGE18, "callbackUrl": f"{receiver}/irma"})
        app.accept(package["sessionPtr"])
    [(path, body, seen)] = Receiver.received
    assert (path, seen) == ("/irma/", "CONNECTED")
    claims = claims_in(body)
    assert (claims["status"], claims["simulated"]) == ("DONE", True)


@contextmanager
def receiving(handler: type[BaseHTTPRequestHandler]) -> Generator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{receiver.server_address[1]}"
        finally:
            receiver.shutdown()
            thread.join()


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/", "http://127.0.0.1:1", "nowhere"])
def test_failing_callback_does_no_harm(http: Http, app: SimulatedApp, target: str) -> None:
    """A session ends as usual if its callback cannot be delivered."""
    package = http.start({"request": AGE18, "callbackUrl": target})
    app.accept(package["sessionPtr"])
    assert http.status(package["token"]) == "DONE"


def test_deliver_of_the_test_is_kept(transport: Transport) -> None:
    """A running server gets a `deliver` only if the test has set none."""
    own = InMemoryServer(clock=SystemClock(), deliver=lambda request: HttpResponse(204))
    kept = own.deliver
    with running_server(own):
        assert own.deliver is kept
    plain = InMemoryServer(clock=SystemClock())
    with running_server(plain):
        assert plain.deliver is not None
    assert plain.deliver is None


def test_failing_action_is_logged(
    http: Http, server: InMemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing planned action is logged, and requests are still answered."""
    logged = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    class Last(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.set()

    last = Last()  # runs after caplog's handler; the serving thread logs after the action
    logging.getLogger().addHandler(last)
    with caplog.at_level(logging.ERROR, "irma_backend.dev_server"):
        server.after(timedelta(0), fail)
        assert logged.wait(60)
        assert http.call("GET", "/health").status == 200
    logging.getLogger().removeHandler(last)
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [
        ZeroDivisionError
    ]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_loopback_hosts_are_accepted(url: str, name: str) -> None:
    """The server accepts a Host header with a loopback name or address and its port."""
    with asked(url, "/health", host=f"{name}:{urlsplit(url).port}") as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["/health", "/session/AAAAAAAAAAAAAAAAAAAA/status", "/"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "", "0.0.0.0:{port}"],
)
def test_foreign_hosts_are_refused(url: str, host: str, path: str) -> None:
    """A request by another name for this machine (DNS rebinding) gets a 403."""
    with asked(url, path, host=host.format(port=urlsplit(url).port)) as response:
        assert response.status == 403
        assert b"only these values of the Host header: 127.0.0.1" in response.read()


def test_missing_host_is_refused(url: str) -> None:
    """A request without a Host header, as in HTTP/1.0, gets a 403."""
    with closing(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))) as plain:
        plain.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert plain.recv(1000).startswith(b"HTTP/1.0 403 ")


def test_port_in_use_is_an_error(url: str) -> None:
    """A port that another program uses raises ConfigurationError."""
    port = urlsplit(url).port or 0
    with (
        pytest.raises(ConfigurationError, match=f"port {port} .* another program listens there"),
        running_server(InMemoryServer(clock=SystemClock()), port),
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65536, None, "8088", b"1", 0.5, True, float("nan")])
def test_invalid_port_is_refused(port: Any) -> None:
    """An invalid port raises ConfigurationError before a socket is opened."""
    with (
        pytest.raises(ConfigurationError, match="port: must be an integer from 0 to 65535"),
        running_server(InMemoryServer(clock=SystemClock()), port),
    ):
        pass


def test_manual_clock_is_refused() -> None:
    """A ManualClock is refused, and the error names the clock to use."""
    with (
        pytest.raises(ConfigurationError, match=r"InMemoryServer\(clock=SystemClock\(\)\)"),
        running_server(InMemoryServer()),
    ):
        pass


@pytest.mark.parametrize("serve", [running_server, running_dev_server])
def test_wrong_types_are_refused(serve: Any) -> None:
    """`callbacks_anywhere` must be a bool, so that the string "no" does not mean True."""
    server = InMemoryServer(clock=SystemClock())
    for given in ("no", 1, None):
        with (
            pytest.raises(ConfigurationError, match="callbacks_anywhere: must be True or False"),
            serve(server, callbacks_anywhere=given),
        ):
            pass
    with pytest.raises(ConfigurationError, match="server: must be"), serve("http://127.0.0.1"):
        pass
