"""Status events in cases without a recording: ends of streams, refusals and chains."""

from __future__ import annotations

from datetime import timedelta

from irma_core.protocol.messages import HttpResponse
from irma_testing import EventStream, InMemoryServer, ServerSettings, SimulatedApp
from tests.counting import count_lines
from tests.memory_server.calling import OVER18, Http, disclosure, error_in, request_to

AGE18 = disclosure([[OVER18]])


def subscribe(server: InMemoryServer, path: str, **headers: str) -> EventStream | HttpResponse:
    return server.subscribe(request_to(server.url, "GET", path, **headers))


def listen(server: InMemoryServer, path: str, **headers: str) -> EventStream:
    stream = subscribe(server, path, **headers)
    assert isinstance(stream, EventStream)
    return stream


def test_headers_arrive_at_once_or_after_200_ms(http: Http, server: InMemoryServer) -> None:
    """A requestor's stream sends its headers at once, and a stream at the pointer after 200 ms."""
    package = http.start(AGE18)
    at_url = listen(server, f"{package['sessionPtr']['u']}/statusevents")
    requestor = listen(server, f"/session/{package['token']}/statusevents")
    before = (requestor.has_headers, at_url.has_headers)
    server.pass_time(timedelta(milliseconds=200))
    assert (*before, at_url.has_headers) == (True, False, True)
    assert at_url.read() == b"event: open\n\n"
    assert at_url.read() == b""


def test_a_refused_subscription_is_a_response(http: Http, server: InMemoryServer) -> None:
    """A stream for an unknown or timed-out session, or without events, is refused."""
    unknown = subscribe(server, "/session/AAAAAAAAAAAAAAAAAAAA/statusevents")
    assert isinstance(unknown, HttpResponse)
    assert error_in(unknown) == (501, "UNSUPPORTED", "")
    package = http.start({"request": AGE18, "timeout": -1})
    late = subscribe(server, f"{package['sessionPtr']['u']}/statusevents")
    assert isinstance(late, HttpResponse)
    assert error_in(late)[:2] == (403, "UNEXPECTED_REQUEST")
    quiet = InMemoryServer(ServerSettings(enable_sse=False))
    token = Http(quiet.url, quiet.handle).start(AGE18)["token"]
    refused = subscribe(quiet, f"/session/{token}/statusevents")
    assert isinstance(refused, HttpResponse)
    assert error_in(refused) == (500, "SSE_DISABLED", "")


def test_closed_stream_ends_alone(http: Http, server: InMemoryServer) -> None:
    """A stream that is closed yields nothing more, while other streams continue."""
    token = http.start(AGE18)["token"]
    closed, kept = (listen(server, f"/session/{token}/statusevents") for _ in range(2))
    server.pass_time(timedelta(seconds=1))
    closed.close()
    http.call("DELETE", f"/session/{token}")
    assert closed.read() == b""
    assert closed.is_over
    chunks = [kept.read() for _ in range(4)]
    assert chunks == [b"event: open\n\n"] * 2 + [b'data: "CANCELLED"\n\n', b""]
    assert kept.is_over


def test_closed_streams_cost_no_work(http: Http, server: InMemoryServer) -> None:
    """Closed streams cost no work afterwards, however many a page opens and closes."""
    path = f"{http.start(AGE18)['sessionPtr']['u']}/statusevents"

    def open_and_close(times: int) -> None:
        for _ in range(times):
            listen(server, path).close()
        server.pass_time(timedelta(seconds=1))

    few = count_lines(lambda: open_and_close(20))
    assert count_lines(lambda: open_and_close(160)) < few * 8 * 1.6


def test_each_stream_gets_the_timeout(http: Http, server: InMemoryServer) -> None:
    """A stream gets the time-out event, also if an earlier stream of the session was closed."""
    path = f"{http.start({'request': AGE18, 'timeout': 60})['sessionPtr']['u']}/statusevents"
    listen(server, path).close()
    server.pass_time(timedelta(seconds=30))
    late = listen(server, path)
    server.pass_time(timedelta(seconds=31))
    assert late.read() == b"event: open\n\n"
    assert late.read() == b'data: "TIMEOUT"\n\n'


def test_timeout_moves_with_activity(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """An app that connects postpones the time-out, and the stream gets only the later one."""
    package = http.start({"request": AGE18, "timeout": 5})
    stream = listen(server, f"/session/{package['token']}/statusevents")
    server.pass_time(timedelta(seconds=1))
    app.scan(package["sessionPtr"]).lose_connection()
    heard = [stream.read(), stream.read()]
    assert heard == [b"event: open\n\n", b'data: "CONNECTED"\n\n']
    server.pass_time(timedelta(minutes=14, seconds=59))
    assert stream.read() == b""
    server.pass_time(timedelta(seconds=1))
    assert stream.read() == b'data: "TIMEOUT"\n\n'
    assert stream.is_over


def test_chain_reaches_the_browser(http: Http, server: InMemoryServer, app: SimulatedApp) -> None:
    """The browser's event `DONE` has the pointer of the next session."""
    body = b'{"@context":"https://irma.app/ld/request/disclosure/v2","disclose":[[["%s"]]]}'
    server.deliver = lambda _request: HttpResponse(200, body=body % OVER18.encode())
    package = http.start({"request": AGE18, "nextSession": {"url": "https://a.example"}})
    known = package["frontendRequest"]["authorization"]
    path = f"{package['sessionPtr']['u']}/frontend/statusevents"
    stream = listen(server, path, authorization=known)
    app.accept(package["sessionPtr"])
    stream.read()
    assert stream.read().startswith(b'data: {"status":"DONE","nextSession":{"u":"https://')


def test_a_forgotten_session_ends_its_streams(http: Http, server: InMemoryServer) -> None:
    """A restart of the server ends every stream without a final status."""
    token = http.start(AGE18)["token"]
    stream = listen(server, f"/session/{token}/statusevents")
    server.restart()
    server.pass_time(timedelta(hours=1))
    assert stream.read() == b""
    assert stream.is_over
