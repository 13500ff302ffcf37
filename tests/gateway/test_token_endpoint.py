"""Responses of an authorization server to token requests (RFC 6749, section 5)."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime

import pytest

from irma_core.errors import GatewayError
from irma_core.gateway.token_endpoint import parse_token_response
from irma_core.protocol.messages import HttpResponse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def said(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, body=json.dumps(value).encode())


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, None),
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3599"}, 3599),
        ({"expires_in": 3600.0}, 3600),
        ({"expires_in": "3600.0"}, 3600),
        ({"expires_in": 1.5}, 1.5),
        ({"expires_in": 10**12}, 10**9),
        ({"expires_in": 10**400}, 10**9),
        ({"expires_in": "9" * 400}, 10**9),
        *(({"expires_in": nothing}, None) for nothing in (0, 0.0, -1, -(10**400), "", "0", "-1")),
        ({"scope": "irma", "refresh_token": None, "expires_in": None}, None),
    ],
)
def test_token_and_lifetime_are_read(more: dict[str, object], seconds: int | None) -> None:
    """`expires_in` is a number or a string; a token without a value above zero has no known end."""
    answer = said({"access_token": "a.b-c~/+=", "token_type": "bEARER", **more})
    assert parse_token_response(answer, NOW) == ("a.b-c~/+=", seconds)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"access_token": "t"},
        {"access_token": "t", "token_type": "mac"},
        {"access_token": "two words", "token_type": "Bearer"},
        {"access_token": "a\r\nhost: b", "token_type": "Bearer"},
        {"access_token": "", "token_type": "Bearer"},
        {"token_type": "Bearer"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": True},
        {"access_token": "t", "token_type": "Bearer", "expires_in": "an hour"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": "1e3"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": "\u0663"},
        {"access_token": "t", "token_type": "Bearer", "expires_in": [3600]},
        {"access_token": "t" * 20_000, "token_type": "Bearer"},
    ],
)
def test_other_tokens_are_refused(value: object) -> None:
    """Only a bearer token that fits into a header is accepted."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(said(value), NOW)
    assert caught.value.http_status == 200


TWICE = b'{"access_token":"t","token_type":"Bearer","access_token":"u"}'


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", TWICE])
@pytest.mark.parametrize("status", [200, 302, 500])
def test_other_bodies_are_refused(body: bytes, status: int) -> None:
    """A body that is not a JSON object is refused with its HTTP status, a redirect included."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(HttpResponse(status, body=body), NOW)
    assert (caught.value.http_status, caught.value.code) == (status, None)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"error": "invalid_client", "error_description": "the-secret"}, "invalid_client"),
        ({"error": "the-secret is wrong"}, None),
        ({"error": ["invalid_client"]}, None),
        ([], None),
    ],
)
def test_error_shows_only_the_servers_code(value: object, code: str | None) -> None:
    """An error shows the server's code, but no other string, which may repeat a secret."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(said(value, 401), NOW)
    assert (caught.value.http_status, caught.value.code) == (401, code)
    assert "the-secret" not in f"{caught.value!r}"


def test_too_long_token_is_refused() -> None:
    """A token over 16384 characters is refused, because proxies refuse such a header."""
    with pytest.raises(GatewayError, match="too long for a header: over 16384 characters"):
        parse_token_response(said({"access_token": "t" * 16_385, "token_type": "Bearer"}), NOW)
    longest = {"access_token": "t" * 16_384, "token_type": "Bearer"}
    assert parse_token_response(said(longest), NOW) == ("t" * 16_384, None)


@pytest.mark.parametrize(("status", "may_pass"), [(200, False), (503, True)])
def test_duplicate_key_is_refused(status: int, may_pass: bool) -> None:
    """A response with a key twice is refused, because readers would use different values."""
    body = b'{"access_token":"a","token_type":"Bearer","access_token":"b"}'
    with pytest.raises(GatewayError, match=f"HTTP {status} response has a duplicate key") as caught:
        parse_token_response(HttpResponse(status, body=body), NOW)
    assert caught.value.may_pass is may_pass


@pytest.mark.parametrize(
    ("status", "may_pass"),
    [(400, False), (401, False), (302, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_status_decides_whether_a_refusal_may_pass(status: int, may_pass: bool) -> None:
    """The HTTP status decides `may_pass`, and `Retry-After` decides the wait."""
    response = HttpResponse(status, (("Retry-After", "7"),))
    with pytest.raises(GatewayError) as caught:
        parse_token_response(response, NOW)
    assert (caught.value.may_pass, caught.value.retry_after) == (may_pass, 7)


@pytest.mark.parametrize("status", [200, 201, 400, 401])
@pytest.mark.parametrize(
    "value",
    [
        {"access_token": "THE-SECRET", "token_type": "mac"},
        {"access_token": "THE-SECRET two", "token_type": "Bearer"},
        {"access_token": "THE-SECRET", "token_type": "Bearer", "expires_in": "soon"},
        {"error": "invalid_client", "error_description": "not THE-SECRET"},
        {"error": "THE-SECRET"},
        ["THE-SECRET"],
    ],
)
def test_no_frame_holds_the_response(value: object, status: int) -> None:
    """No frame of a refusal's traceback has the response's content in its local variables."""
    response = said(value, status)
    with pytest.raises(GatewayError) as caught:
        parse_token_response(response, NOW)
    reported = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = [frame for frame in reported.stack if frame.filename != __file__]
    assert shown
    assert not [frame.locals for frame in shown if "THE-SECRET" in str(frame.locals)]
