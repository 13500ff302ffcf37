"""The in-memory server answers every request with a response, and never raises."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irma_core.protocol.messages import HttpRequest, HttpResponse
from irma_testing import EXAMPLE_SCHEME, InMemoryServer, RequestorSettings, ServerSettings
from irma_testing.memory.go_json import GoJsonError, Number, parse_json
from irma_testing.memory.go_urls import matches_path
from tests.memory_server.calling import (
    AGE,
    OVER18,
    Http,
    claims_in,
    disclosure,
    issuance,
    signature,
)

TOKEN = "a-token-of-the-tests"
ANY_TEXT = st.text(st.characters(codec=None), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
REQUESTS = [disclosure([[OVER18]]), signature("m", [[OVER18]]), issuance(AGE)]
PLACES = ["", "@context", "disclose", "labels", "credentials", "revocation", "nonce", "type"]
NAMES = ["content-type", "authorization", "origin", "host", "x-irma-minprotocolversion"]


def _servers() -> list[InMemoryServer]:
    known = {
        "tok": RequestorSettings("token", TOKEN),
        "mac": RequestorSettings("hmac", "AAAA", host_perms=("*",)),
    }
    return [
        InMemoryServer(scheme=EXAMPLE_SCHEME),
        InMemoryServer(),
        InMemoryServer(ServerSettings(requestors=known), url="https://irma.example/api"),
    ]


SERVERS = _servers()


def _send(method: str, path: str, body: bytes, *headers: tuple[str, str]) -> list[HttpResponse]:
    return [
        server.handle(
            HttpRequest(method, f"{server.url}{path}", label="…", headers=headers, body=body)
        )
        for server in SERVERS
    ]


@given(st.binary(max_size=200))
@example(b'{"@context": "\xff"}')
@example(b'"\\ud800"')
def test_any_body(body: bytes) -> None:
    """A body of random bytes is refused."""
    for kind in ("application/json", "text/plain"):
        for path in ("/session", "/revocation"):
            for response in _send("POST", path, body, ("content-type", kind)):
                assert response.status >= 400


@given(st.sampled_from(REQUESTS), st.sampled_from(PLACES), JSON)
@example(REQUESTS[0], "labels", {"0": "Your age"})
def test_any_value_anywhere(request: dict[str, Any], place: str, value: object) -> None:
    """A request with any value in one of its fields is accepted or refused."""
    asked = {**request, place: value} if place else value
    body = json.dumps(asked).encode("utf-8", "surrogatepass")
    extended = json.dumps({"request": asked, "timeout": value}).encode("utf-8", "surrogatepass")
    for sent in (body, extended):
        for response in _send("POST", "/session", sent, ("content-type", "application/json")):
            assert response.status in (200, 400, 403, 500)
            assert response.body


@given(st.sampled_from(NAMES), ANY_TEXT, ANY_TEXT, ANY_TEXT)
@example("content-type", "\udce9", "", "GET")
@example("x-irma-minprotocolversion", "\udce9", "", "GET")
def test_any_header_path_and_method(name: str, value: str, path: str, method: str) -> None:
    """A request with any header, path and method gets a response."""
    for verb in (method, "GET", "POST"):
        for rest in (path, f"/session/{path}", f"/irma/session/{path}", "/session"):
            for response in _send(verb, f"/{rest.lstrip('/')}", b"{}", (name, value)):
                assert 200 <= response.status < 600


@given(JSON, JSON, JSON)
def test_any_jwt(header: object, claims: object, kid: object) -> None:
    """A session request JWT with random parts is refused."""
    texts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": kid}, header, claims)]
    parts = [base64.urlsafe_b64encode(text).rstrip(b"=") for text in texts]
    for sent in (b".".join(parts), b".".join([parts[0], parts[2], b""])):
        for response in _send("POST", "/session", sent, ("content-type", "text/plain")):
            assert response.status == 400


@given(JSON)
def test_json_is_read_as_it_was_written(value: object) -> None:
    """The server reads the JSON that Python writes, apart from NaN and infinity."""
    text = json.dumps(value)
    try:
        read = parse_json(text.encode())
    except GoJsonError:
        assert "NaN" in text or "Infinity" in text
        return
    assert isinstance(read, Number) == (type(value) in (int, float))


def test_a_distant_expiry_overflows_as_in_go() -> None:
    """The `exp` of a result JWT overflows like an `int64` in Go."""
    server = InMemoryServer()
    http = Http(server.url, server.handle)
    package = http.start({"request": disclosure([[OVER18]]), "validity": 2**63 - 1})
    claims = claims_in(http.call("GET", f"/session/{package['token']}/result-jwt").body)
    assert claims["exp"] == claims["iat"] + 2**63 - 1 - 2**64


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("127.0.0.1:*", "127.0.0.1:80", True),
        ("*", "a/b", False),
        ("**.example", "a.example", True),
        ("?", "a", True),
        ("?", "/", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[^c-a]x", "bx", True),
        ("[c-a]x", "bx", False),
        (r"[\]]x", "]x", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("[", "[", False),
        ("[a", "a", False),
        ("[]", "", False),
        ("[-]", "-", False),
        ("\\", "\\", False),
        ("[a\\", "a", False),
        ("a.b", "axb", False),
    ],
)
def test_hosts_match_as_in_go(pattern: str, name: str, *, fits: bool) -> None:
    """Patterns of hosts match as in Go: a `*` matches no slash, and a malformed pattern nothing."""
    assert matches_path(pattern, name) is fits
