"""The checks of a response that come before its content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irma_core.errors import (
    IrmaError,
    RedirectError,
    RequestError,
    ServerRefusedError,
    UnexpectedResponseError,
)
from irma_core.protocol import endpoints
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.server_url import ServerUrl

TOKEN = "0123456789abcdefghij"
SERVER = ServerUrl.parse("https://irma.example")
PARSERS = [
    getattr(endpoints, name)
    for name in endpoints.__all__
    # an event is part of a stream, not a response
    if name.startswith("parse_") and name != "parse_status_event"
]
TYPES = ["application/json", "text/plain; charset=utf-8", "text/html", "", "x/\u00e9"]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (f"https://new.example/api/session/{TOKEN}/status", "https://new.example/api"),
        (f"https://u:{TOKEN}@new.example:8443/health", "https://new.example:8443"),
        (f"/api/session/{TOKEN}/status", "/api"),
        (f"https://new.example/{TOKEN}/session/x", "https://new.example"),
        (f"https://new.example/login?next={TOKEN}", "https://new.example"),
        ("https://[::1]:80/session", "https://[::1]:80"),
        ("https://[x", ""),
        ("https://n\u00e9w.example/session", ""),
        ("", ""),
    ],
)
def test_a_redirect_names_its_base_url_without_secrets(location: str, target: str) -> None:
    """Redirects are not followed; the error suggests another base URL."""
    with pytest.raises(RedirectError) as caught:
        endpoints.parse_status_response(HttpResponse(301, (("Location", location),)))
    assert caught.value.target == target
    assert TOKEN not in f"{caught.value!r}{caught.value}"


def test_a_page_in_reply_to_a_cancel_is_an_error() -> None:
    """The server's reply to a cancel is empty, so a page in its place is an error."""
    with pytest.raises(UnexpectedResponseError, match="body, although none was expected"):
        endpoints.parse_cancel_response(HttpResponse(200, body=b"<html>hello</html>"))
    endpoints.parse_cancel_response(HttpResponse(200, body=b"\n"))


def test_control_characters_in_a_public_key_are_refused() -> None:
    """A public key is printed unchanged, so control characters are refused."""
    for odd in (b"\x1b[2J", b"\x07", b"\x7f"):
        body = b"-----BEGIN PUBLIC KEY-----\nMII" + odd + b"\n-----END PUBLIC KEY-----\n"
        with pytest.raises(UnexpectedResponseError, match="not a public key in PEM"):
            endpoints.parse_public_key_response(HttpResponse(200, body=body))


def test_undecodable_bytes_are_in_no_error() -> None:
    """Bytes that are not UTF-8 are in no error and in no cause of one."""
    body = HttpResponse(200, (("content-type", "text/plain"),), body=b"eyJ\xff")
    with pytest.raises(UnexpectedResponseError, match="not ASCII") as caught:
        endpoints.parse_result_jwt_response(body)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "build", [endpoints.build_start_jwt_request, endpoints.build_revocation_jwt_request]
)
@pytest.mark.parametrize("text", ["", "{}", "a.b", "a.b.c\r\n", "\u00e9.b.c"])
def test_a_malformed_jwt_is_not_sent(build: object, text: str) -> None:
    """The form of a JWT is checked, so that no other string reaches the server by mistake."""
    assert callable(build)
    with pytest.raises(RequestError, match="form of a JWT"):
        build(SERVER, text)


@pytest.mark.parametrize("parse", PARSERS)
@given(
    status=st.sampled_from([100, 200, 204, 301, 400, 403, 413, 500, 502, 503, 520]),
    media_type=st.sampled_from(TYPES),
    body=st.binary(max_size=40)
    | st.sampled_from([b'"DONE"', b"{}", b'{"status":400,"error":"X"}', b'{"status":1}{}']),
)
def test_any_reply_raises_only_errors_of_the_library(
    parse: object, status: int, media_type: str, body: bytes
) -> None:
    """No reply raises a bare `KeyError`, `JSONDecodeError` or `UnicodeDecodeError`."""
    assert callable(parse)
    response = HttpResponse(status, (("content-type", media_type),), body=body)
    try:
        parse(response)
    except IrmaError as error:
        assert str(status) in str(error) or status == 200  # noqa: PT017  # no error is fine too


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":400,"error":',
        b'{"status":400}{"error":"X"}',
        b'{"status":"400","error":"UNAUTHORIZED"}',
    ],
)
def test_json_that_is_not_an_error_has_no_code(body: bytes) -> None:
    """A refusal with JSON that is broken or has another form has no code of the server."""
    response = HttpResponse(400, (("content-type", "application/json"),), body=body)
    with pytest.raises(ServerRefusedError) as caught:
        endpoints.parse_status_response(response)
    assert (caught.value.http_status, caught.value.code) == (400, None)
