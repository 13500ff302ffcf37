"""The server in memory over real HTTP: sessions, time, events, posts, and who may ask."""

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
    SessionStatus,
    SessionTimedOutError,
)
from irma_core.errors import ConfigurationError
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.transport import Transport
from irma_testing import InMemoryServer, SimulatedApp
from irma_transport import SystemClock
from tests.memory_server.calling import OVER18, Http, claims_in, disclosure, error_in

ADULT = DisclosureRequest({"age": AttributeRequest(OVER18, value="yes")})
AGE18 = disclosure([[OVER18]])
SOON = timedelta(seconds=20)


@contextmanager
def asked(url: str, path: str, **headers: str) -> Generator[HTTPResponse]:
    """Ask with the standard library, and leave the response to be read as it comes."""
    host, _, port = urlsplit(url).netloc.partition(":")
    with closing(HTTPConnection(host, int(port), timeout=60)) as connection:
        connection.putrequest("GET", path, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        yield connection.getresponse()


def test_a_session_runs_from_the_start_to_the_answer(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp
) -> None:
    """With the library and its transport, as against any server."""
    server.when_started(app.accept, after=timedelta(milliseconds=50))
    session = requestor.start_session(ADULT)
    answer = requestor.wait_for_answer(session, timeout=SOON)
    assert answer["age"].value == "yes"


def test_a_refusal_is_no_answer(
    requestor: Requestor, server: InMemoryServer, app: SimulatedApp
) -> None:
    """The app says no over the same server."""
    server.when_started(app.refuse)
    session = requestor.start_session(ADULT)
    with pytest.raises(SessionCancelledError):
        requestor.wait_for_answer(session, timeout=SOON)


def test_a_session_that_nobody_comes_for_times_out_as_time_goes(
    requestor: Requestor, server: InMemoryServer
) -> None:
    """By the real clock: nobody moves it."""
    session = requestor.start_session(ExtendedRequest(ADULT, timeout=timedelta(seconds=1)))
    assert requestor.get_status(session) is SessionStatus.INITIALIZED
    with pytest.raises(SessionTimedOutError):
        requestor.wait_for_answer(session, timeout=SOON)


def test_a_requestor_hears_the_statuses_as_they_come(
    http: Http, url: str, app: SimulatedApp
) -> None:
    """The stream begins at once, says `open` after a moment, and ends after the last status."""
    package = http.start(AGE18)
    with asked(url, f"/session/{package['token']}/statusevents") as stream:
        assert stream.getheader("content-type") == "text/event-stream"
        assert stream.getheader("x-accel-buffering") == "no"
        assert [stream.readline(), stream.readline()] == [b"event: open\n", b"\n"]
        app.accept(package["sessionPtr"])
        said = b'data: "CONNECTED"\n\ndata: "DONE"\n\n'
        assert stream.read() == said


def test_a_browser_hears_them_at_the_pointer(http: Http, url: str) -> None:
    """With its authorization, from any origin; a cancel by the requestor is told too."""
    package = http.start(AGE18)
    path = urlsplit(package["sessionPtr"]["u"]).path
    known = package["frontendRequest"]["authorization"]
    with asked(
        url, f"{path}/frontend/statusevents", authorization=known, origin="https://shop.example"
    ) as stream:
        assert stream.getheader("access-control-allow-origin") == "*"
        http.call("DELETE", f"/session/{package['token']}")
        assert stream.read() == b'event: open\n\ndata: {"status":"CANCELLED"}\n\n'


def test_the_time_out_is_an_event(http: Http, url: str) -> None:
    """Told on time, though nobody asks for anything meanwhile."""
    package = http.start({"request": AGE18, "timeout": 1})
    with asked(url, f"/session/{package['token']}/statusevents") as stream:
        assert stream.read() == b'event: open\n\ndata: "TIMEOUT"\n\n'


def test_a_refused_subscription_is_an_ordinary_response(http: Http) -> None:
    """With its own status and error."""
    response = http.call("GET", "/session/AAAAAAAAAAAAAAAAAAAA/statusevents")
    assert error_in(response) == (501, "UNSUPPORTED", "")


def test_who_leaves_a_stream_takes_nothing_along(http: Http, url: str, app: SimulatedApp) -> None:
    """Before its head or in the middle: others hear on, and the session goes on."""
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


def test_the_end_of_the_server_ends_its_streams(
    server: InMemoryServer, transport: Transport
) -> None:
    """At once, as when the official server shuts down; and the address is as before."""
    before = server.url
    with running_server(server) as url:
        package = Http(url, lambda request: transport.send(request, 10.0**9)).start(AGE18)
        stream = asked(url, f"/session/{package['token']}/statusevents")
        response = stream.__enter__()
        assert server.url == url
    assert response.read() in {b"", b"event: open\n\n"}
    stream.__exit__(None, None, None)
    assert server.url == before


def test_a_web_page_of_any_origin_may_call(http: Http) -> None:
    """As at the official server: that is how the browser package follows a session."""
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
def test_paths_and_methods_arrive_as_they_were_sent(
    http: Http, method: str, path: str, status: int, content_type: str
) -> None:
    """Nothing is made tidy on the way, and nothing is added to the answer."""
    response = http.call(method, path)
    assert (response.status, response.header("content-type")) == (status, content_type)


def test_a_body_over_10_mib_is_refused_as_the_official_server_does(http: Http) -> None:
    """It is not read to its end."""
    response = http.call("POST", "/session", b"x" * (11 << 20), content_type="application/json")
    assert error_in(response) == (400, "INVALID_REQUEST", "http: request body too large")


def test_the_prefix_of_an_api_stays(transport: Transport) -> None:
    """In the base URL, and in session pointers."""
    server = InMemoryServer(url="https://irma.example/api/", clock=SystemClock())
    with running_server(server) as url:
        session = Requestor(url, transport).start_session(ADULT)
        assert session.pointer.url.startswith(f"{url}/irma/session/")
        assert urlsplit(url).path == "/api"


class Receiver(BaseHTTPRequestHandler):
    """Takes callbacks, and asks the IRMA server for the status before it answers."""

    received: list[tuple[str, bytes, str]]
    ask: Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        token = str(claims_in(body)["token"])
        self.received.append((self.path, body, self.ask.status(token)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


def test_a_callback_is_delivered_and_its_receiver_may_ask_back(
    http: Http, app: SimulatedApp, server: InMemoryServer
) -> None:
    """Over HTTP, before the status is stored, as at the official server."""
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
def test_a_callback_that_nobody_answers_does_no_harm(
    http: Http, app: SimulatedApp, target: str
) -> None:
    """The session ends as it would."""
    package = http.start({"request": AGE18, "callbackUrl": target})
    app.accept(package["sessionPtr"])
    assert http.status(package["token"]) == "DONE"


def test_posts_go_the_way_that_was_set(transport: Transport) -> None:
    """A `deliver` of one's own stays; else there is none again at the end."""
    own = InMemoryServer(clock=SystemClock(), deliver=lambda request: HttpResponse(204))
    kept = own.deliver
    with running_server(own):
        assert own.deliver is kept
    plain = InMemoryServer(clock=SystemClock())
    with running_server(plain):
        assert plain.deliver is not None
    assert plain.deliver is None


def test_an_action_that_fails_is_logged_and_the_server_goes_on(
    http: Http, server: InMemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is the fault of whoever planned it, not of who asks."""
    logged = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    class Last(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.set()

    last = Last()  # after caplog's own; the thread that serves logs, when the action is over
    logging.getLogger().addHandler(last)
    with caplog.at_level(logging.ERROR, "irma_backend.dev_server"):
        server.after(timedelta(0), fail)
        assert logged.wait(10)
        assert http.call("GET", "/health").status == 200
    logging.getLogger().removeHandler(last)
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [
        ZeroDivisionError
    ]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_it_answers_to_the_names_of_this_machine(url: str, name: str) -> None:
    """With its port."""
    with asked(url, "/health", host=f"{name}:{urlsplit(url).port}") as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["/health", "/session/AAAAAAAAAAAAAAAAAAAA/status", "/"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "", "0.0.0.0:{port}"],
)
def test_another_name_is_turned_away(url: str, host: str, path: str) -> None:
    """A web page whose name leads to this machine (DNS rebinding) gets nothing."""
    with asked(url, path, host=host.format(port=urlsplit(url).port)) as response:
        assert response.status == 403
        assert b"answers to 127.0.0.1" in response.read()


def test_no_name_at_all_is_turned_away(url: str) -> None:
    """HTTP/1.0 does not ask for one."""
    with closing(socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))) as plain:
        plain.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert plain.recv(1000).startswith(b"HTTP/1.0 403 ")


def test_a_taken_port_is_said_clearly(url: str) -> None:
    """And it is a mistake of the caller's."""
    port = urlsplit(url).port or 0
    with (
        pytest.raises(ConfigurationError, match=f"port {port} .* another program listens there"),
        running_server(InMemoryServer(clock=SystemClock()), port),
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65536, None, "8088", b"1", 0.5, True, float("nan")])
def test_a_number_that_is_no_port_is_refused(port: Any) -> None:
    """Before anything is tried."""
    with (
        pytest.raises(ConfigurationError, match="port: must be an integer from 0 to 65535"),
        running_server(InMemoryServer(clock=SystemClock()), port),
    ):
        pass


def test_a_clock_that_stands_still_is_refused() -> None:
    """The error names the one to use."""
    with (
        pytest.raises(ConfigurationError, match=r"InMemoryServer\(clock=SystemClock\(\)\)"),
        running_server(InMemoryServer()),
    ):
        pass


@pytest.mark.parametrize("serve", [running_server, running_dev_server])
def test_an_argument_of_another_type_is_refused(serve: Any) -> None:
    """A string such as "no" is true in Python, and would let callbacks leave this machine."""
    server = InMemoryServer(clock=SystemClock())
    for given in ("no", 1, None):
        with (
            pytest.raises(ConfigurationError, match="callbacks_anywhere: must be True or False"),
            serve(server, callbacks_anywhere=given),
        ):
            pass
    with pytest.raises(ConfigurationError, match="server: must be"), serve("http://127.0.0.1"):
        pass
