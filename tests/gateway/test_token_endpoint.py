"""What an authorization server says to a token request (RFC 6749, section 5)."""

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
def test_a_token_and_its_life_are_read(more: dict[str, object], seconds: int | None) -> None:
    """The life in seconds, as a number or a string; what is not above zero says nothing."""
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
def test_what_is_no_bearer_token_is_refused(value: object) -> None:
    """It would be put into a header."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(said(value), NOW)
    assert caught.value.http_status == 200


TWICE = b'{"access_token":"t","token_type":"Bearer","access_token":"u"}'


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", TWICE])
@pytest.mark.parametrize("status", [200, 302, 500])
def test_what_is_no_json_is_refused(body: bytes, status: int) -> None:
    """By its status, and no redirect is followed with a secret."""
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
def test_a_refusal_has_the_servers_code_and_no_other_word(value: object, code: str | None) -> None:
    """What it adds may repeat what it was sent."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(said(value, 401), NOW)
    assert (caught.value.http_status, caught.value.code) == (401, code)
    assert "the-secret" not in f"{caught.value!r}"


def test_a_token_that_no_header_holds_is_refused_with_its_reason() -> None:
    """Else each call would end in a proxy's 431."""
    with pytest.raises(GatewayError, match="too long for a header: over 16384 characters"):
        parse_token_response(said({"access_token": "t" * 16_385, "token_type": "Bearer"}), NOW)
    longest = {"access_token": "t" * 16_384, "token_type": "Bearer"}
    assert parse_token_response(said(longest), NOW) == ("t" * 16_384, None)


@pytest.mark.parametrize(("status", "may_pass"), [(200, False), (503, True)])
def test_a_response_with_a_key_twice_is_refused(status: int, may_pass: bool) -> None:
    """Readers differ in which of the two tokens they take."""
    body = b'{"access_token":"a","token_type":"Bearer","access_token":"b"}'
    with pytest.raises(GatewayError, match=f"HTTP {status} has a key twice") as caught:
        parse_token_response(HttpResponse(status, body=body), NOW)
    assert caught.value.may_pass is may_pass


@pytest.mark.parametrize(
    ("status", "may_pass"),
    [(400, False), (401, False), (302, False), (408, True), (429, True), (500, True), (503, True)],
)
def test_the_status_says_whether_a_refusal_may_pass(status: int, may_pass: bool) -> None:
    """And the response for how long to wait."""
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
def test_no_frame_of_a_refusal_holds_what_was_said(value: object, status: int) -> None:
    """Reports of crashes show local variables."""
    response = said(value, status)
    with pytest.raises(GatewayError) as caught:
        parse_token_response(response, NOW)
    reported = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = [frame for frame in reported.stack if frame.filename != __file__]
    assert shown
    assert not [frame.locals for frame in shown if "THE-SECRET" in str(frame.locals)]
