"""Every error recorded at the official server, read by the function for its endpoint."""

from collections.abc import Callable

import pytest

from irma_core.errors import (
    ServerRefusedError,
    SessionMayExistError,
    UnexpectedResponseError,
)
from irma_core.models.remote_errors import DESCRIPTIONS
from irma_core.models.tokens import RequestorToken
from irma_core.protocol import endpoints
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.server_url import ServerUrl
from tests.core.recordings import json_of, names, recording

SERVER = ServerUrl.parse("https://irma.example")
TOKEN = RequestorToken("0123456789abcdefghij")
MAY_EXIST = {
    "error-auth-jwt-sub-field-mismatch": "HTTP 500 INTERNAL_ERROR",
    "error-start-next-session-empty-url": "the HTTP 400 response has more data after the error",
    "error-start-unknown-attribute-scheme-silent": "the HTTP 503 response has HTML",
}
"""The errors of a start that may have created a session, each with its reason."""
FOREIGN = ["error-404-no-route", "error-405-method"]
"""Replies that do not come from irmago's handlers: a status without irmago's JSON."""
REFUSED = sorted({*names("error-*")} - {*MAY_EXIST, *FOREIGN, "error-body-too-slow"})


def parse_function(method: str, path: str) -> Callable[[HttpResponse], object]:
    """Return the parse function for an endpoint of the server."""
    if path.startswith("/irma/"):
        return endpoints.parse_pairing_response
    last = path.rstrip("/").rpartition("/")[2]
    by_end: dict[str, Callable[[HttpResponse], object]] = {
        "status": endpoints.parse_status_response,
        "statusevents": endpoints.parse_status_response,
        "result": endpoints.parse_result_response,
        "result-jwt": endpoints.parse_result_jwt_response,
        "getproof": endpoints.parse_getproof_response,
        "publickey": endpoints.parse_public_key_response,
        "revocation": endpoints.parse_revocation_response,
    }
    if method == "DELETE":
        return endpoints.parse_cancel_response
    return by_end.get(last, endpoints.parse_start_response)


def parse(name: str) -> object:
    """Read a recorded response by the function for its endpoint."""
    case = recording(name)
    response = case["response"]
    reads = parse_function(case["request"]["method"], case["request"]["path"])
    headers = tuple(response["headers"].items())
    return reads(HttpResponse(response["status"], headers, body=response["body"].encode()))


@pytest.mark.parametrize("name", REFUSED)
def test_a_recorded_error_has_irmagos_name_and_status(name: str) -> None:
    """The error for a refusal has irmago's name and the HTTP status, and shows no stack trace."""
    expected = json_of(recording(name)["response"]["body"])
    with pytest.raises(ServerRefusedError) as caught:
        parse(name)
    error = caught.value
    assert (error.http_status, error.code) == (expected["status"], expected["error"])
    assert error.description == DESCRIPTIONS[expected["error"]]
    assert error.remote_message == expected.get("message", "").replace("\n", " ")
    assert error.stacktrace == expected.get("stacktrace", "")
    assert "goroutine" not in f"{error}{error!r}"
    for others in (expected["description"], expected.get("message")):
        assert not others or others not in f"{error}{error!r}"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_refusal_without_irmagos_json_has_no_name(name: str) -> None:
    """The error for a reply without irmago's JSON suggests that the base URL is wrong."""
    with pytest.raises(ServerRefusedError, match="the base URL does not lead to an IRMA") as caught:
        parse(name)
    assert caught.value.code is None


@pytest.mark.parametrize(("name", "reason"), MAY_EXIST.items())
def test_an_error_that_leaves_a_session_possible_is_distinct(name: str, reason: str) -> None:
    """A session may exist if the server crashed, wrote on after an error, or timed out."""
    with pytest.raises(SessionMayExistError) as caught:
        parse(name)
    assert caught.value.reason.startswith(reason)


def test_a_timed_out_start_may_have_made_a_session() -> None:
    """The server's empty 503 after 2 s also occurs in other cases, so a session may exist."""
    head, _, body = recording("error-body-too-slow")["raw_response"].partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = tuple((line.partition(":")[0], line.partition(":")[2].strip()) for line in lines)
    response = HttpResponse(int(first.split()[1]), headers, body=body.encode())
    with pytest.raises(SessionMayExistError, match="HTTP 503 response has an empty body"):
        endpoints.parse_start_response(response)


def test_getproof_has_its_own_path_and_is_not_verified() -> None:
    """The older JWT has its own path, and is returned unverified."""
    request = endpoints.build_getproof_request(SERVER, TOKEN)
    assert (request.method, request.url) == (
        "GET",
        "https://irma.example/session/0123456789abcdefghij/getproof",
    )
    assert TOKEN.reveal() not in f"{request!r}"


@pytest.mark.parametrize("name", names("getproof-*"))
def test_a_recorded_getproof_returns_its_jwt(name: str) -> None:
    """The recorded JWT of each kind of session is returned."""
    assert parse(name) == recording(name)["response"]["body"]


@pytest.mark.parametrize("body", [b"", b"a.b", b"a.b.c.d", b"a.b.c\n\nx", b"{}"])
def test_a_malformed_jwt_is_not_shown(body: bytes) -> None:
    """A malformed result JWT of either layout is refused, and its string is not shown."""
    response = HttpResponse(200, (("content-type", "text/plain"),), body=body)
    for reads in (endpoints.parse_result_jwt_response, endpoints.parse_getproof_response):
        with pytest.raises(UnexpectedResponseError, match="is not a JWT"):
            reads(response)
