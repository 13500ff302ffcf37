"""Paths of the in-memory server: a prefix, and the head of an event stream."""

from __future__ import annotations

from irma_testing import InMemoryServer
from tests.memory_server.calling import OVER18, Http, disclosure, json_in

AGE18 = disclosure([[OVER18]])
UNKNOWN = "AAAAAAAAAAAAAAAAAAAA"


def test_server_below_a_path(http: Http) -> None:
    """A server with a path prefix answers only requests below the prefix."""
    server = InMemoryServer(url="https://example.com/api/v1/")
    http = Http(server.url, server.handle)
    url = http.start(AGE18)["sessionPtr"]["u"]
    assert url.startswith("https://example.com/api/v1/irma/session/")
    assert json_in(http.call("GET", f"{url}/status")) == "INITIALIZED"
    assert http.call("GET", "https://example.com/health").status == 404


def test_handle_returns_the_head_of_a_stream(http: Http) -> None:
    """`handle` returns the status and the headers of an event stream."""
    token = http.start(AGE18)["token"]
    response = http.call("GET", f"/session/{token}/statusevents", origin="https://a.example")
    assert (response.status, response.body) == (200, b"")
    assert response.header("content-type") == "text/event-stream"
    assert response.header("x-accel-buffering") == "no"
