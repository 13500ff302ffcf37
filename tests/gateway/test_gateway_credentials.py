"""What a token request shows of who asks, what it is made of, and which settings are refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest

from irma_core import (
    GatewayAssertion,
    GatewayAuthentication,
    GatewaySecret,
    HmacSigner,
    Requestor,
    Risk,
    TokenAuthentication,
)
from irma_core.errors import ConfigurationError
from irma_core.gateway.gateway_settings import token_form, unsigned_assertion
from irma_testing import ScriptedTransport

URL = "https://login.example/token"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIGNER = HmacSigner(bytes(range(32)))
TAKEN = (
    *("Content-Type", "content-length", "Content-Encoding", "HOST", "Cookie", "Set-Cookie", "TE"),
    *("Connection", "Trailer", "Keep-Alive", "Upgrade", "Expect", "Transfer-Encoding", "Accept"),
    *("Proxy-Authorization", "proxy-connection", "Accept-Language", "User-Agent", "Range"),
    *("If-Match", "Last-Event-ID", "Origin", "Referer", "Forwarded", "X-Forwarded-For", "Via"),
)


def form(credentials: Any, **more: Any) -> tuple[dict[str, str], dict[str, str]]:
    headers, body = token_form(GatewayAuthentication(URL, credentials, **more), None)
    return headers, dict(parse_qsl(body, strict_parsing=True))


def test_a_secret_stands_in_the_header() -> None:
    """Encoded before it is joined, as RFC 6749, section 2.3.1, says."""
    headers, body = form(GatewaySecret("my shop", "a:b+c%"), scope="irma write")
    assert body == {"grant_type": "client_credentials", "scope": "irma write"}
    kind, _, pair = headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"my%20shop:a%3Ab%2Bc%25")
    assert headers["content-type"] == "application/x-www-form-urlencoded"


def test_or_in_the_body_where_that_is_asked_for() -> None:
    """And then not in the header."""
    headers, body = form(GatewaySecret("my shop", "a:b+c%", in_body=True))
    assert "authorization" not in headers
    assert body == {
        "grant_type": "client_credentials",
        "client_id": "my shop",
        "client_secret": "a:b+c%",
    }


def claims_of(credentials: GatewayAssertion[HmacSigner]) -> tuple[dict[str, Any], dict[str, Any]]:
    made = unsigned_assertion(GatewayAuthentication(URL, credentials), now=NOW, jti="u1")
    assert made is not None
    assert made[0] is SIGNER
    head, payload = made[1].signing_input.split(b".")
    return json.loads(decoded(head)), json.loads(decoded(payload))


def decoded(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def test_an_assertion_says_who_asks_and_whom() -> None:
    """RFC 7523, section 3; it lives five minutes, and its `iat` allows for clocks that differ."""
    header, claims = claims_of(GatewayAssertion("shop", SIGNER))
    assert header == {"typ": "JWT", "alg": "HS256"}
    now = int(NOW.timestamp())
    assert claims == {
        "iss": "shop",
        "sub": "shop",
        "aud": URL,
        "iat": now - 10,
        "exp": now + 300,
        "jti": "u1",
    }
    header, claims = claims_of(
        GatewayAssertion("shop", SIGNER, audience="https://login.example/", key_id="2026")
    )
    assert (header["kid"], claims["aud"]) == ("2026", "https://login.example/")


def test_an_assertion_stands_in_the_body() -> None:
    """Beside the type that RFC 7523, section 2.2, gives it."""
    gateway = GatewayAuthentication(URL, GatewayAssertion("shop", SIGNER))
    headers, body = token_form(gateway, "a.b.c")
    assert "authorization" not in headers
    assert dict(parse_qsl(body)) == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "a.b.c",
    }


def test_no_secret_is_shown() -> None:
    """Of the settings, or of a requestor that has them."""
    gateway = GatewayAuthentication(URL, GatewaySecret("shop", "the-secret"))
    requestor = Requestor("https://irma.example", ScriptedTransport(), gateway=gateway)
    assert "the-secret" not in f"{gateway} {gateway!r} {requestor!r} {requestor.context!r}"
    assert "<HmacSigner>" in repr(GatewayAssertion("shop", SIGNER))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (GatewaySecret, ("", "s")),
        (GatewaySecret, ("shop", "")),
        (GatewaySecret, ("shop", "two\nlines")),
        (GatewaySecret, ("sh\u00f6p", "s")),
        (GatewaySecret, ("shop", None)),
        (GatewayAssertion, ("", SIGNER)),
        (GatewayAssertion, ("shop", "the-secret")),
    ],
)
def test_what_is_no_credential_is_refused(kind: Any, given: tuple[Any, ...]) -> None:
    """Without being shown."""
    with pytest.raises(ConfigurationError) as caught:
        kind(*given)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"header": "not a header"},
        {"header": ""},
        *({"header": name} for name in TAKEN),
        {"scope": "two  blanks"},
        {"scope": ""},
        {"credentials": "the-secret"},
        {"credentials": GatewayAssertion("shop", SIGNER), "scope": 7},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    """When they are made."""
    known: dict[str, Any] = {"credentials": GatewaySecret("shop", "s"), **settings}
    with pytest.raises(ConfigurationError) as caught:
        GatewayAuthentication(URL, known.pop("credentials"), **known)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"audience": ""}, {"key_id": "\u00e9"}])
def test_an_audience_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    """Likewise."""
    with pytest.raises(ConfigurationError, match="audience"):
        cast("Any", GatewayAssertion)("shop", SIGNER, **wrong)


@pytest.mark.parametrize(
    "url",
    ["login.example", "http://login.example/token", "https://u:p@login.example/", "https://x/#y"],
)
def test_a_token_url_is_as_safe_as_the_servers(url: str) -> None:
    """Plain HTTP only to loopback, or where that is allowed by name."""
    gateway = GatewayAuthentication(url, GatewaySecret("shop", "s"))
    with pytest.raises(ConfigurationError):
        Requestor("https://irma.example", ScriptedTransport(), gateway=gateway)


def test_plain_http_is_allowed_by_name() -> None:
    """As for the server; a query may be part of the URL (RFC 6749, section 3.2)."""
    gateway = GatewayAuthentication("http://login.example/t?p=1", GatewaySecret("shop", "s"))
    allow = [Risk.PLAIN_HTTP]
    Requestor("https://irma.example", ScriptedTransport(), gateway=gateway, allow=allow)


def test_two_tokens_in_one_header_are_refused() -> None:
    """One of them would be lost."""
    gateway = GatewayAuthentication(URL, GatewaySecret("shop", "s"))
    with pytest.raises(ConfigurationError, match="gateway: the header Authorization"):
        Requestor(
            "https://irma.example",
            ScriptedTransport(),
            authentication=TokenAuthentication("t"),
            gateway=gateway,
        )
