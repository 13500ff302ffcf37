"""Paths, methods, tokens and CORS at both servers."""

from __future__ import annotations

import pytest

from tests.memory_server.calling import OVER18, Http, disclosure, error_in, json_in

AGE18 = disclosure([[OVER18]])
UNKNOWN = "AAAAAAAAAAAAAAAAAAAA"
MALFORMED_TOKEN = "string did not pass input validation for"


NOWHERE = (404, "text/plain; charset=utf-8")


EMPTY = (405, "")


INSIDE = "application/json; charset=UTF-8"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/session/{token}", EMPTY),
        ("GET", "/session/{token}/", EMPTY),
        ("GET", "/session/{token}/nothing", NOWHERE),
        ("GET", "/session/{token}/status/", NOWHERE),
        ("POST", "/session/{token}/status", EMPTY),
        ("POST", "/session/{token}/statusevents", EMPTY),
        ("GET", "/session/", EMPTY),
        ("GET", "//session", NOWHERE),
        ("GET", "/publickey/", NOWHERE),
        ("POST", "/health", EMPTY),
        ("HEAD", "/health", EMPTY),
        ("OPTIONS", "/session", EMPTY),
        ("GET", "/irma", NOWHERE),
        ("GET", "", NOWHERE),
        ("GET", "/irma/", (404, INSIDE)),
        ("GET", "/irma/session", (404, INSIDE)),
        ("GET", "{client}/nothing", (404, INSIDE)),
        ("GET", "{client}/status/", (404, INSIDE)),
        ("POST", "{client}/status", (405, INSIDE)),
        ("POST", "{client}/statusevents", (405, INSIDE)),
        ("GET", "{client}/proofs", (405, INSIDE)),
        ("PUT", "{client}", (405, INSIDE)),
        ("OPTIONS", "{client}", (405, INSIDE)),
        ("DELETE", "/session/{token}/", (200, "")),
        ("DELETE", "{client}/", (200, "")),
    ],
)
def test_each_path_and_method_gets_the_official_response(
    http: Http, method: str, path: str, expected: tuple[int, str]
) -> None:
    """An unknown path or wrong method gets JSON below `/irma/`, and otherwise text or no body."""
    package = http.start(AGE18)
    client = package["sessionPtr"]["u"].removeprefix(http.url)
    response = http.call(method, path.format(token=package["token"], client=client))
    assert (response.status, response.header("content-type")) == expected
    if expected[1] == INSIDE:
        assert json_in(response) == {"status": expected[0], "error": "INVALID_REQUEST"}


@pytest.mark.parametrize("path", ["/status", "/result", "/nothing", ""])
def test_the_token_is_checked_first(http: Http, path: str) -> None:
    """A malformed token gets a 400, whatever follows it; a token that is too long is unknown."""
    invalid = (400, "INVALID_REQUEST")
    refused = error_in(http.call("GET", f"/session/abc{path}"))
    assert refused == (*invalid, f"{MALFORMED_TOKEN} requestorToken")
    refused = error_in(http.call("GET", f"/irma/session/abc{path}"))
    assert refused == (*invalid, f"{MALFORMED_TOKEN} clientToken")
    gone = (400, "SESSION_UNKNOWN", "")
    assert error_in(http.call("GET", f"/irma/session/x{UNKNOWN}{path}")) == gone
    assert error_in(http.call("GET", f"/session/x{UNKNOWN}/result")) == gone


def test_every_origin_may_call(http: Http) -> None:
    """CORS allows every origin, but only in responses to requests with an `Origin` header."""
    open_to = "access-control-allow-origin"
    assert http.call("GET", "/health", origin="https://a.example").header(open_to) == "*"
    assert http.call("GET", "/health").header(open_to) == ""
    assert http.call("GET", "/health").header("vary") == "Origin"
    url = http.start(AGE18)["sessionPtr"]["u"]
    assert http.call("GET", f"{url}/status", origin="https://a.example").header(open_to) == "*"
    assert http.call("PUT", f"{url}/status", origin="https://a.example").header(open_to) == ""


def test_every_path_answers_a_preflight(http: Http) -> None:
    """Every path answers a preflight, which allows only certain methods and headers."""
    ask = {"origin": "https://a.example", "access_control_request_method": "POST"}
    headers = "authorization, content-type"
    allowed = http.call("OPTIONS", "/session", **ask, access_control_request_headers=headers)
    assert allowed.status == 200
    assert allowed.header("access-control-allow-methods") == "POST"
    assert allowed.header("access-control-allow-headers") == "Authorization, Content-Type"
    assert http.call("OPTIONS", "/x", **ask).header("access-control-allow-origin") == "*"
    for more in (
        {"access_control_request_method": "PUT"},
        {"access_control_request_headers": "x-other"},
    ):
        refused = http.call("OPTIONS", "/session", **{**ask, **more})
        assert (refused.status, refused.header("access-control-allow-origin")) == (200, "")
