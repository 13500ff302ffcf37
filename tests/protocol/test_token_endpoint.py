"""What an authorization server says to a token request (RFC 6749, section 5)."""

from __future__ import annotations

import json

import pytest

from irma_core.errors import GatewayError
from irma_core.protocol.messages import HttpResponse
from irma_core.protocol.token_endpoint import parse_token_response


def said(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, body=json.dumps(value).encode())


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, None),
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3599"}, 3599),
        ({"expires_in": 0}, 0),
        ({"expires_in": 10**12}, 10**9),
        ({"scope": "irma", "refresh_token": None, "expires_in": None}, None),
    ],
)
def test_a_token_and_its_life_are_read(more: dict[str, object], seconds: int | None) -> None:
    """The life in seconds, as a number or its text; the kind in any case; the rest is ignored."""
    answer = said({"access_token": "a.b-c~/+=", "token_type": "bEARER", **more})
    assert parse_token_response(answer) == ("a.b-c~/+=", seconds)


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
        {"access_token": "t", "token_type": "Bearer", "expires_in": -1},
        {"access_token": "t", "token_type": "Bearer", "expires_in": 1.5},
        {"access_token": "t", "token_type": "Bearer", "expires_in": True},
    ],
)
def test_what_is_no_bearer_token_is_refused(value: object) -> None:
    """It would be put into a header."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(said(value))
    assert caught.value.http_status == 200


TWICE = b'{"access_token":"t","token_type":"Bearer","access_token":"u"}'


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", TWICE])
@pytest.mark.parametrize("status", [200, 302, 500])
def test_what_is_no_json_is_refused(body: bytes, status: int) -> None:
    """By its status, and no redirect is followed with a secret."""
    with pytest.raises(GatewayError) as caught:
        parse_token_response(HttpResponse(status, body=body))
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
        parse_token_response(said(value, 401))
    assert (caught.value.http_status, caught.value.code) == (401, code)
    assert "the-secret" not in f"{caught.value!r}"
